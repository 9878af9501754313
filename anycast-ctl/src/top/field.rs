//! What columns of lists show, and how lists are sorted by it.

use std::cmp::Ordering;

use super::{picture::BackendRow, row::Subject};
use crate::{announce::machine::Phase, api::types::BackendState, cli::table};

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The name.
    Name,
    /// Whether a backend is steered to, or what becomes of packets of a reason.
    State,
    /// Packets a second.
    Packets,
    /// Bits a second.
    Bits,
    /// New flows a second.
    Flows,
    /// Packets dropped a second.
    Drops,
    /// Packets a second in the last minute, as bars.
    Minute,
    /// Slots that a backend has of its pool's.
    Share,
    /// The last results of checks.
    Health,
    /// Backends that are up, of how many.
    Up,
    /// Where the announcement is.
    Route,
    /// Since when.
    Since,
    /// Why it is there.
    Why,
    /// The prefix that is announced.
    Prefix,
    /// The address.
    Address,
    /// The pool.
    Pool,
    /// Packets, since they are counted.
    Total,
    /// Slots.
    Slots,
    /// Slots in transition.
    Moving,
    /// Whose flows are waited for.
    Owners,
    /// Remembered flows.
    Pins,
}

impl Field {
    /// Its heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::State => "STATE",
            Self::Packets => "PACKETS/S",
            Self::Bits => "BITS/S",
            Self::Flows => "FLOWS/S",
            Self::Drops => "DROPS/S",
            Self::Minute => "LAST MIN",
            Self::Share => "SHARE",
            Self::Health => "CHECKS",
            Self::Up => "UP",
            Self::Route => "ROUTE",
            Self::Since => "SINCE",
            Self::Why => "WHY",
            Self::Prefix => "PREFIX",
            Self::Address => "ADDRESS",
            Self::Pool => "POOL",
            Self::Total => "PACKETS",
            Self::Slots => "SLOTS",
            Self::Moving => "MOVING",
            Self::Owners => "AWAY FROM",
            Self::Pins => "PINS",
        }
    }

    /// Whether its cells stand at the right.
    pub const fn is_number(self) -> bool {
        match self {
            Self::Packets
            | Self::Bits
            | Self::Flows
            | Self::Drops
            | Self::Up
            | Self::Since
            | Self::Total
            | Self::Slots
            | Self::Moving
            | Self::Pins => true,
            Self::Name
            | Self::State
            | Self::Minute
            | Self::Share
            | Self::Health
            | Self::Route
            | Self::Why
            | Self::Prefix
            | Self::Address
            | Self::Pool
            | Self::Owners => false,
        }
    }

    /// Whether the greatest comes first unless somebody says otherwise.
    pub const fn is_greatest_first(self) -> bool {
        self.is_number() || matches!(self, Self::Share | Self::Health)
    }

    /// Whether lists can be sorted by it.
    pub const fn sorts(self) -> bool {
        !matches!(self, Self::Minute | Self::Why | Self::Prefix | Self::Address | Self::Owners)
    }

    /// How two rows stand to each other by it, the least first.
    pub fn compare(self, one: &Subject<'_>, other: &Subject<'_>) -> Ordering {
        match (self.weight(one), self.weight(other)) {
            (Weight::Number(one), Weight::Number(other)) => one.total_cmp(&other),
            (Weight::Text(first), Weight::Text(second)) => {
                // Names of backends are unique in their pool.
                natural(pool_name(one), pool_name(other)).then_with(|| natural(first, second))
            }
            (Weight::Number(_), Weight::Text(_)) => Ordering::Less,
            (Weight::Text(_), Weight::Number(_)) => Ordering::Greater,
        }
    }

    fn weight<'a>(self, subject: &Subject<'a>) -> Weight<'a> {
        /// Below every number that is known.
        const UNKNOWN: f64 = -1.0;
        let number = |number: Option<f64>| Weight::Number(number.unwrap_or(UNKNOWN));
        let rates = subject.meter().and_then(|meter| meter.rates);
        let route = subject.vip().and_then(|vip| vip.announcement.as_ref());
        match self {
            Self::Name | Self::Why | Self::Prefix | Self::Address | Self::Owners => {
                Weight::Text(subject.name())
            }
            Self::Pool => Weight::Text(subject.vip().map_or("", |vip| &vip.pool)),
            Self::Packets | Self::Minute => number(packets(subject)),
            Self::Bits => number(rates.map(|rates| rates.bits_per_second)),
            Self::Flows => number(rates.map(|rates| rates.new_flows_per_second)),
            Self::Drops => number(subject.vip().and_then(|vip| vip.drops_per_second)),
            Self::State => match (subject.backend(), subject.reason()) {
                (Some(backend), _) => Weight::Number(severity(backend.status.state)),
                (None, Some(reason)) => Weight::Text(&reason.verdict),
                (None, None) => number(None),
            },
            Self::Share => number(
                subject.backend().map(|it| f64::from(it.status.slots) / f64::from(it.pool_slots.max(1))),
            ),
            Self::Health => {
                number(subject.backend().and_then(|it| it.health.as_ref()).map(|it| f64::from(it.failed)))
            }
            Self::Up => number(up(subject).map(|(up, of)| f64::from(up) / f64::from(of.max(1)))),
            Self::Route => number(route.map(|route| match route.phase {
                Phase::Withdrawn => 0.0,
                Phase::ShuttingDown => 1.0,
                Phase::Lingering => 2.0,
                Phase::Announced => 3.0,
            })),
            Self::Since => number(since(subject).map(|seconds| seconds as f64)),
            Self::Total => number(subject.reason().map(|reason| reason.packets as f64)),
            Self::Slots => number(pool(subject).map(|pool| f64::from(pool.slots))),
            Self::Moving => number(pool(subject).map(|pool| f64::from(pool.transition.slots))),
            Self::Pins => number(subject.backend().map(|it| it.status.pins as f64)),
        }
    }
}

enum Weight<'a> {
    Number(f64),
    Text(&'a str),
}

/// Packets a second, delivered or not.
pub fn packets(subject: &Subject<'_>) -> Option<f64> {
    let delivered = subject.meter().and_then(|meter| meter.rates).map(|rates| rates.packets_per_second);
    delivered.or_else(|| subject.reason()?.packets_per_second)
}

/// Backends that are up, or well for an announcement, and of how many.
pub fn up(subject: &Subject<'_>) -> Option<(u32, u32)> {
    pool(subject).map(|pool| (pool.up, pool.of)).or_else(|| subject.vip().map(|vip| (vip.up, vip.of)))
}

/// Seconds since the announcement is where it is, or the pool has slots in transition.
pub fn since(subject: &Subject<'_>) -> Option<u64> {
    let route = subject.vip().and_then(|vip| vip.announcement.as_ref()).map(|route| route.since_seconds);
    route.or_else(|| pool(subject)?.transition.since_seconds)
}

/// The pool that it is.
pub fn pool<'a>(subject: &Subject<'a>) -> Option<&'a super::picture::PoolRow> {
    if let Subject::Pool(pool) = subject { Some(pool) } else { None }
}

fn pool_name<'a>(subject: &Subject<'a>) -> &'a str {
    subject.backend().map_or("", |backend| &backend.pool)
}

/// The word for a backend's state.
pub fn state(backend: &BackendRow) -> &'static str {
    match backend.status.drain {
        Some(drain) if drain.empty && backend.status.state == BackendState::Draining => "empty",
        Some(_) | None => table::state(backend.status.state),
    }
}

/// The worse, the less.
const fn severity(state: BackendState) -> f64 {
    match state {
        BackendState::Down => 0.0,
        BackendState::Unresolved => 1.0,
        BackendState::Waiting => 2.0,
        BackendState::Draining => 3.0,
        BackendState::Disabled => 4.0,
        BackendState::Up => 5.0,
        BackendState::Removed => 6.0,
    }
}

/// Numbers in names by their value: `web-9` before `web-10`.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let (digits_one, digits_other) = (digits(one), digits(other));
        let ordering = if digits_one.is_empty() || digits_other.is_empty() {
            match (one.split_first(), other.split_first()) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) => return Ordering::Less,
                (Some(_), None) => return Ordering::Greater,
                (Some((first, rest)), Some((first_other, rest_other))) => {
                    (one, other) = (rest, rest_other);
                    first.cmp(first_other)
                }
            }
        } else {
            let ordering = value(digits_one).cmp(&value(digits_other));
            one = one.get(digits_one.len()..).unwrap_or_default();
            other = other.get(digits_other.len()..).unwrap_or_default();
            ordering.then_with(|| digits_one.len().cmp(&digits_other.len()))
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// Numbers of any length: by how long they are without leading zeros, then digit by digit.
fn value(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    (digits.len(), digits)
}

fn digits(text: &[u8]) -> &[u8] {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_go_by_value() {
        let mut names = ["web-10", "web-09", "web", "api-2-b", "api-2-a", "web-1a", "web-1"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["api-2-a", "api-2-b", "web", "web-1", "web-1a", "web-09", "web-10"]);
    }
}
