//! Announcements of one VIP, `www`, by a real engine and a routing daemon that is made up.

use std::{sync::Arc, time::Duration};

use anycast_ctl::{
    announce::{
        driver::{Failures, Level, Peer, Seen, SeenRoute},
        engine::Engine,
        orders::{ByHand, Candidate, Maintenance, Orders, PoolOrder, VipOrder},
        report::{self, Ask},
    },
    api::request::{AnnounceChange, MaintenanceTerms, RequestError},
    model::{Announce, AnnouncePolicy, BirdSettings},
    utc::Utc,
};

pub struct Announcements {
    engine: Engine,
    orders: Orders,
}

impl Announcements {
    pub fn new() -> Self {
        let shutdown_protocol = Some("last_{vip}".to_owned());
        let bird = Some(BirdSettings { shutdown_protocol, ..BirdSettings::default() });
        let announce = Announce { bird, hold_up: Duration::ZERO, ..Announce::default() };
        let candidate = |last| Candidate { address: [10, 0, 0, last].into(), is_checked: false };
        let www = VipOrder {
            address: [192, 0, 2, 1].into(),
            prefix: "192.0.2.1/32".parse().unwrap(),
            pool: "web".into(),
            policy: AnnouncePolicy::Auto,
            min_healthy: None,
            unsteered: None,
            by_hand: None,
        };
        let candidates = vec![candidate(11), candidate(12)];
        let web = PoolOrder { candidates, active: 2, ..PoolOrder::default() };
        let orders = Orders {
            announce: Some(Arc::new(announce)),
            pools: [("web".into(), web)].into(),
            vips: [("www".to_owned(), www)].into(),
            is_ready: true,
            ..Orders::default()
        };
        let mut announcements = Self { engine: Engine::new(), orders };
        announcements.engine.note_connected(Seen::default(), true, Duration::ZERO);
        announcements.follow();
        announcements
    }

    /// The routing daemon does what is wanted, and tells its one peer.
    fn follow(&mut self) {
        let now = Duration::from_secs(1);
        self.engine.set_orders(self.orders.clone(), now);
        self.engine.tick(now, Utc::now());
        let wanted = self.engine.wanted();
        let routes = wanted.iter().map(|(name, route)| {
            let is_told = route.level != Level::Withdrawn;
            let exported_to = Some(is_told.then(|| "transit".to_owned()).into_iter().collect());
            (name.clone(), SeenRoute { level: route.level, exported_to, trouble: None })
        });
        let transit = Peer {
            name: "transit".to_owned(),
            address: Some([198, 51, 100, 1].into()),
            asn: Some(64_512),
            established: true,
            state: "Established".to_owned(),
            since: Some("12:00:00".to_owned()),
            error: None,
        };
        let seen = Seen { daemon: "BIRD 2.0.12".to_owned(), peers: vec![transit], routes: routes.collect() };
        self.engine.note_brought(&wanted, &Failures::new());
        self.engine.note_seen(seen, now);
        self.engine.tick(now, Utc::now());
    }

    pub fn answer(&self, ask: Ask) {
        report::answer(ask, &self.engine, true, Duration::from_secs(61));
    }

    pub fn change(&mut self, change: AnnounceChange, by: String) -> Result<(), RequestError> {
        match change {
            AnnounceChange::Hand { vip, hand } => {
                let unknown = || RequestError::NotFound(format!("no VIP is called `{vip}`: there is `www`"));
                let order = self.orders.vips.get_mut(&vip).ok_or_else(unknown)?;
                order.by_hand = hand.map(|(what, until)| ByHand { what, until, by });
            }
            AnnounceChange::Maintenance(begins) => {
                self.orders.maintenance = begins.map(|MaintenanceTerms { until, holds }| Maintenance {
                    since: Utc::from_unix(0),
                    until,
                    holds,
                    by,
                });
            }
        }
        self.follow();
        Ok(())
    }
}
