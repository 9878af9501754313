//! Test programs at work, several at once.

use std::{
    collections::VecDeque,
    io::Write,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    programs::{Program, Run},
    summary::Summary,
};

const PRINT: &str = "print the tests' output";

/// How often the programs at work are named.
const REMINDER: Duration = Duration::from_secs(60);

/// More failed tests than these are no chance.
const MOST_REPEATED: usize = 5;

/// What came of one program.
struct Ended {
    index: usize,
    run: Result<Run>,
}

/// Runs the programs in their order, so many at a time, and prints what each printed when it has ended.
pub fn run(
    programs: &[Program],
    at_once: usize,
    arguments: &[&str],
    output: &mut impl Write,
) -> Result<Vec<(Program, Summary)>> {
    let waiting: Mutex<VecDeque<usize>> = Mutex::new((0..programs.len()).collect());
    let at_work = Mutex::new(Vec::new());
    let (sender, receiver) = mpsc::channel();
    let mut results = Vec::new();
    thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, programs.len().max(1)) {
            let sender = sender.clone();
            let (waiting, at_work) = (&waiting, &at_work);
            scope.spawn(move || {
                loop {
                    let next = lock(waiting).pop_front();
                    let Some((index, program)) = next.and_then(|index| Some((index, programs.get(index)?)))
                    else {
                        return;
                    };
                    lock(at_work).push((index, Instant::now()));
                    let run = program.run(arguments);
                    lock(at_work).retain(|(other, _)| *other != index);
                    if sender.send(Ended { index, run }).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(REMINDER) {
                Ok(Ended { index, run }) => {
                    let program = programs.get(index).context("know the program")?;
                    results.push((program.clone(), shown(program, run?, output)?));
                }
                Err(RecvTimeoutError::Timeout) => {
                    for (index, since) in lock(&at_work).iter() {
                        if let Some(program) = programs.get(*index) {
                            writeln!(
                                output,
                                "at work for {} s: {}",
                                since.elapsed().as_secs(),
                                program.title
                            )
                            .context(PRINT)?;
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(results),
            }
        }
    })
}

/// Failed tests run again, alone: beside other programs a test may find its processor taken. Those that pass then are counted
/// as passed and named.
pub fn repeat(results: &mut [(Program, Summary)], arguments: &[&str], output: &mut impl Write) -> Result<()> {
    if results.iter().map(|(_, summary)| summary.failed).sum::<usize>() > MOST_REPEATED {
        return Ok(());
    }
    for (program, summary) in results {
        for name in std::mem::take(&mut summary.failed_names) {
            writeln!(output, "\nagain, alone: {name}").context(PRINT)?;
            let again = shown(program, program.run(&[&["--exact", &name], arguments].concat())?, output)?;
            if again.passed == 1 && again.failed == 0 {
                summary.failed -= 1;
                summary.passed += 1;
                summary.repeated_names.push(name);
            } else {
                summary.failed_names.push(name);
            }
        }
    }
    Ok(())
}

/// Prints what a program printed.
fn shown(program: &Program, run: Run, output: &mut impl Write) -> Result<Summary> {
    writeln!(output, "\n── {}: {:.1} s", program.title, run.time.as_secs_f32()).context(PRINT)?;
    output.write_all(&run.output).context(PRINT)?;
    Ok(run.summary)
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shells(names: &[&str]) -> Vec<Program> {
        names.iter().map(|name| Program::of_test(name, "/bin/sh".as_ref())).collect()
    }

    #[test]
    fn programs_run_at_once_and_all_are_counted() {
        let programs = shells(&["one", "two", "three"]);
        // Each waits for another: one at a time would never end.
        let directory = tempfile::tempdir().unwrap();
        let script = format!(
            "cd {}; mkdir a 2>/dev/null || mkdir b 2>/dev/null || mkdir c; until [ -d b ]; do sleep 0.01; done; \
             echo 'test result: ok. 2 passed; 0 failed; 0 ignored;'",
            directory.path().display()
        );
        let results = run(&programs, 2, &["-c", &script], &mut Vec::new()).unwrap();
        let mut titles: Vec<&str> = results.iter().map(|(program, _)| program.title.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["one", "three", "two"]);
        assert!(results.iter().all(|(_, summary)| summary.passed == 2));
    }

    /// A program that answers `--exact NAME` with one test.
    fn program(directory: &std::path::Path, outcome: &str) -> Program {
        let path = directory.join(outcome);
        let text = format!(
            "#!/bin/sh\n[ \"$1 $2 $3\" = '--exact a::b --test-threads=1' ] || exit 3\n\
             echo 'test a::b ... {outcome}'\n{}\n",
            if outcome == "ok" {
                "echo 'test result: ok. 1 passed; 0 failed; 0 ignored;'"
            } else {
                "echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored;'; exit 101"
            }
        );
        // Written by another process: a file that a thread's child has open for writing cannot be run.
        let mut write = std::process::Command::new("sh");
        write.args(["-c", "printf %s \"$1\" > \"$0\"; chmod 700 \"$0\""]).arg(&path).arg(text);
        assert!(write.status().unwrap().success());
        Program::of_test("it", &path)
    }

    fn failed(names: &[&str]) -> Summary {
        Summary {
            passed: 1,
            failed: names.len(),
            failed_names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Summary::default()
        }
    }

    #[test]
    fn what_passes_alone_is_counted_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let mut results = vec![
            (program(directory.path(), "ok"), failed(&["a::b"])),
            (program(directory.path(), "FAILED"), failed(&["a::b"])),
        ];
        repeat(&mut results, &["--test-threads=1"], &mut Vec::new()).unwrap();
        assert_eq!(results[0].1.to_string(), "2 passed (1 of them at the second try), 0 failed, 0 skipped");
        assert_eq!(results[0].1.repeated_names, ["a::b"]);
        assert_eq!(results[1].1.to_string(), "1 passed, 1 failed, 0 skipped");
        assert_eq!(results[1].1.failed_names, ["a::b"]);
    }

    #[test]
    fn many_failures_are_no_chance() {
        let directory = tempfile::tempdir().unwrap();
        let mut results = vec![(program(directory.path(), "ok"), failed(&["a::b"; 6]))];
        repeat(&mut results, &["--test-threads=1"], &mut Vec::new()).unwrap();
        assert_eq!(results[0].1.failed, 6);
    }
}
