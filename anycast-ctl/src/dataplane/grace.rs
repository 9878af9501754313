//! Waiting until no running program can still read what was replaced.

use std::time::Duration;

/// How long to wait where the kernel cannot tell: a program runs for microseconds.
const FALLBACK: Duration = Duration::from_millis(100);

/// Returns when every run of an XDP program that was under way at the call has ended.
///
/// XDP programs run in an RCU read-side section, and `MEMBARRIER_CMD_GLOBAL` waits for a grace period (membarrier(2);
/// kernel/sched/membarrier.c calls `synchronize_rcu`). Kernels with `nohz_full` CPUs refuse it.
pub fn wait() {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: takes two integers and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result != 0 {
        std::thread::sleep(FALLBACK);
    }
}
