//! ICMP and ICMPv6 messages, and the packets that errors quote.

use super::{Decoder, ip::Addresses, transport::is_right};

/// Bytes of the header.
const HEADER_BYTES: usize = 8;

impl Decoder {
    /// A message; ICMPv6's checksum is over addresses too.
    pub fn icmp(&mut self, bytes: &[u8], pseudo: Option<Addresses>, whole: bool, is_error: bool) {
        let Some((&[kind, code, high, low, a, b, c, d], payload)) = bytes.split_first_chunk::<HEADER_BYTES>()
        else {
            return self.bytes("icmp", bytes);
        };
        let name = name(kind, code, pseudo.is_some());
        let mtu = u32::from_be_bytes([a, b, c, d]) & if pseudo.is_some() { u32::MAX } else { 0xffff };
        self.layer("icmp")
            .field("type", kind)
            .field("code", code)
            .flag("meaning", name)
            .flag("mtu", matches!(name, Some("too big")).then_some(mtu))
            .checksum(u16::from_be_bytes([high, low]), is_right(58, bytes, pseudo, whole));
        if self.prefix.is_empty() && is_error {
            self.prefix = "quoted ";
            match payload.first().map(|first| first >> 4) {
                Some(4) => self.ipv4(payload, false),
                Some(6) => self.ipv6(payload, false),
                _ => self.bytes("payload", payload),
            }
            self.prefix = "";
        } else {
            self.bytes("payload", payload);
        }
    }
}

/// What it says: RFC 792, RFC 4443.
fn name(kind: u8, code: u8, is_v6: bool) -> Option<&'static str> {
    match (is_v6, kind, code) {
        (false, 8, _) | (true, 128, _) => Some("echo request"),
        (false, 0, _) | (true, 129, _) => Some("echo reply"),
        (false, 3, 4) | (true, 2, _) => Some("too big"),
        (false, 3, 3) | (true, 1, 4) => Some("port unreachable"),
        (false, 3, _) | (true, 1, _) => Some("unreachable"),
        (false, 11, _) | (true, 3, _) => Some("time exceeded"),
        (false, 12, _) | (true, 4, _) => Some("parameter problem"),
        _ => None,
    }
}
