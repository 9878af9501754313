//! By vtysh, where bgpd's socket is out of reach.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use anycast_ctl::announce::driver::{DriverError, Level};

use crate::{
    border::{V4, V6, blocks, both, one},
    harness::{PAGE, Stage, by},
};

/// The script of the page; the container is this host.
fn script(stage: &Stage, text: &str) -> PathBuf {
    let path = stage.directory.path().join("vtysh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn entering(stage: &Stage) -> PathBuf {
    let vtysh = format!("vtysh --vty_socket {}", stage.frr.sockets.display());
    script(stage, &blocks(PAGE, "sh")[0].replace("docker exec frr vtysh", &vtysh))
}

#[test]
fn levels_and_faults_are_the_same() {
    let stage = Stage::new();
    let announce = by(&stage.directory.path().join("nothing"), &entering(&stage));
    let mut driver = stage.connect(&announce).unwrap();
    let mut wanted = both(Level::Announced);
    wanted.extend([
        one("wrong", "fe80::1/128", Level::Announced),
        one("last", "2001:db8::9/128", Level::Announced),
    ]);
    let failures = stage.block_on(driver.bring(&wanted)).unwrap();
    assert_eq!(failures.keys().collect::<Vec<_>>(), ["wrong"]);
    assert!(failures["wrong"].contains("bgpd does not take `network fe80::1/128"), "{failures:?}");
    for prefix in [V4, V6, "2001:db8::9/128"] {
        stage.until_there(prefix);
    }
    let seen = stage.look(&mut driver, &wanted);
    assert_eq!(seen.routes["web6"].exported_to.as_deref(), Some(&["fd09::2".to_owned()][..]));
    let withdrawals = stage.neighbour.withdrawals();
    stage.bring(&mut driver, &both(Level::ShuttingDown));
    stage.until(V4, |it| it.is_some_and(|it| it.communities == "(65535,0)"));
    stage.until_gone("2001:db8::9/128");
    assert_eq!(stage.neighbour.withdrawals(), withdrawals + 1);
    stage.bring(&mut driver, &both(Level::Withdrawn));
    stage.until_gone(V4);
}

#[test]
fn a_bgpd_that_died_is_named() {
    let mut stage = Stage::new();
    let announce = by(&stage.directory.path().join("nothing"), &entering(&stage));
    let mut driver = stage.connect(&announce).unwrap();
    stage.frr.stop();
    let error = stage.block_on(driver.bring(&both(Level::Announced))).unwrap_err();
    assert!(
        matches!(&error, DriverError::Unreachable(text) if text.contains("does not reach bgpd")),
        "{error}"
    );
}

#[test]
fn a_vtysh_that_hangs_is_killed() {
    let stage = Stage::new();
    let pid = stage.directory.path().join("pid");
    let path = script(&stage, &format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", pid.display()));
    let error = stage.connect(&by(&stage.directory.path().join("nothing"), &path)).err().unwrap().to_string();
    assert!(error.contains("did not end within 4 s, and was killed"), "{error}");
    let process = PathBuf::from(format!("/proc/{}/exe", fs::read_to_string(pid).unwrap().trim()));
    stage.until_true("the script still runs", || !process.exists());
}

#[test]
fn a_vtysh_that_says_too_much_is_not_read_to_its_end() {
    let stage = Stage::new();
    let path = script(&stage, "#!/bin/sh\nexec cat /dev/zero\n");
    let error = stage.connect(&by(&stage.directory.path().join("nothing"), &path)).err().unwrap().to_string();
    assert!(error.contains("more than this daemon reads"), "{error}");
}
