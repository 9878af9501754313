//! What `--dry-run` prints.

use std::time::Duration;

use super::{
    table::{self, Align},
    unit,
};
use crate::{
    api::types::{Change, PlanBreaks, PlanStatus},
    period,
};

/// The page a person reads before a change.
pub fn page(plan: &PlanStatus, change: &Change) -> String {
    let PlanStatus { pool, backend, slots, slots_moved, shares, pins, breaks, pending } = plan;
    let share = unit::share(*slots_moved, *slots);
    let mut page = format!(
        "To {} in pool {pool} would move {slots_moved} of {slots} slots ({share}). Nothing was changed.\n",
        what(change)
    );
    if let Some(pending) = pending {
        page += &format!("Not at once: {pending}.\n");
    }
    let columns = [
        ("BACKEND", Align::Left),
        ("SLOTS", Align::Right),
        ("SHARE", Align::Right),
        ("WOULD BE", Align::Right),
        ("SHARE", Align::Right),
    ];
    let rows = shares.iter().map(|backend| {
        let of = |part: u32| unit::share(part, *slots);
        [
            backend.name.clone(),
            backend.before.to_string(),
            of(backend.before),
            backend.after.to_string(),
            of(backend.after),
        ]
    });
    page += &table::render("  ", columns, rows);
    if shares.iter().all(|backend| backend.after == 0) {
        page += &format!("WARNING: pool {pool} would have no backend left for new flows.\n");
    }
    page += &format!("Live flows: {} remembered as {backend}'s; ", unit::count(*pins));
    page += "those of stable slots are recorded nowhere, so their number is not known.\n";
    page += &match breaks {
        None => "Sessions that would break: none. Flows of moved slots stay where they are until they end.\n"
            .to_owned(),
        Some(PlanBreaks { pins, slots: broken, after_seconds }) => format!(
            "Sessions that would break{}: the flows of {backend} that live then: {} remembered ones, and all of {broken} \
             slots ({}), whose number is not known.\n",
            match after_seconds {
                0 => " at once".to_owned(),
                seconds => format!(", {} later", period::text(Duration::from_secs(*seconds))),
            },
            unit::count(*pins),
            unit::share(*broken, *slots),
        ),
    };
    page
}

fn what(change: &Change) -> String {
    match change {
        Change::Add(backend) => format!("add {} ({})", backend.name, backend.address),
        Change::Remove { name } => format!("remove {name}"),
        Change::Drain { name, deadline: None } => format!("drain {name}"),
        Change::Drain { name, deadline: Some(deadline) } => {
            format!("drain {name} for {} at most", period::text(*deadline))
        }
        Change::Undrain { name } => format!("undrain {name}"),
        Change::Weight { name, weight } => format!("give {name} the weight {weight}"),
        Change::Mark { name, up } => format!("mark {name} {}", if *up { "up" } else { "down" }),
    }
}
