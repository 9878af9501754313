//! Names of the DNS: on the wire (RFC 1035 sections 3.1 and 4.1.4) and in zone files (section 5.1).

use std::fmt;

use super::reader::Reader;

/// The longest label, in bytes.
const MAX_LABEL: usize = 63;
/// The longest name on the wire, in bytes, with the lengths of its labels and the empty one at the end.
const MAX_NAME: usize = 255;

/// A name: its labels, without the empty one at the end. Case does not make a difference (RFC 4343).
#[derive(Clone, Debug)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    /// A name as people write it, with or without the dot at its end; `None` for what fits into no message.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels = if text.is_empty() { Vec::new() } else { text.split('.').map(Vec::from).collect() };
        Self(labels).checked()
    }

    /// Reads a name. A part that was left out is where a pointer says; it always points back, before the part that it ends, so
    /// that no name is endless.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut labels = Vec::new();
        let mut length = 1;
        let mut at = *reader;
        let mut begins = at.position();
        let mut jumped = false;
        loop {
            let head = at.u8()?;
            match head >> 6 {
                0b00 if head == 0 => break,
                0b00 => {
                    let label = at.bytes(head.into())?;
                    length += 1 + label.len();
                    if length > MAX_NAME {
                        return None;
                    }
                    labels.push(label.to_vec());
                }
                0b11 => {
                    let pointed = usize::from(u16::from_be_bytes([head & 0x3f, at.u8()?]));
                    if !jumped {
                        *reader = at;
                        jumped = true;
                    }
                    if pointed >= begins {
                        return None;
                    }
                    begins = pointed;
                    at = at.moved_to(pointed);
                }
                _ => return None,
            }
        }
        if !jumped {
            *reader = at;
        }
        Some(Self(labels))
    }

    /// As it stands on the wire, without compression.
    pub fn write(&self, to: &mut Vec<u8>) {
        for label in &self.0 {
            to.push(u8::try_from(label.len()).unwrap_or_default());
            to.extend_from_slice(label);
        }
        to.push(0);
    }

    fn checked(self) -> Option<Self> {
        let fits = self.0.iter().all(|label| (1..=MAX_LABEL).contains(&label.len()));
        let length = 1 + self.0.iter().map(|label| 1 + label.len()).sum::<usize>();
        (fits && length <= MAX_NAME).then_some(self)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(own, other)| own.eq_ignore_ascii_case(other))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for label in &self.0 {
            write!(f, "{}.", escaped(label, b"."))?;
        }
        Ok(())
    }
}

/// Bytes as zone files write them: what is no printable ASCII as `\DDD`, and a backslash before `special` ones.
pub fn escaped(bytes: &[u8], special: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'\\' => r"\\".to_owned(),
            byte if special.contains(byte) => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\{byte:03}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(message: &[u8], at: usize) -> Option<(String, usize)> {
        let mut reader = Reader::new(message).moved_to(at);
        let name = Name::read(&mut reader)?;
        Some((name.to_string(), reader.position()))
    }

    #[test]
    fn the_example_of_rfc_1035_section_4_1_4() {
        let mut message = vec![0; 20];
        message.extend_from_slice(b"\x01F\x03ISI\x04ARPA\x00");
        message.resize(40, 0);
        message.extend_from_slice(b"\x03FOO\xc0\x14");
        message.resize(64, 0);
        message.extend_from_slice(b"\xc0\x1a");
        message.resize(92, 0);
        message.extend_from_slice(b"\x00");
        assert_eq!(read(&message, 20), Some(("F.ISI.ARPA.".into(), 32)));
        assert_eq!(read(&message, 40), Some(("FOO.F.ISI.ARPA.".into(), 46)));
        assert_eq!(read(&message, 64), Some(("ARPA.".into(), 66)));
        assert_eq!(read(&message, 92), Some((".".into(), 93)));
    }

    #[test]
    fn no_name_is_endless() {
        // To itself, to each other, forward, and back to the beginning of its own part.
        for (message, at) in [
            (&b"\xc0\x00"[..], 0),
            (b"\xc0\x02\xc0\x00", 2),
            (b"\xc0\x02\x00", 0),
            (b"\x01a\xc0\x00", 0),
            (b"\x40", 0),
            (b"\x80", 0),
            (b"\x05ab", 0),
            (b"\xc0", 0),
            (b"", 0),
        ] {
            assert_eq!(read(message, at), None, "{message:?}");
        }
        let long = [b"\x3f".as_slice(), &[b'x'; 63]].concat().repeat(4);
        assert_eq!(read(&[long.as_slice(), b"\0"].concat(), 0), None);
    }

    #[test]
    fn names_are_read_and_shown() {
        for (text, shown) in [("www.Example", "www.Example."), ("a.", "a."), (".", "."), ("", ".")] {
            assert_eq!(Name::parse(text).unwrap().to_string(), shown);
        }
        for text in ["..", ".a", "a..b", &"x".repeat(64), &"abcdefg.".repeat(32)] {
            assert!(Name::parse(text).is_none(), "{text}");
        }
        assert!(Name::parse("WWW.example") == Name::parse("www.EXAMPLE."));
        assert_eq!(Name(vec![b"a.b\\\x07".to_vec()]).to_string(), r"a\.b\\\007.");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,20}){0,5}") {
            let name = Name::parse(&text).unwrap();
            let mut bytes = Vec::new();
            name.write(&mut bytes);
            prop_assert_eq!(read(&bytes, 0), Some((format!("{text}."), bytes.len())));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600), at in 0_usize..600) {
            let _ = read(&bytes, at);
        }

        #[test]
        fn pointers_end(bytes in proptest::collection::vec(prop_oneof![Just(0xc0_u8), 0_u8..64], 0..64), at in 0_usize..64) {
            let _ = read(&bytes, at);
        }
    }
}
