//! A flood: live frames with sources of their own, from the router into the edge.
//!
//! A veth takes frames sent by XDP into the queue of the core they are sent on, and whoever finds a queue empty has it
//! polled on his own core. So the generator keeps to one core, and nobody else uses that core's queue: its frames are
//! polled there, between two batches. Were they polled elsewhere, the generator would run ahead and most would find
//! the queue full.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anycast_common::bench::Workload;
use aya::{
    Ebpf, include_bytes_aligned,
    maps::{Array, PerCpuArray},
    programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp},
};
use etherparse::PacketBuilder;
use nix::{
    net::if_::if_nametoindex,
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use xtask::lab::{Namespace, OwnedLab, ROUTER, server::HTTP_PORT};

static LAB: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab"));

/// Every source of 10.0.0.0/8 with 64 ports, in an order of its own.
const FLOWS: u32 = 1 << 30;
/// Frames of one system call.
const CALL: u32 = 1 << 16;
/// Frames the kernel makes before it lets the network run.
const BATCH: u32 = 64;
/// The generator's core, and the queue of its frames.
const CORE: usize = 0;

/// The running flood.
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<Report>,
    /// Flows the edge had seen before.
    seen: u64,
}

/// What it came to.
pub struct Report {
    /// Made by the generator.
    pub offered: u64,
    /// Counted by the edge: those that found room in its queue.
    pub steered: u64,
    /// Swallowed behind the edge.
    pub returned: u64,
    elapsed: Duration,
    /// Those swallowed in each second, per second.
    rates: Vec<f64>,
}

impl Flood {
    /// Floods the v4 VIP with frames like this one, of many sources. What the edge sends on to the backends is swallowed at the
    /// router's port.
    pub fn start(lab: &OwnedLab, packet: Vec<u8>) -> Self {
        let mut ebpf = Ebpf::load(LAB).unwrap();
        for name in ["flood", "sink"] {
            program(&mut ebpf, name).load().unwrap();
        }
        let sink = program(&mut ebpf, "sink").fd().unwrap().try_clone().unwrap();
        lab.edge_port().replace(std::os::fd::AsFd::as_fd(&sink)).unwrap();
        let mut workloads: Array<_, Workload> = Array::try_from(ebpf.map_mut("WORKLOAD").unwrap()).unwrap();
        workloads.set(0, Workload::of(&packet, FLOWS), 0).unwrap();

        keep_queue_free(lab);
        let stop = Arc::new(AtomicBool::new(false));
        let (router, port) =
            (lab.namespace(ROUTER).unwrap().try_clone().unwrap(), lab.plan().edge.name.clone());
        let stopped = stop.clone();
        let thread = thread::spawn(move || run(ebpf, &router, &port, &packet, &stopped));
        Self { stop, thread, seen: new_flows(lab) }
    }

    pub fn finish(self, lab: &OwnedLab) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let report = self.thread.join().unwrap();
        Report { steered: new_flows(lab) - self.seen, ..report }
    }
}

/// Flows to the v4 VIP. Beside the flood's the sessions' do not count.
fn new_flows(lab: &OwnedLab) -> u64 {
    let status = lab.status().unwrap();
    let vip = status.vips.iter().find(|vip| vip.address.is_ipv4()).unwrap();
    vip.backends.iter().map(|backend| backend.traffic.new_flows).sum()
}

fn run(mut ebpf: Ebpf, router: &Namespace, port: &str, packet: &[u8], stop: &AtomicBool) -> Report {
    router.enter().unwrap();
    let mut core = CpuSet::new();
    core.set(CORE).unwrap();
    sched_setaffinity(Pid::from_raw(0), &core).unwrap();
    // SAFETY: takes three integers. On Linux 0 is the calling thread alone.
    assert_eq!(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -20) }, 0, "a flood does not give way");
    let context = context(packet.len(), if_nametoindex(port).unwrap());
    let start = Instant::now();
    let (mut second, mut seen, mut rates) = (start, 0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let options = TestRunOptions {
            data_in: Some(packet),
            ctx_in: Some(&context),
            repeat: CALL,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::new()
        };
        program(&mut ebpf, "flood").test_run(options).unwrap();
        if second.elapsed() >= Duration::from_secs(1) {
            let sunk = sunk(&ebpf);
            rates.push((sunk - seen) as f64 / second.elapsed().as_secs_f64());
            (second, seen) = (Instant::now(), sunk);
        }
    }
    let elapsed = start.elapsed();
    let made: Array<_, u64> = Array::try_from(ebpf.map("MADE").unwrap()).unwrap();
    rates.sort_by(f64::total_cmp);
    Report { offered: made.get(&0, 0).unwrap(), steered: 0, returned: sunk(&ebpf), elapsed, rates }
}

fn sunk(ebpf: &Ebpf) -> u64 {
    let sunk: PerCpuArray<_, u64> = PerCpuArray::try_from(ebpf.map("SUNK").unwrap()).unwrap();
    sunk.get(&0, 0).unwrap().iter().sum()
}

/// Sends all that is not the flood's through the other queue into the edge (XPS), whatever core it comes from. The file
/// is the namespace's own, in a sysfs mounted there.
fn keep_queue_free(lab: &OwnedLab) {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get().min(32));
    if cores == 1 {
        return;
    }
    let (port, all) = (&lab.plan().edge.name, u64::MAX >> (64 - cores));
    let script = format!(
        "mount -t sysfs sysfs /sys && cd /sys/class/net/{port}/queues && for queue in tx-*; do echo 0 > $queue/xps_cpus; \
         done && echo {all:x} > tx-{}/xps_cpus",
        CORE + 1
    );
    lab.run(ROUTER, "unshare", &["--mount", "sh", "-c", &script]).unwrap();
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> &'a mut Xdp {
    ebpf.program_mut(name).unwrap().try_into().unwrap()
}

/// A SYN to the v4 VIP, of the first of the generator's flows.
pub fn syn(lab: &OwnedLab) -> Vec<u8> {
    let vip = lab.plan().vips.v4.octets();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 2, 2]);
    let mut packet = Vec::new();
    let syn = builder.ipv4([10, 0, 0, 0], vip, 64).tcp(1024, HTTP_PORT, 1, 512).syn();
    syn.write(&mut packet, &[]).unwrap();
    // The shortest Ethernet frame, without its checksum.
    packet.resize(60, 0);
    packet
}

/// `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. XDP_TX leaves by that interface.
fn context(length: usize, interface: u32) -> Vec<u8> {
    [0, length as u32, 0, interface, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect()
}

impl Report {
    /// Made per second.
    pub fn offered_rate(&self) -> f64 {
        self.offered as f64 / self.elapsed.as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |packets: u64| packets as f64 / self.elapsed.as_secs_f64() / 1e6;
        let offered = self.offered_rate() / 1e6;
        let median = self.rates.get(self.rates.len() / 2).copied().unwrap_or_default() / 1e6;
        write!(
            f,
            "flood: {offered:.2} Mpps offered, {:.2} Mpps arrived at the program and steered, {:.2} Mpps seen behind the edge, \
             for {:.1} s; in the median second {median:.2} Mpps, in {} of {} seconds at least 1 Mpps",
            rate(self.steered),
            rate(self.returned),
            self.elapsed.as_secs_f64(),
            self.rates.iter().filter(|rate| **rate >= 1e6).count(),
            self.rates.len()
        )
    }
}
