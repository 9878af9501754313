//! Attaching the program so that it stays.

use std::io;

use aya::programs::{XdpMode as Flag, links::FdLink};

use super::{ReceiveError, Receiver, kernel, pins::Pins};
use crate::{
    api::types::XdpMode,
    dataplane::{AttachError, explain},
    interface::Interface,
};

/// Attaches and pins; with no mode given, natively if the driver can, else generically with the warning that is returned.
pub fn attach(
    receiver: &mut Receiver,
    interface: &Interface,
    mode: Option<XdpMode>,
    pins: &Pins,
) -> Result<Option<String>, ReceiveError> {
    let (link, warning) = match attach_as(receiver, interface, mode.unwrap_or(XdpMode::Native)) {
        Ok(link) => (link, None),
        Err(ReceiveError::Attach(error @ AttachError::NoNative { .. })) if mode.is_none() => {
            let link = attach_as(receiver, interface, XdpMode::Generic)?;
            let warning = "attached in generic mode, which is several times slower than native";
            (link, Some(format!("{warning}: {}", message(&error))))
        }
        Err(error) => return Err(error),
    };
    receiver.program()?.pin(pins.program()).map_err(kernel("pinning the program"))?;
    // Last: until then the end of this process undoes everything.
    link.pin(pins.link()).map_err(kernel("pinning the attachment"))?;
    Ok(warning)
}

fn attach_as(receiver: &mut Receiver, interface: &Interface, mode: XdpMode) -> Result<FdLink, ReceiveError> {
    let flag = match mode {
        XdpMode::Native => Flag::Driver,
        XdpMode::Generic => Flag::Skb,
    };
    let program = receiver.program()?;
    let link = program
        .attach_to_if_index(interface.index, flag)
        .map_err(|error| ReceiveError::Attach(explain(&interface.name, mode, error)))?;
    let link = program.take_link(link).map_err(kernel("attaching the program"))?;
    FdLink::try_from(link).map_err(|_| ReceiveError::NoLink)
}

/// The daemon's message, with this command's option.
pub fn message(error: &AttachError) -> String {
    error.to_string().replace("--xdp-mode", "--mode")
}

/// Says of an interface what the kernel does: how a program is attached.
pub fn mode_of(interface: &Interface, program_id: u32) -> Option<XdpMode> {
    interface.xdp.filter(|xdp| xdp.program_id == program_id).map(|xdp| xdp.mode)
}

/// The network namespace of this thread, by its inode.
pub fn network_namespace() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;

    Ok(std::fs::metadata("/proc/thread-self/ns/net")?.ino())
}
