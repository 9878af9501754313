//! Expressions over packets: tcpdump's (pcap-filter(7)) as far as they are about IP addresses, ports, protocols and TCP flags, and
//! words for what the program did.
//!
//! ```text
//! expression   unary { ("and" | "&&" | "or" | "||") unary }      from the left, neither binds closer: as in tcpdump
//! unary        ("not" | "!") unary | "(" expression ")" | primitive
//! primitive    [protocol] [direction] ["host" | "net" | "port" | "portrange"] value
//!            | protocol | flag | "tcp[tcpflags]" ["&" flags] ("==" | "!=") flags | ("less" | "greater") bytes
//!            | "vip" name | "pool" name | "backend" pool/name | "reason" label | "verdict" word | "why" word
//! protocol     "ip" | "ip6" | "tcp" | "udp" | "icmp" | "icmp6" | "proto" number
//! direction    "src" | "dst" | "src or dst" | "src and dst"
//! flag         "fin" | "syn" | "rst" | "psh" | "ack" | "urg" | "ece" | "cwr"
//! ```

mod flags;
mod parse;
mod primitive;
mod token;

use ipnet::IpNet;

pub use self::parse::{MAX_BYTES, MAX_DEPTH, parse};

/// What a packet has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One thing about it.
    Test(Test),
    /// Not that.
    Not(Box<Self>),
    /// Both.
    And(Box<Self>, Box<Self>),
    /// One of them.
    Or(Box<Self>, Box<Self>),
}

/// One thing about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// An address of that network.
    Net(End, IpNet),
    /// A port from the first to the second, these included.
    Port(End, u16, u16),
    /// That IANA protocol, behind IP header and extension headers.
    Protocol(u8),
    /// That IP version.
    Family(u8),
    /// TCP flags, in the order of the header's fourteenth byte: of those of the first, exactly those of the second are set.
    Flags(u8, u8),
    /// A frame from so many to so many bytes, these included.
    Length(u32, u32),
    /// To that VIP.
    Vip(Name),
    /// To a VIP of that pool.
    Pool(Name),
    /// Steered to that backend: pool and backend, with a slash between them.
    Backend(Name),
    /// Not delivered for the reason of that code; 0: delivered.
    Reason(u32),
    /// The program returned that (`enum xdp_action`).
    Verdict(u32),
    /// Steered for that reason: a code of [`anycast_common::steer::Why`].
    Why(u8),
}

/// Whose address or port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sender's.
    Source,
    /// The receiver's.
    Destination,
}

/// A name that only the daemon knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// It.
    pub text: String,
    /// Where in the expression it stands, in bytes.
    pub at: usize,
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the expression, at character {}: {message}", .at + 1)]
pub struct ExpressionError {
    /// Where, in characters from its start.
    pub at: usize,
    /// What, and what to write instead.
    pub message: String,
}

impl ExpressionError {
    /// At that byte of an expression.
    pub(super) fn new(expression: &str, byte: usize, message: impl Into<String>) -> Self {
        let before = expression.get(..byte).unwrap_or(expression);
        Self { at: before.chars().count(), message: message.into() }
    }

    /// The expression with a mark below the place.
    pub fn marked(&self, expression: &str) -> String {
        format!("  {expression}\n  {:>width$}", "^", width = self.at + 1)
    }
}

impl Expression {
    fn and(self, other: Self) -> Self {
        Self::And(Box::new(self), Box::new(other))
    }

    fn or(self, other: Self) -> Self {
        Self::Or(Box::new(self), Box::new(other))
    }

    fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl From<Test> for Expression {
    fn from(test: Test) -> Self {
        Self::Test(test)
    }
}

#[cfg(test)]
mod tests;
