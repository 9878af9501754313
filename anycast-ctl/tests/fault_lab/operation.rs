//! What clients ask of the daemon, drawn from a seed.

use serde_json::{Value, json};
use xtask::lab::random::Random;

use crate::{
    mirror::{Admin, Backend, Mirror},
    site,
};

/// One request.
#[derive(Clone, Debug)]
pub struct Operation {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Body>,
    /// What the history calls the revision that it makes; `None`: it makes none.
    pub what: Option<String>,
    /// What of the client's pool is otherwise when it was made.
    pub change: Change,
    /// Whether it shows what could not be seen: the operator's verdict on a backend that is not active.
    pub reveals: bool,
}

#[derive(Clone, Debug)]
pub enum Body {
    Json(Value),
    Toml(String),
}

#[derive(Clone, Debug)]
pub enum Change {
    Nothing,
    Backend(usize, Option<Backend>),
    Vip(usize, bool),
    Echo(bool),
    Idle(u64),
    Shared(usize, Backend),
    /// All of the site: everybody has to look again.
    Everything,
}

/// VIPs that a client adds and removes.
pub const VIPS: usize = 3;

impl Operation {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, what: None, change: Change::Nothing, reveals: false }
    }

    fn json(mut self, body: Value) -> Self {
        self.body = Some(Body::Json(body));
        self
    }

    fn makes(mut self, what: impl Into<String>, change: Change) -> Self {
        (self.what, self.change) = (Some(what.into()), change);
        self
    }

    fn revealing(mut self) -> Self {
        self.reveals = true;
        self
    }

    /// The next of a client, for the state that it knows its pool to be in.
    pub fn draw(random: &mut Random, client: usize, mirror: &Mirror) -> Self {
        match random.below(100) {
            0..58 => Self::backend(random, client, mirror),
            58..70 => Self::vip(random, client, mirror),
            70..75 => Self::pool(random, client, mirror),
            75..80 => Self::shared(random, client, mirror),
            80..84 => Self::announcement(random, client),
            _ => Self::other(random, client),
        }
    }

    fn backend(random: &mut Random, client: usize, mirror: &Mirror) -> Self {
        let number = random.below(site::BACKENDS);
        let (pool, name) = (format!("churn-{client}"), format!("b{number}"));
        let path = format!("/v1/pools/{pool}/backends/{name}");
        let Some(is) = &mirror.backends[number] else {
            let address = site::address(client, number);
            return Self::new("POST", format!("/v1/pools/{pool}/backends"))
                .json(json!({ "name": name, "address": address }))
                .makes(
                    format!("backend add {pool} {name} {address}"),
                    Change::Backend(number, Some(Backend::default())),
                );
        };
        let becomes = |admin| Change::Backend(number, Some(Backend { admin, ..is.clone() }));
        match (random.below(10), is.admin) {
            (0, _) => Self::new("DELETE", path)
                .makes(format!("backend remove {pool} {name}"), Change::Backend(number, None)),
            (1 | 2, Admin::Active) if !is.marked => Self::new("POST", format!("{path}/drain"))
                .makes(format!("backend drain {pool} {name}"), becomes(Admin::Draining)),
            (3, Admin::Active) if !is.marked => Self::new("POST", format!("{path}/disable"))
                .makes(format!("backend disable {pool} {name}"), becomes(Admin::Disabled)),
            (1..=4, Admin::Draining) => Self::new("DELETE", format!("{path}/drain"))
                .makes(format!("backend undrain {pool} {name}"), becomes(Admin::Active))
                .revealing(),
            (1..=4, Admin::Disabled) => Self::new("DELETE", format!("{path}/disable"))
                .makes(format!("backend enable {pool} {name}"), becomes(Admin::Active))
                .revealing(),
            (5, Admin::Active) if client > 0 => {
                let marked = !is.marked;
                let mut mark = Self::new("PUT", format!("{path}/health")).json(json!({ "up": !marked }));
                mark.change = Change::Backend(number, Some(Backend { marked, ..is.clone() }));
                mark
            }
            _ => Self::weight(random, &pool, &name, is, |is| Change::Backend(number, Some(is))),
        }
    }

    /// Another weight than it has.
    fn weight(
        random: &mut Random,
        pool: &str,
        name: &str,
        is: &Backend,
        change: impl FnOnce(Backend) -> Change,
    ) -> Self {
        let weight = 1 + (is.weight + random.below(98) as u64) % 99;
        Self::new("PUT", format!("/v1/pools/{pool}/backends/{name}/weight"))
            .json(json!({ "weight": weight }))
            .makes(format!("backend weight {pool} {name} {weight}"), change(Backend { weight, ..is.clone() }))
    }

    fn vip(random: &mut Random, client: usize, mirror: &Mirror) -> Self {
        let number = random.below(VIPS + 1);
        if number == VIPS {
            let echo = !mirror.echo;
            return Self::new("PATCH", format!("/v1/vips/vip-{client}"))
                .json(json!({ "echo": echo }))
                .makes(format!("vip set vip-{client} echo {echo}"), Change::Echo(echo));
        }
        let name = format!("vip-{client}-{number}");
        if mirror.vips[number] {
            return Self::new("DELETE", format!("/v1/vips/{name}"))
                .makes(format!("vip remove {name}"), Change::Vip(number, false));
        }
        let address = format!("192.0.2.{}", 100 + client * VIPS + number);
        Self::new("POST", "/v1/vips")
            .json(json!({
                "name": name, "address": address, "services": ["tcp/443", "udp/53"], "pool": format!("churn-{client}"),
                "announce": "never",
            }))
            .makes(format!("vip add {name} {address}"), Change::Vip(number, true))
    }

    fn pool(random: &mut Random, client: usize, mirror: &Mirror) -> Self {
        // Below a minute, which would be written otherwise. Another one than it has.
        let seconds = 1 + (mirror.idle_seconds + random.below(57) as u64) % 58;
        let idle = format!("{seconds}s");
        Self::new("PATCH", format!("/v1/pools/churn-{client}"))
            .json(json!({ "idle_timeout": idle }))
            .makes(format!("pool set churn-{client} idle_timeout {idle}"), Change::Idle(seconds))
    }

    /// Of the pools with sessions: the first two clients have one each.
    fn shared(random: &mut Random, client: usize, mirror: &Mirror) -> Self {
        let number = random.below(mirror.shared.len());
        let (Some(pool), Some(is)) = (mirror.shared_pool, mirror.shared.get(number)) else {
            return Self::other(random, client);
        };
        let name = format!("backend{}", number + 1);
        let path = format!("/v1/pools/{pool}/backends/{name}/drain");
        let becomes = |admin| Change::Shared(number, Backend { admin, ..is.clone() });
        let active = mirror.shared.iter().filter(|backend| backend.admin == Admin::Active).count();
        match is.admin {
            Admin::Draining => Self::new("DELETE", path)
                .makes(format!("backend undrain {pool} {name}"), becomes(Admin::Active)),
            _ if active > 1 && random.below(2) == 0 => Self::new("POST", path)
                .makes(format!("backend drain {pool} {name}"), becomes(Admin::Draining)),
            Admin::Active | Admin::Disabled => {
                Self::weight(random, pool, &name, is, |is| Change::Shared(number, is))
            }
        }
    }

    fn announcement(random: &mut Random, client: usize) -> Self {
        let vip = ["www4", "www6"][client % 2];
        let path = format!("/v1/vips/{vip}/announcement");
        match random.below(5) {
            0 => Self::new("PUT", path).json(json!({ "what": "now" })),
            1 => Self::new("PUT", path).json(json!({ "what": "withdraw" })),
            2 => Self::new("POST", "/v1/maintenance").json(json!({ "hold": true })),
            3 => Self::new("DELETE", "/v1/maintenance"),
            _ => Self::new("DELETE", path),
        }
    }

    fn other(random: &mut Random, client: usize) -> Self {
        let get = |path: &str| Self::new("GET", path);
        match random.below(14) {
            0 => Self::new("POST", "/v1/reconcile"),
            1 => Self::new("PUT", "/v1/log").json(json!({ "filter": "info,anycast_ctl::neighbour=debug" })),
            2 => Self::new("DELETE", "/v1/log"),
            3 => get("/v1/explain?from=198.51.100.7:40000&to=192.0.2.1:443/tcp&packet=syn"),
            4 | 5 => get("/v1/status"),
            6 => get(&format!("/v1/pools/churn-{client}/slots")),
            7 => get("/v1/flows?limit=10"),
            8 => get("/v1/flows/count"),
            9 => get("/v1/revisions?limit=5"),
            10 => get("/v1/announcements"),
            11 => get("/v1/health"),
            12 => get("/v1/events/kept"),
            _ => get("/v1/site"),
        }
    }
}
