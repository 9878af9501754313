//! A process that holds the way is killed.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
};

use anycast_ctl::health::path::{CheckPath, clean_up};
use nix::sys::signal::Signal;
use xtask::lab::{Family, Process};

use crate::{
    harness::{INSTANCE, MODES, Stage},
    lifecycle::Found,
    socket::Check,
};

/// Has the test hold the way, and nothing else.
const HOLD: &str = "ANYCAST_TEST_HOLD_CHECK_PATH";

#[test]
fn what_a_killed_process_leaves_is_taken_over() {
    if env::var_os(HOLD).is_some() {
        return hold();
    }
    let mut stage = Stage::closed(MODES[0]);
    for round in 0..3 {
        kill_one(&stage);
        // Its program is gone with it, the rules are not.
        assert_eq!(Found::on(&stage.lab), Found { links: 0, ..Found::ONE }, "round {round}");
        if round == 1 {
            stage.on_edge(clean_up(INSTANCE)).unwrap();
            assert_eq!(Found::on(&stage.lab), Found::default());
        }
    }
    stage.path = Some(stage.open(INSTANCE));
    stage.set(Family::V4);
    assert_eq!(Found::on(&stage.lab), Found::ONE);
    assert_eq!(Check::new(&stage.lab, Family::V4, stage.mark(0), 1500).http().unwrap(), "backend1");
}

fn kill_one(stage: &Stage) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "killed::what_a_killed_process_leaves_is_taken_over", "--nocapture"]);
    command.env(HOLD, "1").stdout(Stdio::piped());
    let mut holder: Process = stage.lab.spawn("edge", command).unwrap();
    let output = BufReader::new(holder.child().stdout.take().unwrap());
    assert!(output.lines().any(|line| line.unwrap() == "open"), "the holder ended early");
    assert_eq!(Found::on(&stage.lab), Found::ONE);
    holder.signal(Signal::SIGKILL).unwrap();
    holder.wait().unwrap();
}

fn hold() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _path = runtime.block_on(CheckPath::open(INSTANCE)).unwrap();
    println!("\nopen");
    loop {
        thread::park();
    }
}
