//! Servers of different capacity behind a pool, their load, and what they report of it: late, and not exactly.

use std::{collections::VecDeque, time::Duration};

use anycast_common::hash::{GOLDEN_GAMMA, mix64};
use anycast_ctl::health::feedback::{Feedback, Rules};

/// Between two states of the simulation.
pub const TICK: Duration = Duration::from_millis(500);
/// What counts as balanced: a load within this part of what it should be.
pub const BALANCED: f64 = 0.05;

/// A pool to simulate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What each server's weight should be multiplied with, as far as that can be: its capacity by its weight.
    pub ratios: Vec<f64>,
    /// Age of reports, the least and the greatest, in seconds. Each server has its own.
    pub delay: (f64, f64),
    /// The time constant with which flows follow the weights, in seconds.
    pub life: f64,
    /// Reports are wrong by up to this part of the load, evenly distributed.
    pub noise: f64,
    /// Seconds between reports.
    pub every: f64,
    /// The pool's demand goes up and down by this part, once in ten minutes.
    pub swing: f64,
    pub seed: u64,
    pub seconds: u64,
    /// Whether weights follow.
    pub feedback: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Run {
    /// For each tick the load of each server; 1 is the mean load of a balanced pool without swing.
    pub loads: Vec<Vec<f64>>,
    /// For each tick the load that each server would have in a balanced pool.
    pub balanced: Vec<f64>,
    /// Ticks with another table.
    pub tables: Vec<usize>,
}

struct Random(u64);

impl Random {
    /// 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        (mix64(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn within(&mut self, (least, most): (f64, f64)) -> f64 {
        least + self.next() * (most - least)
    }
}

/// Runs a plan.
pub fn run(plan: &Plan, rules: &Rules) -> Run {
    let mut random = Random(plan.seed);
    let servers: Vec<usize> = (0..plan.ratios.len()).collect();
    let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
    let capacity = sum(&mut plan.ratios.iter().copied());
    let delays: Vec<usize> =
        servers.iter().map(|_| (random.within(plan.delay) / TICK.as_secs_f64()).round() as usize).collect();
    let phases: Vec<f64> = servers.iter().map(|_| random.within((0.0, plan.every))).collect();
    let mut due = phases;
    let mut feedback = Feedback::new([]);
    let mut share: Vec<f64> = servers.iter().map(|_| 1.0 / servers.len() as f64).collect();
    let mut past: VecDeque<Vec<f64>> = VecDeque::new();
    let mut run = Run { loads: Vec::new(), balanced: Vec::new(), tables: Vec::new() };
    for tick in 0..(plan.seconds * 2) as usize {
        let now = TICK * tick as u32;
        let at = now.as_secs_f64();
        let factors: Vec<f64> = servers.iter().map(|server| f64::from(feedback.factor(server))).collect();
        let all = sum(&mut factors.iter().copied());
        let follow = if plan.life > 0.0 { 1.0 - (-TICK.as_secs_f64() / plan.life).exp() } else { 1.0 };
        for (share, factor) in share.iter_mut().zip(&factors) {
            *share += follow * (factor / all - *share);
        }
        let demand = 1.0 + plan.swing * (at * std::f64::consts::TAU / 600.0).sin();
        let loads: Vec<f64> =
            share.iter().zip(&plan.ratios).map(|(share, ratio)| demand * share * capacity / ratio).collect();
        past.push_front(loads.clone());
        past.truncate(200);
        run.loads.push(loads);
        run.balanced.push(demand);
        if !plan.feedback {
            continue;
        }
        for &server in &servers {
            if at >= due[server] {
                due[server] += plan.every;
                let wrong = 1.0 + random.within((-plan.noise, plan.noise));
                if let Some(then) = past.get(delays[server]) {
                    feedback.report(server, then[server] * wrong, now, rules);
                }
            }
        }
        if feedback.decide(now, rules, &servers, &servers) {
            run.tables.push(tick);
        }
    }
    run
}

impl Run {
    /// Each server's load by that of a balanced pool, less 1, for each tick.
    pub fn errors(&self) -> impl Iterator<Item = Vec<f64>> {
        let ticks = self.loads.iter().zip(&self.balanced);
        ticks.map(|(loads, balanced)| loads.iter().map(|load| load / balanced - 1.0).collect())
    }

    /// Seconds after which every server stays balanced, if they do in the end.
    pub fn settled(&self) -> Option<f64> {
        let is_off = |errors: &Vec<f64>| errors.iter().any(|error| error.abs() > BALANCED);
        let errors: Vec<Vec<f64>> = self.errors().collect();
        let last = errors.iter().rposition(is_off).map_or(0, |tick| tick + 1);
        (last < errors.len()).then(|| last as f64 * TICK.as_secs_f64())
    }

    /// The greatest error of any server in the last quarter.
    pub fn left(&self) -> f64 {
        let errors = self.errors().skip(self.loads.len() * 3 / 4);
        errors.flatten().fold(0.0, |most, error| most.max(error.abs()))
    }

    /// The greatest error on the other side of balance from where a server began, if it began out of balance.
    pub fn overshoot(&self) -> f64 {
        let Some(first) = self.errors().next() else { return 0.0 };
        let beyond = |errors: Vec<f64>| {
            let began = first.iter().zip(errors).filter(|(first, _)| first.abs() > BALANCED);
            began.map(|(first, error)| -error * first.signum()).fold(0.0, f64::max)
        };
        self.errors().map(beyond).fold(0.0, f64::max)
    }

    /// How often each server went from too much to too little load, or back: from beyond balanced on one side to beyond it
    /// on the other.
    pub fn swings(&self) -> Vec<usize> {
        let mut servers: Vec<(f64, usize)> = Vec::new();
        for errors in self.errors() {
            servers.resize(errors.len(), (0.0, 0));
            for ((side, swings), error) in
                servers.iter_mut().zip(errors).filter(|(_, error)| error.abs() > BALANCED)
            {
                *swings += usize::from(*side * error < 0.0);
                *side = error.signum();
            }
        }
        servers.into_iter().map(|(_, swings)| swings).collect()
    }

    /// Tables published from the given share of the time on.
    pub fn tables_after(&self, share: f64) -> usize {
        self.tables.iter().filter(|tick| **tick as f64 >= share * self.loads.len() as f64).count()
    }
}

/// Ratios of that many servers, each up to `most` or its inverse, with a geometric mean of about 1.
pub fn ratios(servers: usize, most: f64, seed: u64) -> Vec<f64> {
    let mut random = Random(seed ^ 0x5eed);
    let logs: Vec<f64> = (0..servers).map(|_| random.within((-most.ln(), most.ln()))).collect();
    let mean = logs.iter().sum::<f64>() / servers as f64;
    logs.iter().map(|log| (log - mean).exp()).collect()
}
