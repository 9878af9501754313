//! Messages (RFC 1035 section 4):
//!
//! ```text
//!  0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! |                      ID                       |
//! |QR|   OPCODE  |AA|TC|RD|RA|   Z    |   RCODE   |
//! |  QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT: 16 each  |
//! +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
//! ```

use super::{name::Name, reader::Reader, record::Record};

/// `IN`.
pub const CLASS_INTERNET: u16 = 1;

const RESPONSE: u16 = 1 << 15;
const TRUNCATED: u16 = 1 << 9;
const RECURSION_DESIRED: u16 = 1 << 8;
const RCODE: u16 = 0xf;

/// Answers that are looked at.
const MAX_ANSWERS: u16 = 100;

/// What a check wants to know of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Which question it belongs to.
    pub id: u16,
    /// Whether it is an answer.
    pub is_response: bool,
    /// Whether some of it was left out, as it did not fit.
    pub truncated: bool,
    /// Response code.
    pub rcode: u16,
    /// Name, type and class of the question it repeats.
    pub question: Option<(Name, u16, u16)>,
    /// Answers.
    pub answers: Vec<Record>,
}

impl Message {
    /// Reads one; `None` if that is none. What stands behind the answers is not looked at.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let [id, flags, questions, answers] = [(); 4].map(|()| reader.u16());
        reader.u32()?;
        let (flags, questions) = (flags?, questions?);
        let question = match questions {
            0 => None,
            1 => Some((Name::read(&mut reader)?, reader.u16()?, reader.u16()?)),
            _ => return None,
        };
        let truncated = flags & TRUNCATED != 0;
        let mut read = Vec::new();
        for _ in 0..answers?.min(MAX_ANSWERS) {
            match Record::read(&mut reader) {
                Some(record) => read.push(record),
                // Some servers cut where the room ends.
                None if truncated => break,
                None => return None,
            }
        }
        Some(Self {
            id: id?,
            is_response: flags & RESPONSE != 0,
            truncated,
            rcode: flags & RCODE,
            question,
            answers: read,
        })
    }
}

/// A question, for a resolver or the zone's own server.
pub fn question(id: u16, name: &Name, kind: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    name.write(&mut bytes);
    for word in [kind, CLASS_INTERNET] {
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A question for www.example, and one answer.
    fn answered(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = question(7, &Name::parse("www.example").unwrap(), kind);
        bytes[2] |= 0x80;
        bytes[7] = 1;
        bytes.extend_from_slice(b"\xc0\x0c");
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(b"\0\x01\0\0\0\x3c");
        bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    #[test]
    fn a_question_as_dig_sends_it() {
        let name = Name::parse("www.example.").unwrap();
        assert_eq!(
            question(0x1234, &name, 1),
            b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01"
        );
    }

    #[test]
    fn answers_are_read() {
        for (kind, data, text) in [
            (1, &b"\xc0\0\x02\x01"[..], "192.0.2.1"),
            (28, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "2001:db8::1"),
            (5, b"\x01a\xc0\x10", "a.example."),
            (2, b"\xc0\x0c", "www.example."),
            (12, b"\xc0\x10", "example."),
            (15, b"\0\x0a\xc0\x0c", "10 www.example."),
            (33, b"\0\x01\0\x02\0\x50\xc0\x0c", "1 2 80 www.example."),
            (16, b"\x03a b\x02\"c", r#""a b" "\"c""#),
            (
                6,
                b"\xc0\x0c\xc0\x10\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05",
                "www.example. example. 1 2 3 4 5",
            ),
            (99, b"\xab\x01", r"\# 2 ab01"),
        ] {
            let message = Message::read(&answered(kind, data)).unwrap();
            assert!(message.is_response && !message.truncated);
            assert_eq!(message.answers.iter().map(|record| record.text.as_str()).collect::<Vec<_>>(), [text]);
            assert_eq!(message.question, Some((Name::parse("www.example").unwrap(), kind, 1)));
        }
        for (kind, data) in [
            (1, &b"\xc0\0\x02"[..]),
            (1, b"\xc0\0\x02\x01\x01"),
            (28, b""),
            (5, b"\xc0\x29"),
            (16, b"\x05ab"),
        ] {
            assert_eq!(Message::read(&answered(kind, data)), None, "{kind} {data:?}");
        }
    }

    #[test]
    fn what_was_cut_is_still_an_answer_if_it_says_so() {
        let mut bytes = answered(1, b"\xc0\0\x02\x01");
        bytes.pop();
        assert_eq!(Message::read(&bytes), None);
        bytes[2] |= 2;
        assert!(Message::read(&bytes).is_some_and(|message| message.truncated && message.answers.is_empty()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..1_500)) {
            let _ = Message::read(&bytes);
        }

        #[test]
        fn a_damaged_answer_is_read_or_refused(
            kind in prop_oneof![Just(1_u16), Just(5), Just(6), Just(15), Just(16), Just(33)],
            data in proptest::collection::vec(any::<u8>(), 0..80),
            at in any::<proptest::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = answered(kind, &data);
            let _ = Message::read(&bytes);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Message::read(&bytes);
        }
    }
}
