//! Files that are said to be captures.

use std::{
    io::{Cursor, Read},
    path::Path,
};

use anycast_ctl::explain::{self, MAX_FRAME_BYTES, capture::Capture};

use crate::text::is_one_line;

pub fn check(input: &[u8]) {
    let whole = read(Box::new(Cursor::new(input.to_vec())), input.len());
    // However the bytes come, they say the same.
    let piecemeal = read(Box::new(Piecemeal(Cursor::new(input.to_vec()))), input.len());
    assert_eq!(whole, piecemeal, "what a file says depends on how it comes");
}

/// Frames, and errors in words.
type Said = Vec<Result<Vec<u8>, String>>;

fn read(source: Box<dyn Read + Send>, bytes: usize) -> Said {
    let capture = match Capture::new(Path::new("x.pcap"), source) {
        Ok(capture) => capture,
        Err(error) => {
            is_one_line(&error.to_string());
            return vec![Err(error.to_string())];
        }
    };
    let mut said = Vec::new();
    for (number, packet) in (1..).zip(capture) {
        // The smallest packet of either format has a header of 12 bytes.
        assert!(number <= bytes / 12 + 1, "{number} packets in {bytes} bytes");
        match packet {
            Ok(packet) => {
                assert_eq!(packet.number, number as u64);
                // A frame of another link gets an Ethernet header.
                assert!(packet.frame.len() <= MAX_FRAME_BYTES + 14, "{} bytes", packet.frame.len());
                assert!(packet.missing <= packet.frame.len());
                let layers = explain::decode(&packet.frame);
                assert!(layers.len() <= packet.frame.len() + 1);
                said.push(Ok(packet.frame));
            }
            Err(error) => {
                is_one_line(&error.to_string());
                said.push(Err(error.to_string()));
            }
        }
    }
    said
}

/// Comes a few bytes at a time, as over a pipe.
struct Piecemeal(Cursor<Vec<u8>>);

impl Read for Piecemeal {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = buffer.len().min(7);
        self.0.read(&mut buffer[..most])
    }
}
