//! Programs of the host that setup installs and the lab runs.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where administrators' programs live on systems that keep them off a plain user's `PATH`.
const ADMINISTRATION: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The executable of that name on `PATH` or among the administrators' programs.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(ADMINISTRATION.iter().map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

/// A command for that program; when it is nowhere, running the command says so.
pub fn command(name: &str) -> Command {
    Command::new(find(name).unwrap_or_else(|| PathBuf::from(name)))
}

/// Whether the program is there and runs: it answers these arguments with success.
pub fn works(name: &str, arguments: &[&str]) -> bool {
    command(name)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A command as a user would type it, environment first.
pub fn shell_line(command: &Command) -> String {
    let environment = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), quoted(value?.to_owned()))));
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_owned();
    let words = std::iter::once(program).chain(command.get_args().map(OsString::from)).map(quoted);
    environment.chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: OsString) -> String {
    let word = word.to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_can_be_pasted() {
        let mut command = Command::new("/usr/bin/cargo");
        command.env("LLVM_PREFIX", "/usr/lib/llvm-22").args(["install", "bpf-linker@0.13.0", "it's"]);
        assert_eq!(
            shell_line(&command),
            r"LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker@0.13.0 'it'\''s'"
        );
    }

    #[test]
    fn a_program_that_is_nowhere_does_not_work() {
        assert!(find("sh").is_some());
        assert!(works("sh", &["-c", "exit 0"]));
        assert!(!works("sh", &["-c", "exit 1"]));
        assert!(!works("no-such-program-anywhere", &[]));
    }
}
