//! Who sends a packet to whom: `198.51.100.7:40000` and `192.0.2.1:443/tcp`.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use super::QuestionError;
use crate::spelling::quoted;

/// An address, and a port where the protocol has some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: Option<u16>,
}

/// What a packet is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What is spoken there.
    pub protocol: Protocol,
}

/// What can be asked about in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, or ICMPv6.
    Icmp,
}

impl Endpoint {
    /// Reads `198.51.100.7:40000`, `[2001:db8::7]:40000`, or an address alone.
    ///
    /// # Errors
    ///
    /// [`QuestionError::Endpoint`].
    pub fn read(text: &str) -> Result<Self, QuestionError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { address, port: None });
        }
        let with_port: SocketAddr = text.parse().map_err(|_| QuestionError::Endpoint(quoted(text)))?;
        if with_port.is_ipv6() && text.contains('%') {
            return Err(QuestionError::Endpoint(quoted(text)));
        }
        Ok(Self { address: with_port.ip(), port: Some(with_port.port()) })
    }
}

impl Target {
    /// Reads `192.0.2.1:443/tcp`, `192.0.2.1:443`, `192.0.2.1/icmp`.
    ///
    /// # Errors
    ///
    /// [`QuestionError::Endpoint`], [`QuestionError::Protocol`], or [`QuestionError::NoPort`].
    pub fn read(text: &str) -> Result<Self, QuestionError> {
        let (endpoint, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "icmp" => Protocol::Icmp,
            other => return Err(QuestionError::Protocol(quoted(other))),
        };
        let endpoint = Endpoint::read(endpoint)?;
        if protocol != Protocol::Icmp && endpoint.port.is_none() {
            return Err(QuestionError::NoPort(endpoint.address));
        }
        Ok(Self { endpoint, protocol })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, Protocol, Target};

    #[test]
    fn endpoints_are_addresses_with_and_without_ports() {
        for (text, address, port) in [
            ("198.51.100.7:40000", "198.51.100.7", Some(40_000)),
            ("198.51.100.7", "198.51.100.7", None),
            ("[2001:db8::7]:0", "2001:db8::7", Some(0)),
            ("2001:db8::7", "2001:db8::7", None),
        ] {
            let expected = Endpoint { address: address.parse().unwrap(), port };
            assert_eq!(Endpoint::read(text).unwrap(), expected, "{text}");
        }
        for text in
            ["", "198.51.100.7:", "198.51.100.7:65536", "198.51.100:1", "[2001:db8::7]", "a:1", "1.2.3.4:-1"]
        {
            assert!(Endpoint::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_name_their_protocol() {
        let read = |text| Target::read(text).map(|target| target.protocol);
        assert_eq!(read("192.0.2.1:443").unwrap(), Protocol::Tcp);
        assert_eq!(read("192.0.2.1:443/tcp").unwrap(), Protocol::Tcp);
        assert_eq!(read("[2001:db8::1]:53/udp").unwrap(), Protocol::Udp);
        assert_eq!(read("2001:db8::1/icmp").unwrap(), Protocol::Icmp);
        for (text, complaint) in [
            ("192.0.2.1:443/sctp", "sctp"),
            ("192.0.2.1", "192.0.2.1:443/tcp"),
            ("2001:db8::1/udp", "[2001:db8::1]:443/tcp"),
            ("tcp/443", "443"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }
}
