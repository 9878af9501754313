//! How the frame that leaves differs from the one that came.

use super::line::{field, line};
use crate::api::types::{PacketChange, PacketLayer};

/// Fields that differ, and layers that are in one of them only; empty if they say the same.
pub fn changes(before: &[PacketLayer], after: &[PacketLayer]) -> Vec<PacketChange> {
    let mut found = Vec::new();
    for (layer, place) in numbered(before) {
        match find(after, &layer.layer, place) {
            Some(other) => found.extend(fields(layer, other)),
            None => found.push(whole(layer, Some(line(layer)), None)),
        }
    }
    let added = numbered(after).filter(|(layer, place)| find(before, &layer.layer, *place).is_none());
    found.extend(added.map(|(layer, _)| whole(layer, None, Some(line(layer)))));
    found
}

/// Each layer with its place among those of its name.
fn numbered(layers: &[PacketLayer]) -> impl Iterator<Item = (&PacketLayer, usize)> {
    layers.iter().enumerate().map(|(index, layer)| {
        (layer, layers.iter().take(index).filter(|other| other.layer == layer.layer).count())
    })
}

fn find<'a>(layers: &'a [PacketLayer], name: &str, place: usize) -> Option<&'a PacketLayer> {
    layers.iter().filter(|layer| layer.layer == name).nth(place)
}

fn fields<'a>(before: &'a PacketLayer, after: &'a PacketLayer) -> impl Iterator<Item = PacketChange> + 'a {
    let added = after.fields.iter().filter(|it| field(before, &it.field).is_none());
    before.fields.iter().chain(added).filter_map(move |it| {
        let (was, is) = (field(before, &it.field), field(after, &it.field));
        (was != is).then(|| PacketChange {
            layer: before.layer.clone(),
            field: Some(it.field.clone()),
            before: was.map(str::to_owned),
            after: is.map(str::to_owned),
        })
    })
}

fn whole(layer: &PacketLayer, before: Option<String>, after: Option<String>) -> PacketChange {
    PacketChange { layer: layer.layer.clone(), field: None, before, after }
}

#[cfg(test)]
mod tests {
    use super::changes;
    use crate::{
        api::types::ExplainQuestion,
        explain::{decode, frame},
    };

    fn question(to: &str) -> ExplainQuestion {
        ExplainQuestion { from: "198.51.100.7:40000".into(), to: to.into(), ..ExplainQuestion::default() }
    }

    #[test]
    fn fields_and_layers_are_told_apart() {
        let before = frame(&question("192.0.2.1:443")).unwrap();
        let after =
            frame(&ExplainQuestion { ttl: Some(63), vlan: Some(7), ..question("192.0.2.1:443") }).unwrap();
        let (before, after) = (decode(&before), decode(&after));
        assert!(changes(&before, &before).is_empty());
        let told: Vec<String> = changes(&before, &after)
            .into_iter()
            .map(|it| format!("{} {:?} {:?} {:?}", it.layer, it.field, it.before, it.after))
            .collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert_eq!(told[0], r#"ipv4 Some("ttl") Some("64") Some("63")"#);
        assert!(told[1].starts_with(r#"ipv4 Some("checksum")"#), "{told:#?}");
        assert_eq!(told[2], r#"vlan None None Some("id 7  priority 0  type 0x8100")"#);
    }
}
