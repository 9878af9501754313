//! Long steps: a spinner with the elapsed time on a terminal, plain lines elsewhere, the log's end on failure.

use std::{
    io::{IsTerminal as _, Read as _, Seek as _, SeekFrom},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::host_tool::shell_line;

/// Lines of a failed step's output that are shown.
const TAIL_LINES: usize = 40;
/// How often a step without a terminal says that it is still at work.
const REMINDER: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(100);

/// Runs the command with its output kept aside; a failure shows the output's end.
pub fn run_step(title: &str, command: &mut Command) -> Result<()> {
    let mut log = tempfile::tempfile().context("create a temporary log")?;
    let start = Instant::now();
    let spinner = Spinner::start(title);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the temporary log")?)
        .stderr(log.try_clone().context("share the temporary log")?)
        .spawn()
        .with_context(|| format!("start `{}`", shell_line(command)))?;
    let mut reminded = start;
    let status = loop {
        if let Some(status) =
            child.try_wait().with_context(|| format!("wait for `{}`", shell_line(command)))?
        {
            break status;
        }
        if spinner.bar.is_hidden() && reminded.elapsed() >= REMINDER {
            reminded = Instant::now();
            eprintln!("{title}: still at work after {} s", start.elapsed().as_secs());
        }
        thread::sleep(TICK);
    };
    spinner.bar.finish_and_clear();
    if status.success() {
        eprintln!("{title}: done in {:.1} s", start.elapsed().as_secs_f32());
        return Ok(());
    }
    let mut output = String::new();
    log.seek(SeekFrom::Start(0))
        .and_then(|_| log.read_to_string(&mut output))
        .context("read the step's log")?;
    eprintln!("{}", tail(&output));
    bail!("{title} failed: `{}` ended with {status}; its last lines are above", shell_line(command));
}

struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    fn start(title: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            eprintln!("{title} …");
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new_spinner().with_message(title.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { bar }
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(TAIL_LINES))
        .map(|line| format!("  | {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_an_error_that_names_the_command() {
        let error = run_step("probe", Command::new("sh").args(["-c", "echo text; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("sh -c 'echo text; exit 3'"), "{error}");
        run_step("probe", Command::new("sh").args(["-c", "exit 0"])).unwrap();
    }

    #[test]
    fn the_tail_is_the_end() {
        let output: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert!(tail(&output).starts_with("  | 60\n"));
        assert!(tail(&output).ends_with("  | 99"));
    }
}
