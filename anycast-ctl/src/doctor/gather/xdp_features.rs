//! What a driver can do with XDP, as the kernel tells without attaching anything: generic netlink family `netdev`, Linux 6.3
//! (Documentation/netlink/specs/netdev.yaml).

use rtnetlink::{
    packet_core::{NlaBuffer, NlasIterator},
    sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC},
};

use crate::doctor::facts::XdpFeatures;

const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;

/// `sizeof(struct nlmsghdr)` and of `struct genlmsghdr`.
const HEADERS: usize = 16 + 4;

/// `None` where the kernel does not say.
pub fn of(ifindex: u32) -> Option<XdpFeatures> {
    let mut socket = Socket::new(NETLINK_GENERIC).ok()?;
    socket.bind_auto().ok()?;
    socket.connect(&SocketAddr::new(0, 0)).ok()?;
    let family = ask(&socket, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, b"netdev\0")?;
    let family = u16::from_ne_bytes(attribute(&family, CTRL_ATTR_FAMILY_ID)?.try_into().ok()?);
    let device = ask(&socket, family, NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, &ifindex.to_ne_bytes())?;
    let features = attribute(&device, NETDEV_A_DEV_XDP_FEATURES)?;
    Some(XdpFeatures(u64::from_ne_bytes(features.try_into().ok()?)))
}

/// One question with one attribute; the answer whole.
fn ask(socket: &Socket, family: u16, command: u8, kind: u16, value: &[u8]) -> Option<Vec<u8>> {
    let length = 4 + value.len();
    let total = HEADERS + length.next_multiple_of(4);
    let mut message = Vec::with_capacity(total);
    message.extend(u32::try_from(total).ok()?.to_ne_bytes());
    message.extend(family.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence and port: one question is under way at a time.
    message.extend([0; 8]);
    message.extend([command, 1, 0, 0]);
    message.extend(u16::try_from(length).ok()?.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(value);
    message.resize(total, 0);
    socket.send(&message, 0).ok()?;
    let (answer, _) = socket.recv_from_full().ok()?;
    let kind = answer.get(4..6)?;
    (kind != NLMSG_ERROR.to_ne_bytes()).then_some(answer)
}

fn attribute(message: &[u8], kind: u16) -> Option<Vec<u8>> {
    let mut attributes = NlasIterator::new(message.get(HEADERS..)?);
    attributes.find_map(|attribute| {
        let attribute: NlaBuffer<&[u8]> = attribute.ok()?;
        (attribute.kind() == kind).then(|| attribute.value().to_vec())
    })
}
