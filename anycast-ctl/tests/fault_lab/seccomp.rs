//! System calls that wait for an answer from another thread: `SECCOMP_RET_USER_NOTIF`, seccomp_unotify(2).

use std::{
    fs::File,
    io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

/// `SECCOMP_IOCTL_NOTIF_RECV`, linux/seccomp.h.
const RECEIVE: libc::Ioctl = 0xc050_2100;
/// `SECCOMP_IOCTL_NOTIF_SEND`.
const SEND: libc::Ioctl = 0xc018_2101;
/// `SECCOMP_IOCTL_NOTIF_SET_FLAGS`.
const SET_FLAGS: libc::Ioctl = 0x4008_2104;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`: the answerer is woken where the caller waits (Linux 6.6).
const SYNC_WAKE_UP: u64 = 1;

/// Where in `struct seccomp_data` the call's number is, and the lower halves of its third and fifth arguments.
const NUMBER: u32 = 0;
const LENGTH: u32 = 16 + 2 * 8;
const MAPPED: u32 = 16 + 4 * 8;

/// Calls that are asked for whatever their arguments.
const ALWAYS: [libc::c_long; 30] = [
    libc::SYS_bpf,
    libc::SYS_openat,
    libc::SYS_open,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_flock,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_rmdir,
    libc::SYS_socket,
    libc::SYS_bind,
    libc::SYS_setsockopt,
    libc::SYS_connect,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_writev,
    libc::SYS_execve,
    libc::SYS_membarrier,
];

/// A call that waits.
#[derive(Clone, Copy)]
pub struct Call {
    /// By which it is answered.
    pub id: u64,
    /// The thread that makes it.
    pub thread: i32,
    /// `SYS_…`.
    pub number: libc::c_long,
    pub arguments: [u64; 6],
}

/// What is to come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel carries it out.
    Continue,
    /// It fails with that `errno`, and the kernel never hears of it.
    Fail(i32),
}

/// Calls of the thread that made this, and of all its children, come here.
pub struct Listener(File);

impl Listener {
    /// Puts the calling thread under watch, for the rest of its life.
    pub fn install() -> io::Result<Self> {
        let mut program = program();
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).expect("a short program"),
            filter: program.as_mut_ptr(),
        };
        let (operation, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
        // SAFETY: the program outlives the call, which copies it.
        let listener = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, &raw const program) };
        if listener < 0 {
            return Err(io::Error::last_os_error());
        }
        let listener = i32::try_from(listener).expect("a descriptor");
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        let listener = Self(File::from(unsafe { OwnedFd::from_raw_fd(listener) }));
        // SAFETY: takes a number. Where the kernel does not know it, calls take longer.
        unsafe { libc::ioctl(listener.0.as_raw_fd(), SET_FLAGS, SYNC_WAKE_UP) };
        Ok(listener)
    }

    /// The next call; `None` when none came in so many milliseconds.
    ///
    /// # Errors
    /// When all that were watched have ended.
    pub fn next(&self, milliseconds: i32) -> io::Result<Option<Call>> {
        let mut watched = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one descriptor, which outlives the call.
        if unsafe { libc::poll(&raw mut watched, 1, milliseconds) } <= 0 {
            return Ok(None);
        }
        if watched.revents & libc::POLLIN == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: plain numbers, for all of which zero is a value; the kernel wants them so.
        let mut call: libc::seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes as much as the type has.
        if unsafe { libc::ioctl(self.0.as_raw_fd(), RECEIVE, &raw mut call) } < 0 {
            // Whoever made it was killed meanwhile, or a signal came.
            return Ok(None);
        }
        let (number, arguments) = (call.data.nr.into(), call.data.args);
        Ok(Some(Call { id: call.id, thread: call.pid.cast_signed(), number, arguments }))
    }

    /// Lets it go on. One whose caller is gone needs no answer.
    pub fn answer(&self, id: u64, answer: Answer) {
        let (error, flags) = match answer {
            Answer::Continue => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Fail(errno) => (-errno, 0),
        };
        let answer = libc::seccomp_notif_resp { id, val: 0, error, flags };
        // SAFETY: the kernel reads as much as the type has.
        unsafe { libc::ioctl(self.0.as_raw_fd(), SEND, &raw const answer) };
    }
}

/// Asks for the calls above; for reads and writes unless they are of 8 bytes, as those by which threads wake each other;
/// for mappings of a descriptor.
fn program() -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let give = |verdict| statement(libc::BPF_RET | libc::BPF_K, verdict);
    // Skips so many statements unless the word is that one.
    let unless = |word: u32, skipped: u8| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: skipped,
        k: word,
    };
    let number = |call: libc::c_long| u32::try_from(call).expect("a call's number");
    let mut program = vec![load(NUMBER)];
    for call in ALWAYS {
        program.extend([unless(number(call), 1), give(libc::SECCOMP_RET_USER_NOTIF)]);
    }
    for (call, offset, usual) in
        [(libc::SYS_read, LENGTH, 8), (libc::SYS_write, LENGTH, 8), (libc::SYS_mmap, MAPPED, u32::MAX)]
    {
        program.extend([unless(number(call), 4), load(offset), unless(usual, 1)]);
        program.extend([give(libc::SECCOMP_RET_ALLOW), give(libc::SECCOMP_RET_USER_NOTIF)]);
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    program
}
