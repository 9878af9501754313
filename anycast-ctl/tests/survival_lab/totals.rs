//! Where packets are counted: made, met by the program, counted by it, seen behind the edge.

use std::{collections::BTreeMap, fs, ops::Sub};

use xtask::lab::ROUTER;

use crate::host::Host;

/// Counts while nothing is under way.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Frames that the edge's port took from its queues, whoever looked at them.
    pub taken: u64,
    /// Delivered by the program: all VIPs and backends together.
    pub steered: u64,
    /// Refused by the program, by reason.
    pub refused: BTreeMap<String, u64>,
    /// IP packets that the edge's own stack got or sent on: those that met no program, or were passed.
    pub stack: u64,
    /// Frames that the port, or the router's end of the cable, had no room for or could not send.
    pub overflow: u64,
}

impl Totals {
    pub fn read(host: &Host) -> Self {
        let status = host.status("anycast");
        let sum = |names: &dyn Fn(&str) -> bool, text: &str| -> u64 {
            let fields = text.lines().filter_map(|line| line.trim().split_once(": "));
            fields.filter(|(name, _)| names(name)).map(|(_, value)| value.parse::<u64>().unwrap()).sum()
        };
        let port = host.lab.run("edge", "ethtool", &["-S", "eth0"]).unwrap();
        let no_room = |name: &str| {
            // What a program dropped had found room.
            ["_drops", "_tx_errors", "_xmit_errors"].iter().any(|end| name.ends_with(end))
                && !name.ends_with("_xdp_drops")
        };
        let far = host.lab.run(ROUTER, "ethtool", &["-S", &host.lab.plan().edge.name]).unwrap();
        let snmp = host.lab.inside("edge", || Ok(fs::read_to_string("/proc/thread-self/net/snmp")?)).unwrap();
        let mut ip = snmp.lines().filter_map(|line| line.strip_prefix("Ip: "));
        let (names, values) = (ip.next().unwrap(), ip.next().unwrap());
        let stack =
            names.split(' ').zip(values.split(' ')).find(|(name, _)| *name == "InReceives").unwrap().1;
        Self {
            taken: sum(&|name| name.starts_with("rx_queue_") && name.ends_with("_xdp_packets"), &port),
            steered: status.vips.iter().map(|vip| vip.traffic.packets).sum(),
            refused: status.reasons.into_iter().map(|reason| (reason.reason, reason.packets)).collect(),
            stack: stack.parse().unwrap(),
            overflow: [&port, &far].map(|port| sum(&no_room, port)).into_iter().sum(),
        }
    }

    /// Packets in one of the program's counters.
    pub fn counted(&self) -> u64 {
        self.steered + self.refused.values().sum::<u64>()
    }
}

impl Sub<&Self> for Totals {
    type Output = Self;

    fn sub(self, earlier: &Self) -> Self {
        let less = |reason: &str, packets: u64| {
            packets.checked_sub(earlier.refused[reason]).expect("counters never go back")
        };
        Self {
            taken: self.taken - earlier.taken,
            steered: self.steered.checked_sub(earlier.steered).expect("counters never go back"),
            refused: self
                .refused
                .iter()
                .map(|(name, packets)| (name.clone(), less(name, *packets)))
                .collect(),
            stack: self.stack - earlier.stack,
            overflow: self.overflow - earlier.overflow,
        }
    }
}
