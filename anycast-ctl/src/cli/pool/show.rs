//! The page of one pool.

use std::time::Duration;

use super::{on_down, udp};
use crate::{
    api::types::{BackendStatus, PoolStatus},
    cli::{
        table::{self, Align},
        unit,
    },
    model::label,
    period,
};

/// Characters of a bar that stands for the whole table.
const BAR: u32 = 24;

/// The page a person reads.
pub fn page(pool: &PoolStatus) -> String {
    let mut page = format!(
        "POOL {}: {}, {} slots\ndelivery {}, udp {}, on_down {}, on_empty {}, idle_timeout {}\n\n",
        pool.name,
        table::up(pool),
        pool.slots,
        pool.delivery,
        udp(pool.udp),
        on_down(pool.on_down),
        label(&pool.on_empty),
        period::text(Duration::from_secs(pool.idle_timeout_seconds)),
    );
    let columns = [
        ("BACKEND", Align::Left),
        ("STATE", Align::Left),
        ("DELIVERY", Align::Left),
        ("MTU", Align::Right),
        ("WEIGHT", Align::Right),
        ("WANTED", Align::Right),
        ("ACTUAL", Align::Right),
        ("PINS", Align::Right),
        ("SHARE OF NEW FLOWS", Align::Left),
    ];
    let rows = pool.backends.iter().map(|backend| {
        [
            backend.name.clone(),
            table::standing(backend),
            backend.delivery.to_string(),
            table::mtu(backend),
            backend.weight.to_string(),
            unit::share(backend.slots_wanted, pool.slots),
            unit::share(backend.slots, pool.slots),
            unit::count(backend.pins),
            bar(backend, pool.slots),
        ]
    });
    page += &table::render("", columns, rows);
    page += "# what it has   - wanted, and missing   + more than wanted\n\n";
    page += &transition(pool);
    page += &table::drains(pool);
    page
}

/// `######----` where it lacks slots, `######++++` where it has more than its weight says.
fn bar(backend: &BackendStatus, slots: u32) -> String {
    let cells = |part: u32| {
        let scaled = u64::from(part) * u64::from(BAR) + u64::from(slots) / 2;
        // Whoever owns a slot has a bar.
        (scaled.checked_div(u64::from(slots)).unwrap_or_default() as usize).max(usize::from(part > 0))
    };
    let (actual, wanted) = (cells(backend.slots), cells(backend.slots_wanted));
    let both = actual.min(wanted);
    "#".repeat(both) + &"-".repeat(wanted - both) + &"+".repeat(actual - both)
}

fn transition(pool: &PoolStatus) -> String {
    let transition = &pool.transition;
    let pins: u64 = pool.backends.iter().map(|backend| backend.pins).sum();
    if transition.slots == 0 {
        return format!("No slot is in transition; {} flows are remembered as pins.\n", unit::count(pins));
    }
    let since = transition.since_seconds.map(unit::duration).map(|since| format!(", for {since}"));
    let mut text = format!(
        "In transition: {} slots ({}){}; {} flows are remembered as pins.\n",
        transition.slots,
        unit::share(transition.slots, pool.slots),
        since.unwrap_or_default(),
        unit::count(pins)
    );
    for owner in &transition.base_owners {
        text += &format!(
            "  {} slots wait for flows that {} ({}) had before\n",
            owner.slots, owner.name, owner.address
        );
    }
    text
}
