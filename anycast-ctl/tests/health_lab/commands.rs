//! The command line: what it refuses, and what it shows.

use xtask::lab::Family;

use crate::harness::{backend, checked};

#[test]
fn health_is_shown_and_bad_input_is_told() {
    let lab = checked(2, r#"check = { type = "tcp", interval = "200ms", fast_interval = "100ms" }"#);
    let page = lab.ctl(&["health", "--pool", "web4"]).unwrap();
    assert!(page.starts_with("Health: no backend fails.\n\nPOOL web4: 2 of 2 backends up\n"), "{page}");
    assert!(!page.contains("web6") && page.contains("▁"), "{page}");
    let page = lab.ctl(&["health", "show", "web4", "backend1"]).unwrap();
    assert!(page.starts_with("BACKEND web4/backend1 (203.0.113.11): up, for "), "{page}");
    assert!(page.contains("tcp port 80\n") && page.contains("passed"), "{page}");
    assert_eq!(backend(&lab, Family::V6, "backend2").check, "tcp port 80");

    for (words, complaint) in [
        (&["health", "--pool", "web"][..], "no pool is called `web`: did you mean `web4`"),
        (&["health", "show", "web4", "backend9"], "there is no backend backend9 in pool web4"),
        (&["health", "show", "nope", "backend1"], "there is no backend backend1 in pool nope"),
        (&["pool", "check", "web4", "pth=/"], "unknown key `pth`: did you mean `path`?"),
        (&["pool", "check", "web4", "path=/x"], "a check of type tcp has no such key"),
        (&["pool", "check", "web9", "fall=2"], "no pool is called `web9`"),
        (&["pool", "check", "web4"], "required arguments were not provided"),
        (&["backend", "check", "web4", "backend1", "interval=never"], "`never` is no period"),
    ] {
        let error = lab.ctl(words).unwrap_err().to_string();
        assert!(error.contains(complaint), "{words:?}: {error}");
    }
    let plan = lab.ctl(&["pool", "check", "web4", "fall=5", "--dry-run"]).unwrap();
    assert!(plan.contains("check.fall none → 5"), "{plan}");
    let said = lab.ctl(&["pool", "check", "web4", "fall=5", "--min-healthy", "50%"]).unwrap();
    assert!(said.contains("pool web4: check fall=5 min_healthy 50%"), "{said}");
    lab.ctl(&["backend", "check", "web4", "backend1", "type=none"]).unwrap();
    let error = lab.ctl(&["health", "show", "web4", "backend1"]).unwrap_err().to_string();
    assert!(error.contains("backend backend1 of pool web4 is not checked"), "{error}");
}
