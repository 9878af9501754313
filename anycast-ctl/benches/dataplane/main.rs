//! Nanoseconds per packet of the loaded program, beside floor programs in the same run.
//!
//! A wrapper program makes each packet anew, gives it the next flow's source, and tail-calls the program under test or a
//! floor program that returns at once; the difference of both is what the program costs. Windows of packets are timed
//! in turn, scenario by scenario, so that a noisy moment hits all alike. The counters of every timed window are checked.

#![expect(clippy::indexing_slicing, reason = "a benchmark panics when it is wrong")]

mod report;
mod scenario;
mod site;

use std::time::Instant;

use anycast_common::{backend::Delivery, reason::Reason, slot::Slot};
use anycast_ctl::{
    dataplane::{Dataplane, LoadOptions, PROGRAM},
    model::Seed,
};
use anyhow::{Context as _, ensure};
use aya::{
    Ebpf, include_bytes_aligned,
    maps::{Array, ProgramArray},
    programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp},
};
use clap::Parser;

use crate::{
    report::{Report, Row},
    scenario::{Expected, Scenario},
    site::{Pool, SLOTS, State},
};

static LAB: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab"));

/// Packets per timed window.
const WINDOW: u32 = 262_144;

/// Measures the XDP program with BPF_PROG_TEST_RUN. Needs root.
#[derive(Parser)]
struct Options {
    /// Timed windows per scenario.
    #[arg(long, default_value_t = 100)]
    windows: usize,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Only scenarios whose name contains this.
    filter: Option<String>,
    /// Passed by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut scenarios = Scenario::all();
    if let Some(filter) = &options.filter {
        scenarios.retain(|scenario| scenario.name().contains(filter));
    }
    ensure!(!scenarios.is_empty(), "no scenario has a name that contains the filter");
    let mut bench = Bench::new()?;
    let pinned = scenarios.iter().filter(|it| it.pool == Pool::PINNED);
    if let Some(most_flows) = pinned.map(|it| it.flows).max() {
        site::pin_flows(&mut bench.dataplane, most_flows)?;
    }
    let mut samples: Vec<(Vec<f64>, Vec<f64>)> = scenarios.iter().map(|_| Default::default()).collect();
    for _ in 0..options.windows {
        for (scenario, (floor, program)) in scenarios.iter().zip(&mut samples) {
            bench.filter(scenario)?;
            // Untimed: the scenarios before have pushed this one's part of the tables out of the caches.
            bench.program(scenario)?;
            floor.push(bench.floor(scenario)?);
            program.push(bench.program(scenario)?);
        }
    }
    let rows =
        scenarios.iter().zip(samples).map(|(scenario, (floor, program))| Row::new(scenario, floor, program));
    let (verified_instructions, jit_bytes) = bench.size()?;
    let (load_best_ms, load_ms) = load_ms()?;
    let report = Report {
        verified_instructions,
        jit_bytes,
        load_ms,
        load_best_ms,
        publish_us: bench.publish_us()?,
        window: WINDOW,
        rows: rows.collect(),
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// Milliseconds it takes to load the program with maps of their default sizes, as for a site of some VIPs: the
/// best time and the median of some.
fn load_ms() -> anyhow::Result<(f64, f64)> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let start = Instant::now();
        let dataplane =
            Dataplane::load(&LoadOptions { vips: site::VIPS as u16, ..LoadOptions::new(Seed::new(1)) })?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        drop(dataplane);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[0], times[times.len() / 2]))
}

struct Bench {
    dataplane: Dataplane,
    lab: Ebpf,
    under_test: ProgramArray<aya::maps::MapData>,
    program: ProgramFd,
    floor_transmit: ProgramFd,
    floor_pass: ProgramFd,
    floor_grow: ProgramFd,
}

impl Bench {
    fn new() -> anyhow::Result<Self> {
        let mut dataplane = Dataplane::load(&LoadOptions {
            pins: 4 * scenario::MOST_FLOWS,
            traffic_counters: 1 << 14,
            ..LoadOptions::new(Seed::new(0x0123_4567_89ab_cdef))
        })?;
        site::fill(&mut dataplane)?;
        let mut lab = Ebpf::load(LAB).context("loading the floor programs")?;
        for name in ["workload", "floor_transmit", "floor_pass", "floor_grow"] {
            xdp(&mut lab, name)?.load().with_context(|| format!("loading {name}"))?;
        }
        let fd = |ebpf: &mut Ebpf, name| anyhow::Ok(xdp(ebpf, name)?.fd()?.try_clone()?);
        Ok(Self {
            program: fd(dataplane.ebpf_mut(), PROGRAM)?,
            floor_transmit: fd(&mut lab, "floor_transmit")?,
            floor_pass: fd(&mut lab, "floor_pass")?,
            floor_grow: fd(&mut lab, "floor_grow")?,
            under_test: ProgramArray::try_from(lab.take_map("UNDER_TEST").context("no map UNDER_TEST")?)?,
            dataplane,
            lab,
        })
    }

    /// The filter as the scenario would leave it alone: the others fill it with millions of flows.
    fn filter(&self, scenario: &Scenario) -> anyhow::Result<()> {
        match scenario.pool.state {
            State::Base => self.dataplane.clear_filter(),
            State::Pinned => {
                for number in 0..scenario.flows {
                    self.dataplane.note_remembered(&site::pinned_flow(scenario.ip, number)?);
                }
            }
            State::Stable | State::Opening => (),
        }
        Ok(())
    }

    /// Nanoseconds a packet of the floor takes.
    fn floor(&mut self, scenario: &Scenario) -> anyhow::Result<f64> {
        let floor = match scenario.expected() {
            Expected::NotVip | Expected::Delivered(Delivery::Local) => &self.floor_pass,
            Expected::EchoAnswered | Expected::Delivered(Delivery::L2) => &self.floor_transmit,
            Expected::Delivered(_) => &self.floor_grow,
        };
        self.under_test.set(0, floor, 0)?;
        self.window(scenario)
    }

    /// Nanoseconds a packet of the program takes, with its counters checked.
    fn program(&mut self, scenario: &Scenario) -> anyhow::Result<f64> {
        self.under_test.set(0, &self.program, 0)?;
        let before = self.counted(scenario)?;
        let time = self.window(scenario)?;
        let counted = self.counted(scenario)? - before;
        ensure!(
            counted == u64::from(WINDOW),
            "{}: {counted} packets counted of {WINDOW}: the run did not do what it was timed for",
            scenario.name()
        );
        Ok(time)
    }

    fn window(&mut self, scenario: &Scenario) -> anyhow::Result<f64> {
        let mut workloads: Array<_, anycast_common::bench::Workload> =
            Array::try_from(self.lab.map_mut("WORKLOAD").context("no map WORKLOAD")?)?;
        workloads.set(0, scenario.workload(), 0)?;
        let packet = scenario.packet();
        let mut output = vec![0; packet.len() + 256];
        let options = TestRunOptions {
            data_in: Some(&packet),
            data_out: Some(&mut output),
            repeat: WINDOW,
            ..TestRunOptions::new()
        };
        let program = xdp(&mut self.lab, "workload")?;
        let result = program.test_run(options)?;
        let (name, expected) = (scenario.name(), scenario.expected());
        ensure!(result.return_value == expected.verdict(), "{name}: verdict {}", result.return_value);
        let length = packet.len() + expected.growth();
        ensure!(result.data_size_out as usize == length, "{name}: {} bytes left", result.data_size_out);
        // The kernel's own clock around the repeats, in whole nanoseconds a packet. The system call takes milliseconds more:
        // it installs the program in the XDP dispatcher and waits for an RCU grace period.
        Ok(result.duration.as_nanos() as f64)
    }

    /// The counter the scenario's packets must move.
    fn counted(&self, scenario: &Scenario) -> anyhow::Result<u64> {
        Ok(match scenario.expected() {
            Expected::NotVip => self.dataplane.refused(0, Reason::NotVip)?,
            Expected::EchoAnswered => {
                self.dataplane.refused(scenario.pool.vip_number(scenario.ip), Reason::EchoAnswered)?
            }
            Expected::Delivered(_) => {
                let mut packets = 0;
                for counter in scenario.pool.traffic_counters(scenario.ip) {
                    packets += self.dataplane.traffic(counter)?.packets;
                }
                packets
            }
        })
    }

    /// Microseconds it takes to publish a table of which every slot has moved: the median of some.
    fn publish_us(&mut self) -> anyhow::Result<f64> {
        let mut times = Vec::new();
        for turn in 0..21 {
            let slots: Vec<Slot> =
                (0..SLOTS).map(|slot| Slot::stable(((slot + turn) % 100) as u16)).collect();
            let start = Instant::now();
            self.dataplane.publish_table(Pool::OPENING.index(), &slots)?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }

    /// Verified instructions and bytes of JIT code.
    fn size(&mut self) -> anyhow::Result<(u32, u32)> {
        let info = xdp(self.dataplane.ebpf_mut(), PROGRAM)?.info()?;
        Ok((info.verified_instruction_count().unwrap_or_default(), info.size_jitted()))
    }
}

fn xdp<'a>(ebpf: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut Xdp> {
    Ok(ebpf.program_mut(name).with_context(|| format!("no program {name}"))?.try_into()?)
}
