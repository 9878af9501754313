//! Layouts of keys and values: offsets and sizes from the compiler, what they mean from the sources.

use std::mem::offset_of;

use anycast_common::{
    address::Address,
    backend::Backend,
    counter::{Spent, Traffic},
    directory::{Directory, Vip},
    fragment::{Datagram, FragmentKey, Received},
    identity::Identity,
    lookups::Lookups,
    pin::{Filter, FlowKey, Pin, Record},
    probe::Probe,
    receive::{Config, SenderKey},
    slot::{Slot, SlotLine, StampLine, Table},
    tap::{Header, Tap, TapCounts, Window},
    tunnel::Tunnel,
    walk::Walk,
};

use super::source::{flags, structure};
use crate::page::{Page, code, line, number};

/// A type that is laid out in memory.
struct Layout {
    file: &'static str,
    name: &'static str,
    bytes: usize,
    /// Name, offset, size.
    fields: Vec<(&'static str, usize, usize)>,
}

macro_rules! layout {
    ($file:literal $kind:ident { $($field:ident),* }) => {
        Layout {
            file: $file,
            name: stringify!($kind),
            bytes: size_of::<$kind>(),
            fields: vec![$((stringify!($field), offset_of!($kind, $field), size(|it: &$kind| &it.$field))),*],
        }
    };
}

fn size<T, F>(_field: impl Fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Every layout writes itself down; one whose fields are not all told is found by its size.
pub fn layouts(page: &mut Page) {
    let all = [
        layout!("address.rs" Address {}),
        layout!("identity.rs" Identity { layout, identity, key }),
        layout!("lookups.rs" Lookups { active_directory, reserved, tables, directories, backends }),
        layout!("slot.rs" Table {}),
        layout!("directory.rs" Directory { seed, reserved, vips, services }),
        layout!("directory.rs" Vip { address, number, pool, ordinal, flags, idle_timeout }),
        layout!("backend.rs" Backend {
            destination, state, source, generation, ifindex, first_counter, mtu, delivery, link_tag, vlan, overhead
        }),
        layout!("slot.rs" SlotLine { slots }),
        layout!("slot.rs" Slot {}),
        layout!("slot.rs" StampLine { stamps }),
        layout!("pin.rs" FlowKey {}),
        layout!("pin.rs" Record { source, destination, pin }),
        layout!("pin.rs" Pin {}),
        layout!("pin.rs" Filter { cells }),
        layout!("tunnel.rs" Tunnel { outer }),
        layout!("fragment.rs" FragmentKey { source, destination, identification_and_protocol }),
        layout!("fragment.rs" Datagram { pin, received, hash }),
        layout!("fragment.rs" Received {}),
        layout!("counter.rs" Traffic { packets, bytes, new_flows }),
        layout!("counter.rs" Spent { tick, errors }),
        layout!("walk.rs" Walk {
            source, destination, hash, pin, ingress_ifindex, egress_ifindex, frame_bytes, packet_bytes, left_bytes, verdict,
            reason, slot, slots, owners, details, effects, reached, source_port, destination_port, vip, pool, backend,
            generation, mtu, protocol, kind, why, delivery, opens_flow, reserved
        }),
        layout!("tap.rs" Tap { filter, generation, sample, per_second, snap, flags, reserved }),
        layout!("tap.rs" Header { walk, monotonic_ns, sequence, captured, length, generation, tap, side, reserved }),
        layout!("tap.rs" TapCounts { matched, unsampled, limited, lost, shown }),
        layout!("tap.rs" Window { second, packets, reserved }),
        layout!("receive.rs" Config { since_seconds, network_namespace, ifindex, gue_port }),
        layout!("receive.rs" SenderKey { words }),
        layout!("probe.rs" Probe { backend, tunnel }),
    ];
    for layout in all {
        let (about, told) = structure(layout.file, layout.name);
        let named: Vec<&str> = layout.fields.iter().map(|(name, ..)| *name).collect();
        assert_eq!(
            named,
            told.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
            "fields of {}",
            layout.name
        );
        if !named.is_empty() {
            let bytes: usize = layout.fields.iter().map(|(_, _, bytes)| bytes).sum();
            assert_eq!(bytes, layout.bytes, "{} has padding", layout.name);
        }
        page.heading(3, &format!("{}: {} bytes", code(layout.name), number(layout.bytes as u64)));
        // Examples are for those who write code.
        page.block(about.split("\n```\n").next().unwrap_or_default());
        let rows = layout.fields.iter().zip(&told).map(|((name, offset, bytes), (_, kind, about))| {
            let about = about.split("```").next().unwrap_or_default();
            [number(*offset as u64), number(*bytes as u64), code(name), code(kind), line(about)]
        });
        page.table(["at:", "bytes:", "field", "type", "what"], rows);
        if named.contains(&"flags") {
            let flags = flags(layout.file, layout.name).into_iter();
            page.table(
                ["flag", "value:", "meaning"],
                flags.map(|(name, value, about)| [code(&name), value, about]),
            );
        }
        // What does not fit a cell.
        for (name, _, about) in &told {
            if let Some(picture) = about.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()) {
                page.block(&format!("{}:", code(name)));
                page.literal(picture);
            }
        }
    }
}
