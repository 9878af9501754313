//! A frame, layer by layer, as etherparse reads it: it shares no code with the program.

mod icmp;
mod ip;
mod transport;

use std::fmt::Display;

use etherparse::{EtherType, Ethernet2Header, SingleVlanHeader};

use crate::api::types::{PacketField, PacketLayer};

/// What a frame says, the outermost layer first. What makes no sense is shown as bytes.
pub fn decode(frame: &[u8]) -> Vec<PacketLayer> {
    let mut decoder = Decoder { layers: Vec::new(), prefix: "" };
    decoder.link(frame);
    decoder.layers
}

/// What was read so far.
struct Decoder {
    layers: Vec<PacketLayer>,
    /// What the names of layers begin with.
    prefix: &'static str,
}

/// Ways to the same IP header: a packet in packets has an end.
const MAX_DEPTH: usize = 16;

/// Bytes that are shown of what is not understood.
const SHOWN_BYTES: usize = 16;

impl Decoder {
    fn link(&mut self, frame: &[u8]) {
        let Ok((ethernet, mut rest)) = Ethernet2Header::from_slice(frame) else {
            return self.bytes("frame", frame);
        };
        let mut ether_type = ethernet.ether_type;
        self.layer("ethernet")
            .field("source", mac(ethernet.source))
            .field("destination", mac(ethernet.destination));
        while matches!(ether_type, EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING) {
            let Ok((tag, behind)) = SingleVlanHeader::from_slice(rest) else { break };
            self.layer("vlan")
                .field("id", tag.vlan_id.value())
                .field("priority", tag.pcp.value())
                .field("type", format_args!("{:#06x}", ether_type.0));
            (ether_type, rest) = (tag.ether_type, behind);
        }
        match ether_type {
            EtherType::IPV4 => self.ipv4(rest, true),
            EtherType::IPV6 => self.ipv6(rest, true),
            other => {
                self.layer("payload").field("ethertype", format_args!("{:#06x}", other.0));
                self.add_bytes(rest);
            }
        }
    }

    /// What is inside of another packet: the layers so far are the outer ones.
    fn inner(&mut self, bytes: &[u8]) {
        let version = bytes.first().map(|first| first >> 4);
        if self.layers.len() > MAX_DEPTH || !matches!(version, Some(4 | 6)) {
            return self.bytes("payload", bytes);
        }
        for layer in &mut self.layers {
            if !matches!(layer.layer.as_str(), "ethernet" | "vlan") && !layer.layer.starts_with("outer ") {
                layer.layer = format!("outer {}", layer.layer);
            }
        }
        if version == Some(4) { self.ipv4(bytes, true) } else { self.ipv6(bytes, true) }
    }

    /// Begins a layer.
    fn layer(&mut self, name: &str) -> Fields<'_> {
        self.layers.push(PacketLayer { layer: format!("{}{name}", self.prefix), fields: Vec::new() });
        self.more()
    }

    /// More fields of the last layer.
    fn more(&mut self) -> Fields<'_> {
        Fields(self.layers.last_mut())
    }

    /// What is not taken apart.
    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.layer(name);
            self.add_bytes(bytes);
        }
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        let shown: String = bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let rest = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
        self.more().field("length", bytes.len()).field("bytes", format_args!("{shown}{rest}"));
    }
}

/// A layer that gets its fields.
struct Fields<'a>(Option<&'a mut PacketLayer>);

impl Fields<'_> {
    fn field(mut self, field: &str, value: impl Display) -> Self {
        if let Some(layer) = &mut self.0 {
            layer.fields.push(PacketField { field: field.to_owned(), value: value.to_string() });
        }
        self
    }

    /// A field that is only worth a word where it has a value.
    fn flag(self, field: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.field(field, value),
            None => self,
        }
    }

    /// A checksum beside what it should be; `None`: it is over more than is there.
    fn checksum(self, stated: u16, right: Option<bool>) -> Self {
        let remark = match right {
            Some(true) => "",
            Some(false) => " (wrong)",
            None => " (over more than is here)",
        };
        self.field("checksum", format_args!("{stated:#06x}{remark}"))
    }
}

/// As people write it.
fn mac(octets: [u8; 6]) -> String {
    octets.map(|octet| format!("{octet:02x}")).join(":")
}

#[cfg(test)]
mod tests;
