//! Random changes of the pools, through the command line, and a ledger of what was when.

use std::{collections::BTreeMap, time::Duration};

use xtask::{
    lab::{Family, Host, Lab, random::Random, session::Sessions},
    site::SiteFile,
};

/// A backend that was taken away stays away for longer than its sessions may take to end.
const AWAY: Duration = Duration::from_millis(1600);
/// Backends of a pool that always take new flows.
const ALWAYS: usize = 3;

/// Three times as long as a session that hears nothing sends nothing, and shorter than they last.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Add,
    Remove,
    Drain,
    Undrain,
    Weight,
    Down,
    Up,
}

const KINDS: [Kind; 7] =
    [Kind::Add, Kind::Remove, Kind::Drain, Kind::Undrain, Kind::Weight, Kind::Down, Kind::Up];

/// A change that was made: it took effect between two times, counted as the sessions' are.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub kind: Kind,
    pub before: Duration,
    pub after: Duration,
}

impl Event {
    /// Whether the backend's sessions end by it.
    pub fn takes_away(&self) -> bool {
        matches!(self.kind, Kind::Remove | Kind::Down)
    }
}

/// One host in one pool, in it or not.
struct Place {
    host: Host,
    present: bool,
    draining: bool,
    down: bool,
    events: Vec<Event>,
}

impl Place {
    fn takes_new_flows(&self) -> bool {
        self.present && !self.draining && !self.down
    }

    fn allows(&self, kind: Kind, now: Duration) -> bool {
        let settled = self.events.iter().rev().find(|event| event.takes_away());
        let settled = settled.is_none_or(|event| now > event.after + AWAY);
        match kind {
            Kind::Add => !self.present && settled,
            Kind::Remove | Kind::Weight => self.present,
            Kind::Drain => self.present && !self.draining,
            Kind::Undrain => self.draining,
            Kind::Down => self.present && !self.down,
            Kind::Up => self.down && settled,
        }
    }
}

/// Both pools, and the command line that changes them.
pub struct Fleet<'a> {
    lab: &'a Lab,
    places: BTreeMap<(Family, String), Place>,
}

impl<'a> Fleet<'a> {
    /// As the lab starts: its backends are in both pools, its spares in none.
    pub fn new(lab: &'a Lab) -> Self {
        let plan = lab.plan();
        let place = |family: Family, host: &Host, present| {
            let place =
                Place { host: host.clone(), present, draining: false, down: false, events: Vec::new() };
            ((family, host.name.clone()), place)
        };
        let places = Family::ALL.into_iter().flat_map(|family| {
            let backends = plan.backends.iter().map(move |host| place(family, host, true));
            backends.chain(plan.spares.iter().map(move |host| place(family, host, false)))
        });
        Self { lab, places: places.collect() }
    }

    /// Makes one random change, if it is possible.
    pub fn change(&mut self, random: &mut Random, sessions: &Sessions) -> bool {
        let kind = KINDS[random.below(KINDS.len())];
        let family = Family::ALL[random.below(2)];
        let before = sessions.elapsed();
        let serving =
            self.places.iter().filter(|((of, _), place)| *of == family && place.takes_new_flows()).count();
        let candidates: Vec<String> = self
            .places
            .iter()
            .filter(|((of, _), place)| *of == family && place.allows(kind, before))
            .filter(|(_, place)| {
                let takes = matches!(kind, Kind::Remove | Kind::Drain | Kind::Down);
                !(takes && place.takes_new_flows()) || serving > ALWAYS
            })
            .map(|((_, name), _)| name.clone())
            .collect();
        let Some(name) = random.choose(&candidates) else { return false };
        let place = self.places.get_mut(&(family, name.clone())).unwrap();
        let (pool, weight) = (family.pool_name(), (1 + random.below(8)).to_string());
        let address = place.host.addresses.of(family).to_string();
        let words: &[&str] = match kind {
            Kind::Add => &["add", pool, name, &address, "--weight", &weight],
            Kind::Remove => &["remove", pool, name],
            Kind::Drain => &["drain", pool, name, "--deadline", "1h"],
            Kind::Undrain => &["undrain", pool, name],
            Kind::Weight => &["weight", pool, name, &weight],
            Kind::Down => &["mark", pool, name, "down"],
            Kind::Up => &["mark", pool, name, "up"],
        };
        self.lab.ctl(&[&["backend"], words].concat()).unwrap();
        match kind {
            Kind::Add => (place.present, place.draining, place.down) = (true, false, false),
            Kind::Remove => (place.present, place.draining, place.down) = (false, false, false),
            Kind::Drain => place.draining = true,
            Kind::Undrain => place.draining = false,
            Kind::Weight => {}
            Kind::Down => place.down = true,
            Kind::Up => place.down = false,
        }
        place.events.push(Event { kind, before, after: sessions.elapsed() });
        true
    }

    /// What happened to a backend, in order.
    pub fn events(&self, family: Family, backend: &str) -> &[Event] {
        self.places.get(&(family, backend.to_owned())).map_or(&[], |place| &place.events)
    }

    /// What happened to any backend of a pool.
    pub fn all_events(&self, family: Family) -> impl Iterator<Item = &Event> {
        self.places.iter().filter(move |((of, _), _)| *of == family).flat_map(|(_, place)| &place.events)
    }

    /// How many of each kind, and how long the command line took for one.
    pub fn summary(&self) -> String {
        let mut counts = BTreeMap::<Kind, u32>::new();
        let mut longest = Duration::ZERO;
        for event in self.places.values().flat_map(|place| &place.events) {
            *counts.entry(event.kind).or_default() += 1;
            longest = longest.max(event.after - event.before);
        }
        format!("{counts:?}, the slowest took {longest:.0?}")
    }
}

/// The lab's site, with flows that are taken for ended so soon that slots become stable again while sessions last.
pub fn site(lab: &SiteFile) -> String {
    let pool = |family: Family| format!("name = \"{}\"\n", family.pool_name());
    Family::ALL.iter().fold(lab.to_toml(), |text, &family| {
        text.replacen(
            &pool(family),
            &format!("{}idle_timeout = \"{}s\"\n", pool(family), IDLE_TIMEOUT.as_secs()),
            1,
        )
    })
}
