//! What is served on a VIP.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::spelling::quoted;

/// One service of a VIP, written `tcp/443`, `udp/53` or `tcp/any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Service {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Destination port; 0 means any port that no other service of the VIP names.
    pub port: u16,
}

/// A transport protocol that can be steered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RFC 9293, protocol number 6.
    Tcp,
    /// RFC 768, protocol number 17.
    Udp,
}

impl Protocol {
    /// The IANA protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => write!(f, "{}/any", self.protocol),
            port => write!(f, "{}/{port}", self.protocol),
        }
    }
}

/// A service that is not written `tcp/443`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no service: write tcp/443, udp/53 or tcp/any", quoted(.0))]
pub struct ServiceError(String);

impl FromStr for Service {
    type Err = ServiceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ServiceError(text.to_owned());
        let (protocol, port) = text.split_once('/').ok_or_else(wrong)?;
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(wrong()),
        };
        let port = match port {
            "any" => 0,
            // `parse` would let a sign through.
            digits if digits.starts_with('+') => return Err(wrong()),
            digits => match digits.parse() {
                Ok(0) | Err(_) => return Err(wrong()),
                Ok(port) => port,
            },
        };
        Ok(Self { protocol, port })
    }
}

impl TryFrom<String> for Service {
    type Error = ServiceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Service> for String {
    fn from(service: Service) -> Self {
        service.to_string()
    }
}
