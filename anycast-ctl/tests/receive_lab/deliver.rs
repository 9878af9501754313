//! Requests in tunnel packets are answered by the real stack behind the program.

use std::{
    net::{TcpListener, TcpStream},
    time::Duration,
};

use anycast_ctl::api::types::XdpMode;

use crate::{
    harness::{Pair, stdout},
    traffic::{Server, Way, assert_answered},
};

const START: &str = "--interface eth0 --from 10.0.0.0/24 --from fd00::/64";

#[test]
fn every_kind_of_tunnel_ends_here() {
    for mode in ["native", "generic"] {
        let pair = Pair::new();
        let _server = Server::new(&pair.backend);
        for way in Way::all() {
            assert_answered(&pair, way, false);
        }
        stdout(&pair.backend.receive(&format!("{START} --mode {mode}")));
        for way in Way::all() {
            assert_answered(&pair, way, true);
        }
        assert_eq!((pair.backend.counted("ipip"), pair.backend.counted("gue")), (4, 4));
        let expected = if mode == "native" { XdpMode::Native } else { XdpMode::Generic };
        assert_eq!(pair.backend.status().mode, Some(expected));
        // What the two hosts have to say to each other besides.
        for address in ["10.0.0.11:0", "[fd00::11]:0"] {
            let listener = pair.backend.enter(|| TcpListener::bind(address)).unwrap();
            let server = listener.local_addr().unwrap();
            pair.neighbour.enter(|| TcpStream::connect_timeout(&server, Duration::from_secs(5))).unwrap();
        }

        stdout(&pair.backend.receive("stop --interface eth0"));
        for way in Way::all() {
            assert_answered(&pair, way, false);
        }
    }
}

#[test]
fn only_what_was_configured_is_taken() {
    let pair = Pair::new();
    let _server = Server::new(&pair.backend);
    let stranger = Way { outer: ("10.0.1.10", "10.0.0.11"), ..Way::IPIP };
    let elsewhere = Way { gue: Some(5555), ..Way::IPIP };
    let usual = Way { gue: Some(6080), ..Way::IPIP };

    let other_stranger = Way { outer: stranger.outer, ..elsewhere };
    for (settings, answered, unknown_senders) in [
        (
            "--from 10.0.0.0/24",
            [
                (Way::IPIP, true),
                (stranger, false),
                (elsewhere, false),
                (other_stranger, false),
                (usual, true),
            ],
            1,
        ),
        (
            "--from 10.0.1.10 --gue-port 5555",
            [
                (Way::IPIP, false),
                (stranger, true),
                (elsewhere, false),
                (other_stranger, true),
                (usual, false),
            ],
            3,
        ),
        (
            "--from 10.0.0.0/8 --gue-port off",
            [
                (Way::IPIP, true),
                (stranger, true),
                (elsewhere, false),
                (other_stranger, false),
                (usual, false),
            ],
            3,
        ),
    ] {
        stdout(&pair.backend.receive(&format!("--interface eth0 {settings}")));
        for (way, expected) in answered {
            assert_answered(&pair, way, expected);
        }
        assert_eq!(pair.backend.counted("unknown_sender"), unknown_senders, "{settings}");
    }
    let strangers = pair.backend.status().last_unknown_senders;
    assert!(strangers.contains(&"10.0.0.10".parse().unwrap()), "{strangers:?}");
    let table = stdout(&pair.backend.receive("status"));
    assert!(table.contains("\n  unknown  10.0."), "{table}");
}
