//! Attaching the program to interfaces.

use std::io;

use aya::{
    programs::{
        ProgramError, XdpMode as Flag,
        xdp::{XdpError, XdpLinkId},
    },
    sys::SyscallError,
};

use super::{Dataplane, DataplaneError, load};
use crate::api::types::XdpMode;

/// The program on one interface.
#[derive(Debug)]
pub struct Attachment {
    /// Kernel name of the interface.
    pub interface: String,
    /// Kernel index of the interface.
    pub ifindex: u32,
    /// How it is attached.
    pub mode: XdpMode,
    link: XdpLinkId,
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
        tracing::info!(interface, ifindex, ?mode, "attached");
        Ok(())
    }

    fn attach_as(&mut self, interface: &str, ifindex: u32, mode: XdpMode) -> Result<(), DataplaneError> {
        let flag = match mode {
            XdpMode::Native => Flag::Driver,
            XdpMode::Generic => Flag::Skb,
        };
        let link = load::program(&mut self.ebpf, self.entry)?
            .attach_to_if_index(ifindex, flag)
            .map_err(|error| explain(interface, mode, error))?;
        self.attachments.push(Attachment { interface: interface.to_owned(), ifindex, mode, link });
        Ok(())
    }

    /// Detaches from every interface, the last attached first.
    pub fn detach_all(&mut self) -> Result<(), DataplaneError> {
        while let Some(attachment) = self.attachments.pop() {
            load::program(&mut self.ebpf, self.entry)?.detach(attachment.link)?;
            tracing::info!(interface = attachment.interface, "detached");
        }
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
