//! Each right taken away: what an operator is told.

use crate::stage::{ALL, SERVICE, Stage, wait_for};

fn without(capability: &str) -> Vec<&'static str> {
    ALL.into_iter().filter(|name| *name != capability).collect()
}

#[test]
fn what_it_cannot_do_without_is_named_at_the_start() {
    let mut stage = Stage::new(1);
    for (name, capability) in [("bpf", "CAP_BPF"), ("net_admin", "CAP_NET_ADMIN"), ("perfmon", "CAP_PERFMON")]
    {
        let said = stage.refusal(&without(name));
        assert!(said.contains(&format!("({capability} missing)")), "{said}");
        assert!(said.contains(&format!("AmbientCapabilities={capability}")), "{said}");
    }
    let said = stage.refusal(&[]);
    assert!(said.contains("AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_PERFMON"), "{said}");
    assert_eq!(stage.shell("ls /sys/fs/bpf/anycast/edge"), "", "nothing is left");
}

#[test]
fn a_bpffs_that_is_roots_alone_is_named_with_the_commands_that_mend_it() {
    let mut stage = Stage::bare(1);
    let said = stage.refusal(&ALL);
    assert!(said.contains("creating /sys/fs/bpf/anycast"), "{said}");
    let mut mends =
        said.split('`').filter(|words| words.starts_with("chmod ") || words.starts_with("install "));
    let (pass, make) = (mends.next().unwrap(), mends.next().unwrap());
    stage.shell(pass);
    stage.shell(make);
    let site = stage.site("", "");
    stage.start(&site, &[]);
    assert!(stage.answers());
    stage.ctl(&["down"]);
    assert_eq!(stage.shell("ls /sys/fs/bpf/anycast/edge"), "", "it may remove what it made");
}

#[test]
fn without_raw_sockets_only_pings_fail_and_doctor_says_so() {
    let mut stage = Stage::new(1);
    let site = stage.site("", r#"check = { type = "icmp", interval = "200ms" }"#);
    let daemon = stage.spawn(&site, &without("net_raw"), &[]);
    stage.daemon = Some(daemon);
    wait_for("the check says why it cannot", || {
        stage.log().contains("this host may not send echoes: give it CAP_NET_RAW")
    });
    wait_for("the other pool is steered to", || stage.answers());
    assert!(stage.log().contains("runs without CAP_NET_RAW (for checks of type icmp)"), "{}", stage.log());
    let doctor = stage.client("0", "0", &["doctor"]);
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    let line = doctor.lines().position(|line| line.contains("privileges")).unwrap();
    let found: String = doctor.lines().skip(line).take(2).collect();
    assert!(found.contains("lacks CAP_NET_RAW for checks of type icmp"), "{doctor}");
    assert!(found.contains("AmbientCapabilities=CAP_NET_RAW in its unit"), "{doctor}");
    // The other way that it names.
    stage.shell(&format!("echo '{SERVICE} {SERVICE}' > /proc/sys/net/ipv4/ping_group_range"));
    stage.wait_until_up();
}
