//! A daemon that root started by hand.

use crate::stage::{Stage, rights};

/// CAP_DAC_OVERRIDE beside the four: bit 1.
const KEPT: &str = "000000c000003002";
const NONE: &str = "0000000000000000";

#[test]
fn it_gives_up_what_it_does_not_need() {
    let mut stage = Stage::bare(1);
    let site = stage.site("", "");
    stage.daemon = Some(stage.spawn_by(&[], &site, &["--no-http"]));
    stage.wait_until_up();
    let expected = format!(
        "Uid: 0 0 0 0\nCapInh: {NONE}\nCapPrm: {KEPT}\nCapEff: {KEPT}\nCapBnd: {KEPT}\nCapAmb: {NONE}\nNoNewPrivs: 1\n"
    );
    let threads = rights(stage.status().pid);
    assert!(threads.len() > 2 && threads.iter().all(|thread| *thread == expected), "{threads:#?}");
    let page = stage.ctl(&["status"]);
    assert!(page.contains("The daemon runs as root (uid 0), with CAP_BPF"), "{page}");
}
