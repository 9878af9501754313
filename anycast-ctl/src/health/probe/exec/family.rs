//! The end of all that a supervised program began.

use std::{fs, io, process, thread, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Between two rounds, for the killed to die and for their children to become ours.
const PAUSE: Duration = Duration::from_millis(1);

/// Kills the children of this process until it has none. Those of a killed one become its own, and are next; one that is quicker
/// to fork than it is found is met in a later round.
///
/// # Errors
/// When the children cannot be found or reaped.
pub fn end() -> io::Result<()> {
    while !reaped()? {
        for child in children()? {
            // One that has just ended is no error.
            let _ = kill(child, Signal::SIGKILL);
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Takes note of children that ended; answers whether there are no others.
fn reaped() -> io::Result<bool> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return Ok(true),
            Err(errno) => return Err(errno.into()),
            Ok(WaitStatus::StillAlive) => return Ok(false),
            Ok(_) => {}
        }
    }
}

/// From proc(5): /proc/PID/task/TID/children where the kernel has it (`CONFIG_PROC_CHILDREN`), else from all processes. This process
/// has one thread.
fn children() -> io::Result<Vec<Pid>> {
    let own = process::id();
    match fs::read_to_string(format!("/proc/{own}/task/{own}/children")) {
        Ok(children) => Ok(children.split_whitespace().filter_map(pid).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => search(own),
        Err(error) => Err(error),
    }
}

fn search(parent: u32) -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(pid) else { continue };
        // One that is gone by now has no children of ours.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if parent_in(&stat) == Some(parent) {
            children.push(pid);
        }
    }
    Ok(children)
}

fn pid(text: &str) -> Option<Pid> {
    text.parse().ok().map(Pid::from_raw)
}

/// The fourth field; the second is a name in parentheses that may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_parent_is_read_behind_any_name() {
        assert_eq!(parent_in("77 (a) b) S 42 77 77 0"), Some(42));
        assert_eq!(parent_in("77 (sleep) Z 1 77"), Some(1));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn children_are_found_among_all_processes() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = Pid::from_raw(child.id().try_into().unwrap());
        let found = search(process::id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&id));
    }
}
