//! Captured packets as pcapng (draft-ietf-opsawg-pcapng), in whole blocks: a file that cannot grow any more ends with the last one
//! that fits.

use std::{borrow::Cow, collections::HashMap, io};

use pcap_parser::{
    EnhancedPacketBlock, InterfaceDescriptionBlock, Linktype, OptionCode, PcapNGOption, SectionHeaderBlock,
    ToVec,
};

use super::text;
use crate::api::types::CapturedPacket;

/// `opt_comment` of any block (section 3.5), `shb_userappl` (section 4.1), `if_name` and `if_filter` (section 4.2).
const COMMENT: u16 = 1;
const USER_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_FILTER: u16 = 11;

/// Timestamps in 10^-9 s (`if_tsresol`).
const NANOSECONDS: u8 = 9;

/// Blocks of a file, in their order.
#[derive(Debug)]
pub struct Blocks {
    /// The expression that packets passed, for the file's reader.
    filter: String,
    snap_bytes: u16,
    /// Number of each interface and side that was described.
    interfaces: HashMap<String, u32>,
}

impl Blocks {
    /// Of a capture with that expression.
    pub fn new(filter: &str, snap_bytes: u16) -> Self {
        Self { filter: filter.to_owned(), snap_bytes, interfaces: HashMap::new() }
    }

    /// The block that starts a file.
    ///
    /// # Errors
    /// None that is known: every part can be written.
    pub fn header(&self) -> io::Result<Vec<u8>> {
        let application = concat!("anycast-ctl ", env!("CARGO_PKG_VERSION"));
        let mut block = SectionHeaderBlock {
            block_type: 0,
            block_len1: 0,
            bom: 0,
            major_version: 0,
            minor_version: 0,
            section_len: -1,
            options: vec![option(USER_APPLICATION, application.as_bytes())],
            block_len2: 0,
        };
        serialized(&mut block)
    }

    /// The blocks of a packet: it, and what describes its interface if that is its first.
    ///
    /// # Errors
    /// As above.
    pub fn packet(&mut self, packet: &CapturedPacket, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let name = text::interface(packet);
        let (mut blocks, number) = match self.interfaces.get(&name) {
            Some(number) => (Vec::new(), *number),
            None => {
                let number = self.interfaces.len() as u32;
                let block = self.interface(&name)?;
                self.interfaces.insert(name, number);
                (block, number)
            }
        };
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len().next_multiple_of(4), 0);
        let comment = text::comment(packet);
        let mut block = EnhancedPacketBlock {
            block_type: 0,
            block_len1: 0,
            if_id: number,
            ts_high: (packet.time_ns >> 32) as u32,
            ts_low: packet.time_ns as u32,
            caplen: bytes.len() as u32,
            origlen: packet.frame_bytes,
            data: &padded,
            options: vec![option(COMMENT, comment.as_bytes())],
            block_len2: 0,
        };
        blocks.extend(serialized(&mut block)?);
        Ok(blocks)
    }

    fn interface(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut options = vec![option(INTERFACE_NAME, name.as_bytes())];
        if !self.filter.is_empty() {
            // The first byte says that a text follows.
            let filter: Vec<u8> = [0].into_iter().chain(self.filter.bytes()).collect();
            options.push(option(INTERFACE_FILTER, &filter));
        }
        let mut block = InterfaceDescriptionBlock {
            block_type: 0,
            block_len1: 0,
            linktype: Linktype::ETHERNET,
            reserved: 0,
            snaplen: self.snap_bytes.into(),
            options,
            block_len2: 0,
            if_tsresol: NANOSECONDS,
            if_tsoffset: 0,
        };
        serialized(&mut block)
    }
}

/// Values are padded to 32 bits.
fn option(code: u16, value: &[u8]) -> PcapNGOption<'static> {
    let value = value.get(..usize::from(u16::MAX - 3)).unwrap_or(value);
    let mut padded = value.to_vec();
    padded.resize(value.len().next_multiple_of(4), 0);
    PcapNGOption { code: OptionCode(code), len: value.len() as u16, value: Cow::Owned(padded) }
}

fn serialized(block: &mut impl ToVec) -> io::Result<Vec<u8>> {
    block.to_vec().map_err(|error| io::Error::other(format!("making a pcapng block: {error}")))
}
