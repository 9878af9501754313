use super::*;
use crate::{
    lab::Family,
    soak::{
        books::{EdgeRow, ServerRow},
        causes::Cause,
        daemon::Look,
    },
};

/// A run in which all was well.
fn well() -> Parts {
    let outcome = Outcome { total: 10, broken: [(Cause::Removed, 2)].into(), faults: Vec::new() };
    let edge = EdgeRow {
        edge: "a1".to_owned(),
        offered: 9,
        taken: 9,
        delivered: 7,
        passed: 2,
        dropped: 0,
        answered: 0,
        delivered_here: 0,
        stack: 2,
        overflow: 0,
        reasons: [("not_vip".to_owned(), 2)].into(),
    };
    let server = ServerRow { server: "a-web1".to_owned(), family: Family::V4, delivered: 7, arrived: 7 };
    let sample =
        |second| Sample { at: Duration::from_secs(second), pid: 1, resident_kib: 2048, ..Sample::default() };
    let look = Look { descriptors: 43, maps: 10, map_bytes: 1 << 20 };
    Parts {
        seed: 1,
        lasted: Duration::from_secs(60),
        interrupted: false,
        load: Load {
            longest_silence: Duration::from_millis(300),
            flood: 5,
            datagrams: Tally::default(),
            local_datagrams: Tally::default(),
        },
        outcomes: [outcome.clone(), outcome.clone(), outcome],
        books: Books { edges: vec![edge], servers: vec![server] },
        daemons: vec![Daemon::new("a2", vec![sample(0), sample(60)], look.clone(), look)],
        machine: Vec::new(),
        changes_of_routes: 0,
        deeds: Vec::new(),
        undone: Vec::new(),
        parts: "1 process".to_owned(),
        left: Vec::new(),
    }
}

#[test]
fn a_report_says_why_sessions_broke_and_what_grew() {
    let report = Report::new(well());
    assert!(report.is_good(), "{:?}", report.faults);
    let text = report.markdown();
    for words in [
        "**Verdict: good**",
        "| sessions | 10 | 2 | 0 |",
        "| its backend was removed | 2 | 2 | 2 |",
        "| a1 | 9 | 9 | 7 | 2 | 0 | 0 | 2 | agree |",
        "| a2 | 1 | 2.0 | 2.0 | 2.0 |  | 43, 43 | 10, 1.0 |",
        "nothing was left at the end",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn whatever_must_not_be_makes_a_bad_report() {
    let spoil: [fn(&mut Parts); 7] = [
        |it| it.outcomes[0].faults.push("a session without a reason".to_owned()),
        |it| it.outcomes[1].total = 0,
        |it| it.books.edges[0].taken += 1,
        |it| it.daemons[0].after.descriptors += 1,
        |it| it.daemons[0].processes = 2,
        |it| it.undone.push("a command failed".to_owned()),
        |it| it.left.push("BPF map 7".to_owned()),
    ];
    for spoil in spoil {
        let mut parts = well();
        spoil(&mut parts);
        let report = Report::new(parts);
        assert!(!report.is_good() && report.markdown().contains("fault"), "{}", report.markdown());
    }
}
