//! The list of checks, each written once: its name in the output, and a sentence for an operator.

macro_rules! checks {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal;)+) => {
        /// Something `doctor` looks at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Check {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Check {
            /// Every one, in the order of the report.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name in the report and in docs/doctor.md.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }

            /// What it is about.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

checks! {
    /// The kernel has all the program needs.
    Kernel = "kernel";
    /// This user may load and attach programs.
    Rights = "rights";
    /// The kernel describes its types.
    Btf = "btf";
    /// Programs are compiled to machine code.
    Jit = "jit";
    /// Constants of programs are not blinded, which costs time for each packet.
    JitHarden = "jit_harden";
    /// What the CPU's mitigations cost; for information.
    Mitigations = "mitigations";
    /// The maps fit into the memory there is, and that the control group allows.
    Memory = "memory";
    /// Old kernels let a process lock enough memory for its maps.
    Memlock = "memlock";
    /// The daemon may open enough files for its maps and clients.
    Files = "files";
    /// The clock is synchronised: history and drain deadlines are in its time.
    Clock = "clock";
    /// The kernel's neighbour tables have room for all backends.
    Neighbours = "neighbours";
    /// Program, maps and links have a BPF file system to be pinned in.
    Bpffs = "bpffs";
    /// The daemon's store has a directory it can write to, and space.
    StateDirectory = "state_directory";
    /// The daemon runs, answers, and is of this program's version.
    Daemon = "daemon";
    /// The daemon holds the capabilities that its checks need.
    Privileges = "privileges";
    /// What is pinned is of this program's layout, and somebody tends it.
    Pins = "pins";
    /// The site file is valid.
    Site = "site";
    /// VIPs are where they must be, and neighbours do not hear of them.
    Vip = "vip";
    /// The interface is there, up, and Ethernet.
    Interface = "interface";
    /// The driver runs XDP programs itself, and the instance's is attached so.
    Driver = "driver";
    /// No other XDP program is on the interface.
    OtherProgram = "other_program";
    /// Packets fit the buffers the driver hands to XDP, and IPv6 can be used.
    Mtu = "mtu";
    /// As many receive queues as CPUs share the packets.
    Queues = "queues";
    /// The hardware does not merge packets before XDP sees them.
    Lro = "lro";
    /// The stack does not merge packets before a generic program sees them.
    Gro = "gro";
    /// VLAN tags are not taken off before XDP sees them.
    VlanOffload = "vlan_offload";
    /// The interface is not part of a bond, team or bridge that should be named instead.
    Membership = "membership";
    /// Packets that the program leaves to this host are not dropped as spoofed.
    RpFilter = "rp_filter";
    /// Checks through the dataplane are answered where this host holds the VIP too.
    AcceptLocal = "accept_local";
    /// This host does not answer ARP requests for VIPs.
    ArpIgnore = "arp_ignore";
    /// Packets to VIPs that the program passes do not go in a circle.
    Forwarding = "forwarding";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page has a row for every check, in order, and no other.
    #[test]
    fn every_check_is_documented() {
        let page = include_str!("../../../docs/doctor.md");
        let rows: Vec<&str> =
            page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` | ")?.0)).collect();
        assert_eq!(rows, Check::ALL.iter().map(|check| check.label()).collect::<Vec<_>>());
        for check in Check::ALL {
            let row = format!("| `{}` | {} |", check.label(), check.description());
            assert!(page.contains(&row), "docs/doctor.md lacks: {row}");
        }
    }
}
