//! What is steered: two pools with sessions of clients, whose backends come and go only in ways that break none, and pools of
//! which anything may become.

use std::{fmt::Write as _, path::Path};

use xtask::lab::{Family, Plan, session::SESSION_PORT};

/// Pools of which anything may become, each changed by one client.
pub const CHURNED: usize = 4;
/// Backends of each, at most.
pub const BACKENDS: usize = 6;
/// Addresses on the edge's segment that answer nobody, and whose MACs are known.
pub const NEIGHBOURS: usize = CHURNED * BACKENDS;
/// Slots of those pools: few, as thousands of tables are made.
pub const SLOTS: u32 = 1_009;

pub fn neighbour(number: usize) -> String {
    format!("203.0.113.{}", 100 + number)
}

/// The address of a backend of a churned pool.
pub fn address(pool: usize, backend: usize) -> String {
    neighbour(pool * BACKENDS + backend)
}

/// The site at first.
pub fn toml(plan: &Plan, bird: &Path) -> String {
    let mut text = format!(
        "interfaces = [\"eth0\"]\nseed = \"00000000000000aa\"\n[maps]\npins = 16384\nembryonic = 4096\n\
         [announce]\nlease = \"0s\"\nhold_up = \"0s\"\n[announce.bird]\nsocket = \"{}\"\n",
        bird.display()
    );
    for family in Family::ALL {
        let (pool, vip, address) = (family.pool_name(), family.vip_name(), plan.vips.of(family));
        write!(
            text,
            "[[pool]]\nname = \"{pool}\"\nslots = 4099\non_down = \"keep\"\nidle_timeout = \"5s\"\n\
             check = {{ type = \"http\", port = 80, interval = \"500ms\" }}\n"
        )
        .unwrap();
        for backend in &plan.backends {
            let (name, address) = (&backend.name, backend.addresses.of(family));
            writeln!(text, "[[pool.backend]]\nname = \"{name}\"\naddress = \"{address}\"").unwrap();
        }
        write!(
            text,
            "[[vip]]\nname = \"{vip}\"\naddress = \"{address}\"\nservices = [\"tcp/{SESSION_PORT}\"]\npool = \"{pool}\"\n"
        )
        .unwrap();
    }
    for pool in 0..CHURNED {
        write!(text, "[[pool]]\nname = \"churn-{pool}\"\nslots = {SLOTS}\nidle_timeout = \"2s\"\n").unwrap();
        if pool == 0 {
            text += "check = { type = \"exec\", command = [\"/bin/true\"], interval = \"5s\" }\n";
        }
        for backend in 0..BACKENDS / 2 {
            let address = address(pool, backend);
            writeln!(text, "[[pool.backend]]\nname = \"b{backend}\"\naddress = \"{address}\"").unwrap();
        }
        write!(
            text,
            "[[vip]]\nname = \"vip-{pool}\"\naddress = \"192.0.2.{}\"\nservices = [\"tcp/80\"]\npool = \"churn-{pool}\"\n\
             announce = \"never\"\n",
            10 + pool
        )
        .unwrap();
    }
    text
}

/// A BIRD with two routes that are announced or not, to nobody.
pub fn bird() -> String {
    let protocol = |family: Family, kind: &str, vip: &str| {
        let name = family.vip_name();
        format!("protocol static anycast_{name} {{ disabled; {kind}; route {vip} blackhole; }}\n")
    };
    format!(
        "router id 10.9.0.1;\nprotocol device {{ }}\n{}{}",
        protocol(Family::V4, "ipv4", "192.0.2.1/32"),
        protocol(Family::V6, "ipv6", "2001:db8:0:1::1/128")
    )
}
