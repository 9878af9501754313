//! Names of what the program did with a packet, in expressions, lines and comments.

use anycast_common::{reason::Reason, steer::Why};

/// In place of a reason: there was none not to deliver it.
pub const DELIVERED: &str = "delivered";

/// What the program may return, by the number the kernel gives it (`enum xdp_action`, include/uapi/linux/bpf.h).
pub const VERDICTS: [&str; 5] = ["aborted", "drop", "pass", "tx", "redirect"];

/// Flags of the fourteenth byte of a TCP header (RFC 9293 section 3.1), the lowest bit first.
pub const TCP_FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

/// Why a backend was chosen.
pub const fn why(why: Why) -> &'static str {
    match why {
        Why::Current => "current",
        Why::Opened => "opened",
        Why::Pinned => "pinned",
        Why::Base => "base",
        Why::Reset => "reset",
    }
}

/// The name of a verdict.
pub fn verdict(code: u32) -> &'static str {
    VERDICTS.get(code as usize).copied().unwrap_or("unknown")
}

/// The reason of that code; `None`: it was delivered.
pub fn reason(code: u32) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.code() == code)
}
