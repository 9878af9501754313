//! A log line per refused packet, in builds that ask for it.

use aya_ebpf::programs::XdpContext;

use crate::walk::Refusal;

/// Logs a packet that was not delivered.
#[cfg(feature = "packet-log")]
#[inline(always)]
pub fn refused(ctx: &XdpContext, refusal: Refusal) {
    aya_log_ebpf::debug!(ctx, "vip {}: refused for reason {}", refusal.vip, refusal.reason.code());
}

/// Logs nothing.
#[cfg(not(feature = "packet-log"))]
#[inline(always)]
pub fn refused(_ctx: &XdpContext, _refusal: Refusal) {}
