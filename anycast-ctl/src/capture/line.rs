//! A packet's record in words.

use std::{collections::HashMap, time::UNIX_EPOCH};

use anycast_common::{backend::Delivery, slot::NO_BACKEND, steer::Why, tap::Side, walk::Walk};
use nix::net::if_::if_indextoname;

use super::{book::Book, label};
use crate::{
    api::types::{CaptureSide, CapturedPacket, CapturedSlot},
    observe::Record,
};

/// Names of interfaces that were looked up, by kernel index.
#[derive(Debug, Default)]
pub struct InterfaceNames(HashMap<u32, String>);

impl InterfaceNames {
    fn of(&mut self, ifindex: u32) -> String {
        let look_up = || {
            let name = if_indextoname(ifindex).ok().and_then(|name| name.into_string().ok());
            name.unwrap_or_else(|| format!("#{ifindex}"))
        };
        self.0.entry(ifindex).or_insert_with(look_up).clone()
    }

    /// Looks all of them up anew from here on: interfaces come and go.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

/// The record in words.
pub fn describe(record: &Record, book: &Book, interfaces: &mut InterfaceNames) -> CapturedPacket {
    let walk = &record.walk;
    let (side, ifindex) = match record.side {
        Side::Before => (CaptureSide::Before, walk.ingress_ifindex),
        // An answer leaves by the interface the packet came in by, and no backend's way says so.
        Side::After if walk.reason != 0 || walk.egress_ifindex == 0 => {
            (CaptureSide::After, walk.ingress_ifindex)
        }
        Side::After => (CaptureSide::After, walk.egress_ifindex),
    };
    let backend = walk.has(Walk::CHOICE | Walk::BACKEND).then_some(walk.backend);
    let why = Why::ALL.get(usize::from(walk.why)).filter(|_| walk.has(Walk::CHOICE));
    CapturedPacket {
        time_ns: record.time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64),
        sequence: record.sequence,
        side,
        interface: interfaces.of(ifindex),
        ifindex,
        frame_bytes: record.frame_bytes,
        hex: hex(&record.bytes),
        verdict: label::verdict(walk.verdict).to_owned(),
        reason: label::reason(walk.reason).map_or(label::DELIVERED, |reason| reason.label()).to_owned(),
        vip: walk.has(Walk::VIP).then(|| book.vip_name(walk.vip)),
        pool: walk.has(Walk::VIP).then(|| book.pool_name(walk.pool)),
        backend: backend.and_then(|index| owner(book, index)),
        delivery: walk.has(Walk::BACKEND).then(|| delivery(walk.delivery).to_owned()),
        why: why.map(|why| label::why(*why).to_owned()),
        slot: walk.owners().map(|slot| CapturedSlot {
            number: walk.slot,
            slots: walk.slots,
            current: owner(book, slot.current()),
            base: owner(book, slot.base()),
            hash: format!("{:016x}", walk.hash),
        }),
    }
}

fn owner(book: &Book, index: u16) -> Option<String> {
    (index != NO_BACKEND).then(|| book.backend_name(index))
}

fn delivery(code: u8) -> &'static str {
    let delivery = Delivery::ALL.into_iter().find(|delivery| delivery.code() == code);
    match delivery {
        Some(Delivery::L2) => "l2",
        Some(Delivery::Local) => "local",
        Some(Delivery::IpipV4 | Delivery::IpipV6) => "ipip",
        Some(Delivery::GueV4 | Delivery::GueV6) => "gue",
        None => "unknown",
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The bytes of hexadecimal digits; `None` for what is something else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}
