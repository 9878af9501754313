//! Each lab's directory below `/run/anycast-lab`, and the lock that says whether the lab is alive.
//!
//! The owner holds a lock on `DIRECTORY/lock` for as long as it lives; the kernel releases it with the owner. A
//! directory whose lock is free is what a killed owner left behind: the next lab removes it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

const ROOT: &str = "/run/anycast-lab";

/// A lab's directory, locked, and removed when this is dropped.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    _lock: File,
}

impl Claim {
    /// Removes what dead labs left and claims a directory for a lab of that name.
    pub fn new(name: &str) -> Result<Self> {
        check_name(name)?;
        let _everything = lock_root()?;
        sweep()?;
        let path = path_of(name);
        if path.exists() {
            bail!("start lab {name}: one of that name is running; end it with `cargo xtask lab down {name}`");
        }
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        let lock = open_lock(&path)?;
        // Waits only for someone who is just looking whether the lab is alive.
        lock.lock().with_context(|| format!("lock {}", path.display()))?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Half removed, it would look dead to one who sweeps. Without the lock it is removed all the same.
        let _everything = lock_root();
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("remove {}: {error}; the next lab sweeps it", self.path.display());
        }
    }
}

/// The directory of the lab of that name.
pub fn path_of(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

/// Names of the labs whose owners live.
pub fn alive() -> Result<Vec<String>> {
    Ok(entries()?.into_iter().filter(|name| is_alive(name)).collect())
}

/// Whether the owner of that lab lives.
pub fn is_alive(name: &str) -> bool {
    File::open(path_of(name).join("lock"))
        .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether nothing is left of that lab. What a killed owner left is removed by asking.
pub fn is_gone(name: &str) -> Result<bool> {
    let path = path_of(name);
    if path.join("lock").exists() && !is_alive(name) {
        let _everything = lock_root()?;
        sweep()?;
    }
    Ok(!path.exists())
}

/// Names of labs are directory names, and short.
pub fn check_name(name: &str) -> Result<()> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if name.is_empty() || name.len() > 32 || !plain {
        bail!("name a lab `{name}`: use 1 to 32 letters, digits, `-` or `_`");
    }
    Ok(())
}

fn sweep() -> Result<()> {
    for name in entries()? {
        if !is_alive(&name) {
            let path = path_of(&name);
            fs::remove_dir_all(&path)
                .with_context(|| format!("remove {}, left by a killed lab", path.display()))?;
        }
    }
    Ok(())
}

fn entries() -> Result<Vec<String>> {
    let root = match fs::read_dir(ROOT) {
        Ok(root) => root,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("list {ROOT}")),
    };
    let mut names = Vec::new();
    for entry in root {
        let entry = entry.with_context(|| format!("list {ROOT}"))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// One process at a time sweeps and claims: between making a directory and locking it, it looks dead.
fn lock_root() -> Result<File> {
    fs::create_dir_all(ROOT).with_context(|| format!("create {ROOT}: run this as root"))?;
    let lock = open_lock(Path::new(ROOT))?;
    lock.lock().with_context(|| format!("lock {ROOT}"))?;
    Ok(lock)
}

fn open_lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    options.open(&path).with_context(|| format!("open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_root() {
        for good in ["demo", "lab-1_a"] {
            assert!(check_name(good).is_ok());
        }
        for bad in ["", "..", "a/b", "a b", &"x".repeat(33)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
