//! Builds anycast-ctl and learns from cargo where everything went.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::setup::{self, Mode};

/// What static programs are built for: musl's C library is in them, and they load nothing.
pub const STATIC_TARGET: &str = "x86_64-unknown-linux-musl";

/// Where a program has its C library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Linking {
    /// This host's, which the program loads.
    #[default]
    Dynamic,
    /// In itself: it runs on any Linux of this architecture, and alone in an initramfs.
    Static,
}

impl Linking {
    /// Has cargo build so, and what that needs installed.
    fn apply(self, command: &mut Command) -> Result<()> {
        if self == Self::Static {
            setup::setup_static(Mode::Install)?;
            command.args(["--target", STATIC_TARGET]);
        }
        Ok(())
    }
}

/// What to build anycast-ctl with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The release profile.
    pub release: bool,
    /// Features of anycast-ctl.
    pub features: Vec<String>,
    /// Where it has its C library.
    pub linking: Linking,
    /// The source tree, if it is another than the one of this xtask.
    pub directory: Option<PathBuf>,
    /// More of cargo's environment.
    pub environment: Vec<(String, String)>,
    /// More of cargo's arguments.
    pub arguments: Vec<String>,
}

/// What a build left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The anycast-ctl executable.
    pub binary: PathBuf,
    /// The directory its build script wrote the eBPF objects to.
    pub objects: Option<PathBuf>,
}

/// The workspace this xtask was compiled in.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A cargo command in the workspace, by the toolchain that runs this xtask.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Set by .cargo/config.toml for cargo inside cargo.
    command.current_dir(workspace()).env_remove("CARGO_TERM_QUIET");
    command
}

/// Builds anycast-ctl; cargo's own progress and errors go to the terminal.
pub fn build(options: &Options) -> Result<Built> {
    let mut command = cargo();
    command.args(["build", "--package", "anycast-ctl", "--bin", "anycast-ctl"]);
    command.arg("--message-format=json-render-diagnostics");
    if options.release {
        command.arg("--release");
    }
    if !options.features.is_empty() {
        command.args(["--features", &options.features.join(",")]);
    }
    options.linking.apply(&mut command)?;
    command.args(&options.arguments);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &options.directory {
        command.current_dir(directory);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("start cargo build")?;
    let stdout = child.stdout.take().context("read cargo's messages")?;
    let mut binary = None;
    let mut objects = None;
    for line in BufReader::new(stdout).lines() {
        match message(&line.context("read cargo's messages")?) {
            Some(Message::Artifact { target, executable: Some(path) }) if target.name == "anycast-ctl" => {
                binary = Some(path);
            }
            Some(Message::BuildScript { package_id, out_dir }) if package_id.contains("anycast-ctl") => {
                objects = Some(out_dir);
            }
            _ => {}
        }
    }
    let status = child.wait().context("wait for cargo build")?;
    if !status.success() {
        bail!("build anycast-ctl: cargo ended with {status}; its errors are above");
    }
    let binary = binary.context("find anycast-ctl's executable among cargo's messages")?;
    Ok(Built { binary, objects })
}

/// Test programs, with the controller beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tests {
    /// Their executables, and that of anycast-ctl.
    pub programs: Vec<PathBuf>,
    /// The directory the build script wrote the eBPF objects to.
    pub objects: Option<PathBuf>,
}

/// Builds these test programs of anycast-ctl, and anycast-ctl itself.
pub fn test_programs(names: &[&str], linking: Linking) -> Result<Tests> {
    let mut command = cargo();
    command.args([
        "test",
        "--no-run",
        "--package",
        "anycast-ctl",
        "--message-format=json-render-diagnostics",
    ]);
    for name in names {
        command.args(["--test", name]);
    }
    linking.apply(&mut command)?;
    let output = command.stderr(Stdio::inherit()).output().context("start cargo test")?;
    if !output.status.success() {
        bail!("build the tests: cargo ended with {}; its errors are above", output.status);
    }
    let wanted = |name: &str| name == "anycast-ctl" || names.contains(&name);
    let mut tests = Tests { programs: Vec::new(), objects: None };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match message(line) {
            Some(Message::Artifact { target, executable: Some(path) }) if wanted(&target.name) => {
                tests.programs.push(path);
            }
            Some(Message::BuildScript { package_id, out_dir }) if package_id.contains("anycast-ctl") => {
                tests.objects = Some(out_dir);
            }
            _ => {}
        }
    }
    Ok(tests)
}

/// The lines of cargo's JSON that matter here.
/// Source: <https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>.
#[derive(Debug, Deserialize)]
#[serde(tag = "reason")]
enum Message {
    #[serde(rename = "compiler-artifact")]
    Artifact { target: Target, executable: Option<PathBuf> },
    #[serde(rename = "build-script-executed")]
    BuildScript { package_id: String, out_dir: PathBuf },
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

fn message(line: &str) -> Option<Message> {
    serde_json::from_str(line).ok()
}

/// Names of the programs that cargo finds in that folder of a package, `tests` or `benches`, in order; none if it has none.
pub fn programs(package: &str, folder: &str) -> Result<Vec<String>> {
    let directory = workspace().join(package).join(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry.with_context(|| format!("list {}", directory.display()))?.path();
        let is_program =
            path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").exists();
        if let (true, Some(name)) = (is_program, path.file_stem()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_that_matter_are_understood() {
        let artifact = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/anycast-ctl#0.1.0","target":{"kind":["bin"],"name":"anycast-ctl"},"executable":"/t/anycast-ctl","fresh":true}"#;
        assert!(matches!(message(artifact), Some(Message::Artifact { executable: Some(_), .. })));
        let script = r#"{"reason":"build-script-executed","package_id":"path+file:///w/anycast-ctl#0.1.0","linked_libs":[],"out_dir":"/t/out"}"#;
        assert!(matches!(message(script), Some(Message::BuildScript { .. })));
        assert!(message(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(message("not json").is_none());
    }
}
