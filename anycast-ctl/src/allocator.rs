//! Where the daemon's memory comes from.

/// Has all threads take it from one place; before the first thread.
///
/// glibc gives each thread a place of its own, which keeps what its busiest moment took: loading a program takes tens of MiB
/// for a moment, on whatever thread there is, so that a daemon of 10 MiB came to 90 after some captures. Other C libraries
/// have one place anyway.
pub fn share() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: mallopt(3) takes two numbers, and no other thread allocates yet.
        let is_set = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        debug_assert_eq!(is_set, 1, "glibc knows M_ARENA_MAX");
    }
}
