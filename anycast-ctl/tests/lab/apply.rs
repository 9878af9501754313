//! The whole desired state: applied, exported, compared, contended for, watched.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anycast_ctl::api::types::{BackendState, Committed, PlanStatus};
use xtask::lab::{Family, Lab};

use crate::{
    edit::under_traffic,
    harness::{assert_counters_agree, backend, site_file, status, steering, wait_for},
    http,
};

/// Exit code, stdout, stderr.
fn run(lab: &Lab, words: &str) -> (i32, String, String) {
    let mut command = Command::new(crate::harness::BINARY);
    command.args(words.split_whitespace()).env("ANYCAST_SOCKET", lab.socket()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn what_is_exported_can_be_applied_and_differences_are_told() {
    let lab = steering(2, 1);
    let (code, exported, _) = run(&lab, "export");
    assert_eq!(code, 0);
    let same = site_file(&lab, "same.toml", &exported);
    for (words, code, says) in [
        ("--dry-run", 0, "would change nothing"),
        ("--diff", 0, ""),
        ("", 0, "nothing to change: revision 1 is as "),
    ] {
        let (got, out, err) = run(&lab, &format!("apply -f {same} {words}"));
        assert_eq!(got, code, "{words}: {out}{err}");
        assert!(out.contains(says), "{words}: {out}");
    }

    let heavier = exported.replacen("weight = 1\n", "weight = 3\n", 1);
    let heavier = if heavier == exported {
        exported.replacen("address = \"203.0.113.11\"\n", "address = \"203.0.113.11\"\nweight = 3\n", 1)
    } else {
        heavier
    };
    assert_ne!(heavier, exported);
    let other = site_file(&lab, "other.toml", &heavier);
    let (code, diff, _) = run(&lab, &format!("apply -f {other} --diff"));
    assert_eq!((code, diff.as_str()), (2, "~ pool web4: backend backend1 weight 1 → 3\n"));
    let (code, plan, _) = run(&lab, &format!("apply -f {other} --dry-run --json"));
    let plan: PlanStatus = serde_json::from_str(&plan).unwrap();
    assert_eq!((code, plan.pools[0].pool.as_str(), plan.revision), (2, "web4", 1));
    assert!(plan.pools[0].slots_moved > 10_000 && !plan.breaks_sessions(), "{plan:?}");
    assert_eq!(backend(&lab, "web4", "backend1").weight, 1);

    let (code, out, err) = run(&lab, &format!("apply -f {other} --wait --json"));
    assert_eq!(code, 0, "{err}");
    let committed: Committed = serde_json::from_str(&out).unwrap();
    assert_eq!((committed.revision, committed.changed), (2, true));
    assert_eq!(backend(&lab, "web4", "backend1").slots, plan.pools[0].shares[0].after);
    let (_, again, _) = run(&lab, "export");
    let (code, ..) = run(&lab, &format!("apply -f {} --diff", site_file(&lab, "again.toml", &again)));
    assert_eq!(code, 0);

    // What went wrong and wrong usage are 1: 2 is taken.
    for words in [
        format!("apply -f {other} --revision 1"),
        format!("apply -f {} --dry-run", site_file(&lab, "bad.toml", "interfaces = 1\n")),
        "apply -f /no/such --dry-run".to_owned(),
        format!("apply -f {other} --no-such"),
        "apply".to_owned(),
    ] {
        let (code, out, err) = run(&lab, &words);
        assert_eq!((code, out.as_str()), (1, ""), "{words}: {err}");
        assert!(!err.is_empty());
    }
    let reseeded = exported.replace("seed = \"", "seed = \"f");
    let end = reseeded.find("seed = \"").unwrap() + 8 + 16;
    let reseeded = format!("{}{}", &reseeded[..end], &reseeded[end + 1..]);
    let (code, _, err) = run(&lab, &format!("apply -f {}", site_file(&lab, "seed.toml", &reseeded)));
    assert_eq!(code, 1);
    assert!(err.contains("the seed cannot change while the dataplane is loaded"), "{err}");
}

#[test]
fn the_loser_of_two_writers_learns_who_won() {
    let lab = steering(2, 0);
    let (code, out, err) = run(&lab, "backend weight web4 backend1 2 --revision 1");
    assert_eq!(code, 0, "{err}");
    assert!(out.ends_with("Revision 2.\n"), "{out}");
    let (code, _, err) = run(&lab, "backend weight web4 backend1 5 --revision 1");
    assert_eq!(code, 1);
    assert!(err.contains("made for revision 1, and the newest is revision 2 of 20"), "{err}");
    assert!(err.contains("root (pid ") && err.contains("backend weight web4 backend1 2"), "{err}");
    assert_eq!(backend(&lab, "web4", "backend1").weight, 2);
    assert_eq!(status(&lab).desired.applied, 2);
}

#[test]
fn vips_and_pools_come_and_go_under_traffic() {
    let lab = steering(2, 1);
    let v6 = lab.plan().vips.of(Family::V6);
    let addresses: Vec<String> =
        lab.plan().backends.iter().map(|host| host.addresses.v6.to_string()).collect();
    for _ in 0..20 {
        http::who(&lab, v6).unwrap();
    }
    assert_counters_agree(&lab);
    under_traffic(&lab, &[Family::V4], || {
        for round in 0..3 {
            let (code, _, err) = run(&lab, "pool remove web6");
            assert_eq!(code, 1);
            assert!(err.contains("pool web6 serves VIP `www6`: give it another pool"), "{err}");
            let add = format!(
                "pool add next{round} --backend backend1={} --backend backend2={} --wait",
                addresses[0], addresses[1]
            );
            for words in [
                add.as_str(),
                &format!("vip set www6 --pool next{round} --wait"),
                "pool remove web6",
                &format!(
                    "pool add web6 --backend backend1={} --backend backend2={}",
                    addresses[0], addresses[1]
                ),
                "vip remove www6",
                &format!("vip add www6 {v6} --pool web6 --service tcp/80 --wait"),
                &format!("pool remove next{round}"),
            ] {
                let (code, out, err) = run(&lab, words);
                assert_eq!(code, 0, "{words}: {out}{err}");
            }
            let (_, plan, _) = run(&lab, &format!("vip set www6 --address {v6}1 --dry-run"));
            let breaks = format!(
                "Sessions to VIP www6 that would break at once: all to {v6}: it is no longer steered."
            );
            assert!(plan.contains(&breaks), "{plan}");
            wait_for("the pool is steered", || lab.status().unwrap().all_up());
            http::who(&lab, v6).unwrap();
        }
    });
    let shown = status(&lab);
    let www6 = shown.vips.iter().find(|vip| vip.name == "www6").unwrap();
    // Counters of a VIP and of backends that come back go on.
    assert!(www6.traffic.new_flows >= 3, "{:?}", www6.traffic);
    assert_eq!(shown.pools.len(), 2, "{:?}", shown.pools);
    assert!(shown.desired.behind.is_none() && shown.desired.applied == shown.desired.revision);
    let (_, page, _) = run(&lab, "vip show www6");
    // Whichever the last flow went to: those without traffic are left out.
    assert!(page.contains("\nBACKEND ") && page.contains("\nbackend"), "{page}");
}

#[test]
fn every_verb_of_a_backend() {
    let lab = steering(2, 0);
    for (words, state) in [
        ("disable web4 backend2", BackendState::Disabled),
        ("enable web4 backend2", BackendState::Up),
        ("drain web4 backend2 --deadline 1s", BackendState::Draining),
        ("undrain web4 backend2", BackendState::Up),
        ("set web4 backend2 --weight 2 --delivery pool", BackendState::Up),
        ("mark web4 backend2 down", BackendState::Down),
        ("mark web4 backend2 up", BackendState::Up),
    ] {
        let (code, out, err) = run(&lab, &format!("backend {words} --wait"));
        assert_eq!(code, 0, "{words}: {out}{err}");
        assert_eq!(backend(&lab, "web4", "backend2").state, state, "{words}");
    }
    assert_eq!(backend(&lab, "web4", "backend2").weight, 2);
    // A drain ends by the clock, without another edit.
    run(&lab, "backend drain web4 backend2 --deadline 1s");
    let revision = status(&lab).desired.revision;
    wait_for("the drain is over", || {
        backend(&lab, "web4", "backend2")
            .detail
            .is_some_and(|detail| detail.contains("its deadline has passed"))
    });
    assert_eq!(status(&lab).desired.revision, revision);
    let (_, out, _) = run(&lab, "export");
    assert!(out.contains("state = \"draining\"") && out.contains("drain_until = "), "{out}");
}

#[test]
fn curl_sees_events() {
    let lab = steering(2, 0);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--max-time", "4", "--unix-socket"]);
    curl.arg(lab.socket()).arg("http://anycast/v1/events");
    let curl = curl.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    run(&lab, "backend disable web4 backend2");
    run(&lab, "backend enable web4 backend2");
    let seen = String::from_utf8(curl.wait_with_output().unwrap().stdout).unwrap();
    assert!(seen.starts_with("event: hello\n"), "{seen}");
    for line in [
        "\"what\":\"backend disable web4 backend2\"",
        "\"before\":\"up\",\"after\":\"disabled\"",
        "\"before\":\"disabled\",\"after\":\"up\"",
    ] {
        assert!(seen.contains(line), "{line} is missing in {seen}");
    }
}
