//! How long a withdrawal takes, among a hundred VIPs.

use anycast_ctl::announce::driver::{Level, Wanted};

use crate::{
    border::one,
    harness::{Stage, by},
};

fn hundred() -> Wanted {
    let vip = |i: u32| one(&format!("vip{i}"), &format!("192.0.2.{i}/32"), Level::Announced);
    (1..=100).map(vip).collect()
}

#[test]
fn one_of_a_hundred_is_withdrawn() {
    let stage = Stage::new();
    let mut wanted = hundred();
    let vtysh = std::path::Path::new("/usr/bin/vtysh");
    let unreachable = stage.directory.path().join("nothing");
    let script = stage.directory.path().join("vtysh");
    let text =
        format!("#!/bin/sh\nshift 2\nexec vtysh --vty_socket {} \"$@\"\n", stage.frr.sockets.display());
    std::fs::write(&script, text).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).unwrap();
    for (way, announce) in
        [("bgpd's socket", by(&stage.frr.sockets, vtysh)), ("vtysh", by(&unreachable, &script))]
    {
        let mut driver = stage.connect(&announce).unwrap();
        stage.bring(&mut driver, &wanted);
        stage.until_there("192.0.2.100/32");
        let start = std::time::Instant::now();
        assert_eq!(stage.look(&mut driver, &wanted).routes.len(), 100);
        let looked = start.elapsed();
        let (brought, gone) = stage.measure(&mut driver, &mut wanted, "vip50");
        eprintln!(
            "by {way}: brought in {brought:.1?}, gone at the neighbour in {gone:.1?}; looked in {looked:.1?}"
        );
    }
}
