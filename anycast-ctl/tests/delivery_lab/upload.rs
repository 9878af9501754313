//! Large uploads, where every link takes 1,500 bytes and full-size segments do not fit the tunnels.

use xtask::lab::{Family, transfer::Upload};

use crate::harness::{Mode, Stage, path_mtu};

const BYTES: u64 = 100_000_000;

/// More than one for each segment of an initial window in flight, and far fewer than a connection that is stuck would cause.
const FEW: u64 = 50;

#[test]
fn uploads_of_a_hundred_megabytes_arrive_whole() {
    let mut lines = Vec::new();
    for mode in [Mode::L2, Mode::IpipV4, Mode::GueV4] {
        let stage = Stage::new(mode);
        for family in Family::ALL {
            let vip = stage.vip(family);
            let upload = Upload::start(&stage.lab, vip, BYTES).unwrap().finish().unwrap();
            let told = stage.reason(family, "too_big_answered");
            lines.push(format!(
                "{mode:?} {family:?}: {} bytes in {:.2} s, {:.0} MB/s, {told} answers \"too big\"",
                upload.bytes,
                upload.took.as_secs_f64(),
                upload.speed()
            ));
            assert!(told < FEW, "{}", lines.join("\n"));
            assert_eq!(told > 0, mode.is_tunnel(), "{}", lines.join("\n"));
            let fits = mode.is_tunnel().then_some(u64::from(1500 - mode.overhead()));
            assert_eq!(path_mtu(&stage.lab, "client", vip, None), fits);
        }
        stage.assert_counters_agree();
    }
    println!("{}", lines.join("\n"));
}
