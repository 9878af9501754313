//! An edge that reaches its backends by another interface than the router.

use std::process::Stdio;

use xtask::lab::{
    Family, Options, OwnedLab,
    server::{HTTP_PORT, get},
};

use crate::{edge::ended, host::BINARY, tshark::fields};

#[test]
fn a_packet_comes_by_one_interface_and_leaves_by_another() {
    let options = Options { backends: 2, two_arms: true, binary: Some(BINARY.into()), ..Options::default() };
    let mut lab = OwnedLab::start(&options).unwrap();
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    let file = lab.directory().join("arms.pcapng");
    let mut command = std::process::Command::new(BINARY);
    command.args(["capture", "--vip", "www4", "--count", "40", "-w"]).arg(&file);
    command.env("ANYCAST_SOCKET", lab.socket()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut capture = lab.spawn("edge", command).unwrap();
    let start = std::time::Instant::now();
    while capture.try_wait().unwrap().is_none() {
        assert!(start.elapsed().as_secs() < 30, "it does not end");
        let vip = (lab.plan().vips.of(Family::V4), HTTP_PORT).into();
        get(lab.client().unwrap(), vip, "/").unwrap();
    }
    let end = ended(&mut capture);
    assert_eq!(end.code, 0, "{end:?}");
    let packets = fields(&file, &["frame.interface_name", "frame.comment"]);
    assert_eq!(packets.len(), 40);
    let of = |name: &str| packets.iter().filter(|packet| packet[0] == name).count();
    assert_eq!((of("eth0 (in)"), of("eth1 (out)")), (20, 20), "{packets:?}");
    assert!(
        packets.iter().all(|packet| packet[1].starts_with("verdict=redirect reason=delivered ")),
        "{packets:?}"
    );
}
