//! The maps of a loaded program, lent to another object: aya takes up maps by their pins alone.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::{
    Ebpf,
    maps::{Map, MapData},
};

use super::{
    DataplaneError, Pinned, PinnedMaps,
    shape::{self, SHAPES, Shape},
    while_doing,
};

/// The maps that are pinned, or would be if the dataplane outlasted its process.
#[derive(Clone)]
pub enum Lent {
    /// They have pins.
    Pinned(PinnedMaps),
    /// They have none.
    Held(Arc<[(&'static Shape, OwnedFd)]>),
}

impl Lent {
    /// Those of an object that was just loaded, none of them taken yet.
    pub fn of(ebpf: &Ebpf, pinned: Option<&Pinned>) -> Result<Self, DataplaneError> {
        if let Some(pinned) = pinned {
            return Ok(Self::Pinned(pinned.maps.clone()));
        }
        let held = SHAPES.iter().map(|shape| {
            let data = data(ebpf.map(shape.name).ok_or(DataplaneError::Missing(shape.name))?);
            let data = data.ok_or(DataplaneError::Missing(shape.name))?;
            let fd = data.fd().as_fd().try_clone_to_owned();
            Ok((shape, fd.map_err(while_doing("keeping a map"))?))
        });
        Ok(Self::Held(held.collect::<Result<_, DataplaneError>>()?))
    }

    /// Has something done while every map has a pin of its name in a directory.
    pub fn lend<T>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, DataplaneError>,
    ) -> Result<T, DataplaneError> {
        let held = match self {
            Self::Pinned(PinnedMaps(directory)) => {
                // One that is missing would be made anew, and pinned.
                shape::check(directory)?;
                return work(directory);
            }
            Self::Held(held) => held,
        };
        let place = Place::new().map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM) => DataplaneError::Temporary,
            _ => while_doing("mounting a bpffs that nobody sees")(error),
        })?;
        for (shape, fd) in held.iter() {
            let pinning = "pinning a map for a moment";
            let fd = fd.try_clone().map_err(while_doing(pinning))?;
            let map = MapData::from_fd(fd).map_err(while_doing(pinning))?;
            map.pin(place.directory.join(shape.name)).map_err(while_doing(pinning))?;
        }
        work(&place.directory)
    }
}

/// Mounted while this process had the right to: see [`prepare`].
static BPFFS: OnceLock<OwnedFd> = OnceLock::new();

/// Mounts what maps without pins are lent by, for the rest of this process, which may be without CAP_SYS_ADMIN. Without it
/// nothing is mounted, and nothing can be lent.
///
/// # Errors
/// What the kernel refuses for another reason.
pub fn prepare() -> io::Result<()> {
    match private_bpffs() {
        Ok(bpffs) => {
            // Whoever was first has one that is as good.
            let _ = BPFFS.set(bpffs);
            Ok(())
        }
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A directory on a bpffs, for one object to be loaded.
struct Place {
    directory: PathBuf,
    /// Its own, or everybody's, of which this is a part.
    bpffs: Option<OwnedFd>,
}

impl Place {
    fn new() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(prepared) = BPFFS.get() else {
            let bpffs = private_bpffs()?;
            return Ok(Self { directory: root(&bpffs), bpffs: Some(bpffs) });
        };
        let directory = root(prepared).join(format!("lent-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&directory)?;
        Ok(Self { directory, bpffs: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.bpffs.is_none()
            && let Err(error) = fs::remove_dir_all(&self.directory)
        {
            tracing::warn!(%error, "pins of a moment could not be removed: they end with this process");
        }
    }
}

fn root(bpffs: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", bpffs.as_raw_fd()))
}

/// The map itself, of the types that the shared ones have.
fn data(map: &Map) -> Option<&MapData> {
    if let Map::Array(data) | Map::PerCpuArray(data) | Map::LruHashMap(data) | Map::DevMapHash(data) = map {
        Some(data)
    } else {
        None
    }
}

/// A mounted bpffs that is in no mount namespace (fsmount(2), Linux 5.2): it and its pins go with the descriptor.
fn private_bpffs() -> io::Result<OwnedFd> {
    // SAFETY: a string that ends with 0, and flags.
    let context = unsafe { opened(libc::syscall(libc::SYS_fsopen, c"bpf".as_ptr(), libc::FSOPEN_CLOEXEC)) }?;
    let (command, none) = (libc::FSCONFIG_CMD_CREATE, std::ptr::null::<libc::c_char>());
    // SAFETY: a descriptor that is open; this command takes no more.
    let made = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, none, none, 0) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    unsafe { opened(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), libc::FSMOUNT_CLOEXEC, 0)) }
}

/// What a system call answered, when that is to be a descriptor.
///
/// # Safety
/// A descriptor that it answered is nobody's yet.
unsafe fn opened(answer: libc::c_long) -> io::Result<OwnedFd> {
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: open, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(answer as i32) })
}
