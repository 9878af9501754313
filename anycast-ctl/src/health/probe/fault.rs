//! Why a check did not pass, in words, and whose fault that is.

use std::io;

use nix::errno::Errno;

use super::{Finding, tls};

/// What ended a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it means for the backend.
    pub finding: Finding,
    /// The reason.
    pub detail: String,
}

impl Fault {
    /// The backend's.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { finding: Finding::Failed, detail: detail.into() }
    }

    /// This host's.
    pub fn own(detail: impl Into<String>) -> Self {
        Self { finding: Finding::Inconclusive, detail: detail.into() }
    }

    /// Of a step that involves nobody but this host.
    pub fn local(step: &str, error: &io::Error) -> Self {
        Self::own(format!("{step}: {}", words(error)))
    }

    /// Of a step in which the kernel may refuse as well as the backend.
    pub fn remote(step: &str, error: &io::Error) -> Self {
        let finding = if is_own(error) { Finding::Inconclusive } else { Finding::Failed };
        Self { finding, detail: format!("{step}: {}", words(error)) }
    }
}

/// What connect(2), send(2) and recv(2) answer when the kernel itself could or would not: no room, no address or port to ask
/// from, no interface, a filter on the way out. What routers may cause as well, such as `EHOSTUNREACH` and, for IPv6,
/// `EACCES` (`tab_unreach` in net/ipv6/icmp.c), is not among them.
fn is_own(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.is_some_and(|errno| {
        [
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::EADDRNOTAVAIL,
            Errno::EADDRINUSE,
            Errno::EAGAIN,
            Errno::EPERM,
            Errno::ENETDOWN,
            Errno::ENODEV,
            Errno::EAFNOSUPPORT,
            Errno::EINVAL,
        ]
        .contains(&errno)
    })
}

/// An error of the system's, or of TLS, which comes inside of such.
pub fn words(error: &io::Error) -> String {
    if let Some(number) = error.raw_os_error() {
        return errno_words(Errno::from_raw(number));
    }
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(error) => tls::words(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
        // HTTP/2 keeps only the kind.
        None if error.kind() == io::ErrorKind::ConnectionReset => errno_words(Errno::ECONNRESET),
        None => error.to_string(),
    }
}

/// As strerror(3), without its capital letters.
fn errno_words(errno: Errno) -> String {
    errno.desc().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_words_and_have_an_owner() {
        let of = |errno: Errno| Fault::remote("connect", &io::Error::from_raw_os_error(errno as i32));
        assert_eq!(of(Errno::ECONNREFUSED), Fault::failed("connect: connection refused"));
        assert_eq!(of(Errno::EHOSTUNREACH), Fault::failed("connect: no route to host"));
        assert_eq!(of(Errno::EMFILE), Fault::own("connect: too many open files"));
        assert_eq!(of(Errno::EADDRNOTAVAIL).finding, Finding::Inconclusive);
        let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Fault::remote("answer", &ended), Fault::failed("answer: connection closed"));
        assert_eq!(Fault::local("bind", &ended).finding, Finding::Inconclusive);
    }
}
