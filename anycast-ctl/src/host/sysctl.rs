//! Settings below /proc/sys.

use std::{fs, str::FromStr};

/// What counts for most settings of an interface: `IN_DEV_MAXCONF` in include/linux/inetdevice.h.
pub fn greater(family: &str, interface: &str, name: &str) -> Option<u32> {
    own(family, interface, name).max(own(family, "all", name))
}

/// An interface's own setting, or that of `all`.
pub fn own(family: &str, interface: &str, name: &str) -> Option<u32> {
    value(&format!("net/{family}/conf/{interface}/{name}"))
}

/// A number by its path below /proc/sys; `None` where there is none. `accept_dad` and others may be negative in theory, which
/// means off.
pub fn value<T: FromStr>(path: &str) -> Option<T> {
    fs::read_to_string(format!("/proc/sys/{path}")).ok()?.trim().parse().ok()
}

/// An interface in the name of a setting: sysctl(8) takes a dot of its own as a slash.
pub fn dotted(interface: &str) -> String {
    interface.replace('.', "/")
}
