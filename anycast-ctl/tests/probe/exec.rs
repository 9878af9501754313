//! `type = "exec"`

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use anycast_ctl::health::{
    probe::{Context, Outcome, probe},
    spec::Probe,
};

use crate::harness::{
    LONG, SHORT, alone, ask_with, children, context, fails, passes, payload, run, says_nothing, target,
};

/// Nobody connects to it but programs.
const ASKED: &str = "192.0.2.7:80";

fn program(command: &[&str], expect: Option<&str>) -> Probe {
    Probe::Exec {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        expect: expect.map(payload),
    }
}

fn shell(script: &str, expect: Option<&str>) -> Probe {
    program(&["/bin/sh", "-c", script], expect)
}

async fn ask(what: &Probe, timeout: Duration) -> Outcome {
    ask_with(&context(), what, &target(ASKED.parse().unwrap()), timeout).await
}

/// Whether a process that the script began is still there; it sleeps for a time that is its mark.
fn is_alive(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let command = |process: fs::DirEntry| fs::read(process.path().join("cmdline")).unwrap_or_default();
    let wanted = format!("sleep\0{mark}\0");
    processes.map(command).any(|command| command == wanted.as_bytes())
}

#[test]
fn exit_code_and_output_are_compared() {
    run(async {
        passes(&ask(&program(&["/bin/true"], None), LONG).await, "exit code 0");
        fails(&ask(&program(&["/bin/false"], None), LONG).await, "exit code 1, expected 0");
        let outcome = ask(&shell("echo cannot ask >&2; exit 3", None), LONG).await;
        fails(&outcome, "exit code 3, expected 0, output `cannot ask`");
        passes(&ask(&shell("echo all is well", Some("is well")), LONG).await, "exit code 0");
        let outcome = ask(&shell("echo degraded", Some("is well")), LONG).await;
        fails(&outcome, "output `degraded\\n`, expected `is well`");
        fails(&ask(&shell("kill -SEGV $$", None), LONG).await, "killed by signal 11");
    });
}

#[test]
fn a_program_that_cannot_run_says_nothing() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let outcome = ask(&program(&["/no/such/program"], None), LONG).await;
        says_nothing(&outcome, "run /no/such/program: no such file or directory");
        let file = directory.path().join("check");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let path = file.to_str().unwrap();
        says_nothing(&ask(&program(&[path], None), LONG).await, &format!("run {path}: permission denied"));
        fs::write(&file, "neither a script nor a program").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        says_nothing(&ask(&program(&[path], None), LONG).await, &format!("run {path}: exec format error"));
        let nobody = Context::supervised_by("/no/such/supervisor");
        let true_program = program(&["/bin/true"], None);
        let outcome = ask_with(&nobody, &true_program, &target(ASKED.parse().unwrap()), LONG).await;
        says_nothing(&outcome, "start the supervisor: no such file or directory");
    });
}

#[test]
fn it_knows_whom_it_checks_and_nothing_else() {
    run(async {
        let script = r#"test -z "$(cat)" && test "$(pwd)" = / || exit 9
            env | grep -v -e ^PATH= -e ^PWD= -e ^SHLVL= -e ^_= | sort | tr '\n' ' '; grep ^Cap[EPI] /proc/self/status | tr -d '\t\n'"#;
        let expected = "ANYCAST_ADDRESS=192.0.2.7 ANYCAST_BACKEND=web-1 ANYCAST_PORT=80 CapInh:0000000000000000CapPrm:0000000000000000\
             CapEff:0000000000000000";
        passes(&ask(&shell(script, Some(expected)), LONG).await, "exit code 0");
        passes(&ask(&shell("ls /proc/self/fd | wc -l", Some("4")), LONG).await, "exit code 0");
        // Root may empty the bounding set as well.
        let none = "0000000000000000";
        let rights = r"grep -E '^(Cap(Bnd|Amb)|NoNewPrivs)' /proc/self/status | tr -d '\t\n'";
        let expected = format!("CapBnd:{none}CapAmb:{none}NoNewPrivs:1");
        if nix::unistd::Uid::effective().is_root() {
            passes(&ask(&shell(rights, Some(&expected)), LONG).await, "exit code 0");
        }
    });
}

#[test]
fn one_that_never_ends_is_killed() {
    run(async {
        let late = "still running: no end within 300ms";
        fails(&ask(&program(&["/bin/sleep", "7654321"], None), SHORT).await, late);
        let stubborn = "trap '' TERM INT HUP; while :; do sleep 7654322; done";
        fails(&ask(&shell(stubborn, None), SHORT).await, late);
        // Of which the supervisor is told nothing.
        fails(&ask(&shell("exec >&- 2>&-; sleep 7654323", None), SHORT).await, late);
        fails(&ask(&shell("kill -STOP $$", None), SHORT).await, late);
        for mark in ["7654321", "7654322", "7654323"] {
            assert!(!is_alive(mark), "sleep {mark} is left");
        }
    });
}

#[test]
fn its_descendants_end_with_it() {
    run(async {
        // A child that is orphaned, one in a session of its own, and one of those that was forked twice.
        let family = |first: u32| {
            format!(
                "sleep {first} & setsid sleep {} & (setsid sh -c 'sleep {} & exit' &) ; sleep 0.1;",
                first + 1,
                first + 2
            )
        };
        passes(&ask(&shell(&format!("{} exit 0", family(8765431)), None), LONG).await, "exit code 0");
        let endless = shell(&format!("{} sleep 8765437", family(8765434)), None);
        fails(&ask(&endless, SHORT).await, "still running: no end within 300ms");
        // One that forks and ends, over and over.
        let comet = "f() { ( sleep 0.01; f & ) & }; f; sleep 0.2; exit 0";
        passes(&ask(&shell(comet, None), LONG).await, "exit code 0");
        for mark in 8_765_431..=8_765_437 {
            assert!(!is_alive(&mark.to_string()), "sleep {mark} is left");
        }
    });
}

#[test]
fn a_flood_of_output_is_thrown_away() {
    run(async {
        passes(&ask(&shell("head -c 50000000 /dev/zero; echo end >&2", None), LONG).await, "exit code 0");
        fails(&ask(&program(&["/usr/bin/yes"], None), SHORT).await, "still running: no end within 300ms");
        let late = shell("head -c 70000 /dev/zero; echo end", Some("end"));
        let outcome = ask(&late, LONG).await;
        assert_eq!(outcome.detail, format!("output `{}…`, expected `end`", "\\0".repeat(64)));
        // Others go on when the program has ended.
        passes(&ask(&shell("echo begun; yes &", Some("begun")), LONG).await, "exit code 0");
    });
}

#[test]
fn nothing_outlives_a_check_that_is_given_up() {
    run(async {
        let (what, target, context) =
            (shell("setsid sleep 9876541 & sleep 9876542", None), target(ASKED.parse().unwrap()), context());
        let check = probe(&what, false, &target, LONG, &context);
        assert!(tokio::time::timeout(Duration::from_secs(2), check).await.is_err());
        // The supervisor notices by itself, and the runtime that it has ended.
        let start = Instant::now();
        while ["9876541", "9876542"].into_iter().any(is_alive) || !children().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(5), "something is left");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn the_supervisor_is_hidden() {
    let _alone = alone();
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_anycast-ctl")).arg("--help").output().unwrap();
    assert!(!String::from_utf8_lossy(&help.stdout).contains("supervise"));
}
