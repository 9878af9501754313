//! The places where the daemon meets the kernel, a disk or a socket, by the system calls they are made of.

use std::{fmt, path::Path};

use crate::{descriptor::Descriptor, peek::Peek, seccomp::Call};

macro_rules! points {
    ($($(#[doc = $doc:literal])* $point:ident $name:literal [$($errno:ident)*];)*) => {
        /// One of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point { $($(#[doc = $doc])* $point,)* }

        impl Point {
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// What the tables of tests and docs call it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$point => $name,)* }
            }

            /// How the kernel may fail there.
            pub const fn errors(self) -> &'static [i32] {
                match self { $(Self::$point => &[$(libc::$errno,)*],)* }
            }
        }
    };
}

points! {
    MapCreate "map.create" [ENOMEM E2BIG];
    MapRead "map.read" [ENOMEM EINTR EAGAIN];
    MapUpdate "map.update" [ENOMEM ENOSPC E2BIG EBUSY];
    MapDelete "map.delete" [ENOMEM EBUSY];
    /// The mapping of an array into memory.
    MapMap "map.map" [ENOMEM EAGAIN];
    ProgramLoad "program.load" [ENOMEM EAGAIN EPERM];
    /// `BPF_PROG_TEST_RUN`.
    ProgramRun "program.run" [ENOMEM EINTR];
    LinkCreate "link.create" [ENOMEM EBUSY];
    LinkUpdate "link.update" [ENOMEM EBUSY];
    Pin "bpf.pin" [ENOMEM ENOSPC];
    /// Opening of what is pinned, and by number.
    Open "bpf.open" [ENOMEM EMFILE];
    Info "bpf.info" [ENOMEM EINTR];
    /// Names on the bpffs: directories, renames, removals.
    Names "bpffs.names" [ENOMEM EIO EBUSY];
    /// The wait for packets that are under way.
    Grace "grace.wait" [EPERM ENOMEM];
    NetlinkOpen "netlink.open" [EMFILE ENOBUFS ENOMEM];
    NetlinkSend "netlink.send" [ENOBUFS ENOMEM ECONNREFUSED];
    NetlinkReceive "netlink.receive" [ENOMEM ENOBUFS];
    StoreOpen "store.open" [EIO EMFILE ENOSPC ENOMEM];
    StoreRead "store.read" [EIO EINTR];
    StoreWrite "store.write" [EIO ENOSPC];
    StoreSync "store.sync" [EIO ENOSPC];
    StoreGrow "store.grow" [ENOSPC EIO];
    ApiAccept "api.accept" [ECONNABORTED EMFILE ENOMEM];
    ApiReceive "api.receive" [ECONNRESET];
    ApiSend "api.send" [ECONNRESET EPIPE ENOBUFS];
    CheckOpen "check.open" [EMFILE ENOBUFS];
    CheckConnect "check.connect" [ECONNREFUSED ENETUNREACH EADDRNOTAVAIL];
    CheckSend "check.send" [ECONNRESET EPIPE];
    CheckReceive "check.receive" [ECONNRESET];
    /// Sockets to a routing daemon.
    AnnounceOpen "announce.open" [EMFILE ENOMEM];
    AnnounceConnect "announce.connect" [ECONNREFUSED EAGAIN];
    AnnounceSend "announce.send" [EPIPE ECONNRESET];
    AnnounceReceive "announce.receive" [ECONNRESET];
    JournalSend "journal.send" [ECONNREFUSED ENOBUFS EAGAIN];
    LogWrite "log.write" [EIO ENOSPC];
    ExecSpawn "exec.spawn" [ENOMEM ETXTBSY EMFILE];
    /// Files of /proc, /sys and /etc, users' names among them.
    FileOpen "file.open" [EMFILE ENFILE ENOMEM];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What paths and sockets are whose.
pub struct Places<'a> {
    /// Directory of the store.
    pub state: &'a Path,
    /// The API's socket.
    pub api: &'a Path,
}

/// `BPF_…` of linux/bpf.h.
mod command {
    pub const MAP_CREATE: u64 = 0;
    pub const MAP_LOOKUP: u64 = 1;
    pub const MAP_UPDATE: u64 = 2;
    pub const MAP_DELETE: u64 = 3;
    pub const MAP_NEXT_KEY: u64 = 4;
    pub const PROGRAM_LOAD: u64 = 5;
    pub const PIN: u64 = 6;
    pub const OPEN_PINNED: u64 = 7;
    pub const TEST_RUN: u64 = 10;
    pub const PROGRAM_BY_ID: u64 = 13;
    pub const MAP_BY_ID: u64 = 14;
    pub const INFO: u64 = 15;
    pub const LOOKUP_BATCH: u64 = 24;
    pub const LOOKUP_AND_DELETE_BATCH: u64 = 25;
    pub const UPDATE_BATCH: u64 = 26;
    pub const DELETE_BATCH: u64 = 27;
    pub const LINK_CREATE: u64 = 28;
    pub const LINK_UPDATE: u64 = 29;
}

/// Which point a call of the daemon is at; `None`: none that matters.
pub fn of(call: &Call, process: &Peek, places: &Places<'_>) -> Option<Point> {
    let [first, second, ..] = call.arguments;
    match call.number {
        libc::SYS_bpf => bpf(first),
        libc::SYS_membarrier => (first != 0).then_some(Point::Grace),
        libc::SYS_open | libc::SYS_mkdir | libc::SYS_rename | libc::SYS_unlink | libc::SYS_rmdir => {
            named(call.number, &process.path(first), places)
        }
        libc::SYS_openat
        | libc::SYS_mkdirat
        | libc::SYS_renameat
        | libc::SYS_renameat2
        | libc::SYS_unlinkat => named(call.number, &process.path(second), places),
        libc::SYS_socket => opened(first, second),
        libc::SYS_mmap => {
            matches!(process.descriptor(call.arguments[4])?, Descriptor::BpfMap).then_some(Point::MapMap)
        }
        _ => described(call, process, places),
    }
}

fn bpf(command: u64) -> Option<Point> {
    Some(match command {
        command::MAP_CREATE => Point::MapCreate,
        command::MAP_LOOKUP | command::MAP_NEXT_KEY | command::LOOKUP_BATCH => Point::MapRead,
        command::MAP_UPDATE | command::UPDATE_BATCH => Point::MapUpdate,
        command::MAP_DELETE | command::DELETE_BATCH | command::LOOKUP_AND_DELETE_BATCH => Point::MapDelete,
        command::PROGRAM_LOAD => Point::ProgramLoad,
        command::PIN => Point::Pin,
        command::OPEN_PINNED | command::PROGRAM_BY_ID | command::MAP_BY_ID => Point::Open,
        command::TEST_RUN => Point::ProgramRun,
        command::INFO => Point::Info,
        command::LINK_CREATE => Point::LinkCreate,
        command::LINK_UPDATE => Point::LinkUpdate,
        _ => return None,
    })
}

fn named(number: libc::c_long, path: &Path, places: &Places<'_>) -> Option<Point> {
    let is_open = matches!(number, libc::SYS_open | libc::SYS_openat);
    if path.starts_with(places.state) {
        Some(Point::StoreOpen)
    } else if path.starts_with("/sys/fs/bpf") {
        (!is_open).then_some(Point::Names)
    } else if is_open && ["/proc", "/sys", "/etc"].iter().any(|place| path.starts_with(place)) {
        Some(Point::FileOpen)
    } else {
        None
    }
}

fn opened(domain: u64, kind: u64) -> Option<Point> {
    const DATAGRAM: u64 = libc::SOCK_DGRAM as u64;
    match i32::try_from(domain).ok()? {
        libc::AF_NETLINK => Some(Point::NetlinkOpen),
        libc::AF_INET | libc::AF_INET6 => Some(Point::CheckOpen),
        libc::AF_UNIX if kind & 0xf == DATAGRAM => Some(Point::JournalSend),
        libc::AF_UNIX => Some(Point::AnnounceOpen),
        _ => None,
    }
}

/// Calls whose first argument is a descriptor.
fn described(call: &Call, process: &Peek, places: &Places<'_>) -> Option<Point> {
    let (is_send, is_receive) = match call.number {
        libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg => (true, false),
        libc::SYS_read | libc::SYS_recvfrom | libc::SYS_recvmsg => (false, true),
        _ => (false, false),
    };
    let either = |send, receive| match (is_send, is_receive) {
        (true, _) => Some(send),
        (_, true) => Some(receive),
        _ => None,
    };
    match process.descriptor(call.arguments[0])? {
        Descriptor::File(path) if path.starts_with(places.state) => match call.number {
            libc::SYS_pread64 | libc::SYS_read => Some(Point::StoreRead),
            libc::SYS_pwrite64 | libc::SYS_write => Some(Point::StoreWrite),
            libc::SYS_fsync | libc::SYS_fdatasync => Some(Point::StoreSync),
            libc::SYS_ftruncate | libc::SYS_fallocate => Some(Point::StoreGrow),
            libc::SYS_flock => Some(Point::StoreOpen),
            _ => None,
        },
        Descriptor::File(_) => (is_send && call.arguments[0] == 2).then_some(Point::LogWrite),
        Descriptor::Netlink => match call.number {
            libc::SYS_bind | libc::SYS_setsockopt => Some(Point::NetlinkOpen),
            _ => either(Point::NetlinkSend, Point::NetlinkReceive),
        },
        Descriptor::Inet => match call.number {
            libc::SYS_connect => Some(Point::CheckConnect),
            _ => either(Point::CheckSend, Point::CheckReceive),
        },
        Descriptor::UnixDatagram => {
            (is_send || call.number == libc::SYS_connect).then_some(Point::JournalSend)
        }
        Descriptor::UnixStream(local) if local.as_deref() == Some(places.api) => match call.number {
            libc::SYS_accept4 => Some(Point::ApiAccept),
            _ => either(Point::ApiSend, Point::ApiReceive),
        },
        Descriptor::UnixStream(_) => match call.number {
            libc::SYS_connect => Some(Point::AnnounceConnect),
            _ => either(Point::AnnounceSend, Point::AnnounceReceive),
        },
        Descriptor::BpfMap | Descriptor::Other => None,
    }
}
