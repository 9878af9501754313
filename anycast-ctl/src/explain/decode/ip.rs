//! IPv4 and IPv6 headers, and what is behind them.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{IpAuthHeader, Ipv4Header, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader};

use super::Decoder;

/// What the checksums behind an IP header are over.
#[derive(Clone, Copy)]
pub enum Addresses {
    /// IPv4's pseudo-header.
    V4([u8; 4], [u8; 4]),
    /// IPv6's.
    V6([u8; 16], [u8; 16]),
}

impl Decoder {
    /// An IPv4 packet; one that is not whole is a quote that was cut.
    pub fn ipv4(&mut self, bytes: &[u8], whole: bool) {
        let Ok((ip, behind)) = Ipv4Header::from_slice(bytes) else { return self.bytes("ipv4", bytes) };
        let is_fragment = ip.more_fragments || ip.fragment_offset.value() != 0;
        let class = ip.dscp.value() << 2 | ip.ecn.value();
        self.layer("ipv4")
            .field("source", Ipv4Addr::from(ip.source))
            .field("destination", Ipv4Addr::from(ip.destination))
            .field("ttl", ip.time_to_live)
            .field("protocol", ip.protocol.0)
            .field("length", ip.total_len)
            .field("id", format_args!("{:#06x}", ip.identification))
            .flag("flags", ip.dont_fragment.then_some("df"))
            .flag("more", ip.more_fragments.then_some("yes"))
            .flag("fragment", is_fragment.then_some(u32::from(ip.fragment_offset.value()) * 8))
            .flag("class", (class != 0).then_some(format_args!("{class:#04x}")))
            .flag("options", (!ip.options.is_empty()).then_some(format_args!("{} bytes", ip.options.len())))
            .checksum(ip.header_checksum, Some(ip.header_checksum == ip.calc_header_checksum()));
        let stated = usize::from(ip.total_len).saturating_sub(ip.header_len());
        let is_whole = stated == behind.len() || whole && stated < behind.len();
        let (payload, trailer) = behind.split_at_checked(stated).unwrap_or((behind, &[]));
        let later = ip.fragment_offset.value() != 0;
        let addresses = Addresses::V4(ip.source, ip.destination);
        self.upper(ip.protocol.0, payload, addresses, is_whole && !is_fragment, later);
        self.bytes("trailer", trailer);
    }

    /// An IPv6 packet.
    pub fn ipv6(&mut self, bytes: &[u8], whole: bool) {
        let Ok((ip, behind)) = Ipv6Header::from_slice(bytes) else { return self.bytes("ipv6", bytes) };
        self.layer("ipv6")
            .field("source", Ipv6Addr::from(ip.source))
            .field("destination", Ipv6Addr::from(ip.destination))
            .field("hop_limit", ip.hop_limit)
            .field("next_header", ip.next_header.0)
            .field("payload_length", ip.payload_length)
            .flag("class", (ip.traffic_class != 0).then_some(format_args!("{:#04x}", ip.traffic_class)))
            .flag(
                "flow_label",
                (ip.flow_label.value() != 0).then_some(format_args!("{:#07x}", ip.flow_label.value())),
            );
        let stated = usize::from(ip.payload_length);
        let is_whole = stated == behind.len() || whole && stated < behind.len();
        let (payload, trailer) = behind.split_at_checked(stated).unwrap_or((behind, &[]));
        let (next, payload, fragment) = self.extensions(ip.next_header.0, payload);
        let addresses = Addresses::V6(ip.source, ip.destination);
        self.upper(
            next,
            payload,
            addresses,
            is_whole && fragment.is_none(),
            fragment.is_some_and(|at| at != 0),
        );
        self.bytes("trailer", trailer);
    }

    /// Extension headers: what is behind them, and the offset of the fragment if it is one.
    fn extensions<'a>(&mut self, mut next: u8, mut payload: &'a [u8]) -> (u8, &'a [u8], Option<u16>) {
        let mut fragment = None;
        while fragment.is_none() {
            let (name, header) = match next {
                0 => ("hop-by-hop", raw_extension(payload)),
                43 => ("routing", raw_extension(payload)),
                60 => ("destination options", raw_extension(payload)),
                51 => (
                    "authentication",
                    IpAuthHeader::from_slice(payload)
                        .ok()
                        .map(|(header, behind)| (header.next_header.0, behind)),
                ),
                44 => {
                    let Ok((header, behind)) = Ipv6FragmentHeader::from_slice(payload) else { break };
                    let offset = header.fragment_offset.value();
                    self.layer("fragment")
                        .field("offset", u32::from(offset) * 8)
                        .flag("more", header.more_fragments.then_some("yes"))
                        .field("id", format_args!("{:#010x}", header.identification));
                    fragment = header.is_fragmenting_payload().then_some(offset);
                    (next, payload) = (header.next_header.0, behind);
                    continue;
                }
                _ => break,
            };
            let Some((following, behind)) = header else { break };
            self.layer(name).field("length", payload.len() - behind.len());
            (next, payload) = (following, behind);
        }
        (next, payload, fragment)
    }
}

fn raw_extension(bytes: &[u8]) -> Option<(u8, &[u8])> {
    Ipv6RawExtHeader::from_slice(bytes).ok().map(|(header, behind)| (header.next_header.0, behind))
}
