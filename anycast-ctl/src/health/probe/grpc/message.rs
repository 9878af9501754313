//! The two messages of grpc/health/v1/health.proto, each with gRPC's prefix of five bytes (PROTOCOL-HTTP2.md,
//! "Length-Prefixed-Message": whether it is compressed, and its length in network order).
//!
//! ```text
//! message HealthCheckRequest { string service = 1; }
//! message HealthCheckResponse {
//!   enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
//!   ServingStatus status = 1;
//! }
//! ```
//!
//! In protobuf's encoding a field is a varint of `number << 3 | wire type`, and its value: a varint (type 0), eight bytes (1),
//! a varint of a length and so many bytes (2), four bytes (5). A field that is left out has its zero value, one that is not
//! known is skipped, and the last of several counts.

use std::fmt;

/// Wire type of a length and bytes.
const BYTES: u64 = 2;
/// `status = 1`, a varint.
const STATUS: u64 = 1 << 3;

/// What a server says of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does not know yet.
    Unknown,
    /// It serves.
    Serving,
    /// It does not.
    NotServing,
    /// There is no such service.
    ServiceUnknown,
    /// What later versions say.
    Other(u64),
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
            Self::Other(number) => return write!(f, "status {number}"),
        })
    }
}

/// A request for the health of a service; of the server if it is empty.
pub fn question(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        put_varint(&mut message, 1 << 3 | BYTES);
        put_varint(&mut message, service.len() as u64);
        message.extend_from_slice(service.as_bytes());
    }
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), &message].concat()
}

/// What a response says; `None` if it is none.
pub fn answer(bytes: &[u8]) -> Option<Health> {
    let ([compressed, length @ ..], mut message) = bytes.split_first_chunk::<5>()?;
    // Nobody said that we understand compressed ones.
    if *compressed != 0 || usize::try_from(u32::from_be_bytes(*length)).ok()? != message.len() {
        return None;
    }
    let mut status = 0;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => {
                let value = varint(&mut message)?;
                if tag == STATUS {
                    status = value;
                }
            }
            1 => skip(&mut message, 8)?,
            BYTES => {
                let length = varint(&mut message)?;
                skip(&mut message, length.try_into().ok()?)?;
            }
            5 => skip(&mut message, 4)?,
            _ => return None,
        }
    }
    Some(match status {
        0 => Health::Unknown,
        1 => Health::Serving,
        2 => Health::NotServing,
        3 => Health::ServiceUnknown,
        other => Health::Other(other),
    })
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn skip(from: &mut &[u8], length: usize) -> Option<()> {
    *from = from.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefixed(message: &[u8]) -> Vec<u8> {
        [&[0], u32::try_from(message.len()).unwrap().to_be_bytes().as_slice(), message].concat()
    }

    #[test]
    fn messages_as_protoc_encodes_them() {
        assert_eq!(question(""), b"\0\0\0\0\0");
        assert_eq!(question("echo"), b"\0\0\0\0\x06\x0a\x04echo");
        assert_eq!(question(&"x".repeat(300))[5..8], [0x0a, 0xac, 0x02]);
        for (message, serving) in [
            (&b""[..], Health::Unknown),
            (b"\x08\x01", Health::Serving),
            (b"\x08\x02", Health::NotServing),
            (b"\x08\x03", Health::ServiceUnknown),
            (b"\x08\xac\x02", Health::Other(300)),
            (b"\x08\x02\x08\x01", Health::Serving),
            (b"\x12\x02\x08\x02\x08\x01\x1dabcd\x21abcdefgh", Health::Serving),
        ] {
            assert_eq!(answer(&prefixed(message)), Some(serving), "{message:?}");
        }
        for message in
            [&b"\x08"[..], b"\x12\x05ab", b"\x0b", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            assert_eq!(answer(&prefixed(message)), None, "{message:?}");
        }
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"\x01\0\0\0\x02\x08\x01",
            b"\0\0\0\0\x03\x08\x01",
            b"\0\0\0\0\x01\x08\x01",
        ] {
            assert_eq!(answer(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (answer(&message), answer(&prefixed(&message)));
        }

        #[test]
        fn numbers_come_back(number: u64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            prop_assert_eq!(varint(&mut bytes.as_slice()), Some(number));
        }
    }
}
