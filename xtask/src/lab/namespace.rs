//! Network namespaces without a name: nothing is bind-mounted, so they end with the last process that is in one
//! or holds its descriptor, however that process ends.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    panic,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result};
use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace held by a descriptor that closes on exec.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
}

impl Namespace {
    /// Makes an empty one. Only a passing thread enters it; the caller stays where it is.
    pub fn create(name: &str) -> Result<Self> {
        let file = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("create network namespace {name}: run this as root"))?;
            File::open("/proc/thread-self/ns/net").context("open the created network namespace")
        })?;
        Ok(Self { name: name.to_owned(), file })
    }

    /// The one this process is in.
    pub fn current() -> Result<Self> {
        let file = File::open("/proc/thread-self/ns/net").context("open this process's network namespace")?;
        Ok(Self { name: "the host".to_owned(), file })
    }

    /// Opens one that another process holds, by that process's `/proc/PID/fd/N`.
    pub fn open(name: &str, path: &Path) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("open network namespace {name} at {}", path.display()))?;
        Ok(Self { name: name.to_owned(), file })
    }

    /// A second handle to the same namespace.
    pub fn try_clone(&self) -> Result<Self> {
        let file =
            self.file.try_clone().with_context(|| format!("duplicate the descriptor of {}", self.name))?;
        Ok(Self { name: self.name.clone(), file })
    }

    /// What the lab calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The descriptor's number in this process.
    pub fn number(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// A path by which any process of this user finds the namespace while this one holds it.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.number()))
    }

    /// Moves the calling thread into the namespace, for good.
    pub fn enter(&self) -> Result<()> {
        setns(&self.file, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("enter network namespace {}", self.name))
    }

    /// Runs a closure inside, on a thread of its own: its sockets, netlink requests and `/proc/sys/net` are the
    /// namespace's. A panic in it goes on in the caller.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_a_thread(|| {
            self.enter()?;
            work()
        })
    }

    /// Writes sysctls, named as below `/proc/sys/net`.
    pub fn write_sysctls(&self, sysctls: &[(&str, &str)]) -> Result<()> {
        self.inside(|| {
            for (key, value) in sysctls {
                let path = Path::new("/proc/sys/net").join(key);
                std::fs::write(&path, value)
                    .with_context(|| format!("write {value} to {} in {}", path.display(), self.name))?;
            }
            Ok(())
        })
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .spawn_scoped(scope, work)
            .map_err(|error: io::Error| anyhow::Error::new(error).context("start a thread"))?;
        thread.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    })
}
