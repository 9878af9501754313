//! Test programs: built by one cargo for all of a layer, run by hand as cargo would, so that several can run at once.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::summary::Summary;
use crate::compile::cargo;

/// An executable full of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Package and target, as cargo's options name them.
    pub title: String,
    path: PathBuf,
    /// Where cargo runs it: the package's directory.
    directory: PathBuf,
}

/// What a run of a program came to.
#[derive(Debug)]
pub struct Run {
    /// What it printed, both streams in their order. Tests may print anything: bytes are passed on as they are.
    pub output: Vec<u8>,
    /// Its tests.
    pub summary: Summary,
    /// How long it took.
    pub time: Duration,
}

/// Builds test programs; the arguments are those of `cargo test` that select them.
pub fn build(arguments: &[String]) -> Result<Vec<Program>> {
    let mut command = cargo();
    command.args(["test", "--no-run", "--message-format=json-render-diagnostics"]).args(arguments);
    let output = command.stderr(Stdio::inherit()).output().context("start cargo test")?;
    if !output.status.success() {
        bail!("build the tests: cargo ended with {}; its errors are above", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut programs: Vec<Program> = messages.lines().filter_map(program).collect();
    programs.sort_by(|one, other| one.title.cmp(&other.title));
    Ok(programs)
}

impl Program {
    /// A program of that name, for tests.
    #[cfg(test)]
    pub fn of_test(title: &str, path: &Path) -> Self {
        Self { title: title.to_owned(), path: path.to_owned(), directory: PathBuf::from("/") }
    }

    /// Runs it; the arguments are libtest's.
    pub fn run(&self, arguments: &[&str]) -> Result<Run> {
        let start = Instant::now();
        let mut log = tempfile::tempfile().context("create a temporary log")?;
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(&self.directory).env("CARGO_MANIFEST_DIR", &self.directory);
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().context("share the temporary log")?);
        command.stderr(log.try_clone().context("share the temporary log")?);
        let status = command.status().with_context(|| format!("start {}", self.path.display()))?;
        let mut output = Vec::new();
        log.seek(SeekFrom::Start(0))
            .and_then(|_| log.read_to_end(&mut output))
            .context("read what tests printed")?;
        let summary = self.summary(&output, status);
        Ok(Run { output, summary, time: start.elapsed() })
    }

    fn summary(&self, output: &[u8], status: ExitStatus) -> Summary {
        let mut summary = Summary::default();
        String::from_utf8_lossy(output).lines().for_each(|line| summary.line(line));
        if !status.success() && summary.failed == 0 {
            // It died before it could count.
            summary.failed += 1;
            summary.failed_names.push(format!("{} ended with {status}", self.title));
        }
        summary
    }
}

/// What matters of cargo's message of an artifact.
/// Source: <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: PathBuf,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// The test program that a line of cargo's tells of, if it does.
fn program(line: &str) -> Option<Program> {
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    if !artifact.profile.test {
        return None;
    }
    let directory = artifact.manifest_path.parent()?.to_owned();
    let package = directory.file_name().map(Path::new)?.display();
    let kind = artifact.target.kind.first()?;
    let title = match kind.as_str() {
        "lib" => format!("{package} --lib"),
        kind => format!("{package} --{kind} {}", artifact.target.name),
    };
    Some(Program { title, path: artifact.executable, directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(kind: &str, name: &str, is_test: bool) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"p","manifest_path":"/w/anycast-ctl/Cargo.toml","target":{{"kind":["{kind}"],"name":"{name}"}},"profile":{{"test":{is_test}}},"executable":"/t/{name}-1","fresh":true}}"#
        )
    }

    #[test]
    fn programs_are_told_from_other_artifacts() {
        let lab = program(&artifact("test", "top_lab", true)).unwrap();
        assert_eq!(lab.title, "anycast-ctl --test top_lab");
        assert_eq!(lab.directory, Path::new("/w/anycast-ctl"));
        assert_eq!(program(&artifact("lib", "anycast_ctl", true)).unwrap().title, "anycast-ctl --lib");
        assert_eq!(program(&artifact("bin", "anycast-ctl", false)), None);
        let library = artifact("lib", "anycast_ctl", true).replace(r#""/t/anycast_ctl-1""#, "null");
        assert_eq!(program(&library), None);
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn a_program_that_dies_is_a_failure() {
        let shell = |script: &str| Program::of_test("it", Path::new("/bin/sh")).run(&["-c", script]).unwrap();
        let died = shell("echo test a ... ok; kill -9 $$");
        assert_eq!(died.summary.failed, 1);
        assert!(died.summary.failed_names[0].starts_with("it ended with signal: 9"), "{died:?}");
        let failed =
            shell("echo 'test a ... FAILED'; echo 'test result: FAILED. 2 passed; 1 failed;' >&2; exit 101");
        assert_eq!(failed.summary.to_string(), "2 passed, 1 failed, 0 skipped");
        assert_eq!(failed.summary.failed_names, ["a"]);
    }
}
