//! Rows of packets through both loaded programs.

use std::{collections::BTreeSet, net::IpAddr};

use anycast_common::receive::{Outcome, Verdict};
use anycast_ctl::receive::{PROGRAMS, Receiver};
use aya::programs::{TestRun as _, TestRunOptions};

/// Verdicts, as the kernel numbers them (`enum xdp_action`, include/uapi/linux/bpf.h).
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// The largest frame the kernel puts into one buffer for a test: a page without headroom and the buffer's own end.
const LINEAR: usize = 3000;

/// Settings of the program.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub senders: &'static [&'static str],
    pub gue_port: Option<u16>,
}

/// What most rows run with: the edge hosts' prefixes, and GUE where it is by default.
pub const USUAL: Setup = Setup { senders: &["192.0.2.0/24", "2001:db8:e::/48"], gue_port: Some(6080) };

/// A packet and what must become of it: the verdict is the outcome's.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub setup: Setup,
    pub input: Vec<u8>,
    pub outcome: Outcome,
    /// What leaves the program.
    pub output: Vec<u8>,
}

impl Row {
    /// A tunnel packet from which `output` comes out.
    pub fn inside(name: impl Into<String>, input: Vec<u8>, outcome: Outcome, output: Vec<u8>) -> Self {
        Self { name: name.into(), setup: USUAL, input, outcome, output }
    }

    /// A packet that stays as it is.
    pub fn unchanged(name: impl Into<String>, input: Vec<u8>, outcome: Outcome) -> Self {
        Self { name: name.into(), setup: USUAL, output: input.clone(), input, outcome }
    }

    /// The same with other settings.
    pub fn with(self, setup: Setup) -> Self {
        Self { setup, ..self }
    }
}

/// Both programs, each with maps of its own.
pub struct Harness {
    receivers: [Receiver; 2],
}

impl Harness {
    pub fn new() -> Self {
        Self { receivers: PROGRAMS.map(|name| Receiver::load(name, None).unwrap()) }
    }

    /// Runs every row through both programs.
    pub fn run_all(&mut self, rows: &[Row]) {
        for row in rows {
            self.set_up(row.setup);
            let outcome = self.run(&row.name, &row.input, &row.output);
            assert_eq!(outcome, row.outcome, "{}", row.name);
        }
        println!("{} rows", rows.len());
    }

    pub fn set_up(&mut self, setup: Setup) {
        let senders = setup.senders.iter().map(|text| text.parse().unwrap()).collect();
        for receiver in &mut self.receivers {
            receiver.configure(&senders, setup.gue_port).unwrap();
        }
    }

    /// Runs one packet through both programs, and checks that each counted it once, for the same outcome, with that outcome's
    /// verdict, and that this came out.
    pub fn run(&mut self, name: &str, input: &[u8], expected: &[u8]) -> Outcome {
        let (outcome, output) = self.run_any(name, input);
        assert_eq!(output, expected, "{name}: what came out, counted as {outcome:?}");
        outcome
    }

    /// The same when nobody knows what comes out.
    pub fn run_any(&mut self, name: &str, input: &[u8]) -> (Outcome, Vec<u8>) {
        let [frags, linear] = &mut self.receivers;
        let result = execute(frags, name, input);
        if input.len() < LINEAR {
            assert_eq!(execute(linear, name, input), result, "{name}: the programs disagree");
        }
        result
    }

    /// The last unknown senders either program saw.
    pub fn strangers(&self) -> BTreeSet<IpAddr> {
        self.receivers.iter().flat_map(|receiver| receiver.strangers().unwrap()).collect()
    }

    /// The kernel's account of the programs: verified instructions and bytes of JIT code.
    pub fn sizes(&mut self) -> [(u32, u32); 2] {
        self.receivers.each_mut().map(|receiver| {
            let info = receiver.program().unwrap().info().unwrap();
            (info.verified_instruction_count().unwrap(), info.size_jitted())
        })
    }
}

fn execute(receiver: &mut Receiver, name: &str, input: &[u8]) -> (Outcome, Vec<u8>) {
    let before = counters(receiver);
    let mut output = vec![0; input.len() + 256];
    let options =
        TestRunOptions { data_in: Some(input), data_out: Some(&mut output), ..TestRunOptions::new() };
    let result = receiver.program().unwrap().test_run(options).unwrap();
    output.truncate(result.data_size_out as usize);

    let after = counters(receiver);
    let changed: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before.1 != after.1)
        .map(|(_, after)| after.0)
        .collect();
    let [outcome] = changed[..] else { panic!("{name}: one counter expected, got {changed:?}") };
    let total = |counters: &[(Outcome, u64)]| counters.iter().map(|(_, packets)| packets).sum::<u64>();
    assert_eq!(total(&after), total(&before) + 1, "{name}: {outcome:?} counted more than once");

    let verdict = match outcome.verdict() {
        Verdict::Pass | Verdict::Decapsulate => XDP_PASS,
        Verdict::Drop => XDP_DROP,
    };
    assert_eq!(result.return_value, verdict, "{name}: verdict against the counted outcome {outcome:?}");
    if outcome.verdict() != Verdict::Decapsulate {
        assert_eq!(output, input, "{name}: a packet that is not decapsulated stays as it is");
    }
    (outcome, output)
}

fn counters(receiver: &Receiver) -> Vec<(Outcome, u64)> {
    Outcome::ALL.iter().map(|outcome| (*outcome, receiver.packets(*outcome).unwrap())).collect()
}

#[test]
fn the_programs_stay_small() {
    for (name, (instructions, jitted_bytes)) in PROGRAMS.iter().zip(Harness::new().sizes()) {
        println!("{name}: verified instructions {instructions}, JIT bytes {jitted_bytes}");
        assert!(instructions < 10_000, "{name}: {instructions}");
    }
}
