//! TCP and UDP headers, and tunnels.

use anycast_common::tunnel::GUE_PORT;
use etherparse::{TcpHeader, UdpHeader, checksum::Sum16BitWords};

use super::{Decoder, ip::Addresses};

impl Decoder {
    /// What an IP packet carries. Later fragments have no header.
    pub fn upper(&mut self, protocol: u8, bytes: &[u8], addresses: Addresses, whole: bool, later: bool) {
        match (protocol, addresses) {
            _ if later => self.bytes("payload", bytes),
            (6, _) => self.tcp(bytes, addresses, whole),
            (17, _) => self.udp(bytes, addresses, whole),
            (4 | 41, _) => self.inner(bytes),
            (1, Addresses::V4(..)) => self.icmp(bytes, None, whole, matches!(bytes, [3 | 11 | 12, ..])),
            (58, Addresses::V6(..)) => {
                self.icmp(bytes, Some(addresses), whole, matches!(bytes, [1..=4, ..]));
            }
            _ => self.bytes("payload", bytes),
        }
    }

    fn tcp(&mut self, bytes: &[u8], addresses: Addresses, whole: bool) {
        let Ok((tcp, payload)) = TcpHeader::from_slice(bytes) else { return self.ports("tcp", bytes) };
        let named = [
            (tcp.syn, "syn"),
            (tcp.ack, "ack"),
            (tcp.fin, "fin"),
            (tcp.rst, "rst"),
            (tcp.psh, "psh"),
            (tcp.urg, "urg"),
            (tcp.ece, "ece"),
            (tcp.cwr, "cwr"),
        ];
        let flags: Vec<&str> = named.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
        let options = tcp.options.len();
        self.layer("tcp")
            .field("source", tcp.source_port)
            .field("destination", tcp.destination_port)
            .field("flags", if flags.is_empty() { "none".to_owned() } else { flags.join("+") })
            .field("seq", tcp.sequence_number)
            .flag("ack", tcp.ack.then_some(tcp.acknowledgment_number))
            .field("window", tcp.window_size)
            .flag("options", (options > 0).then_some(format_args!("{options} bytes")))
            .checksum(tcp.checksum, is_right(6, bytes, Some(addresses), whole));
        self.bytes("payload", payload);
    }

    fn udp(&mut self, bytes: &[u8], addresses: Addresses, whole: bool) {
        let Ok((udp, payload)) = UdpHeader::from_slice(bytes) else { return self.ports("udp", bytes) };
        let right = if udp.checksum == 0 { Some(true) } else { is_right(17, bytes, Some(addresses), whole) };
        self.layer("udp")
            .field("source", udp.source_port)
            .field("destination", udp.destination_port)
            .field("length", udp.length)
            .checksum(udp.checksum, right);
        // GUE variant 1: the packet itself.
        if udp.destination_port == GUE_PORT { self.inner(payload) } else { self.bytes("payload", payload) }
    }

    /// A header that is cut: ports are all that has to be left of it.
    fn ports(&mut self, name: &str, bytes: &[u8]) {
        let Some(&[a, b, c, d]) = bytes.first_chunk() else { return self.bytes(name, bytes) };
        self.layer(name)
            .field("source", u16::from_be_bytes([a, b]))
            .field("destination", u16::from_be_bytes([c, d]))
            .field("cut", format_args!("{} bytes", bytes.len()));
    }
}

/// Whether a checksum over these bytes is right, with a pseudo-header if there are addresses for one; `None`: there is not all of
/// what it is over. As a receiver does it: with the checksum, the sum over all is -0.
pub fn is_right(protocol: u8, bytes: &[u8], pseudo: Option<Addresses>, whole: bool) -> Option<bool> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| whole)?.to_be_bytes();
    let sum = Sum16BitWords::new().add_slice(bytes);
    let sum = match pseudo {
        Some(Addresses::V4(source, destination)) => {
            sum.add_slice(&source).add_slice(&destination).add_2bytes([0, protocol]).add_slice(&length)
        }
        Some(Addresses::V6(source, destination)) => {
            sum.add_slice(&source).add_slice(&destination).add_2bytes([0, protocol]).add_slice(&length)
        }
        None => sum,
    };
    Some(sum.ones_complement() == 0)
}
