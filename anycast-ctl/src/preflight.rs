//! What must hold before anything is loaded: rights and kernel. Gathered once, judged by pure functions.

use std::{fmt, fs, io, path::Path, str::FromStr};

/// The oldest kernel that has all that is not optional. What is needed last, a context for test runs, by which `explain` says
/// where a packet comes in, came with it. What later ones have beyond that, the loader does without: docs/kernels.md.
pub const MIN_KERNEL: KernelRelease = KernelRelease { major: 5, minor: 15 };

/// The first kernel with XDP programs that take packets in several buffers.
pub const MULTI_BUFFER_KERNEL: KernelRelease = KernelRelease { major: 5, minor: 18 };

/// `CAP_NET_ADMIN` in capabilities(7): attach to interfaces, ask neighbours.
const CAP_NET_ADMIN: u32 = 12;
/// `CAP_SYS_ADMIN`: includes what `CAP_BPF` and `CAP_PERFMON` allow.
const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_PERFMON`, Linux 5.8: programs that calculate with pointers, as the verifier puts it.
const CAP_PERFMON: u32 = 38;
/// `CAP_BPF`, Linux 5.8: load programs, create maps.
const CAP_BPF: u32 = 39;

/// The kernel describes its own types there when built with `CONFIG_DEBUG_INFO_BTF`.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// What this process and its kernel are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Bit mask of effective capabilities.
    pub capabilities: u64,
    /// As `uname -r` says it: `6.1.0-18-amd64`.
    pub release: String,
    /// The kernel describes its types.
    pub btf: bool,
}

/// A kernel's version, as far as features depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelRelease {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

/// Why the dataplane cannot be loaded here.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Not enough rights.
    #[error(
        "loading the dataplane needs root or CAP_BPF + CAP_NET_ADMIN + CAP_PERFMON ({} missing): run it with sudo, or as the service does, \
         as a user of its own with AmbientCapabilities={}", .0.join(" and "), .0.join(" ")
    )]
    Capabilities(Vec<&'static str>),
    /// Too old a kernel.
    #[error("Linux {release} is too old: the XDP program needs {MIN_KERNEL} or later; boot a newer kernel")]
    Kernel {
        /// As `uname -r` says it.
        release: String,
    },
    /// /proc cannot be read.
    #[error("read {0}: {1}; is /proc mounted?")]
    Read(&'static str, #[source] io::Error),
}

/// What is odd, but no reason to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The release is no version this program can read, so it goes on as if it were recent.
    UnknownRelease(String),
    /// The program relocates nothing against the kernel's types, so it loads without them; but every kernel that
    /// distributions ship has them, and bpftool shows less without.
    NoBtf,
}

/// Gathers what [`judge`] needs, and judges.
///
/// # Errors
/// See [`PreflightError`].
pub fn check() -> Result<Vec<Warning>, PreflightError> {
    judge(&Surroundings::gather()?)
}

/// Whether the dataplane can be loaded, and what is odd.
///
/// A missing bpffs is nothing to this version: it pins nothing.
///
/// # Errors
/// `Capabilities` or `Kernel`; the former first, as it is the one that is quickly mended.
pub fn judge(surroundings: &Surroundings) -> Result<Vec<Warning>, PreflightError> {
    surroundings.check_capabilities()?;
    let mut warnings = Vec::new();
    match surroundings.release() {
        Ok(release) if release < MIN_KERNEL => {
            return Err(PreflightError::Kernel { release: surroundings.release.clone() });
        }
        Ok(_) => {}
        Err(UnknownRelease) => warnings.push(Warning::UnknownRelease(surroundings.release.clone())),
    }
    if !surroundings.btf {
        warnings.push(Warning::NoBtf);
    }
    Ok(warnings)
}

impl Surroundings {
    /// Asks the kernel.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn gather() -> Result<Self, PreflightError> {
        let read = |path| fs::read_to_string(path).map_err(|error| PreflightError::Read(path, error));
        let status = read("/proc/self/status")?;
        Ok(Self {
            capabilities: effective_capabilities(&status).unwrap_or_default(),
            release: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            btf: Path::new(KERNEL_BTF).exists(),
        })
    }

    /// The kernel's version.
    ///
    /// # Errors
    /// It calls itself something that cannot be read.
    pub fn release(&self) -> Result<KernelRelease, UnknownRelease> {
        self.release.parse()
    }

    /// Whether programs can be loaded and attached.
    ///
    /// # Errors
    /// `Capabilities` names what is missing.
    pub fn check_capabilities(&self) -> Result<(), PreflightError> {
        let has = |capability: u32| self.capabilities >> capability & 1 == 1;
        let mut missing = Vec::new();
        if !has(CAP_BPF) && !has(CAP_SYS_ADMIN) {
            missing.push("CAP_BPF");
        }
        if !has(CAP_NET_ADMIN) {
            missing.push("CAP_NET_ADMIN");
        }
        if !has(CAP_PERFMON) && !has(CAP_SYS_ADMIN) {
            missing.push("CAP_PERFMON");
        }
        if missing.is_empty() { Ok(()) } else { Err(PreflightError::Capabilities(missing)) }
    }
}

/// The `CapEff` line of /proc/PID/status, proc(5).
fn effective_capabilities(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// A release that does not begin with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRelease;

impl FromStr for KernelRelease {
    type Err = UnknownRelease;

    /// Reads the two numbers that `uname -r` begins with, whatever follows: `6.18.44-fc-v509`, `5.15-rc1`, `6.1+`.
    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        let mut numbers = text.splitn(3, '.').map(|part| {
            let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            digits.parse().map_err(|_| UnknownRelease)
        });
        let mut next = || numbers.next().ok_or(UnknownRelease)?;
        Ok(Self { major: next()?, minor: next()? })
    }
}

impl fmt::Display for KernelRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRelease(release) => {
                write!(
                    f,
                    "the kernel calls itself `{release}`: cannot tell whether it is {MIN_KERNEL} or later"
                )
            }
            Self::NoBtf => {
                write!(f, "the kernel has no {KERNEL_BTF}: the program loads without, bpftool shows less")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 1 << CAP_NET_ADMIN | 1 << CAP_BPF | 1 << CAP_PERFMON;

    fn on(capabilities: u64, release: &str, btf: bool) -> Result<Vec<Warning>, String> {
        judge(&Surroundings { capabilities, release: release.into(), btf }).map_err(|error| error.to_string())
    }

    #[test]
    fn releases_are_read_whatever_follows_the_numbers() {
        for (text, release) in [
            ("6.18.44-fc-v509", Some((6, 18))),
            ("5.15.0-91-generic", Some((5, 15))),
            ("6.1-rc3", Some((6, 1))),
            ("6.1+", Some((6, 1))),
            ("10.0", Some((10, 0))),
            ("", None),
            ("6", None),
            ("six.one", None),
            ("6.x", None),
            ("99999999999.1", None),
        ] {
            let expected = release.map(|(major, minor)| KernelRelease { major, minor });
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn rights_are_demanded_by_name() {
        assert_eq!(on(ALL, "6.1.0", true), Ok(vec![]));
        assert_eq!(on(1 << CAP_SYS_ADMIN | 1 << CAP_NET_ADMIN, "6.1.0", true), Ok(vec![]));
        for (capabilities, missing) in [
            (0, "CAP_BPF and CAP_NET_ADMIN and CAP_PERFMON"),
            (1 << CAP_BPF, "CAP_NET_ADMIN and CAP_PERFMON"),
            (1 << CAP_BPF | 1 << CAP_PERFMON, "CAP_NET_ADMIN"),
            (1 << CAP_NET_ADMIN, "CAP_BPF and CAP_PERFMON"),
            (1 << CAP_BPF | 1 << CAP_NET_ADMIN, "CAP_PERFMON"),
        ] {
            let text = on(capabilities, "6.1.0", true).unwrap_err();
            assert!(text.contains(&format!("({missing} missing)")), "{text}");
            assert!(text.contains("run it with sudo"), "{text}");
        }
    }

    #[test]
    fn old_kernels_are_refused_and_odd_ones_warned_about() {
        assert!(on(ALL, "5.14.9", true).unwrap_err().contains("Linux 5.14.9 is too old"));
        assert_eq!(on(ALL, "5.15.0", true), Ok(vec![]));
        assert_eq!(on(ALL, "vendor", true), Ok(vec![Warning::UnknownRelease("vendor".into())]));
        assert_eq!(on(ALL, "6.1.0", false), Ok(vec![Warning::NoBtf]));
    }

    #[test]
    fn capabilities_are_read_from_proc() {
        let status =
            "Name:\tanycast-ctl\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n";
        assert_eq!(effective_capabilities(status), Some(0x1ff_ffff_ffff));
        assert_eq!(effective_capabilities("Name:\tx\n"), None);
    }

    #[test]
    fn this_machine_is_described() {
        let here = Surroundings::gather().unwrap();
        assert!(here.release.parse::<KernelRelease>().is_ok(), "{here:?}");
    }
}
