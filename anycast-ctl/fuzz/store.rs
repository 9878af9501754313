//! Files of the store. The first byte chooses: a whole file with bytes changed, or one that is whole and holds the input.
//!
//! ```text
//! changed  { place in three bytes, length, bytes }*
//! holds    { length in two bytes, bytes } for each of the record, the text, the runtime document, what was applied, verdicts
//! ```

use std::{
    fs,
    panic::{set_hook, take_hook},
    path::Path,
    process::abort,
    sync::OnceLock,
};

use anycast_ctl::{
    runtime::Runtime,
    store::{Author, Commit, Embedded, Revision, Store as _, StoreError},
};
use miniz_oxide::deflate::compress_to_vec_zlib;
use redb::{Database, TableDefinition};

use crate::{peer::directory, site, text::is_one_line};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const TEXTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("texts");
const DOCUMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("documents");
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");

const RECORD: &[u8] =
    br#"{"revision":1,"time":"2026-11-21T18:00:00Z","author":{"kind":"daemon"},"summary":"apply site.toml"}"#;

pub fn check(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let directory = directory().join("store");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("store.redb");
    if choice % 2 == 0 {
        fs::write(&path, changed(rest)).unwrap();
    } else {
        let _ = fs::remove_file(&path);
        write(&path, rest, choice);
    }
    if let Err(error) = used(&directory) {
        is_one_line(&error.to_string());
    }
}

/// Everything that a start asks of a store, and a change.
fn used(directory: &Path) -> Result<(), StoreError> {
    let store = Embedded::open(directory)?;
    let snapshot = store.snapshot()?;
    match Runtime::read(snapshot.runtime.as_deref()) {
        Ok(runtime) => {
            let written = runtime.to_document().unwrap();
            assert_eq!(Runtime::read(Some(&written)).ok(), Some(runtime));
        }
        Err(error) => is_one_line(&error.to_string()),
    }
    if let Some(head) = &snapshot.head {
        site::check(head.text.as_bytes());
    }
    store.records(10, None)?;
    if let Err(error) = store.revision(Revision::FIRST) {
        is_one_line(&error.to_string());
    }
    let commit = Commit {
        expected: None,
        author: Author::Daemon,
        summary: "backend add web web-4".to_owned(),
        text: "the next".to_owned(),
        runtime: b"{}".to_vec(),
        applied_file: None,
    };
    let record = store.commit(commit)?;
    let stored = store.snapshot()?.head.expect("what was stored is there");
    assert_eq!((stored.record, stored.text.as_str()), (record, "the next"));
    Ok(())
}

/// A whole file, with bytes changed as the input says.
fn changed(mut input: &[u8]) -> Vec<u8> {
    static WHOLE: OnceLock<(Vec<u8>, usize)> = OnceLock::new();
    let (whole, used) = WHOLE.get_or_init(|| {
        let path = directory().join("whole.redb");
        write(&path, &[], 0);
        let whole = fs::read(&path).unwrap();
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        (whole, used)
    });
    let mut file = whole.clone();
    while let [high, middle, low, length, rest @ ..] = input {
        let place = u32::from_be_bytes([0, *high, *middle, *low]) as usize % used;
        let (bytes, behind) = rest.split_at(usize::from(*length).min(rest.len()));
        let until = (place + bytes.len()).min(file.len());
        file[place..until].copy_from_slice(&bytes[..until - place]);
        input = behind;
    }
    file
}

/// Writes a file of the store's format that holds the pieces of the input; of pieces that are missing, proper ones.
fn write(path: &Path, mut input: &[u8], choice: u8) {
    let mut piece = |usual: &[u8]| {
        let [high, low, rest @ ..] = input else { return usual.to_vec() };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (piece, behind) = rest.split_at(length);
        input = behind;
        piece.to_vec()
    };
    // Every other time they are compressed, as they should be.
    let packed = |bytes: Vec<u8>| if choice & 2 == 0 { compress_to_vec_zlib(&bytes, 1) } else { bytes };
    let record = piece(RECORD);
    let [text, runtime, applied, verdicts] =
        [&b"node = 7"[..], b"{}", b"", b"{}"].map(|usual| packed(piece(usual)));
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        transaction.open_table(RECORDS).unwrap().insert(1, record.as_slice()).unwrap();
        transaction.open_table(TEXTS).unwrap().insert(1, text.as_slice()).unwrap();
        let mut documents = transaction.open_table(DOCUMENTS).unwrap();
        for (key, document) in [("runtime", runtime), ("applied_file", applied), ("verdicts", verdicts)] {
            documents.insert(key, document.as_slice()).unwrap();
        }
        transaction.open_table(NUMBERS).unwrap().insert("format", u64::from(choice >> 6) + 1).unwrap();
    }
    transaction.commit().unwrap();
}

/// The database's own panics over a damaged file are the store's to catch. One that it does not catch ends the program all the
/// same: libFuzzer's caller lets none through.
pub fn let_panics_be_caught() {
    let aborts = take_hook();
    set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/redb-")) {
            aborts(panic);
            abort();
        }
    }));
}
