//! Lines for logs and scripts: a table, or a line of JSON, for each interval.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Context as _;

use super::{
    field,
    follow::{Follower, Message},
    picture::{Meter, Picture},
    rates::Rates,
};
use crate::cli::{
    table::{Align, render},
    unit,
};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns for people.
    Table,
    /// One JSON document a line, with exact numbers.
    Json,
}

/// A moment without a message; nothing is done then.
const TICK: Duration = Duration::from_secs(60);

/// Writes what every interval brought, as many times as are wanted.
pub fn run(follower: &Follower, form: Form, count: Option<u64>) -> anyhow::Result<()> {
    let mut is_first = true;
    let mut is_away = false;
    let mut written = 0;
    while count.is_none_or(|count| written < count) {
        match follower.next(TICK) {
            Some(Message::Picture(picture)) => {
                (is_first, is_away) = (false, false);
                // The first one has nothing to compare with.
                if picture.seconds.is_none() {
                    continue;
                }
                if is_closed(write(&text(&picture, form)?))? {
                    return Ok(());
                }
                written += 1;
            }
            Some(Message::Away(error)) if is_first => {
                return Err(error).context("ask the daemon how things are");
            }
            Some(Message::Away(error)) => {
                if !is_away {
                    let _ = writeln!(io::stderr(), "anycast-ctl: asking again: {error}");
                }
                is_away = true;
            }
            Some(Message::Broken) => anyhow::bail!("ask the daemon: the thread that does it has ended"),
            Some(Message::Health(..) | Message::Terminal(_) | Message::End) | None => {}
        }
    }
    Ok(())
}

fn text(picture: &Picture, form: Form) -> anyhow::Result<String> {
    match form {
        Form::Table => Ok(table(picture)),
        Form::Json => {
            let json = serde_json::to_string(picture).context("write the rates as JSON")?;
            Ok(json + "\n")
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

/// Whether the reader went away, which is no error.
fn is_closed(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        Err(error) => Err(error).context("write to stdout"),
    }
}

/// What had traffic, or should have it: all VIPs and backends, and the reasons that counted something.
fn table(picture: &Picture) -> String {
    let at = picture.at.to_string();
    let row = |kind: &str, name: String, meter: &Meter, state: String| {
        let [packets, bits, flows] = rates(meter.rates);
        [at.clone(), kind.to_owned(), name, packets, bits, flows, state]
    };
    let state = picture.alarms.first().map_or_else(|| "well".to_owned(), |alarm| format!("ALARM: {alarm}"));
    let mut rows = vec![row("total", "-".to_owned(), &picture.total, state)];
    rows.extend(picture.vips.iter().map(|vip| {
        let up = format!("{} of {} up", vip.up, vip.of);
        let route = vip.announcement.as_ref().map(|route| super::draw::phase(route));
        let state = route.map_or_else(|| up.clone(), |route| format!("{up}, {route}"));
        row("vip", vip.name.clone(), &vip.meter, state)
    }));
    rows.extend(picture.backends.iter().filter(|backend| backend.is_there()).map(|backend| {
        let share = unit::share(backend.status.slots, backend.pool_slots);
        let name = format!("{}/{}", backend.pool, backend.status.name);
        row("backend", name, &backend.meter, format!("{}, {share} of the slots", field::state(backend)))
    }));
    let moving = picture.pools.iter().filter(|pool| pool.transition.slots > 0);
    rows.extend(moving.map(|pool| {
        let since = unit::duration(pool.transition.since_seconds.unwrap_or_default());
        row(
            "pool",
            pool.name.clone(),
            &pool.meter,
            format!("{} slots in transition for {since}", pool.transition.slots),
        )
    }));
    let counted =
        picture.reasons.iter().filter(|reason| reason.packets_per_second.is_some_and(|it| it > 0.0));
    rows.extend(counted.map(|reason| {
        let packets = super::draw::rate(reason.packets_per_second);
        let dash = || "-".to_owned();
        [
            at.clone(),
            "reason".to_owned(),
            reason.reason.clone(),
            packets,
            dash(),
            dash(),
            reason.verdict.clone(),
        ]
    }));
    let columns = [
        ("TIME", Align::Left),
        ("WHAT", Align::Left),
        ("NAME", Align::Left),
        ("PACKETS/S", Align::Right),
        ("BITS/S", Align::Right),
        ("NEW FLOWS/S", Align::Right),
        ("STATE", Align::Left),
    ];
    render("", columns, rows) + "\n"
}

fn rates(rates: Option<Rates>) -> [String; 3] {
    let of = |part: fn(Rates) -> f64| super::draw::rate(rates.map(part));
    [of(|it| it.packets_per_second), of(|it| it.bits_per_second), of(|it| it.new_flows_per_second)]
}
