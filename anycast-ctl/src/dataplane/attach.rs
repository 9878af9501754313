//! Attaching the program to interfaces.

use std::{io, path::PathBuf};

use aya::{
    programs::{
        ProgramError, XdpMode as Flag,
        links::{FdLink, PinnedLink},
        xdp::{XdpError, XdpLink, XdpLinkId},
    },
    sys::SyscallError,
};

use super::{Dataplane, DataplaneError, Pinned, PinnedAttachment, PinsError, load};
use crate::{api::types::XdpMode, bpffs, interface::Interface};

/// The program on one interface.
#[derive(Debug)]
pub struct Attachment {
    /// Kernel name of the interface.
    pub interface: String,
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// How it is attached.
    pub mode: XdpMode,
    pub(super) hold: Hold,
}

/// What keeps the program there.
#[derive(Debug)]
pub(super) enum Hold {
    /// This process.
    Process(XdpLinkId),
    /// A pin.
    Pin(PathBuf),
}

/// Why the program cannot be attached, with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Another program is there.
    #[error(
        "{interface} already has an XDP program: see it with `bpftool net show dev {interface}`; \
         one attached by ip is removed with `ip link set dev {interface} xdp off`, one held by a link ends with its owner"
    )]
    Busy {
        /// Name of the interface.
        interface: String,
    },
    /// The driver has no native XDP, or not for this configuration.
    #[error("{interface} does not take a native XDP program ({error}){hint}; or use --xdp-mode generic")]
    NoNative {
        /// Name of the interface.
        interface: String,
        /// What the kernel said.
        error: io::Error,
        /// What may help.
        hint: &'static str,
    },
    /// Anything else.
    #[error("attaching to {interface}: {error}")]
    Other {
        /// Name of the interface.
        interface: String,
        /// What went wrong.
        error: ProgramError,
    },
}

impl Dataplane {
    /// Attaches to an interface; with no mode given, natively if the driver can, else generically with a warning.
    pub fn attach(
        &mut self,
        interface: &str,
        ifindex: u32,
        mode: Option<XdpMode>,
    ) -> Result<(), DataplaneError> {
        let mode = match mode {
            Some(mode) => self.attach_as(interface, ifindex, mode).map(|()| mode)?,
            None => match self.attach_as(interface, ifindex, XdpMode::Native) {
                Ok(()) => XdpMode::Native,
                Err(DataplaneError::Attach(error @ AttachError::NoNative { .. })) => {
                    self.attach_as(interface, ifindex, XdpMode::Generic)?;
                    tracing::warn!(
                        interface,
                        "attached in generic mode, which is several times slower than native: {error}"
                    );
                    XdpMode::Generic
                }
                Err(error) => return Err(error),
            },
        };
        tracing::debug!(interface, ifindex, ?mode, "attached");
        Ok(())
    }

    fn attach_as(&mut self, interface: &str, ifindex: u32, mode: XdpMode) -> Result<(), DataplaneError> {
        let flag = match mode {
            XdpMode::Native => Flag::Driver,
            XdpMode::Generic => Flag::Skb,
        };
        let program = self.program_in_place()?;
        let link =
            program.attach_to_if_index(ifindex, flag).map_err(|error| explain(interface, mode, error))?;
        let hold = match self.pinned.clone() {
            None => Hold::Process(link),
            Some(pinned) => {
                let path = pinned.pins.link(interface);
                // That of an interface of the same name that is gone.
                bpffs::remove(&path).map_err(PinsError::from)?;
                let link = FdLink::try_from(self.program_in_place()?.take_link(link)?)
                    .map_err(|_| PinsError::NoLink)?;
                // Until it is pinned the end of this process detaches it.
                link.pin(&path).map_err(|error| PinsError::Pin { path: path.clone(), error })?;
                Hold::Pin(path)
            }
        };
        self.attachments.push(Attachment { interface: interface.to_owned(), ifindex, mode, hold });
        Ok(())
    }

    /// Takes over the pinned attachments to these interfaces: from one packet to the next they have this program. Those to
    /// other interfaces, and to interfaces that are gone, are ended.
    ///
    /// # Errors
    ///
    /// What cannot be taken over stays with the program it had.
    pub fn take_over(&mut self, interfaces: &[Interface]) -> Result<(), DataplaneError> {
        let Some(Pinned { pins, .. }) = &self.pinned else { return Ok(()) };
        for held in PinnedAttachment::list(pins)? {
            let Some(interface) = interfaces.iter().find(|interface| held.is_on(interface)) else {
                bpffs::remove(&held.path).map_err(PinsError::from)?;
                tracing::info!(interface = held.interface, gone = held.ifindex == 0, "detached");
                continue;
            };
            let path = pins.link(&interface.name);
            if path != held.path {
                bpffs::rename(&held.path, &path).map_err(PinsError::from)?;
            }
            let opened = |error| DataplaneError::Map { doing: "opening a pinned attachment", error };
            let link = PinnedLink::from_pin(&path).map_err(|error| opened(error.into()))?;
            let link = XdpLink::try_from(FdLink::from(link)).map_err(|error| opened(error.into()))?;
            let program = load::program(&mut self.ebpf, self.entry)?;
            let link = program.attach_to_link(link)?;
            // The pin holds it.
            drop(program.take_link(link)?);
            let mode = interface.xdp.map_or(XdpMode::Native, |attached| attached.mode);
            tracing::debug!(interface = interface.name, ifindex = interface.index, ?mode, "taken over");
            let (interface, ifindex) = (interface.name.clone(), interface.index);
            self.attachments.push(Attachment { interface, ifindex, mode, hold: Hold::Pin(path) });
        }
        Ok(())
    }

    /// Detaches from an interface, if the program is attached to it.
    pub fn detach(&mut self, interface: &str) -> Result<(), DataplaneError> {
        while let Some(place) = self.attachments.iter().position(|it| it.interface == interface) {
            let attachment = self.attachments.remove(place);
            self.end(attachment)?;
        }
        Ok(())
    }

    /// Attaches to an interface that went and came back, or lost the program. The old attachment is kept until then.
    pub fn attach_again(
        &mut self,
        interface: &str,
        ifindex: u32,
        mode: Option<XdpMode>,
    ) -> Result<(), DataplaneError> {
        self.attach(interface, ifindex, mode)?;
        let attached = self.attachments.pop();
        while let Some(place) = self.attachments.iter().position(|it| it.interface == interface) {
            // A pin has been replaced by the new one's.
            if let Hold::Process(link) = self.attachments.remove(place).hold {
                self.program_in_place()?.detach(link)?;
            }
        }
        self.attachments.extend(attached);
        Ok(())
    }

    /// Notes that an attached interface has another index: it was in another network namespace.
    pub fn set_index(&mut self, interface: &str, ifindex: u32) {
        let attached = self.attachments.iter_mut().filter(|it| it.interface == interface);
        attached.for_each(|it| it.ifindex = ifindex);
    }

    /// The kernel id of the program that interfaces have.
    pub fn program_id(&mut self) -> Option<u32> {
        self.program_in_place().ok()?.info().ok().map(|info| info.id())
    }

    /// Detaches from every interface, the last attached first.
    pub fn detach_all(&mut self) -> Result<(), DataplaneError> {
        while let Some(attachment) = self.attachments.pop() {
            self.end(attachment)?;
        }
        Ok(())
    }

    fn end(&mut self, attachment: Attachment) -> Result<(), DataplaneError> {
        match attachment.hold {
            Hold::Process(link) => self.program_in_place()?.detach(link)?,
            Hold::Pin(path) => bpffs::remove(&path).map_err(PinsError::from)?,
        }
        tracing::debug!(interface = attachment.interface, "detached");
        Ok(())
    }
}

/// What the kernel meant by refusing.
pub(crate) fn explain(interface: &str, mode: XdpMode, error: ProgramError) -> AttachError {
    let interface = interface.to_owned();
    // Where the driver answers a link with EINVAL, as some do for their MTU, aya tries again over netlink.
    let code = if let ProgramError::SyscallError(SyscallError { io_error, .. }) = &error {
        io_error.raw_os_error()
    } else if let ProgramError::XdpError(XdpError::NetlinkError(error)) = &error {
        error.raw_os_error()
    } else {
        None
    };
    let no_native = |code, hint| AttachError::NoNative {
        interface: interface.clone(),
        error: io::Error::from_raw_os_error(code),
        hint,
    };
    match (code, mode) {
        (Some(libc::EBUSY | libc::EEXIST), _) => AttachError::Busy { interface },
        (Some(code @ libc::ENOSPC), XdpMode::Native) => no_native(
            code,
            ": it has fewer receive queues than its peer or CPUs need transmit queues; see `ethtool -l`",
        ),
        (Some(code @ libc::ERANGE), XdpMode::Native) => no_native(code, ": its MTU is too large for XDP"),
        (Some(code @ (libc::EOPNOTSUPP | libc::EINVAL)), XdpMode::Native) => no_native(code, ""),
        _ => AttachError::Other { interface, error },
    }
}
