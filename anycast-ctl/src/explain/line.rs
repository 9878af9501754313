//! One layer on one line.

use crate::api::types::PacketLayer;

/// What a field of a layer says.
pub fn field<'a>(layer: &'a PacketLayer, name: &str) -> Option<&'a str> {
    layer.fields.iter().find(|field| field.field == name).map(|field| field.value.as_str())
}

/// `198.51.100.7 > 192.0.2.1  ttl 64  length 40`.
pub fn line(layer: &PacketLayer) -> String {
    let ends = field(layer, "source").zip(field(layer, "destination"));
    let mut parts: Vec<String> =
        ends.map(|(source, destination)| format!("{source} > {destination}")).into_iter().collect();
    let others = layer
        .fields
        .iter()
        .filter(|field| ends.is_none() || !matches!(field.field.as_str(), "source" | "destination"));
    parts.extend(others.map(|field| match field.field.as_str() {
        "flags" | "meaning" => field.value.clone(),
        name => format!("{} {}", name.replace('_', " "), field.value),
    }));
    parts.join("  ")
}
