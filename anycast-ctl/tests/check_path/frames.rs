//! One datagram for each way of delivery, and each way not to be delivered.

use std::{collections::BTreeMap, time::Instant};

use anycast_common::probe::{HOP_LIMIT, THIS_HOST, magic_of, mark};
use anycast_ctl::{
    health::path::{CheckPath, ProbeWay},
    model::{Delivery, TunnelSettings, VlanTags},
};
use xtask::lab::wire::Capture;

use crate::{
    decode::{Decoded, decode},
    harness::{BACKEND, CLASS, MACS, OWN, PORT, VIPS, counted, host, next, send, way},
};

const INSTANCE: &str = "check-path";
const INDEX: u16 = 42;
const PAYLOAD: &[u8] = b"are you there?";

/// Everything about a frame that is known beforehand, under the names that the decoder gives it.
fn verify(frame: &[u8], delivery: Delivery, outer: usize, inner: usize, vlan: Option<u16>) {
    let Decoded { fields, wrong } = decode(frame);
    let name = format!("{delivery} {outer} {inner} {vlan:?}: {fields:#?}");
    assert!(wrong.is_empty(), "{wrong:?}, {name}");
    let field = |wanted: &str| fields.iter().find(|(it, _)| it == wanted).map(|(_, value)| value.as_str());
    let is = |wanted: &str, value: String| assert_eq!(field(wanted), Some(&*value), "{wanted}, {name}");

    is("ethernet destination", format!("{:02x?}", MACS[1]));
    is("ethernet source", format!("{:02x?}", MACS[0]));
    assert_eq!(
        field("tag control").map(str::to_owned),
        vlan.map(|vlan| format!("{:02x?}", vlan.to_be_bytes()))
    );
    let layer = if delivery.is_tunnel() { "ip inner" } else { "ip" };
    let hops = |layer: &str, family| format!("{layer} {}", if family == 0 { "ttl" } else { "hop limit" });
    is(&format!("{layer} source"), OWN[inner].to_owned());
    is(&format!("{layer} destination"), VIPS[inner].to_owned());
    is(&format!("{layer} class"), format!("{CLASS:#04x}"));
    is(&hops(layer, inner), HOP_LIMIT.to_string());
    is(&format!("{layer} udp destination port"), PORT.to_string());
    is(&format!("{layer} udp length"), (8 + PAYLOAD.len()).to_string());
    is(&format!("{layer} payload 0x0000"), format!("{PAYLOAD:02x?}"));
    if !delivery.is_tunnel() {
        return;
    }
    is("ip source", OWN[outer].to_owned());
    is("ip destination", BACKEND[outer].to_owned());
    is("ip class", format!("{CLASS:#04x}"));
    is(&hops("ip", outer), "7".to_owned());
    let length = [20, 40][inner] + 8 + PAYLOAD.len() + if delivery == Delivery::Gue { 8 } else { 0 };
    if outer == 0 {
        is("ip total length", (20 + length).to_string());
        is("ip don't fragment", "true".to_owned());
    } else {
        is("ip payload length", length.to_string());
        assert_ne!(field("ip flow label"), Some("0x00000"), "{name}");
    }
    if delivery == Delivery::Gue {
        is("ip udp destination port", "6080".to_owned());
        is("ip udp length", length.to_string());
        is("ip udp checksum", "0".to_owned());
        let port: u16 = field("ip udp source port").unwrap().parse().unwrap();
        assert!(port >= 0xc000, "{name}");
    }
}

#[test]
fn frames_are_those_that_the_dataplane_would_send() {
    host().block_on(async {
        let mut path = CheckPath::open(INSTANCE).await.unwrap();
        let mut wire = Capture::open("p0").unwrap();
        let mut sent = BTreeMap::<String, u64>::new();
        for (delivery, outer, inner) in ways() {
            for vlan in [VlanTags::Strip, VlanTags::Keep, VlanTags::Set(100)] {
                let settings = TunnelSettings { ttl: 7, vlan, ..TunnelSettings::default() };
                let outer = if delivery == Delivery::L2 { inner } else { outer };
                path.set(&BTreeMap::from([(INDEX, way(delivery, outer, &settings))])).unwrap();
                send(inner, path.mark(INDEX), PAYLOAD).unwrap();
                *sent.entry(delivery.to_string()).or_default() += 1;
                // `l2` leaves tags to the interface.
                let tag = (vlan == VlanTags::Set(100) && delivery.is_tunnel()).then_some(100);
                let frame = next(&mut wire).expect("a frame leaves");
                verify(&frame, delivery, outer, inner, tag);
            }
        }
        let counted: BTreeMap<String, u64> =
            counted(&path).into_iter().map(|(name, frames)| (name.to_owned(), frames)).collect();
        assert_eq!(counted, sent);
        let info = path.info().unwrap();
        let (instructions, jitted) =
            (info.verified_instruction_count().unwrap_or_default(), info.size_jitted());
        println!("probe: verified instructions {instructions}, JIT bytes {jitted}");
        path.close().await.unwrap();
    });
}

fn ways() -> impl Iterator<Item = (Delivery, usize, usize)> {
    [Delivery::L2, Delivery::Ipip, Delivery::Gue]
        .into_iter()
        .flat_map(|delivery| [0, 1].map(|outer| (delivery, outer)))
        .flat_map(|(delivery, outer)| [0, 1].map(|inner| (delivery, outer, inner)))
}

#[test]
fn what_cannot_be_delivered_ends_here_and_is_counted() {
    host().block_on(async {
        let mut path = CheckPath::open(INSTANCE).await.unwrap();
        let mut wire = Capture::open("p0").unwrap();
        let settings = TunnelSettings::default();
        let tunnel = way(Delivery::Gue, 1, &settings);
        let down = ProbeWay { backend: Default::default(), tunnel: None };
        path.set(&BTreeMap::from([(INDEX, tunnel), (INDEX + 1, down)])).unwrap();
        for family in [0, 1] {
            // A neighbour's index, one that is not usable, and one byte too many.
            for index in [INDEX - 1, INDEX + 1, 0, 65_534] {
                send(family, path.mark(index), PAYLOAD).unwrap();
            }
            let fits = usize::from(tunnel.backend.mtu) - [28, 48][family];
            send(family, path.mark(INDEX), &vec![0; fits + 1]).unwrap();
            assert!(next(&mut wire).is_none());
            send(family, path.mark(INDEX), &vec![0; fits]).unwrap();
            assert_eq!(next(&mut wire).unwrap().len(), 1514);
            // This host does not hold the VIP.
            let refused = send(family, mark(magic_of(path.mark(INDEX)), THIS_HOST), PAYLOAD).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::ENETUNREACH));
        }
        assert_eq!(counted(&path), [("gue", 2), ("no_target", 8), ("too_big", 2)]);
        path.close().await.unwrap();
    });
}

#[test]
fn the_map_holds_as_many_backends_as_there_are_and_exactly_those() {
    host().block_on(async {
        let mut path = CheckPath::open(INSTANCE).await.unwrap();
        let one = way(Delivery::L2, 0, &TunnelSettings::default());
        let all: BTreeMap<u16, _> = (0..u16::MAX).map(|index| (index, one)).collect();
        let start = Instant::now();
        assert_eq!(path.set(&all).unwrap(), 65_535);
        println!("65,535 ways were set in {:?}", start.elapsed());
        assert_eq!(path.set(&all).unwrap(), 0);
        let two = way(Delivery::Ipip, 0, &TunnelSettings::default());
        let changed = BTreeMap::from([(3, two), (4, one)]);
        assert_eq!(path.set(&changed).unwrap(), 65_534);
        let mut wire = Capture::open("p0").unwrap();
        send(0, path.mark(4), PAYLOAD).unwrap();
        assert!(next(&mut wire).is_some());
        send(0, path.mark(5), PAYLOAD).unwrap();
        assert!(next(&mut wire).is_none());
        path.close().await.unwrap();
    });
}

#[test]
fn a_host_whose_loopback_is_down_is_told_so() {
    let host = host();
    host.ip("link set lo down");
    let error = host.block_on(async { CheckPath::open(INSTANCE).await.err().unwrap().to_string() });
    assert!(error.contains("ip link set lo up"), "{error}");
    assert!(!host.ip("rule show").contains("fwmark"));
    host.ip("link set lo up");
    host.block_on(async { CheckPath::open(INSTANCE).await.unwrap().close().await.unwrap() });
}
