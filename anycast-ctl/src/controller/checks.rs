//! Health checks, as far as the controller has to do with them: it says who is to be checked, opens the way of checks through the
//! dataplane, follows what they say, and writes that down.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::Controller;
use crate::{
    api::types::Event,
    condition::{Marks, Opinions},
    health::{
        checker::{Checker, Ended, Orders, Said},
        happening::Happening,
        path::{CheckPath, ProbeWay},
        report::{self, Ask},
        roster::{Roster, Sources},
        standing::{SavedJudges, Standings},
    },
    model::Via,
    store::StoreError,
    way::Way,
};

/// How often opening the way through the dataplane is tried.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked whether somebody took its rules away.
const REPAIR: Duration = Duration::from_secs(10);

/// State of all that checks need.
pub(super) struct Checks {
    checker: Checker,
    /// What checks come to.
    pub standings: Arc<Standings>,
    /// Why others are in service, by pool, as far as the maps do not follow yet.
    moved: BTreeMap<Arc<str>, Arc<str>>,
    /// Who has slots.
    pub serving: Arc<Marks>,
    /// Whether the checker says that everybody was judged, or cannot be, by the orders that it had then.
    settled: (u64, bool),
    /// Number of the last orders.
    orders: u64,
    roster: Arc<Roster>,
    /// Name of the instance, from which its marks follow.
    instance: String,
    path: Path,
    repaired: Instant,
    saved: Arc<SavedJudges>,
    /// Whether what must survive the daemon is not written down as it is.
    is_unwritten: bool,
    writing: Option<JoinHandle<Result<(), StoreError>>>,
}

/// The way of checks through the dataplane.
enum Path {
    /// Nobody needs it.
    Closed,
    /// It is there.
    Open(Box<CheckPath>),
    /// It could not be opened, and when that is tried again.
    Broken(String, Instant),
}

impl Checks {
    pub(super) fn new(
        instance: &str,
        saved: SavedJudges,
        seed: u64,
        asks: mpsc::Receiver<Ask>,
    ) -> io::Result<Self> {
        Ok(Self {
            saved: Arc::new(saved.clone()),
            checker: Checker::spawn(saved, seed, asks)?,
            standings: Arc::default(),
            moved: BTreeMap::new(),
            serving: Arc::default(),
            settled: (0, false),
            orders: 0,
            roster: Arc::default(),
            instance: instance.to_owned(),
            path: Path::Closed,
            repaired: Instant::now(),
            is_unwritten: false,
            writing: None,
        })
    }

    /// What the checker says, for somebody else to follow.
    pub(super) fn follow(&self) -> watch::Receiver<Said> {
        self.checker.follow()
    }

    /// Waits until the checker says something.
    pub(super) async fn changed(&mut self) -> Result<Option<Happening>, Ended> {
        self.checker.changed().await
    }

    /// Whether everybody was judged that is to be checked, or cannot be.
    pub(super) fn is_settled(&self) -> bool {
        self.roster.pools.is_empty() || self.settled == (self.orders, true)
    }

    /// Whether there is something to be tried again.
    pub(super) fn is_behind(&self) -> bool {
        self.is_unwritten || matches!(self.path, Path::Broken(..))
    }

    /// Takes what the checker says; answers whether it says something else of somebody.
    fn hear(&mut self) -> bool {
        let Said { standings, saved, orders, is_settled } = self.checker.said();
        let is_other = *standings != *self.standings;
        self.is_unwritten |= *saved != *self.saved;
        for (name, pool) in &standings.pools {
            let before = self.standings.pools.get(name).and_then(|before| before.moved.as_ref());
            if let Some(moved) = pool.moved.as_ref().filter(|moved| Some(*moved) != before) {
                self.moved.insert(Arc::clone(name), Arc::clone(&moved.why));
            }
        }
        (self.standings, self.saved, self.settled) = (standings, saved, (orders, is_settled));
        is_other
    }

    /// Why others of a pool are in service than the maps say; `None`: checks put in or took out nobody.
    pub(super) fn why_moved(&self, pool: &str) -> Option<&str> {
        self.moved.get(pool).map(|why| &**why)
    }

    /// Notes that the maps follow what checks say.
    pub(super) fn note_followed(&mut self) {
        self.moved.clear();
    }

    /// Makes the way through the dataplane lead to these backends, or to none any more.
    async fn lead(&mut self, ways: &BTreeMap<u16, ProbeWay>) {
        match &self.path {
            Path::Closed if ways.is_empty() => return,
            Path::Broken(_, again) if Instant::now() < *again => return,
            Path::Closed | Path::Broken(..) => match CheckPath::open(&self.instance).await {
                Ok(path) => self.path = Path::Open(Box::new(path)),
                Err(error) => {
                    let why = format!("the way of checks through the dataplane cannot be opened: {error}");
                    if !matches!(&self.path, Path::Broken(told, _) if *told == why) {
                        tracing::error!("{why}; trying again every {} s", OPEN_AGAIN.as_secs());
                    }
                    self.path = Path::Broken(why, Instant::now() + OPEN_AGAIN);
                    return;
                }
            },
            Path::Open(_) => {}
        }
        let Path::Open(path) = &mut self.path else { return };
        if let Err(error) = path.set(ways) {
            tracing::error!("{error}; trying again");
        }
        if self.repaired.elapsed() >= REPAIR {
            self.repaired = Instant::now();
            match path.repair().await {
                Ok(0) => {}
                Ok(rules) => {
                    tracing::warn!("somebody took away {rules} rules or routes of checks; they are back")
                }
                Err(error) => tracing::error!("{error}; trying again"),
            }
        }
    }

    fn mark(&self, backend: u16) -> Result<u32, String> {
        match &self.path {
            Path::Open(path) => Ok(path.mark(backend)),
            Path::Closed => Err("the way of checks through the dataplane is not open yet".to_owned()),
            Path::Broken(why, _) => Err(why.clone()),
        }
    }
}

impl Controller {
    /// Everybody's opinion of the backends.
    pub(super) fn opinions(&self) -> Opinions<'_> {
        self.opinions_with(&self.marks)
    }

    /// The same, with other marks of the operator's.
    pub(super) fn opinions_with<'a>(&'a self, marks: &'a Marks) -> Opinions<'a> {
        Opinions {
            marks,
            standings: &self.checks.standings,
            serving: &self.checks.serving,
            diverted: &self.diverted,
        }
    }

    /// Has those checked that the site wants to be, by the ways that are known.
    pub(super) async fn order_checks(&mut self) {
        let ways = self.probe_ways();
        self.checks.lead(&ways).await;
        let roster = {
            let sources = Sources {
                site: &self.site,
                numbers: &self.numbers,
                resolutions: &self.resolutions.borrow(),
                mark: &|index| self.checks.mark(index),
            };
            Roster::of(&sources)
        };
        let serving = Arc::new(self.serving(|pool| roster.pools.contains_key(pool)));
        if roster != *self.checks.roster {
            self.checks.roster = Arc::new(roster);
            let roster = Arc::clone(&self.checks.roster);
            self.checks.orders += 1;
            let number = self.checks.orders;
            self.checks.checker.order(Orders { number, roster, serving: Arc::clone(&serving) });
        }
        self.checks.serving = serving;
    }

    /// Ways of those backends that are checked through the dataplane.
    fn probe_ways(&self) -> BTreeMap<u16, ProbeWay> {
        let resolutions = self.resolutions.borrow();
        let mut ways = BTreeMap::new();
        for pool in &self.site.pools {
            for backend in &pool.backends {
                let is_through = pool.check_of(backend).is_some_and(|check| check.via == Some(Via::Vip));
                if !is_through {
                    continue;
                }
                let resolution = resolutions.get(&backend.address);
                let way =
                    Way::find(pool.delivery_of(backend), backend.address, resolution, &self.site.tunnel);
                if let (Ok(way), Some(seat)) = (way, self.numbers.get(&pool.name, backend.address)) {
                    ways.insert(seat.index, ProbeWay::of(&way));
                }
            }
        }
        ways
    }

    /// Notes who has slots before the site becomes otherwise: whoever is checked from then on keeps them for the moment.
    pub(super) fn note_serving(&mut self) {
        self.checks.serving = Arc::new(self.serving(|_| true));
    }

    /// Backends that own slots, of pools that are meant.
    fn serving(&self, is_meant: impl Fn(&str) -> bool) -> Marks {
        let mut serving = Marks::new();
        for pool in self.site.pools.iter().filter(|pool| is_meant(&pool.name)) {
            let Some(census) = self.numbers.pool(&pool.name).and_then(|number| self.census.get(&number))
            else {
                continue;
            };
            let owns = |index: u16| census.owned.contains_key(&index);
            let seated = pool.backends.iter().filter(|backend| {
                self.numbers.get(&pool.name, backend.address).is_some_and(|seat| owns(seat.index))
            });
            serving.extend(seated.map(|backend| (pool.name.clone(), backend.address)));
        }
        serving
    }

    /// Takes what the checker says; answers whether it says something else of some backend.
    pub(super) fn listen(&mut self, happening: Option<Happening>) -> bool {
        if let Some(happening) = happening {
            self.tell(Event::Health(report::event(&happening)));
        }
        self.checks.hear()
    }

    /// Takes away what checks needed of the kernel, and writes down what they said last.
    pub(super) async fn finish_checks(&mut self) {
        if let Path::Open(path) = std::mem::replace(&mut self.checks.path, Path::Closed)
            && let Err(error) = path.close().await
        {
            tracing::warn!("{error}");
        }
        self.checks.hear();
        let saved = saved_document(&self.checks.saved);
        if let Some(writing) = self.checks.writing.take() {
            let _ = writing.await;
        }
        if !self.checks.saved.is_empty()
            && let Err(error) = self.store.set_verdicts(&saved)
        {
            tracing::warn!("verdicts of checks are not written down: {error}");
        }
    }

    /// Writes down what must survive the daemon, on a thread that may block: steering does not wait for a disk.
    pub(super) fn write_checks(&mut self) {
        if let Some(writing) = self.checks.writing.take_if(|writing| writing.is_finished()) {
            // It is finished: this does not wait.
            if let Some(Ok(Err(error))) = futures_util::FutureExt::now_or_never(writing) {
                tracing::warn!("verdicts of checks are not written down: {error}; trying again");
                self.checks.is_unwritten = true;
            }
        }
        if self.checks.is_unwritten && self.checks.writing.is_none() {
            let (store, saved) = (Arc::clone(&self.store), Arc::clone(&self.checks.saved));
            self.checks.is_unwritten = false;
            self.checks.writing =
                Some(tokio::task::spawn_blocking(move || store.set_verdicts(&saved_document(&saved))));
        }
    }
}

/// What is written down of verdicts. Every part can be.
fn saved_document(saved: &SavedJudges) -> Vec<u8> {
    let entries: Vec<_> = saved.iter().map(|(key, saved)| (&*key.pool, key.address, saved)).collect();
    serde_json::to_vec(&entries).unwrap_or_default()
}

/// Reads what was written down. One that cannot be read is of no use: everybody is checked anew.
pub(super) fn read_saved(document: Option<&[u8]>) -> SavedJudges {
    let Some(document) = document else { return SavedJudges::new() };
    let entries: Result<Vec<(String, std::net::IpAddr, _)>, _> = serde_json::from_slice(document);
    match entries {
        Ok(entries) => entries
            .into_iter()
            .map(|(pool, address, saved)| {
                (crate::health::standing::Key { pool: pool.into(), address }, saved)
            })
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "the verdicts that were written down cannot be read: everybody is checked anew");
            SavedJudges::new()
        }
    }
}
