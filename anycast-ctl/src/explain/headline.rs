//! What a frame is, in a few words.

use std::net::IpAddr;

use super::line::field;
use crate::api::types::PacketLayer;

/// `tcp syn 198.51.100.7:40000 > 192.0.2.1:443`.
pub fn headline(layers: &[PacketLayer]) -> String {
    let own = |layer: &&PacketLayer| !layer.layer.starts_with("quoted ");
    let Some(ip) = layers.iter().filter(own).rfind(|layer| is_ip(layer)) else {
        return "a frame without an IP packet".to_owned();
    };
    let of = |name: &str| field(ip, name).unwrap_or_default();
    let (source, destination) = (of("source"), of("destination"));
    let transport =
        layers.iter().filter(own).rfind(|layer| matches!(layer.layer.as_str(), "tcp" | "udp" | "icmp"));
    let is_fragment = layers
        .iter()
        .filter(own)
        .any(|layer| layer.layer == "fragment" || is_ip(layer) && field(layer, "fragment").is_some());
    let fragment = match (is_fragment, transport) {
        (true, Some(_)) => ", the first fragment",
        (true, None) => ", a later fragment",
        (false, _) => "",
    };
    let Some(transport) = transport else {
        let protocol = field(ip, "protocol").or(field(ip, "next_header")).unwrap_or_default();
        return format!("ip protocol {protocol} {source} > {destination}{fragment}");
    };
    let name = transport.layer.as_str();
    let said = field(transport, "flags").or(field(transport, "meaning"));
    let what = said.map_or_else(|| name.to_owned(), |said| format!("{name} {said}"));
    let ends = match (field(transport, "source"), field(transport, "destination")) {
        (Some(from), Some(to)) => format!("{} > {}", end(source, from), end(destination, to)),
        _ => format!("{source} > {destination}"),
    };
    format!("{what} {ends}{fragment}{}", quoted(layers))
}

/// What an error is about.
fn quoted(layers: &[PacketLayer]) -> String {
    let find = |names: &[&str]| layers.iter().find(|layer| names.contains(&layer.layer.as_str()));
    let (ip, transport) = (find(&["quoted ipv4", "quoted ipv6"]), find(&["quoted tcp", "quoted udp"]));
    let Some((ip, transport)) = ip.zip(transport) else { return String::new() };
    let of = |layer, name| field(layer, name).unwrap_or_default();
    format!(
        ", about {} {} > {}",
        transport.layer.trim_start_matches("quoted "),
        end(of(ip, "source"), of(transport, "source")),
        end(of(ip, "destination"), of(transport, "destination")),
    )
}

fn is_ip(layer: &PacketLayer) -> bool {
    matches!(layer.layer.as_str(), "ipv4" | "ipv6")
}

/// An address with a port.
fn end(address: &str, port: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(_)) => format!("[{address}]:{port}"),
        Ok(IpAddr::V4(_)) | Err(_) => format!("{address}:{port}"),
    }
}
