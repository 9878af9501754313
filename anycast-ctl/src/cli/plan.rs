//! What `--dry-run` prints.

use std::time::Duration;

use super::{
    table::{self, Align},
    unit,
};
use crate::{
    api::types::{PlanBreaks, PlanShare, PlanStatus, PoolPlan},
    model::diff::Change,
    period,
};

/// The page a person reads before a change.
pub fn page(plan: &PlanStatus) -> String {
    let PlanStatus { what, diff, pools, vips, notes, .. } = plan;
    let mut page = format!("`{what}` would change this. Nothing was changed.\n");
    if diff.is_empty() && pools.is_empty() {
        return format!("`{what}` would change nothing.\n");
    }
    page += &diff.differences.iter().map(|difference| format!("  {difference}\n")).collect::<String>();
    for pool in pools {
        page += "\n";
        page += &of_pool(pool);
    }
    if pools.is_empty() {
        page += "No slot would move.\n";
    }
    let broken = vips.iter().filter_map(|vip| Some((&vip.vip, vip.breaks.as_ref()?)));
    for (vip, breaks) in broken {
        page += &format!("Sessions to VIP {vip} that would break at once: {breaks}.\n");
    }
    if !plan.breaks_sessions() {
        page += "Sessions that would break: none. Flows of moved slots stay where they are until they end.\n";
    }
    for note in notes {
        page += &format!("NOTE: {note}.\n");
    }
    page
}

fn of_pool(plan: &PoolPlan) -> String {
    let PoolPlan { pool, change, slots, slots_moved, shares, pins, breaks, pending } = plan;
    let share = |part: u32| unit::share(part, *slots);
    let mut page =
        format!("POOL {pool}: {slots_moved} of {slots} slots would move ({})\n", share(*slots_moved));
    page += &pending.iter().map(|pending| format!("Not at once: {pending}.\n")).collect::<String>();
    let columns = [
        ("BACKEND", Align::Left),
        ("SLOTS", Align::Right),
        ("SHARE", Align::Right),
        ("WOULD BE", Align::Right),
        ("SHARE", Align::Right),
    ];
    let rows = shares.iter().map(|PlanShare { name, before, after }| {
        [name.clone(), before.to_string(), share(*before), after.to_string(), share(*after)]
    });
    page += &table::render("  ", columns, rows);
    if *change != Change::Removed && shares.iter().all(|backend| backend.after == 0) {
        page += &format!("WARNING: pool {pool} would have no backend left for new flows.\n");
    }
    page += &format!(
        "Live flows: {} remembered as those of the backends that would change; ",
        unit::count(*pins)
    );
    page += "those of stable slots are recorded nowhere, so their number is not known.\n";
    for PlanBreaks { backend, pins, slots: broken, after_seconds } in breaks {
        page += &format!(
            "Sessions that would break{}: the flows of {backend} that live then: {} remembered ones, and all of {broken} \
             slots ({}), whose number is not known.\n",
            match after_seconds {
                0 => " at once".to_owned(),
                seconds => format!(", {} later", period::text(Duration::from_secs(*seconds))),
            },
            unit::count(*pins),
            share(*broken),
        );
    }
    page
}
