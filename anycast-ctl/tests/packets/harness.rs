//! A loaded program with a small site, and one packet at a time through it.

use std::{collections::BTreeMap, net::IpAddr};

use anycast_common::{
    address::Address,
    backend::Backend,
    counter::Traffic,
    flow::Flow,
    hash::expand_seed,
    reason::{Reason, Verdict},
    slot::{Slot, Table},
};
use anycast_ctl::{
    dataplane::{Dataplane, DirectoryEntry, LoadOptions, PROGRAM},
    model::{Seed, UdpPolicy},
};
use aya::programs::{TestRun, TestRunOptions, Xdp};

/// Seed of the flow hash in every packet test.
pub const SEED: u64 = 0x0123_4567_89ab_cdef;

/// `BPF_PROG_TEST_RUN` lets packets arrive on the loopback interface.
pub const INGRESS: u32 = 1;

/// Verdicts, as the kernel numbers them (`enum xdp_action`, include/uapi/linux/bpf.h).
pub mod xdp_action {
    pub const XDP_DROP: u32 = 1;
    pub const XDP_PASS: u32 = 2;
    pub const XDP_TX: u32 = 3;
    pub const XDP_REDIRECT: u32 = 4;
}

/// Backends of each served pool.
pub const BACKENDS: u16 = 4;

/// Slots of each served pool's table.
pub const SLOTS: u32 = 31;

/// Ticks after which a flow is taken for ended.
pub const IDLE_TIMEOUT: u32 = 300;

/// Counters each backend has: one for every VIP number.
const COUNTERS_PER_BACKEND: u32 = 16;

/// The site's VIPs: number, address, pool, services, drop of unknown ports.
pub const VIPS: &[(u16, &str, u16, &[&str], bool)] = &[
    (1, "192.0.2.1", 0, &["tcp/80", "udp/53"], false),
    (2, "2001:db8:0:1::1", 0, &["tcp/80", "udp/53"], false),
    (3, "192.0.2.3", 0, &["tcp/any", "udp/any"], false),
    (4, "2001:db8:0:1::3", 0, &["tcp/any", "udp/any"], false),
    (5, "192.0.2.5", 0, &["tcp/80", "udp/53"], true),
    (6, "2001:db8:0:1::5", 0, &["tcp/80", "udp/53"], true),
    (7, "192.0.2.7", 1, &["tcp/80", "udp/53"], false),
    (8, "2001:db8:0:1::7", 1, &["tcp/80", "udp/53"], false),
    (9, "192.0.2.9", 2, &["tcp/80", "udp/53"], false),
    (10, "2001:db8:0:1::9", 2, &["tcp/80", "udp/53"], false),
    (11, "192.0.2.11", 3, &["tcp/80", "udp/53"], false),
    (12, "2001:db8:0:1::11", 3, &["tcp/80", "udp/53"], false),
];

/// Index of a backend that has slots but no next hop.
const UNRESOLVED: u16 = 100;

/// Index of a backend behind an interface that is no redirect target.
const ELSEWHERE: u16 = 101;

/// What a packet came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Sent to the backend with that index, out of the interface it came in by or another one.
    Transmitted { vip: u16, backend: u16, packet: Vec<u8> },
    /// Passed unchanged.
    Passed { vip: u16, reason: Reason },
    /// Dropped.
    Dropped { vip: u16, reason: Reason },
    /// Answered with that packet.
    Answered { vip: u16, reason: Reason, packet: Vec<u8> },
}

/// The loaded program.
pub struct Harness {
    /// The dataplane, for tests that change its state.
    pub dataplane: Dataplane,
    /// Verdict of delivered packets.
    pub delivery_verdict: u32,
    /// Whether the next packet opens a flow; `None`: if it is a SYN.
    pub opens_flow: Option<bool>,
    slots: Vec<Slot>,
}

/// Every counter that may change: reasons per VIP, traffic per counter index.
type Counters = (BTreeMap<(u16, u32), u64>, BTreeMap<u32, Traffic>);

impl Harness {
    /// Loads the program and fills its maps.
    pub fn new() -> Self {
        Self::load(true)
    }

    /// The same, with the program that takes packets in several buffers or the one for older kernels.
    pub fn load(multi_buffer: bool) -> Self {
        let options = LoadOptions { arena_slots: 4096, multi_buffer, ..LoadOptions::new(Seed::new(SEED)) };
        let mut dataplane = Dataplane::load(&options).unwrap();
        for index in 0..BACKENDS {
            dataplane.set_backend(index, backend(index));
        }
        dataplane.set_backend(UNRESOLVED, Backend::default());
        dataplane.set_backend(ELSEWHERE, Backend { ifindex: 4_000_000, ..backend(ELSEWHERE) });
        let slots: Vec<Slot> = (0..SLOTS as u16).map(|slot| Slot::stable(slot % BACKENDS)).collect();
        dataplane.publish_table(0, &slots).unwrap();
        dataplane.publish_table(2, &[Slot::stable(UNRESOLVED); 7]).unwrap();
        dataplane.publish_table(3, &[Slot::stable(ELSEWHERE); 7]).unwrap();
        dataplane.publish_directory(&directory(UdpPolicy::Stateless)).unwrap();
        Self { dataplane, delivery_verdict: xdp_action::XDP_TX, opens_flow: None, slots }
    }

    /// Runs one packet through the program and checks that exactly one outcome was counted, and rightly.
    pub fn run(&mut self, name: &str, packet: &[u8]) -> Outcome {
        let before = self.counters();
        let (verdict, output) = self.execute(packet);
        let after = self.counters();
        let outcome = self.only_change(name, &before, &after, packet, &output);
        let expected = match &outcome {
            Outcome::Transmitted { .. } => self.delivery_verdict,
            Outcome::Answered { .. } => xdp_action::XDP_TX,
            Outcome::Passed { .. } => xdp_action::XDP_PASS,
            Outcome::Dropped { .. } => xdp_action::XDP_DROP,
        };
        assert_eq!(verdict, expected, "{name}: verdict against the counted outcome {outcome:?}");
        outcome
    }

    /// The backend that owns a flow, from the published table.
    pub fn owner(&self, source: IpAddr, destination: IpAddr, ports: (u16, u16), protocol: u8) -> u16 {
        let flow = Flow {
            source: Address::from(source),
            destination: Address::from(destination),
            source_port: ports.0,
            destination_port: ports.1,
            protocol,
        };
        let slot = Table::new(0, SLOTS).slot_of(flow.hash(&expand_seed(SEED)));
        self.slots[slot as usize].current()
    }

    fn execute(&mut self, packet: &[u8]) -> (u32, Vec<u8>) {
        let name = self.dataplane.program_name();
        let program: &mut Xdp = self.dataplane.ebpf_mut().program_mut(name).unwrap().try_into().unwrap();
        let mut output = vec![0; packet.len() + 256];
        let options =
            TestRunOptions { data_in: Some(packet), data_out: Some(&mut output), ..TestRunOptions::new() };
        let result = program.test_run(options).unwrap();
        output.truncate(result.data_size_out as usize);
        (result.return_value, output)
    }

    fn counters(&self) -> Counters {
        let numbers = std::iter::once(0).chain(VIPS.iter().map(|vip| vip.0));
        let reasons = numbers
            .flat_map(|vip| Reason::ALL.iter().map(move |&reason| (vip, reason)))
            .map(|(vip, reason)| ((vip, reason.code()), self.dataplane.refused(vip, reason).unwrap()))
            .collect();
        let traffic = (0..COUNTERS_PER_BACKEND * u32::from(BACKENDS))
            .map(|counter| (counter, self.dataplane.traffic(counter).unwrap()))
            .collect();
        (reasons, traffic)
    }

    /// The one counter that changed, as an outcome.
    fn only_change(
        &self,
        name: &str,
        before: &Counters,
        after: &Counters,
        input: &[u8],
        output: &[u8],
    ) -> Outcome {
        let reasons: Vec<_> = after.0.iter().filter(|(key, count)| before.0[*key] != **count).collect();
        let traffic: Vec<_> = after.1.iter().filter(|(key, count)| before.1[*key] != **count).collect();
        match (reasons.as_slice(), traffic.as_slice()) {
            (&[(&(vip, code), &count)], []) => {
                assert_eq!(count, before.0[&(vip, code)] + 1, "{name}: reason {code}");
                let reason = Reason::ALL[code as usize - 1];
                if reason.verdict() == Verdict::Answer {
                    return Outcome::Answered { vip, reason, packet: output.to_owned() };
                }
                assert_eq!(output, input, "{name}: a packet that is not delivered stays as it is");
                match reason.verdict() {
                    Verdict::Answer => unreachable!(),
                    Verdict::Pass => Outcome::Passed { vip, reason },
                    Verdict::Drop => Outcome::Dropped { vip, reason },
                }
            }
            ([], &[(&counter, &new)]) => {
                let old = before.1[&counter];
                let headers = crate::steer::Headers::parse(input);
                let expected = Traffic {
                    packets: old.packets + 1,
                    bytes: old.bytes + headers.ip_length,
                    new_flows: old.new_flows + u64::from(self.opens_flow.unwrap_or(headers.opens_flow)),
                };
                assert_eq!(new, expected, "{name}: traffic counter {counter}");
                Outcome::Transmitted {
                    vip: (counter % COUNTERS_PER_BACKEND) as u16,
                    backend: (counter / COUNTERS_PER_BACKEND) as u16,
                    packet: output.to_owned(),
                }
            }
            _ => panic!("{name}: one outcome expected, got reasons {reasons:?} and traffic {traffic:?}"),
        }
    }
}

/// A resolved backend.
pub fn backend(index: u16) -> Backend {
    let [high, low] = index.to_be_bytes();
    Backend {
        destination: [0x02, 0, 0, 0, high, low],
        state: Backend::USABLE,
        source: [0x02, 0xff, 0, 0, 0, 1],
        generation: 0,
        ifindex: INGRESS,
        first_counter: u32::from(index) * COUNTERS_PER_BACKEND,
        mtu: u16::MAX,
        ..Backend::default()
    }
}

/// All VIPs, with that policy for UDP.
pub fn directory(udp: UdpPolicy) -> Vec<DirectoryEntry> {
    VIPS.iter().map(|&vip| DirectoryEntry { udp, ..entry(vip) }).collect()
}

fn entry(
    (number, address, pool, services, drop_unknown_port): (u16, &str, u16, &[&str], bool),
) -> DirectoryEntry {
    DirectoryEntry {
        address: address.parse().unwrap(),
        number,
        pool,
        ordinal: u32::from(number),
        drop_unknown_port,
        answer_echo: true,
        udp: UdpPolicy::Stateless,
        idle_timeout_ticks: IDLE_TIMEOUT,
        services: services.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

/// The kernel's account of the loaded program: verified instructions and bytes of JIT code.
pub fn program_size(dataplane: &mut Dataplane) -> (u32, u32) {
    let program: &mut Xdp = dataplane.ebpf_mut().program_mut(PROGRAM).unwrap().try_into().unwrap();
    let info = program.info().unwrap();
    (info.verified_instruction_count().unwrap(), info.size_jitted())
}
