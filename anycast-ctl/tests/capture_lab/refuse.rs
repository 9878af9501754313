//! What cannot be captured is refused before anything is.

use std::fs;

use crate::edge::{Edge, ended};

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    let edge = Edge::start(1);
    let ordinary = edge.program();
    let there = edge.host.path("there.pcapng");
    fs::write(&there, "precious").unwrap();
    let there = there.display().to_string();
    for (words, code, says) in [
        (
            "tcp and prt 80",
            2,
            "read the expression, at character 9: no test is called `prt`: did you mean `port`?",
        ),
        ("vip nobody", 1, "read the expression, at character 5: no vip is called `nobody`"),
        ("--backend web4/nobody", 1, "no backend is called `web4/nobody`"),
        ("--sample 0", 2, "0 is not in 1.."),
        ("--snaplen 4096", 2, "4096 is not in 1..=2048"),
        ("--reason ttl", 2, "invalid value 'ttl' for '--reason <LABEL>'"),
        ("-w /nowhere/at/all", 1, "create /nowhere/at/all: No such file or directory"),
        (&format!("-w {there}"), 1, "is there already: name another file, or overwrite it with --force"),
        ("--socket /nowhere.sock", 1, "no daemon is listening on /nowhere.sock"),
    ] {
        let end = ended(&mut edge.begin(words));
        assert_eq!(end.code, code, "{words}: {end:?}");
        assert!(end.err.contains(says), "{words}: {end:?}");
        assert!(!end.err.contains("packets matched"), "{words}: {end:?}");
        if words.contains("prt") {
            assert!(end.err.ends_with("\n  tcp and prt 80\n          ^\n"), "{end:?}");
        }
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "precious");
    assert_eq!(edge.program(), ordinary);
    let mut capture = edge.capture(&format!("-w {there} --force --count 2 --vip www4"));
    edge.fetch(1);
    assert_eq!(ended(&mut capture).code, 0);
    assert_eq!(crate::tshark::fields(there.as_ref(), &["frame.number"]).len(), 2);
}
