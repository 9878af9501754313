//! Packets of pcap and pcapng files, one at a time: however large the file is, what is held of it is not.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use pcap_parser::{
    Block, Linktype, PcapBlockOwned, PcapError, create_reader, traits::PcapNGPacketBlock as _,
    traits::PcapReaderIterator,
};

use super::{
    MAX_FRAME_BYTES,
    link::{LinkError, to_ethernet},
};

/// Interfaces that a section of a pcapng file may describe.
const MAX_INTERFACES: usize = 4_096;

/// Bytes of a file that are held at a time: far above the largest block there is a use for.
const HELD_BYTES: usize = 1 << 20;

/// Bytes of a pcap file's header.
const HEADER_BYTES: usize = 24;

/// First bytes of a pcapng file: its section header block.
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Why a capture cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened or read.
    #[error("read {}: {error}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is something else.
    #[error(
        "{} is no pcap or pcapng file: take one with `tcpdump -i eth0 -w FILE`; one that is compressed has to be unpacked first",
        .0.display()
    )]
    Format(PathBuf),
    /// It ends within a packet.
    #[error("{} ends in the middle of packet {number}: it is cut off, or was still being written", path.display())]
    Cut {
        /// Its path.
        path: PathBuf,
        /// Number of the packet.
        number: u64,
    },
    /// It contradicts itself.
    #[error("{} is damaged at packet {number}: {what}", path.display())]
    Damaged {
        /// Its path.
        path: PathBuf,
        /// Number of the packet.
        number: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A packet that cannot be asked about.
    #[error("packet {number} of {}: {error}", path.display())]
    Packet {
        /// Its path.
        path: PathBuf,
        /// Number of the packet.
        number: u64,
        /// What is wrong.
        error: LinkError,
    },
    /// A packet that no program is given.
    #[error("packet {number} of {} has {bytes} bytes: no frame with an IP packet has more than {MAX_FRAME_BYTES}", path.display())]
    TooLong {
        /// Its path.
        path: PathBuf,
        /// Number of the packet.
        number: u64,
        /// Its length.
        bytes: u64,
    },
}

impl CaptureError {
    /// Whether the packets behind it can be read all the same.
    pub const fn concerns_one_packet(&self) -> bool {
        match self {
            Self::Packet { .. } | Self::TooLong { .. } => true,
            Self::Read { .. } | Self::Format(_) | Self::Cut { .. } | Self::Damaged { .. } => false,
        }
    }
}

/// One packet of a capture, as Ethernet has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Its place in the file, from 1.
    pub number: u64,
    /// The frame.
    pub frame: Vec<u8>,
    /// How many bytes at its end were not captured: they are zeroes here.
    pub missing: usize,
}

/// A capture that is being read.
pub struct Capture {
    path: PathBuf,
    reader: Box<dyn PcapReaderIterator + Send>,
    /// Link types: of the file, or of the interfaces that its section has described so far.
    links: Vec<Linktype>,
    number: u64,
    over: bool,
}

type Source = Box<dyn Read + Send>;

/// What a file says of one packet.
struct Raw {
    link: Linktype,
    bytes: Vec<u8>,
    original: u64,
}

/// Why there is no next packet.
enum Trouble {
    /// It is cut off.
    Cut,
    /// It contradicts itself.
    Damaged(&'static str),
}

impl Capture {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Read`] or [`CaptureError::Format`].
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let source: Source = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            let file = File::open(path);
            Box::new(file.map_err(|error| CaptureError::Read { path: path.to_owned(), error })?)
        };
        Self::new(path, source)
    }

    /// Reads from there what messages call `path`.
    ///
    /// # Errors
    ///
    /// [`CaptureError::Read`] or [`CaptureError::Format`].
    pub fn new(path: &Path, mut source: Source) -> Result<Self, CaptureError> {
        let path = path.to_owned();
        let start = match start(&mut source) {
            Ok(start) => start,
            Err(error) => return Err(CaptureError::Read { path, error }),
        };
        let Ok(reader) = create_reader(HELD_BYTES, Cursor::new(start).chain(source)) else {
            return Err(CaptureError::Format(path));
        };
        Ok(Self { path, reader, links: Vec::new(), number: 0, over: false })
    }

    /// Reads the next packet, whatever it is.
    fn read(&mut self) -> Result<Option<Raw>, Trouble> {
        loop {
            match self.reader.next() {
                Ok((length, block)) => {
                    let found = meet(block, &mut self.links);
                    self.reader.consume(length);
                    if let Some(raw) = found? {
                        return Ok(Some(raw));
                    }
                }
                Err(PcapError::Incomplete(_)) => {
                    self.reader.refill().map_err(|_| Trouble::Damaged("it cannot be read any further"))?;
                }
                Err(PcapError::Eof) => return Ok(None),
                Err(PcapError::UnexpectedEof) => return Err(Trouble::Cut),
                Err(PcapError::BufferTooSmall) => {
                    return Err(Trouble::Damaged("it says that it has more than a megabyte"));
                }
                Err(PcapError::ReadError) => return Err(Trouble::Damaged("it cannot be read any further")),
                Err(
                    PcapError::HeaderNotRecognized | PcapError::NomError(..) | PcapError::OwnedNomError(..),
                ) => return Err(Trouble::Damaged("what is there is no packet")),
            }
        }
    }

    fn of_raw(&self, Raw { link, mut bytes, original }: Raw) -> Result<Captured, CaptureError> {
        let (path, number) = (|| self.path.clone(), self.number);
        let length = original.max(bytes.len() as u64);
        let missing = match usize::try_from(length) {
            Ok(length) if length <= MAX_FRAME_BYTES => length - bytes.len(),
            _ => return Err(CaptureError::TooLong { path: path(), number, bytes: length }),
        };
        bytes.resize(bytes.len() + missing, 0);
        let frame = to_ethernet(link, &bytes);
        let frame = frame.map_err(|error| CaptureError::Packet { path: path(), number, error })?;
        // Of a header that the link has in place of Ethernet's, and that is missing as well, the frame has nothing.
        let missing = missing.min(frame.len());
        Ok(Captured { number, frame, missing })
    }

    fn told(&self, trouble: Trouble) -> CaptureError {
        let (path, number) = (self.path.clone(), self.number);
        match trouble {
            Trouble::Cut => CaptureError::Cut { path, number },
            Trouble::Damaged(what) => CaptureError::Damaged { path, number, what },
        }
    }
}

/// So much of a file as its format is told by; of pcapng the whole first block, which tells its own length.
fn start(source: &mut Source) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    source.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut start)?;
    let [magic, length, order] =
        [0, 4, 8].map(|at| start.get(at..at + 4).and_then(|it| it.first_chunk().copied()));
    if magic == Some(PCAPNG) {
        let is_little = order == Some([0x4d, 0x3c, 0x2b, 0x1a]);
        let length = length.unwrap_or_default();
        let length = if is_little { u32::from_le_bytes(length) } else { u32::from_be_bytes(length) };
        let rest = u64::from(length).min(HELD_BYTES as u64 / 2).saturating_sub(HEADER_BYTES as u64);
        source.by_ref().take(rest).read_to_end(&mut start)?;
    }
    Ok(start)
}

/// What a block says: a packet, or how those behind it are to be read.
fn meet(block: PcapBlockOwned<'_>, links: &mut Vec<Linktype>) -> Result<Option<Raw>, Trouble> {
    let (interface, bytes, original) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            links.push(header.network);
            return Ok(None);
        }
        PcapBlockOwned::Legacy(packet) => (0, packet.data, packet.origlen),
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            links.clear();
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            links.push(interface.linktype);
            if links.len() > MAX_INTERFACES {
                return Err(Trouble::Damaged("it describes too many interfaces"));
            }
            return Ok(None);
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(ref packet)) => {
            (packet.if_id, packet.packet_data(), packet.origlen)
        }
        PcapBlockOwned::NG(Block::SimplePacket(ref packet)) => (0, packet.packet_data(), packet.origlen),
        PcapBlockOwned::NG(
            Block::NameResolution(_)
            | Block::InterfaceStatistics(_)
            | Block::SystemdJournalExport(_)
            | Block::DecryptionSecrets(_)
            | Block::ProcessInformation(_)
            | Block::Custom(_)
            | Block::Unknown(_),
        ) => return Ok(None),
    };
    let link = usize::try_from(interface).ok().and_then(|interface| links.get(interface)).copied();
    let link = link.ok_or(Trouble::Damaged("it came in by an interface that is not described"))?;
    Ok(Some(Raw { link, bytes: bytes.to_vec(), original: original.into() }))
}

impl Iterator for Capture {
    type Item = Result<Captured, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        self.number += 1;
        match self.read() {
            Ok(Some(raw)) => Some(self.of_raw(raw)),
            Ok(None) => {
                self.over = true;
                None
            }
            Err(error) => {
                self.over = true;
                Some(Err(self.told(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
