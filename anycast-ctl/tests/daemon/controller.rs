//! A controller that only remembers: edits are real, what comes of them in a dataplane is made up.

use anycast_ctl::{
    api::{
        link::ControllerEnd,
        request::{Desired, Order, Proposal, Request, RequestError, Shown},
        types::{
            BackendState, BackendStatus, CheckerStatus, Committed, Event, HealthStatus, HookStatus,
            PlanBreaks, PlanShare, PlanStatus, PoolPlan, PoolStatus, ReconcileStatus, RevisionStatus, Status,
        },
    },
    health::report::Ask,
    model::{
        Edit, Site, SiteDiff,
        diff::{Change, Subject},
        edit::{BackendEdit, DrainTerms},
    },
    store::Author,
    utc::Utc,
};

use super::{announcements::Announcements, status};

/// The revision that is there in the beginning was made then.
const BEGINNING: Utc = Utc::from_unix(1_795_284_000);

/// Nobody is checked here.
fn checks(ask: Ask) {
    match ask {
        Ask::All(reply) => {
            let summary = "no backend fails".to_owned();
            let checker = CheckerStatus::default();
            drop(reply.send(HealthStatus { summary, alarm: false, checker, pools: Vec::new() }));
        }
        Ask::One { reply, .. } => drop(reply.send(None)),
    }
}

pub struct Remembering {
    site: Site,
    status: Status,
    record: RevisionStatus,
    /// The last backend that was removed.
    removed: Option<BackendStatus>,
    announcements: Announcements,
    end: ControllerEnd,
}

impl Remembering {
    pub fn new(end: ControllerEnd) -> Self {
        let status = status::status();
        let record = RevisionStatus {
            revision: 1,
            time: BEGINNING,
            author: Author::File { path: "site.toml".into() },
            who: "file site.toml".into(),
            what: "apply site.toml".into(),
        };
        end.progress.send_replace(status.desired.clone());
        Self { site: status::site(), status, record, removed: None, announcements: Announcements::new(), end }
    }

    pub async fn follow(mut self) {
        loop {
            tokio::select! {
                request = self.end.requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                Some(ask) = self.end.health.recv() => checks(ask),
                Some(ask) = self.end.announce.recv() => self.announcements.answer(ask),
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Status(reply) => drop(reply.send(Ok(self.status.clone()))),
            Request::Site(reply) => {
                let desired = Desired { record: Some(self.record.clone()), site: self.site.clone() };
                drop(reply.send(Ok(desired)));
            }
            Request::Show(subject, reply) => drop(reply.send(Ok(self.show(&subject)))),
            Request::Slots { pool, reply } => drop(reply.send(self.pool(&pool).map(status::slots))),
            Request::Change(order, reply) => drop(reply.send(self.change(order))),
            Request::Plan(order, reply) => drop(reply.send(self.plan(&order))),
            Request::Flows(reply) => drop(reply.send(Err(without("maps")))),
            Request::Book(reply) => drop(reply.send(Err(without("book")))),
            Request::TraceSource(reply) => drop(reply.send(Err(without("program")))),
            Request::BeginToShow(_, reply) | Request::EndToShow(reply) => {
                drop(reply.send(Err(without("program"))));
            }
            // tests/history.rs has one.
            Request::Store(reply) => {
                drop(reply.send(Err(without("store"))));
            }
            Request::Announce { change, author, reply } => {
                drop(reply.send(self.announcements.change(change, author.to_string())));
            }
            // The packet tests and the lab have a program.
            Request::Explain { reply, .. } => drop(reply.send(Err(without("program")))),
            Request::Hook(state, reply) => drop(reply.send(Ok(HookStatus { state, changed: true }))),
            Request::Reconcile { dry_run, reply } => {
                let drifted = vec!["VIP www is missing or differs".to_owned()];
                drop(reply.send(Ok(ReconcileStatus { drifted, repaired: !dry_run })));
            }
        }
    }

    fn pool(&self, name: &str) -> Result<&PoolStatus, RequestError> {
        let unknown = || RequestError::NotFound(format!("no pool is called `{name}`"));
        self.status.pools.iter().find(|it| it.name == name).ok_or_else(unknown)
    }

    fn expected(&self, order: &Order) -> Result<(), RequestError> {
        match order.expected {
            Some(expected) if expected.get() != self.record.revision => Err(RequestError::Stale {
                error: format!(
                    "the change was made for revision {expected}, and the newest is {}",
                    self.record
                ),
                current: Some(Box::new(self.record.clone())),
            }),
            Some(_) | None => Ok(()),
        }
    }

    fn change(&mut self, order: Order) -> Result<Committed, RequestError> {
        self.expected(&order)?;
        let edit = match &order.proposal {
            Proposal::Edit(edit) => edit,
            Proposal::Mark { pool, backend, up } => return self.mark(pool, backend, *up),
        };
        let after = edit.apply(&self.site)?;
        let diff = SiteDiff::between(&self.site, &after);
        if diff.is_empty() {
            return Ok(Committed { revision: self.record.revision, changed: false, diff });
        }
        if let Edit::Backend { pool, edit: BackendEdit::Remove { name } } = edit {
            self.removed = self.pool(pool)?.backends.iter().find(|it| it.name == *name).cloned();
        }
        self.site = after;
        let revision = self.record.revision + 1;
        let who = match &order.author {
            Author::User { user, .. } => user.clone().unwrap_or_default(),
            Author::File { path } => path.clone(),
            Author::Daemon => "anycast-ctl run".to_owned(),
        };
        self.record =
            RevisionStatus { revision, time: BEGINNING, author: order.author, who, what: edit.summary() };
        self.end.events.tell(Event::Revision(self.record.clone()));
        status::follow(&mut self.status, &self.site);
        (self.status.desired.revision, self.status.desired.applied) = (revision, revision);
        // A dataplane that never gets anything for a pool called `stuck`.
        if self.site.pool("stuck").is_some() {
            self.status.desired.applied -= 1;
        }
        self.end.progress.send_replace(self.status.desired.clone());
        Ok(Committed { revision, changed: true, diff })
    }

    fn mark(&mut self, pool: &str, name: &str, up: bool) -> Result<Committed, RequestError> {
        self.pool(pool)?;
        let backends =
            self.status.pools.iter_mut().filter(|it| it.name == pool).flat_map(|it| &mut it.backends);
        let unknown = || RequestError::NotFound(format!("no backend of pool `{pool}` is called `{name}`"));
        let backend = backends.into_iter().find(|it| it.name == name).ok_or_else(unknown)?;
        backend.state = if up { BackendState::Up } else { BackendState::Down };
        Ok(Committed { revision: self.record.revision, changed: true, diff: SiteDiff::default() })
    }

    fn show(&self, subject: &Subject) -> Shown {
        match subject {
            Subject::Site => Shown::Nothing,
            Subject::Pool { pool } => {
                self.pool(pool).map_or(Shown::Nothing, |pool| Shown::Pool(pool.clone()))
            }
            Subject::Vip { vip } => {
                let found = self.status.vips.iter().find(|it| it.name == *vip);
                found.map_or(Shown::Nothing, |vip| Shown::Vip(vip.clone()))
            }
            Subject::Backend { pool, backend } => {
                let found =
                    self.pool(pool).ok().and_then(|it| it.backends.iter().find(|it| it.name == *backend));
                let found = found.or(self.removed.as_ref().filter(|it| it.name == *backend));
                found.map_or(Shown::Nothing, |it| Shown::Backend(it.clone()))
            }
        }
    }

    /// The same numbers for every change of a backend, with nothing broken but by a removal and a deadline.
    fn plan(&self, order: &Order) -> Result<PlanStatus, RequestError> {
        self.expected(order)?;
        let share = |name: &str, before, after| PlanShare { name: name.into(), before, after };
        let (pool, what, diff, breaks, pending) = match &order.proposal {
            Proposal::Mark { pool, backend, .. } => (
                Some(pool.clone()),
                format!("backend mark {pool} {backend}"),
                SiteDiff::default(),
                None,
                None,
            ),
            Proposal::Edit(edit) => {
                let diff = SiteDiff::between(&self.site, &edit.apply(&self.site)?);
                let (mut pool, mut breaks, mut pending) = (None, None, None);
                if let Edit::Backend { pool: name, edit } = edit {
                    pool = Some(name.clone());
                    if matches!(edit, BackendEdit::Remove { .. }) {
                        breaks = Some(0);
                    } else if matches!(
                        edit,
                        BackendEdit::Drain { terms: DrainTerms { until: Some(_), .. }, .. }
                    ) {
                        breaks = Some(600);
                    } else if matches!(edit, BackendEdit::Add(_)) {
                        pending = Some("web-3 gets its slots when 10.0.0.13 answers".to_owned());
                    }
                }
                (pool, edit.summary(), diff, breaks, pending)
            }
        };
        let of_pool = |pool: String| PoolPlan {
            pool,
            change: Change::Changed,
            slots: 65_537,
            slots_moved: 65_537,
            shares: vec![share("web-1", 65_537, 0), share("web-2", 0, 65_537)],
            pins: 12,
            breaks: breaks
                .map(|after_seconds| PlanBreaks {
                    backend: "web-1".into(),
                    pins: 12,
                    slots: 65_537,
                    after_seconds,
                })
                .into_iter()
                .collect(),
            pending: pending.clone().into_iter().collect(),
        };
        let pools = pool.into_iter().map(of_pool).collect();
        Ok(PlanStatus {
            revision: self.record.revision,
            what,
            diff,
            pools,
            vips: Vec::new(),
            notes: Vec::new(),
        })
    }
}

fn without(what: &str) -> RequestError {
    RequestError::Internal(format!("there is no {what}"))
}
