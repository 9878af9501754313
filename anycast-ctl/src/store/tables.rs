//! What lies where in the database, and the transactions over it.
//!
//! | table | key | value |
//! |---|---|---|
//! | `records` | revision | [`Record`] as JSON |
//! | `texts` | revision | its text, zlib (RFC 1950) |
//! | `documents` | `runtime`, `applied_file`, `verdicts` | the document, zlib |
//! | `numbers` | `format` | [`FORMAT`] of who made the store |

use std::path::Path;

use miniz_oxide::{deflate::compress_to_vec_zlib, inflate::decompress_to_vec_zlib_with_limit};
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable, ReadableTableMetadata as _,
    TableDefinition, WriteTransaction,
};

use super::{
    Commit, Record, Revision, Snapshot, Stored,
    error::{Failure, StoreError},
};
use crate::utc::Utc;

/// Goes up with every change after which earlier versions of this program would misread a store.
pub const FORMAT: u64 = 1;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const TEXTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("texts");
const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

const RUNTIME: &str = "runtime";
const APPLIED_FILE: &str = "applied_file";
const VERDICTS: &str = "verdicts";
const FORMAT_KEY: &str = "format";

/// zlib's usual trade: a tenth of a site's text in some milliseconds.
const LEVEL: u8 = 6;

/// Largest document that is read, in bytes: far above the largest site. A damaged one must not take all memory.
const MAX_DOCUMENT_BYTES: usize = 256 << 20;

/// Makes the tables of an empty store.
pub fn initialise(database: &Database) -> Result<(), Failure> {
    let transaction = begin(database)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(TEXTS)?;
    transaction.open_table(DOCUMENTS)?;
    transaction.open_table(NUMBERS)?.insert(FORMAT_KEY, FORMAT)?;
    Ok(transaction.commit()?)
}

/// Begins a transaction whose commit orders its writes by syncs, rather than to have the next open tell a torn one by
/// its checksum.
pub fn begin(database: &Database) -> Result<WriteTransaction, Failure> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Appends a revision, replaces the documents, and forgets revisions beyond the newest `keep`.
pub fn append(
    transaction: &WriteTransaction,
    path: &Path,
    commit: &Commit,
    keep: u64,
) -> Result<Record, Failure> {
    let mut records = transaction.open_table(RECORDS)?;
    let mut texts = transaction.open_table(TEXTS)?;
    let head = newest(&records, path)?;
    if let Some(expected) = commit.expected
        && head.as_ref().map(|head| head.revision) != Some(expected)
    {
        return Err(Failure::Refused(StoreError::Conflict { expected, head }));
    }
    let record = Record {
        revision: head.map_or(Revision::FIRST, |head| head.revision.next()),
        time: Utc::now(),
        author: commit.author.clone(),
        summary: commit.summary.clone(),
    };
    let json = serde_json::to_vec(&record).map_err(|error| Failure::damaged(path, error))?;
    let number = record.revision.get();
    records.insert(number, json.as_slice())?;
    texts.insert(number, compress(commit.text.as_bytes()).as_slice())?;
    while records.len()? > keep.max(1) {
        records.pop_first()?;
        texts.pop_first()?;
    }
    set_runtime(transaction, &commit.runtime)?;
    if let Some(text) = &commit.applied_file {
        set_applied_file(transaction, text)?;
    }
    Ok(record)
}

pub fn set_runtime(transaction: &WriteTransaction, runtime: &[u8]) -> Result<(), Failure> {
    transaction.open_table(DOCUMENTS)?.insert(RUNTIME, compress(runtime).as_slice())?;
    Ok(())
}

pub fn set_verdicts(transaction: &WriteTransaction, verdicts: &[u8]) -> Result<(), Failure> {
    transaction.open_table(DOCUMENTS)?.insert(VERDICTS, compress(verdicts).as_slice())?;
    Ok(())
}

pub fn set_applied_file(transaction: &WriteTransaction, text: &str) -> Result<(), Failure> {
    transaction.open_table(DOCUMENTS)?.insert(APPLIED_FILE, compress(text.as_bytes()).as_slice())?;
    Ok(())
}

/// A store at one moment.
pub struct View<'a> {
    transaction: ReadTransaction,
    path: &'a Path,
}

impl<'a> View<'a> {
    pub fn new(database: &Database, path: &'a Path) -> Result<Self, Failure> {
        Ok(Self { transaction: database.begin_read()?, path })
    }

    /// The format of the store.
    pub fn format(&self) -> Result<u64, Failure> {
        let format = self.transaction.open_table(NUMBERS)?.get(FORMAT_KEY)?.map(|format| format.value());
        format.ok_or_else(|| Failure::damaged(self.path, "it does not say its format"))
    }

    pub fn head(&self) -> Result<Option<Record>, Failure> {
        newest(&self.transaction.open_table(RECORDS)?, self.path)
    }

    pub fn snapshot(&self) -> Result<Snapshot, Failure> {
        let head = self.head()?.map(|record| self.stored(record)).transpose()?;
        Ok(Snapshot {
            head,
            runtime: self.document(RUNTIME)?,
            applied_file: self.applied_file()?,
            verdicts: self.verdicts()?,
        })
    }

    pub fn verdicts(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.document(VERDICTS)
    }

    pub fn runtime(&self) -> Result<Option<Vec<u8>>, Failure> {
        self.document(RUNTIME)
    }

    pub fn applied_file(&self) -> Result<Option<String>, Failure> {
        self.document(APPLIED_FILE)?.map(|text| self.text(text)).transpose()
    }

    pub fn revision(&self, revision: Revision) -> Result<Stored, Failure> {
        let records = self.transaction.open_table(RECORDS)?;
        if let Some(record) = records.get(revision.get())? {
            return self.stored(parse(record.value(), self.path)?);
        }
        let number = |(key, _): (redb::AccessGuard<'_, u64>, _)| Revision::new(key.value());
        let kept = records.first()?.map(number).zip(records.last()?.map(number));
        Err(Failure::Refused(StoreError::Unknown { revision, kept }))
    }

    pub fn records(&self, limit: usize, before: Option<Revision>) -> Result<Vec<Record>, Failure> {
        let records = self.transaction.open_table(RECORDS)?;
        let before = before.map_or(u64::MAX, Revision::get);
        let range = records.range(..before)?.rev().take(limit);
        range.map(|entry| parse(entry?.1.value(), self.path)).collect()
    }

    fn stored(&self, record: Record) -> Result<Stored, Failure> {
        let texts = self.transaction.open_table(TEXTS)?;
        let text = texts.get(record.revision.get())?;
        let text = text.ok_or_else(|| {
            Failure::damaged(self.path, format!("revision {} has no text", record.revision))
        })?;
        let text = self.text(self.decompress(text.value())?)?;
        Ok(Stored { record, text })
    }

    fn document(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let document = self.transaction.open_table(DOCUMENTS)?.get(key)?;
        document.map(|document| self.decompress(document.value())).transpose()
    }

    fn decompress(&self, compressed: &[u8]) -> Result<Vec<u8>, Failure> {
        decompress_to_vec_zlib_with_limit(compressed, MAX_DOCUMENT_BYTES)
            .map_err(|error| Failure::damaged(self.path, format!("a document cannot be read: {error}")))
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, Failure> {
        String::from_utf8(bytes).map_err(|error| Failure::damaged(self.path, error))
    }
}

fn newest(records: &impl ReadableTable<u64, &'static [u8]>, path: &Path) -> Result<Option<Record>, Failure> {
    records.last()?.map(|(_, record)| parse(record.value(), path)).transpose()
}

fn parse(json: &[u8], path: &Path) -> Result<Record, Failure> {
    serde_json::from_slice(json).map_err(|error| Failure::damaged(path, format!("a record: {error}")))
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, LEVEL)
}
