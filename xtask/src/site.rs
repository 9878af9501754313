//! The controller's configuration file, as the lab and `cargo xtask load` write it.

use std::{fmt::Write as _, net::IpAddr};

use crate::lab::Family;

/// One backend of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteBackend {
    /// Unique within its pool.
    pub name: String,
    /// Its own address.
    pub address: IpAddr,
    /// Its share of new flows, relative to the others.
    pub weight: u32,
    /// How packets get to it, as the controller calls it; `None`: as its pool has it.
    pub delivery: Option<String>,
}

/// One VIP with the pool that serves it: the pool takes its name from the family, `web4` or `web6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteVip {
    /// The anycast address.
    pub address: IpAddr,
    /// Its services, as `tcp/443`.
    pub services: Vec<String>,
    /// How packets get to the servers, as the controller calls it; `None`: its default.
    pub delivery: Option<String>,
    /// Servers: of its family, unless they are reached through a tunnel or on the host itself.
    pub backends: Vec<SiteBackend>,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// Where the program is attached.
    pub interface: String,
    /// Key of the flow hash; `None` lets the daemon draw one.
    pub seed: Option<u64>,
    /// At most one VIP of each family shares a pool's name; further ones are numbered.
    pub vips: Vec<SiteVip>,
}

impl SiteFile {
    /// As TOML.
    pub fn to_toml(&self) -> String {
        let mut text = format!("interfaces = [{}]\n", quoted(&self.interface));
        if let Some(seed) = self.seed {
            let _ = writeln!(text, "seed = \"{seed:016x}\"");
        }
        let mut seen = [0_usize; 2];
        for vip in &self.vips {
            let family = Family::of(vip.address);
            let count = match family {
                Family::V4 => &mut seen[0],
                Family::V6 => &mut seen[1],
            };
            *count += 1;
            let suffix = if *count == 1 { String::new() } else { format!("-{count}") };
            let pool = quoted(&format!("{}{suffix}", family.pool_name()));
            let _ = write!(text, "\n[[pool]]\nname = {pool}\n{}", delivery(vip.delivery.as_deref()));
            for backend in &vip.backends {
                let _ = write!(
                    text,
                    "[[pool.backend]]\nname = {}\naddress = \"{}\"\nweight = {}\n{}",
                    quoted(&backend.name),
                    backend.address,
                    backend.weight,
                    delivery(backend.delivery.as_deref())
                );
            }
            let services: Vec<String> = vip.services.iter().map(|service| quoted(service)).collect();
            let _ = write!(
                text,
                "\n[[vip]]\nname = {}\naddress = \"{}\"\nservices = [{}]\npool = {pool}\n",
                quoted(&format!("{}{suffix}", family.vip_name())),
                vip.address,
                services.join(", ")
            );
        }
        text
    }
}

/// The line that says how packets get somewhere, if that was said.
fn delivery(mode: Option<&str>) -> String {
    mode.map(|mode| format!("delivery = {}\n", quoted(mode))).unwrap_or_default()
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_controller_documents() {
        let backend = SiteBackend {
            name: "backend1".to_owned(),
            address: "203.0.113.11".parse().unwrap(),
            weight: 2,
            delivery: Some("ipip".to_owned()),
        };
        let vip = SiteVip {
            address: "192.0.2.1".parse().unwrap(),
            services: vec!["tcp/80".to_owned()],
            delivery: Some("gue".to_owned()),
            backends: vec![backend],
        };
        let file = SiteFile { interface: "eth0".to_owned(), seed: Some(0xabc), vips: vec![vip] };
        assert_eq!(
            file.to_toml(),
            "interfaces = [\"eth0\"]\nseed = \"0000000000000abc\"\n\n\
             [[pool]]\nname = \"web4\"\ndelivery = \"gue\"\n[[pool.backend]]\nname = \"backend1\"\naddress = \"203.0.113.11\"\n\
             weight = 2\ndelivery = \"ipip\"\n\n\
             [[vip]]\nname = \"www4\"\naddress = \"192.0.2.1\"\nservices = [\"tcp/80\"]\npool = \"web4\"\n"
        );
    }
}
