//! How two frames differ, layer by layer.

use std::fmt::Write;

use crate::decode::decode;

/// The fields in which two frames differ, or are there in one only; empty if the frames are the same.
pub fn difference(expected: &[u8], got: &[u8]) -> String {
    if expected == got {
        return String::new();
    }
    let (left, right) = (decode(expected).fields, decode(got).fields);
    let mut text = format!("{} bytes expected, {} got\n", expected.len(), got.len());
    let names = left.iter().chain(right.iter().filter(|field| !left.iter().any(|other| other.0 == field.0)));
    for (name, _) in names {
        let value = |fields: &[(String, String)]| {
            fields.iter().find(|field| field.0 == *name).map_or("-".to_owned(), |field| field.1.clone())
        };
        let (expected, got) = (value(&left), value(&right));
        if expected != got {
            writeln!(text, "    {name:<28} expected {expected:<40} got {got}").unwrap();
        }
    }
    text
}

/// A frame, field by field.
pub fn listing(frame: &[u8]) -> String {
    decode(frame).fields.iter().fold(String::new(), |mut text, (name, value)| {
        writeln!(text, "    {name:<28} {value}").unwrap();
        text
    })
}

#[test]
fn a_difference_names_layer_field_and_both_values() {
    use crate::packet::{Packet, V6, tcp};

    let (one, other) =
        (tcp(V6).tagged(&[7]).bytes(), Packet { hop_limit: 63, ..tcp(V6) }.tagged(&[8]).bytes());
    let text = difference(&one, &other);
    assert!(text.contains("ip hop limit"), "{text}");
    assert!(text.contains("expected 64"), "{text}");
    assert!(text.contains("tag control"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn a_wrong_checksum_is_noticed_in_every_layer() {
    use crate::packet::{BOTH, L4, Packet, icmp, tcp, to, udp};

    for vip in BOTH {
        let quote = icmp(vip, if vip.contains(':') { 1 } else { 3 }, 0, [0; 4], &tcp(vip).ip());
        for packet in
            [tcp(vip), udp(vip), quote, Packet { payload: tcp(vip).ip(), ..to(vip, L4::Udp(1, 6080)) }]
        {
            let mut bytes = packet.bytes();
            assert!(decode(&bytes).wrong.is_empty(), "{}", listing(&bytes));
            *bytes.last_mut().unwrap() ^= 1;
            assert!(!decode(&bytes).wrong.is_empty(), "{}", listing(&bytes));
        }
    }
}
