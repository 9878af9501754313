//! What is made is read back, and what makes no sense is shown as bytes.

use proptest::{collection::vec, prelude::*};

use super::decode;
use crate::{
    api::types::{ExplainQuestion, IcmpError},
    explain::{frame, headline},
};

const V4: (&str, &str) = ("198.51.100.7:40000", "192.0.2.1:443");
const V6: (&str, &str) = ("[2001:db8:ffff::7]:40000", "[2001:db8::1]:443");

fn made((from, to): (&str, &str), change: impl Fn(ExplainQuestion) -> ExplainQuestion) -> Vec<u8> {
    frame(&change(ExplainQuestion { from: from.into(), to: to.into(), ..ExplainQuestion::default() }))
        .unwrap()
}

fn names(bytes: &[u8]) -> Vec<String> {
    decode(bytes).into_iter().map(|layer| layer.layer).collect()
}

#[test]
fn tunnels_have_outer_layers() {
    let inner = made(V4, |it| it);
    let mut outer = made(("[2001:db8::a]:1", "[2001:db8::b]:6080/udp"), |it| it);
    // Lengths and checksum are not looked at here.
    outer[18..20].copy_from_slice(&(8 + inner.len() as u16 - 14).to_be_bytes());
    let frame = [&outer[..], &inner[14..]].concat();
    assert_eq!(names(&frame), ["ethernet", "outer ipv6", "outer udp", "ipv4", "tcp"]);
    assert_eq!(headline(&decode(&frame)), "tcp ack 198.51.100.7:40000 > 192.0.2.1:443");
}

#[test]
fn a_wrong_checksum_is_noticed() {
    for ends in [V4, V6] {
        for bytes in
            [made(ends, |it| it), made(ends, |it| ExplainQuestion { to: format!("{}/udp", it.to), ..it })]
        {
            let text = |bytes: &[u8]| format!("{:?}", decode(bytes));
            assert!(!text(&bytes).contains("wrong"), "{}", text(&bytes));
            let mut damaged = bytes.clone();
            damaged[14 + 20 + 20 * usize::from(ends == V6) + 1] ^= 1;
            assert!(text(&damaged).contains("wrong"), "{}", text(&damaged));
        }
    }
}

#[test]
fn quotes_are_named() {
    let quoting = |it| ExplainQuestion { icmp_quoting: Some(IcmpError::TooBig), ..it };
    assert_eq!(names(&made(V4, quoting)), ["ethernet", "ipv4", "icmp", "quoted ipv4", "quoted tcp"]);
    assert_eq!(names(&made(V6, quoting)), ["ethernet", "ipv6", "icmp", "quoted ipv6", "quoted tcp"]);
    assert_eq!(
        headline(&decode(&made(V4, quoting))),
        "icmp too big 198.51.100.7 > 192.0.2.1, about tcp 192.0.2.1:443 > 198.51.100.7:40000"
    );
}

proptest! {
    #[test]
    fn garbage_is_shown(bytes in vec(any::<u8>(), 0..200)) {
        headline(&decode(&bytes));
    }

    #[test]
    fn damage_is_shown(
        v6 in any::<bool>(),
        cut in any::<prop::sample::Index>(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut bytes = made(if v6 { V6 } else { V4 }, |it| ExplainQuestion {
            icmp_quoting: Some(IcmpError::Unreachable),
            ..it
        });
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        headline(&decode(&bytes));
    }

    #[test]
    fn packets_in_packets_end(depth in 1..400_usize) {
        let mut bytes = vec![0; 14];
        bytes[12] = 8;
        for level in 0..depth {
            let length = (20 * (depth - level)) as u16;
            let [high, low] = length.to_be_bytes();
            bytes.extend([0x45, 0, high, low, 0, 0, 0, 0, 64, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
        }
        prop_assert!(decode(&bytes).len() < 30);
    }
}
