//! Live frames from the router's port into the edge, and what came back.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_common::bench::{GENERATED_V4, GENERATED_V6, Workload};
use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{Array, PerCpuArray},
    programs::{TestRun as _, TestRunAttrs, TestRunOptions},
};
use etherparse::PacketBuilder;
use nix::net::if_::if_nametoindex;
use serde::Serialize;
use xtask::lab::{OwnedLab, ROUTER, server::HTTP_PORT};

use crate::{report::Passage, xdp};

/// Frames the kernel makes before it lets the network run: a quarter of a veth's queue.
const BATCH: u32 = 64;

/// Frames of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stream {
    pub opens: bool,
    pub ip: u8,
    pub flows: u32,
    pub in_transition: bool,
}

impl Stream {
    /// Those that are measured.
    pub fn all() -> Vec<Self> {
        let stream = |opens, ip, flows, in_transition| Self { opens, ip, flows, in_transition };
        vec![
            stream(false, 4, 1, false),
            stream(false, 4, 1 << 20, false),
            stream(false, 6, 1 << 20, false),
            stream(true, 4, 1 << 20, false),
            stream(false, 4, 1 << 20, true),
            stream(true, 4, 1 << 20, true),
        ]
    }

    pub fn name(&self) -> String {
        let kind = if self.opens { "new tcp" } else { "established tcp" };
        let state = if self.in_transition { "in transition" } else { "stable" };
        format!("{kind}, v{}, {} flows, {state}", self.ip, self.flows)
    }

    /// The shortest frame there is, 64 bytes with the checksum; of IPv6 the shortest with all its headers.
    fn packet(&self, lab: &OwnedLab) -> anyhow::Result<Vec<u8>> {
        let vips = lab.plan().vips;
        let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 2, 1], [2, 0, 0, 0, 2, 2]);
        let ip = if self.ip == 4 {
            ethernet.ipv4([GENERATED_V4, 0, 0, 0], vips.v4.octets(), 64)
        } else {
            let mut source = [0; 16];
            source[..GENERATED_V6.len()].copy_from_slice(&GENERATED_V6);
            ethernet.ipv6(source, vips.v6.octets(), 64)
        };
        let tcp = ip.tcp(1024, HTTP_PORT, 1, 512);
        let tcp = if self.opens { tcp.syn() } else { tcp.ack(1) };
        let mut packet = Vec::new();
        tcp.write(&mut packet, &[])?;
        packet.resize(packet.len().max(60), 0);
        Ok(packet)
    }
}

pub struct Generator<'a> {
    lab: &'a OwnedLab,
    object: Ebpf,
    port: u32,
}

impl<'a> Generator<'a> {
    pub fn new(lab: &'a OwnedLab, object: Ebpf) -> anyhow::Result<Self> {
        let name = lab.plan().edge.name.as_str();
        let port = lab.inside(ROUTER, || if_nametoindex(name).context("finding the router's port"))?;
        Ok(Self { lab, object, port })
    }

    /// Sends that many frames and waits until the last of them has come back or is lost.
    pub fn run(&mut self, stream: &Stream, frames: u32, settle: Duration) -> anyhow::Result<Passage> {
        let packet = stream.packet(self.lab)?;
        let mut workloads: Array<_, Workload> =
            Array::try_from(self.object.map_mut("WORKLOAD").context("no map WORKLOAD")?)?;
        workloads.set(0, Workload::of(&packet, stream.flows), 0)?;
        // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex. XDP_TX leaves by
        // the interface the frame claims to have come in by.
        let context = [0, u32::try_from(packet.len())?, 0, self.port, 0, 0];
        let context: Vec<u8> = context.into_iter().flat_map(u32::to_ne_bytes).collect();
        let (made, sunk) = (self.made()?, self.sunk()?);
        let (lab, object) = (self.lab, &mut self.object);
        let seconds = lab.inside(ROUTER, || {
            let options = TestRunOptions {
                data_in: Some(&packet),
                ctx_in: Some(&context),
                repeat: frames,
                attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
                ..TestRunOptions::new()
            };
            let start = Instant::now();
            xdp(object, "flood")?.test_run(options).context("sending live frames")?;
            Ok(start.elapsed().as_secs_f64())
        })?;
        thread::sleep(settle);
        Ok(Passage { seconds, offered: self.made()? - made, delivered: None, returned: self.sunk()? - sunk })
    }

    fn made(&self) -> anyhow::Result<u64> {
        let made: Array<_, u64> = Array::try_from(self.object.map("MADE").context("no map MADE")?)?;
        Ok(made.get(&0, 0)?)
    }

    fn sunk(&self) -> anyhow::Result<u64> {
        let sunk: PerCpuArray<_, u64> =
            PerCpuArray::try_from(self.object.map("SUNK").context("no map SUNK")?)?;
        Ok(sunk.get(&0, 0)?.iter().sum())
    }
}
