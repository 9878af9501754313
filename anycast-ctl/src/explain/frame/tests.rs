//! Frames that questions are about, read by etherparse.

use etherparse::{LaxPacketHeaders, LaxPayloadSlice, NetHeaders, TransportHeader};

use super::{QuestionError, frame};
use crate::{
    api::types::{ExplainQuestion, Fragment, IcmpError, PacketKind},
    explain::{decode, headline},
};

const FROM: [&str; 2] = ["198.51.100.7:40000", "[2001:db8:ffff::7]:40000"];
const TO: [&str; 2] = ["192.0.2.1:443", "[2001:db8::1]:443"];

fn question(from: &str, to: &str) -> ExplainQuestion {
    ExplainQuestion { from: from.into(), to: to.into(), ..ExplainQuestion::default() }
}

/// What is said of the frame of a question. Nothing in it may be wrong.
fn said(question: &ExplainQuestion) -> String {
    let layers = decode(&frame(question).unwrap());
    assert!(!format!("{layers:?}").contains("wrong"), "{question:?}: {layers:#?}");
    headline(&layers)
}

#[test]
fn flags_are_what_was_asked_for() {
    for (from, to) in FROM.iter().zip(TO) {
        for (kind, flags) in [
            (None, "ack"),
            (Some(PacketKind::Syn), "syn"),
            (Some(PacketKind::Ack), "ack"),
            (Some(PacketKind::Fin), "ack+fin"),
            (Some(PacketKind::Rst), "rst"),
        ] {
            let question = ExplainQuestion { packet: kind, ..question(from, to) };
            assert_eq!(said(&question), format!("tcp {flags} {from} > {to}"));
        }
        let initial =
            ExplainQuestion { packet: Some(PacketKind::QuicInitial), ..question(from, &format!("{to}/udp")) };
        assert_eq!(said(&initial), format!("udp {from} > {to}"));
        let bytes = frame(&initial).unwrap();
        let headers = LaxPacketHeaders::from_ethernet(&bytes).unwrap();
        let LaxPayloadSlice::Udp { payload, .. } = headers.payload else { panic!("{headers:?}") };
        assert_eq!(payload[..5], [0xc0, 0, 0, 0, 1]);
    }
}

#[test]
fn a_packet_is_as_long_as_was_asked_for() {
    for (from, to) in FROM.iter().zip(TO) {
        for to in
            [to.to_owned(), format!("{to}/udp"), format!("{}/icmp", to.replace([':', '[', ']'], " ").trim())]
        {
            let Ok(target) = super::Target::read(&to) else { continue };
            let headers = frame(&question(from, &to)).unwrap().len() - 14;
            for length in [headers as u16, 576, 1_500, u16::MAX] {
                let long = ExplainQuestion { length: Some(length), ..question(from, &to) };
                assert_eq!(frame(&long).unwrap().len(), 14 + usize::from(length), "{target:?}");
                said(&long);
            }
            let short = ExplainQuestion { length: Some(headers as u16 - 1), ..question(from, &to) };
            assert!(matches!(frame(&short), Err(QuestionError::TooShort { least, .. }) if least == headers));
        }
    }
}

#[test]
fn echo_requests_have_no_ports() {
    assert_eq!(
        said(&question("198.51.100.7", "192.0.2.1/icmp")),
        "icmp echo request 198.51.100.7 > 192.0.2.1"
    );
    assert_eq!(
        said(&question("2001:db8::7", "2001:db8::1/icmp")),
        "icmp echo request 2001:db8::7 > 2001:db8::1"
    );
}

#[test]
fn errors_quote_the_answer() {
    for (from, to, router) in [(FROM[0], TO[0], "203.0.113.1"), (FROM[1], TO[1], "2001:db8:ff::1")] {
        for error in
            [IcmpError::Unreachable, IcmpError::TooBig, IcmpError::TimeExceeded, IcmpError::ParameterProblem]
        {
            for to in [to.to_owned(), format!("{to}/udp")] {
                let question = ExplainQuestion {
                    icmp_quoting: Some(error),
                    router: Some(router.parse().unwrap()),
                    ..question(from, &to)
                };
                let told = said(&question);
                assert!(told.contains(router), "{told}");
                let answer = format!("{} > {from}", to.trim_end_matches("/udp"));
                assert!(told.ends_with(&answer), "{told}");
            }
        }
    }
}

#[test]
fn fragments_make_up_one_packet() {
    for (from, to) in FROM.iter().zip(TO) {
        for to in [to.to_owned(), format!("{to}/udp")] {
            let of = |fragment| ExplainQuestion { fragment: Some(fragment), ..question(from, &to) };
            let (first, later) = (frame(&of(Fragment::First)).unwrap(), frame(&of(Fragment::Later)).unwrap());
            assert!(said(&of(Fragment::First)).ends_with(", the first fragment"));
            assert!(said(&of(Fragment::Later)).ends_with(", a later fragment"));
            // Together they are what a receiver takes: whole, with the right checksum.
            let at = if from.starts_with('[') { 14 + 40 + 8 } else { 14 + 20 };
            let body = [&first[at..], &later[at..]].concat();
            let mut whole = frame(&ExplainQuestion {
                length: Some((at - 14 + body.len()) as u16 - if from.starts_with('[') { 8 } else { 0 }),
                ..question(from, &to)
            })
            .unwrap();
            let at = whole.len() - body.len();
            assert_eq!(whole.split_off(at), body, "{from} {to}");
        }
    }
}

#[test]
fn headers_say_what_was_asked_for() {
    let asked =
        ExplainQuestion { ttl: Some(1), vlan: Some(7), may_fragment: true, ..question(FROM[0], TO[0]) };
    let bytes = frame(&asked).unwrap();
    let headers = LaxPacketHeaders::from_ethernet(&bytes).unwrap();
    let Some(NetHeaders::Ipv4(ip, _)) = headers.net else { panic!("{headers:?}") };
    assert_eq!((ip.time_to_live, ip.dont_fragment), (1, false));
    assert!(matches!(headers.transport, Some(TransportHeader::Tcp(_))));
    assert_eq!(headers.link_exts.len(), 1);
}

#[test]
fn what_is_no_packet_is_refused_with_the_way_out() {
    let base = || question(FROM[0], TO[0]);
    let of = |to: &str| question(FROM[0], to);
    for (question, hint) in [
        (question("198.51.100.7", TO[0]), "198.51.100.7:443/tcp"),
        (question("nobody", TO[0]), "198.51.100.7:40000"),
        (question("198.51.100.7:70000", TO[0]), "65535"),
        (question(FROM[0], TO[1]), "different families"),
        (
            ExplainQuestion { packet: Some(PacketKind::Syn), ..of("192.0.2.1:443/udp") },
            "a SYN is nothing that udp has",
        ),
        (ExplainQuestion { packet: Some(PacketKind::QuicInitial), ..base() }, "a SYN, an ACK"),
        (ExplainQuestion { packet: Some(PacketKind::Syn), ..of("192.0.2.1/icmp") }, "echo request"),
        (ExplainQuestion { icmp_quoting: Some(IcmpError::TooBig), ..of("192.0.2.1/icmp") }, "tcp or udp"),
        (
            ExplainQuestion {
                icmp_quoting: Some(IcmpError::TooBig),
                router: Some([0, 0, 0, 0, 0, 0, 0, 1].into()),
                ..base()
            },
            "different families",
        ),
        (ExplainQuestion { length: Some(39), ..base() }, "40 are the least"),
        (ExplainQuestion { vlan: Some(4_096), ..base() }, "4095"),
        (ExplainQuestion { fragment: Some(Fragment::First), fragment_id: Some(65_536), ..base() }, "16 bits"),
    ] {
        let error = frame(&question).unwrap_err().to_string();
        assert!(error.contains(hint), "{question:?}: {error}");
    }
}
