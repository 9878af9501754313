//! Where packets are written: lines, or blocks of pcapng. A file ends with a whole block, whatever happens.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use tokio::io::AsyncWriteExt as _;

use crate::{
    api::types::{CaptureLine, CapturedPacket, NewCapture},
    capture::{line::from_hex, pcapng::Blocks, text},
};

/// Bytes that are collected before they are written.
const FULL: usize = 64 << 10;

/// Where they go, and as what.
pub struct Sink {
    form: Form,
    way: Way,
    /// What is to be written.
    pending: Vec<u8>,
    /// Where in it each part ends, which is worth something only as a whole.
    ends: Vec<usize>,
}

enum Form {
    Lines,
    Json,
    Blocks(Blocks),
}

enum Way {
    Stdout(tokio::io::Stdout),
    /// A pipe, or a device.
    Stream(PathBuf, File),
    File {
        path: PathBuf,
        file: File,
        /// Bytes of it that are whole blocks.
        whole: u64,
    },
}

/// Whoever read does so no longer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// He has gone.
    #[error("nobody reads any more")]
    Gone,
    /// What is written stands still, and the operator does not want to wait for it.
    #[error("what is written is not read")]
    Stuck,
}

impl Sink {
    /// Opens it.
    ///
    /// # Errors
    /// What cannot be written to, or would be overwritten.
    pub fn open(write: Option<&Path>, force: bool, json: bool, wanted: &NewCapture) -> anyhow::Result<Self> {
        let stdout = || Way::Stdout(tokio::io::stdout());
        let (form, way) = match write {
            None if json => (Form::Json, stdout()),
            None => (Form::Lines, stdout()),
            Some(path) => {
                let blocks = Blocks::new(&wanted.expression, wanted.snap_bytes);
                let way = if path == Path::new("-") {
                    if io::stdout().is_terminal() {
                        bail!(
                            "stdout is a terminal, and pcapng is no text: pipe it to a program, or name a file"
                        );
                    }
                    stdout()
                } else {
                    file(path, force)?
                };
                (Form::Blocks(blocks), way)
            }
        };
        let mut sink = Self { form, way, pending: Vec::new(), ends: Vec::new() };
        if let Form::Blocks(blocks) = &sink.form {
            sink.pending = blocks.header()?;
            sink.ends = vec![sink.pending.len()];
        }
        Ok(sink)
    }

    /// Adds a packet to what is to be written.
    ///
    /// # Errors
    /// It is not what a daemon says of a packet.
    pub fn add(&mut self, packet: CapturedPacket) -> anyhow::Result<()> {
        let bytes = from_hex(&packet.hex)
            .context("read the daemon's answer: a packet's bytes are no hexadecimal digits")?;
        match &mut self.form {
            Form::Lines => writeln!(self.pending, "{}", text::line(&packet, &bytes))?,
            Form::Json => {
                serde_json::to_writer(&mut self.pending, &CaptureLine::Packet(Box::new(packet)))?;
                self.pending.push(b'\n');
            }
            Form::Blocks(blocks) => self.pending.extend(blocks.packet(&packet, &bytes)?),
        }
        self.ends.push(self.pending.len());
        Ok(())
    }

    /// Whether something is to be written.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether much is.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= FULL
    }

    /// Writes what is there.
    ///
    /// # Errors
    /// `Gone`, or what keeps it from being written; a file then ends with its last whole block.
    pub async fn flush(&mut self) -> anyhow::Result<()> {
        let (pending, ends) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.ends));
        match &mut self.way {
            Way::Stdout(stdout) => {
                let written = async {
                    stdout.write_all(&pending).await?;
                    stdout.flush().await
                };
                written.await.map_err(|error| gone_or(error, "write to stdout".to_owned()))
            }
            Way::Stream(path, stream) => {
                let (doing, stream) = (format!("write {}", path.display()), stream.try_clone()?);
                // On another thread: a pipe may stand still.
                let written = tokio::task::spawn_blocking(move || (&stream).write_all(&pending));
                written.await?.map_err(|error| gone_or(error, doing))
            }
            Way::File { path, file, whole } => {
                let (written, outcome) = write_all(file, &pending);
                // Of what was written, parts that are whole stay.
                *whole += ends.into_iter().filter(|end| *end <= written).max().unwrap_or(0) as u64;
                let Err(error) = outcome else { return Ok(()) };
                let cut = file.set_len(*whole);
                let mut doing = format!("write {}", path.display());
                doing += match cut {
                    Ok(()) => ", which ends with the last packet that has its place",
                    Err(_) => ", whose last packet is cut off",
                };
                Err(error).context(doing)
            }
        }
    }
}

fn gone_or(error: io::Error, doing: String) -> anyhow::Error {
    if error.kind() == ErrorKind::BrokenPipe {
        Unread::Gone.into()
    } else {
        anyhow::Error::new(error).context(doing)
    }
}

/// How much was written, and why not all.
fn write_all(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn file(path: &Path, force: bool) -> anyhow::Result<Way> {
    let creating = || format!("create {}", path.display());
    let kind = std::fs::metadata(path).map(|metadata| metadata.file_type());
    if kind.as_ref().is_ok_and(|kind| kind.is_fifo() || kind.is_char_device()) {
        let stream = OpenOptions::new().write(true).open(path).with_context(creating)?;
        return Ok(Way::Stream(path.to_owned(), stream));
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    match options.open(path) {
        Ok(file) => Ok(Way::File { path: path.to_owned(), file, whole: 0 }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is there already: name another file, or overwrite it with --force", path.display())
        }
        Err(error) => Err(error).with_context(creating),
    }
}
