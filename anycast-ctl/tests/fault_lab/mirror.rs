//! What a client knows of its pool: nobody else changes it, so every answer must be as this says.

use serde_json::Value;

use crate::{
    operation::{Change, VIPS},
    site,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admin {
    Active,
    Draining,
    Disabled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    pub weight: u64,
    pub admin: Admin,
    /// The operator's verdict; it is in the daemon's status and not in the site.
    pub marked: bool,
}

impl Default for Backend {
    fn default() -> Self {
        Self { weight: 1, admin: Admin::Active, marked: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    pub backends: [Option<Backend>; site::BACKENDS],
    pub vips: [bool; VIPS],
    pub echo: bool,
    pub idle_seconds: u64,
    /// A pool with sessions that this client may change, and its backends.
    pub shared_pool: Option<&'static str>,
    pub shared: Vec<Backend>,
}

impl Mirror {
    /// From the site as the daemon exports it, and the names of backends of the client's pool that are down.
    pub fn of(site: &Value, down: &[String], client: usize) -> Self {
        let all = |what: &str| site[what].as_array().unwrap();
        let pool = |name: &str| {
            let found = all("pool").iter().find(|pool| pool["name"] == name);
            found.unwrap_or_else(|| panic!("no pool {name} in {site}"))
        };
        let of_pool = |name: &str| pool(name)["backend"].as_array().cloned().unwrap_or_default();
        let backend = |backend: &Value| Backend {
            weight: backend["weight"].as_u64().unwrap_or(1),
            admin: match backend["state"].as_str().unwrap_or("active") {
                "active" => Admin::Active,
                "draining" => Admin::Draining,
                "disabled" => Admin::Disabled,
                other => panic!("a backend is {other}"),
            },
            marked: down.iter().any(|name| backend["name"] == name.as_str()),
        };
        let own = of_pool(&format!("churn-{client}"));
        let named = |number: usize| own.iter().find(|it| it["name"] == format!("b{number}")).map(backend);
        let vip = |name: String| all("vip").iter().find(move |vip| vip["name"] == name.as_str());
        let shared_pool = ["web4", "web6"].get(client).copied();
        let idle = &pool(&format!("churn-{client}"))["idle_timeout"];
        Self {
            backends: std::array::from_fn(named),
            vips: std::array::from_fn(|number| vip(format!("vip-{client}-{number}")).is_some()),
            echo: vip(format!("vip-{client}")).unwrap()["echo"].as_bool().unwrap_or(true),
            idle_seconds: anycast_ctl::period::parse(idle.as_str().unwrap()).unwrap().as_secs(),
            shared_pool,
            shared: shared_pool.map(of_pool).unwrap_or_default().iter().map(backend).collect(),
        }
    }

    /// What was answered with success has happened.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Nothing | Change::Everything => (),
            Change::Backend(number, backend) => self.backends[*number].clone_from(backend),
            Change::Vip(number, is_there) => self.vips[*number] = *is_there,
            Change::Echo(echo) => self.echo = *echo,
            Change::Idle(seconds) => self.idle_seconds = *seconds,
            Change::Shared(number, backend) => self.shared[*number] = backend.clone(),
        }
    }
}
