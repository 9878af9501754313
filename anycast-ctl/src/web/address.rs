//! Where it listens, and by which names it may be called.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where the default instance listens unless told otherwise.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9750);

/// An address that may be listened on, and the names of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where.
    pub socket: SocketAddr,
    /// Names that a `Host` header may have besides IP addresses and `localhost`, in lower case.
    pub names: Vec<String>,
}

/// Why an address is not listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other hosts, and whoever reaches it may read there without a password: \
     take a loopback address, or add --http-remote if that is what you want"
)]
pub struct AddressError(SocketAddr);

impl Address {
    /// Checks where to listen. `remote`: others may reach it. It may be called by the name of this host, and by `names`.
    ///
    /// # Errors
    /// The address is none of loopback, and was not said to be meant.
    pub fn new(socket: SocketAddr, remote: bool, names: &[String]) -> Result<Self, AddressError> {
        if !remote && !socket.ip().to_canonical().is_loopback() {
            return Err(AddressError(socket));
        }
        let own = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let names = names.iter().cloned().chain(own).map(|name| name.trim_end_matches('.').to_lowercase());
        Ok(Self { socket, names: names.filter(|name| !name.is_empty()).collect() })
    }

    /// Whether other hosts may reach it.
    pub fn is_remote(&self) -> bool {
        !self.socket.ip().to_canonical().is_loopback()
    }

    /// Whether a `Host` header, as `edge-1:9750`, names this server. What is no address has to be a name it is known by: a
    /// stranger's name that leads here is how a page of theirs makes a browser read from here (DNS rebinding).
    pub fn is_called(&self, host: &str) -> bool {
        let host = without_port(host);
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.parse::<Ipv4Addr>().is_ok() || bracketed.is_some_and(|it| it.parse::<IpAddr>().is_ok()) {
            return true;
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        name.eq_ignore_ascii_case("localhost")
            || self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// A host without the port that may follow it, RFC 3986 section 3.2.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, remote: bool) -> Result<Address, AddressError> {
        Address::new(text.parse().unwrap(), remote, &["edge-1.example.net.".to_owned()])
    }

    #[test]
    fn what_others_can_reach_must_be_meant() {
        for loopback in ["127.0.0.1:9750", "127.9.9.9:1", "[::1]:9750", "[::ffff:127.0.0.1]:80"] {
            assert!(!at(loopback, false).unwrap().is_remote(), "{loopback}");
        }
        for others in ["0.0.0.0:9750", "[::]:9750", "192.0.2.1:80", "[2001:db8::1]:80"] {
            let error = at(others, false).unwrap_err().to_string();
            assert!(error.starts_with(others) && error.contains("--http-remote"), "{error}");
            assert!(at(others, true).unwrap().is_remote(), "{others}");
        }
    }

    #[test]
    fn it_is_called_by_addresses_and_names_of_its_own() {
        let own = nix::unistd::gethostname().unwrap().into_string().unwrap();
        let address = at("127.0.0.1:9750", false).unwrap();
        let good =
            ["127.0.0.1:9750", "192.0.2.7", "[::1]:9750", "[::1]", "localhost:9750", "LOCALHOST.", &own];
        for host in good.into_iter().chain(["edge-1.example.net:9750", "Edge-1.Example.net"]) {
            assert!(address.is_called(host), "{host}");
        }
        let bad = ["evil.example", "evil.example:9750", "127.0.0.1.evil.example", "localhost.evil.example"];
        for host in bad.into_iter().chain(["", ":9750", "::1", "[::1", "[evil]", "1.2.3", "edge-1"]) {
            assert!(!address.is_called(host) || host == own, "{host}");
        }
    }
}
