//! Millions of packets per second through the lab's edge, beside a floor program in the same place and run.
//!
//! ```text
//! router: flood ──veth──▶ edge: anycast, or floor_l2 ──veth──▶ router: sink
//!         made            counted by the program                swallowed
//! ```
//!
//! The generator makes live frames in the kernel (`BPF_F_TEST_XDP_LIVE_FRAMES`) and they cross both veths as any frame
//! does, natively. Everything runs on the core the generator runs on. Which of the three counters a frame is missing
//! from tells where it was lost: in the queue into the edge, or behind it.

#![expect(clippy::indexing_slicing, reason = "a benchmark panics when it is wrong")]

mod edge;
mod generator;
mod report;
mod taps;

use std::time::Duration;

use anycast_ctl::dataplane::PROGRAM;
use anyhow::{Context as _, ensure};
use aya::{Ebpf, include_bytes_aligned, programs::Xdp};
use clap::Parser;
use xtask::lab::{INTERFACE, OwnedLab, xdp::Link};

use crate::{
    edge::Edge,
    generator::{Generator, Stream},
    report::{Passage, Report, Row},
    taps::Showing,
};

static LAB: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab"));

/// Backends behind the edge; what goes to them is swallowed on its way.
const BACKENDS: usize = 4;
/// Frames in flight end up somewhere within this.
const SETTLE: Duration = Duration::from_millis(20);

/// Pushes live frames through the lab's edge. Needs root.
#[derive(Parser)]
struct Options {
    /// Windows per stream and program.
    #[arg(long, default_value_t = 9)]
    windows: usize,
    /// Frames per window.
    #[arg(long, default_value_t = 2_000_000)]
    frames: u32,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure the program that shows packets instead, with these taps.
    #[arg(long)]
    tapped: Option<taps::Mode>,
    /// Only streams whose name contains this.
    filter: Option<String>,
    /// Passed by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut streams = Stream::all();
    if let Some(filter) = &options.filter {
        streams.retain(|stream| stream.name().contains(filter));
    }
    ensure!(!streams.is_empty(), "no stream has a name that contains the filter");

    let lab = OwnedLab::start(&xtask::lab::Options { backends: BACKENDS, ..Default::default() })?;
    let mut object = Ebpf::load(LAB).context("loading the lab's programs")?;
    for name in ["flood", "sink", "floor_l2"] {
        xdp(&mut object, name)?.load().with_context(|| format!("loading {name}"))?;
    }
    let mut edge = Edge::new(&lab)?;
    let floor = xdp(&mut object, "floor_l2")?.fd()?.try_clone()?;
    let mut showing = options.tapped.map(|mode| Showing::start(&edge.dataplane, mode)).transpose()?;
    let program = match &mut showing {
        Some(showing) => showing.tapped.program()?.fd()?.try_clone()?,
        None => xdp(edge.dataplane.ebpf_mut(), PROGRAM)?.fd()?.try_clone()?,
    };
    let (floor, program) = (std::os::fd::AsFd::as_fd(&floor), std::os::fd::AsFd::as_fd(&program));
    let link = Link::attach(lab.edge()?, INTERFACE, floor)?;
    lab.edge_port().replace(std::os::fd::AsFd::as_fd(xdp(&mut object, "sink")?.fd()?))?;
    let mut generator = Generator::new(&lab, object)?;

    let mut samples: Vec<(Vec<Passage>, Vec<Passage>)> = streams.iter().map(|_| Default::default()).collect();
    for window in 0..=options.windows {
        for (stream, (through_floor, through_program)) in streams.iter().zip(&mut samples) {
            edge.prepare(stream)?;
            for (program, passages, counts) in
                [(floor, through_floor, false), (program, through_program, true)]
            {
                link.replace(program)?;
                let counted = edge.delivered()?;
                let passage = generator.run(stream, options.frames, SETTLE)?;
                let delivered = edge.delivered()? - counted;
                // The first window warms everything up.
                if window > 0 {
                    passages.push(Passage { delivered: counts.then_some(delivered), ..passage });
                }
            }
        }
    }
    let rows =
        streams.iter().zip(samples).map(|(stream, (floor, program))| Row::new(stream, &floor, &program));
    let report = Report { frames: options.frames, rows: rows.collect() };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn xdp<'a>(ebpf: &'a mut Ebpf, name: &str) -> anyhow::Result<&'a mut Xdp> {
    Ok(ebpf.program_mut(name).with_context(|| format!("no program {name}"))?.try_into()?)
}
