//! Namespaces of a thread's own, with disks of any size.

use std::{panic, path::Path, process::Command, thread};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

/// Runs on a thread with a network and mounts of its own, which go with the last process in them.
pub fn inside(test: impl FnOnce() + Send) {
    let run = || {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)
            .expect("create namespaces: these tests need root");
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_PRIVATE | MsFlags::MS_REC, none).unwrap();
        test();
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| panic::resume_unwind(panic));
}

/// Gives a directory a disk of its own, of that size.
pub fn with_size(directory: &Path, size: &str) {
    tmpfs(directory, MsFlags::empty(), size);
}

/// Gives that disk another size.
pub fn resize(directory: &Path, size: &str) {
    tmpfs(directory, MsFlags::MS_REMOUNT, size);
}

fn tmpfs(directory: &Path, flags: MsFlags, size: &str) {
    mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some(format!("size={size}").as_str())).unwrap();
}

/// Runs a command to its end, which must be good, and gives its output.
pub fn run(program: &str, words: &str) -> String {
    let output = Command::new(program).args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
