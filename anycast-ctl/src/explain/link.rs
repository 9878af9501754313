//! Link layers that captures have, as the Ethernet that the program expects.

use pcap_parser::Linktype;

/// Why a frame has no Ethernet header, and cannot get one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Another kind of link.
    #[error(
        "it has link type {0}, and Ethernet, raw IP and Linux cooked captures are what is understood: capture on the interface \
         itself"
    )]
    Unknown(i32),
    /// It ends before its link header does.
    #[error("it ends within its link header")]
    Short,
    /// Raw bytes that are no IP.
    #[error("it is neither IPv4 nor IPv6")]
    NotIp,
}

/// Locally administered: nobody's.
const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0, 0];

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// The frame as it would be on Ethernet. Addresses that the capture has not are made up.
///
/// # Errors
///
/// [`LinkError`].
pub fn to_ethernet(link: Linktype, bytes: &[u8]) -> Result<Vec<u8>, LinkError> {
    if link == Linktype::ETHERNET {
        return Ok(bytes.to_vec());
    }
    if [Linktype::RAW, Linktype::IPV4, Linktype::IPV6].contains(&link) {
        let ether_type = match bytes.first().map(|first| first >> 4) {
            Some(4) => IPV4,
            Some(6) => IPV6,
            _ => return Err(LinkError::NotIp),
        };
        Ok(ethernet(NOBODY, ether_type, bytes))
    } else if link == Linktype::LINUX_SLL {
        // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
        let (header, packet) = bytes.split_first_chunk::<16>().ok_or(LinkError::Short)?;
        let [_, _, _, _, _, address_bytes, address @ .., high, low] = *header;
        Ok(ethernet(sender(address_bytes, address), [high, low], packet))
    } else if link == Linktype::LINUX_SLL2 {
        // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
        let (header, packet) = bytes.split_first_chunk::<20>().ok_or(LinkError::Short)?;
        let [high, low, _, _, _, _, _, _, _, _, _, address_bytes, address @ ..] = *header;
        Ok(ethernet(sender(address_bytes, address), [high, low], packet))
    } else {
        Err(LinkError::Unknown(link.0))
    }
}

/// The sender's address, if it is Ethernet's.
fn sender(address_bytes: u8, address: [u8; 8]) -> [u8; 6] {
    let [a, b, c, d, e, f, _, _] = address;
    if address_bytes == 6 { [a, b, c, d, e, f] } else { NOBODY }
}

fn ethernet(source: [u8; 6], ether_type: [u8; 2], packet: &[u8]) -> Vec<u8> {
    [&NOBODY[..], &source, &ether_type, packet].concat()
}

#[cfg(test)]
mod tests {
    use pcap_parser::Linktype;

    use super::{LinkError, to_ethernet};

    #[test]
    fn every_link_becomes_ethernet() {
        let packet = [0x45, 0, 0, 20];
        let cooked = [&[0, 0, 0, 1, 0, 6, 2, 1, 1, 1, 1, 1, 0, 0, 8, 0][..], &packet].concat();
        let cooked_2 = [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 1, 1, 1, 1, 1, 0, 0][..], &packet].concat();
        for (link, bytes, source) in [
            (Linktype::RAW, packet.to_vec(), [2, 0, 0, 0, 0, 0]),
            (Linktype::IPV4, packet.to_vec(), [2, 0, 0, 0, 0, 0]),
            (Linktype::LINUX_SLL, cooked, [2, 1, 1, 1, 1, 1]),
            (Linktype::LINUX_SLL2, cooked_2, [2, 1, 1, 1, 1, 1]),
        ] {
            let frame = to_ethernet(link, &bytes).unwrap();
            assert_eq!(frame[6..12], source, "{link:?}");
            assert_eq!(frame[12..], [8, 0, 0x45, 0, 0, 20], "{link:?}");
        }
        assert_eq!(to_ethernet(Linktype::ETHERNET, &packet).unwrap(), packet);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert_eq!(to_ethernet(Linktype::RAW, &[]), Err(LinkError::NotIp));
        assert_eq!(to_ethernet(Linktype::RAW, &[0x55]), Err(LinkError::NotIp));
        assert_eq!(to_ethernet(Linktype::LINUX_SLL, &[0; 15]), Err(LinkError::Short));
        assert_eq!(to_ethernet(Linktype::LINUX_SLL2, &[0; 19]), Err(LinkError::Short));
        let error = to_ethernet(Linktype(105), &[0; 64]).unwrap_err().to_string();
        assert!(error.contains("link type 105"), "{error}");
    }
}
