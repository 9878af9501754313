//! A log line per refused packet: what the program writes into its ring buffer goes on to `tracing`.
//!
//! aya-log speaks `log`, and `tracing-subscriber` takes its records over when it is initialised. They are of level
//! debug and of target `anycast::log`: `--log info,anycast=debug` shows them beside the daemon's own.

use std::io;

use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::{Dataplane, DataplaneError, while_doing};

impl Dataplane {
    /// Starts a task that shows the lines until the runtime ends. Call it once, after logging was set up.
    ///
    /// A ring buffer that is full loses lines, never packets.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn follow_packet_log(&mut self) -> Result<(), DataplaneError> {
        let doing = "following the packet log";
        let logger = EbpfLogger::init(&mut self.ebpf).map_err(while_doing(doing))?;
        // SAFETY: the logger owns the ring buffer's descriptor, and closes it only when it is dropped itself.
        let logger = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) };
        let mut logger = logger.map_err(|error| while_doing(doing)(io::Error::from(error)))?;
        tokio::spawn(async move {
            loop {
                match logger.readable_mut().await {
                    Ok(mut guard) => {
                        guard.get_inner_mut().flush();
                        guard.clear_ready();
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the packet log cannot be followed any longer");
                        return;
                    }
                }
            }
        });
        tracing::warn!("this build logs refused packets: it is for debugging only");
        Ok(())
    }
}
