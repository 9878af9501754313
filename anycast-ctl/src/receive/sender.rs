//! Who may send tunnel packets: a prefix of addresses.

use std::{fmt, net::IpAddr, str::FromStr};

use anycast_common::receive::SenderKey;
use aya::maps::lpm_trie::Key;
use serde::{Deserialize, Serialize};

use crate::spelling::quoted;

/// A prefix of outer source addresses, written `192.0.2.0/24`; an address alone is a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sender {
    network: IpAddr,
    length: u8,
}

/// Why a text is no sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// It has another form.
    #[error("{} is no prefix: write an address and its length, as 192.0.2.0/24 or 2001:db8::/32", quoted(.0))]
    Form(String),
    /// The address is not the first of its prefix.
    #[error("{given} has bits set behind its prefix: did you mean {network}, or {address} alone?")]
    HostBits {
        /// What was given.
        given: String,
        /// The prefix it lies in.
        network: Sender,
        /// The address.
        address: IpAddr,
    },
    /// No packet has such a source.
    #[error("{} is an IPv4 prefix in IPv6 form: write it as IPv4", quoted(.0))]
    Mapped(String),
}

impl Sender {
    /// Whether its addresses are IPv6.
    pub const fn is_v6(&self) -> bool {
        self.network.is_ipv6()
    }

    /// Whether it holds every address of its family.
    pub const fn is_everybody(&self) -> bool {
        self.length == 0
    }

    /// The key of the senders' trie.
    pub(super) fn key(&self) -> Key<SenderKey> {
        let key = match self.network {
            IpAddr::V4(address) => SenderKey::from_v4(address.octets()),
            IpAddr::V6(address) => SenderKey::from_v6(address.octets()),
        };
        Key::new(SenderKey::FAMILY_BITS + u32::from(self.length), key)
    }

    /// What [`Self::key`] made of it; `None` for what it did not make.
    pub(super) fn from_key(key: &Key<SenderKey>) -> Option<Self> {
        let network = key.data().address()?;
        let length = key.prefix_len().checked_sub(SenderKey::FAMILY_BITS)?;
        let length = u8::try_from(length).ok().filter(|length| *length <= bits(network))?;
        Some(Self { network, length })
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let form = || SenderError::Form(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| form())?;
        let length = match length {
            // `u8` reads a sign too.
            Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                length.parse().map_err(|_| form())?
            }
            Some(_) => return Err(form()),
            None => bits(address),
        };
        if length > bits(address) {
            return Err(form());
        }
        if let IpAddr::V6(v6) = address
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(SenderError::Mapped(text.to_owned()));
        }
        let network = Self { network: masked(address, length), length };
        if network.network != address {
            return Err(SenderError::HostBits { given: text.to_owned(), network, address });
        }
        Ok(network)
    }
}

/// Bits of an address of that family.
const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::from((u32::from(address) & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::from((u128::from(address) & mask).to_be_bytes())
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl TryFrom<String> for Sender {
    type Error = SenderError;

    fn try_from(text: String) -> Result<Self, SenderError> {
        text.parse()
    }
}

impl From<Sender> for String {
    fn from(sender: Sender) -> Self {
        sender.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_and_written() {
        for (text, written) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:DB8:0::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
        ] {
            let sender: Sender = text.parse().unwrap();
            assert_eq!(sender.to_string(), written);
            assert_eq!(Sender::from_key(&sender.key()), Some(sender), "{text}");
        }
    }

    #[test]
    fn what_is_no_prefix_is_told() {
        for text in
            ["", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/+8", "192.0.2/24", "eth0", "::/129", "a/b/c"]
        {
            let error = text.parse::<Sender>().unwrap_err();
            assert_eq!(error, SenderError::Form(text.to_owned()), "{text}");
        }
        assert_eq!(
            "192.0.2.9/24".parse::<Sender>().unwrap_err().to_string(),
            "192.0.2.9/24 has bits set behind its prefix: did you mean 192.0.2.0/24, or 192.0.2.9 alone?"
        );
        assert!("2001:db8::1/64".parse::<Sender>().unwrap_err().to_string().contains("2001:db8::/64"));
        assert!(
            "::ffff:192.0.2.0/120".parse::<Sender>().unwrap_err().to_string().contains("write it as IPv4")
        );
    }
}
