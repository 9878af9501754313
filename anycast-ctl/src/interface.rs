//! Network interfaces as the kernel describes them over netlink.

use std::fmt;

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::{
    AddressFamily,
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage, LinkXdp, Prop},
};

use tokio::time::timeout;

use crate::{api::types::XdpMode, netlink::PATIENCE, spelling::unknown};

mod watch;

pub use watch::{Interfaces, exists, follow};

/// One interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Kernel index.
    pub index: u32,
    /// Kernel name.
    pub name: String,
    /// Other names it answers to (`ip link property add … altname`).
    pub alternative_names: Vec<String>,
    /// Its own MAC address; `None` unless it is an Ethernet interface (loopback is not).
    pub mac: Option<[u8; 6]>,
    /// Largest IP packet it carries, in bytes.
    pub mtu: u32,
    /// Administratively up and with a carrier.
    pub up: bool,
    /// Receive queues it was created with. Native XDP on veth needs at least the peer's transmit queues.
    pub rx_queues: u32,
    /// The XDP program that is attached, if any.
    pub xdp: Option<AttachedXdp>,
}

/// An XDP program on an interface, whoever attached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachedXdp {
    /// Kernel id of the program.
    pub program_id: u32,
    /// How it is attached.
    pub mode: XdpMode,
}

/// Why an interface cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InterfaceError {
    /// No interface has that name.
    #[error("{}", unknown("interface", name, existing.iter().map(String::as_str)))]
    NoSuchInterface {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        existing: Vec<String>,
    },
    /// Frames cannot be rewritten on it.
    #[error("interface `{name}` is not Ethernet: name the interface that receives the VIPs' traffic")]
    NotEthernet {
        /// Its name.
        name: String,
    },
    /// A program is attached already, and replacing it would silently end whatever it does.
    #[error(
        "interface `{name}` already has {}: see it with `bpftool prog show id {id}`; if nothing needs it, remove it \
         with `ip link set dev {name} {off} off` (a program held by a link goes with the process or pin that holds it)",
        Program { id: *id, program: program.as_deref() },
        off = match mode { XdpMode::Native => "xdpdrv", XdpMode::Generic => "xdpgeneric" },
    )]
    HasXdpProgram {
        /// Name of the interface.
        name: String,
        /// Kernel id of the program.
        id: u32,
        /// Name of the program, if the kernel lets us see it.
        program: Option<String>,
        /// How it is attached.
        mode: XdpMode,
    },
    /// No netlink socket.
    #[error("open a netlink socket to list interfaces: {0}")]
    Open(#[from] std::io::Error),
    /// The kernel refused to list.
    #[error("list interfaces over netlink: {0}")]
    List(#[from] rtnetlink::Error),
    /// It was lost: every network namespace has a loopback interface.
    #[error("list interfaces over netlink: the kernel's answer did not come; try again")]
    Unanswered,
}

impl Interface {
    /// The interface of that name in the calling thread's network namespace.
    ///
    /// # Errors
    /// `NoSuchInterface` names those that exist; `Open` and `List` when the kernel cannot be asked.
    pub async fn find(name: &str) -> Result<Self, InterfaceError> {
        let interfaces = Self::list().await?;
        Self::named(name, &interfaces).cloned()
    }

    /// The interface of that name among these.
    ///
    /// # Errors
    /// `NoSuchInterface`, which names them.
    pub fn named<'a>(name: &str, interfaces: &'a [Self]) -> Result<&'a Self, InterfaceError> {
        let is_meant = |it: &&Self| it.name == name || it.alternative_names.iter().any(|alt| alt == name);
        interfaces.iter().find(is_meant).ok_or_else(|| InterfaceError::NoSuchInterface {
            name: name.to_owned(),
            existing: interfaces.iter().map(|interface| interface.name.clone()).collect(),
        })
    }

    /// Every interface of the calling thread's network namespace.
    ///
    /// # Errors
    /// `Open`, `List` and `Unanswered` when the kernel cannot be asked.
    pub async fn list() -> Result<Vec<Self>, InterfaceError> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        let connection = tokio::spawn(connection);
        let messages = timeout(PATIENCE, handle.link().get().execute().try_collect()).await;
        connection.abort();
        let messages: Vec<LinkMessage> = messages.map_err(|_| InterfaceError::Unanswered)??;
        // The stream ends alike after the last answer and when the socket fails before the first.
        if messages.is_empty() {
            return Err(InterfaceError::Unanswered);
        }
        Ok(messages.iter().filter_map(Self::from_message).collect())
    }

    /// Whether the dataplane may be attached: Ethernet, and no XDP program on it yet.
    ///
    /// # Errors
    /// `NotEthernet` or `HasXdpProgram`.
    pub fn check_attachable(&self) -> Result<(), InterfaceError> {
        if self.mac.is_none() {
            return Err(InterfaceError::NotEthernet { name: self.name.clone() });
        }
        match self.xdp {
            None => Ok(()),
            Some(AttachedXdp { program_id: id, mode }) => Err(InterfaceError::HasXdpProgram {
                name: self.name.clone(),
                id,
                program: program_name(id),
                mode,
            }),
        }
    }

    /// Reads `RTM_NEWLINK`. `None` for what is no description of an interface: bridge port notices.
    pub fn from_message(message: &LinkMessage) -> Option<Self> {
        if message.header.interface_family != AddressFamily::Unspec {
            return None;
        }
        let mut interface = Self {
            index: message.header.index,
            name: String::new(),
            alternative_names: Vec::new(),
            mac: None,
            mtu: 0,
            up: message.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
            rx_queues: 1,
            xdp: None,
        };
        let ethernet = message.header.link_layer_type == LinkLayerType::Ether;
        for attribute in &message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                interface.name.clone_from(name);
            } else if let LinkAttribute::Address(address) = attribute {
                interface.mac = address.as_slice().try_into().ok().filter(|_| ethernet);
            } else if let LinkAttribute::Mtu(mtu) = attribute {
                interface.mtu = *mtu;
            } else if let LinkAttribute::NumRxQueues(queues) = attribute {
                interface.rx_queues = *queues;
            } else if let LinkAttribute::Xdp(attributes) = attribute {
                interface.xdp = attached(attributes);
            } else if let LinkAttribute::PropList(properties) = attribute {
                interface.alternative_names.extend(properties.iter().filter_map(|property| {
                    if let Prop::AltIfName(name) = property { Some(name.clone()) } else { None }
                }));
            }
        }
        Some(interface)
    }
}

fn attached(attributes: &[LinkXdp]) -> Option<AttachedXdp> {
    let native = |attribute: &LinkXdp| {
        let (LinkXdp::DrvProgId(id) | LinkXdp::HwProgId(id)) = attribute else { return None };
        Some(AttachedXdp { program_id: *id, mode: XdpMode::Native })
    };
    let generic = |attribute: &LinkXdp| {
        let LinkXdp::SkbProgId(id) = attribute else { return None };
        Some(AttachedXdp { program_id: *id, mode: XdpMode::Generic })
    };
    attributes.iter().find_map(native).or_else(|| attributes.iter().find_map(generic))
}

/// The name a loaded program was given; `None` without the right to look, or when it is gone.
pub(crate) fn program_name(id: u32) -> Option<String> {
    let program = aya::programs::loaded_programs().flatten().find(|program| program.id() == id)?;
    program.name_as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

struct Program<'a> {
    id: u32,
    program: Option<&'a str>,
}

impl fmt::Display for Program<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program {
            Some(program) => write!(f, "XDP program `{program}` (id {})", self.id),
            None => write!(f, "an XDP program (id {})", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_is_reported_with_the_nearest_name() {
        let existing = vec!["lo".to_owned(), "eth0".to_owned(), "wan".to_owned()];
        let error = InterfaceError::NoSuchInterface { name: "etho".into(), existing };
        assert_eq!(
            error.to_string(),
            "no interface is called `etho`: did you mean `eth0`? there is `lo`, `eth0`, `wan`"
        );
        let error = InterfaceError::NoSuchInterface { name: "bond7".into(), existing: vec!["lo".into()] };
        assert_eq!(error.to_string(), "no interface is called `bond7`: there is `lo`");
    }

    #[test]
    fn an_attached_program_is_named_with_the_way_to_remove_it() {
        let error = InterfaceError::HasXdpProgram {
            name: "eth0".into(),
            id: 42,
            program: Some("xdp_fw".into()),
            mode: XdpMode::Native,
        };
        let text = error.to_string();
        assert!(text.starts_with("interface `eth0` already has XDP program `xdp_fw` (id 42): "), "{text}");
        assert!(text.contains("bpftool prog show id 42"), "{text}");
        assert!(text.contains("ip link set dev eth0 xdpdrv off"), "{text}");
    }
}
