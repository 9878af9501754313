//! What a route of this daemon's has on its way, and how GoBGP writes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use prost::Message;

use super::message::{
    AFI_IP, AFI_IP6, AS_SEQUENCE, Any, AsPathAttribute, AsSegment, CommunitiesAttribute, Family,
    IpAddressPrefix, MpReachNlriAttribute, MultiExitDiscAttribute, NextHopAttribute, OriginAttribute, Path,
    SAFI_UNICAST,
};
use crate::model::Shutdown;

/// GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 4.2).
const GRACEFUL_SHUTDOWN: u32 = 0xffff_0000;

/// Attributes of a path; those of a route to be used by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// What is in its AS_PATH before GoBGP puts its own number in front.
    as_path: Vec<u32>,
    med: Option<u32>,
    communities: Vec<u32>,
    /// Whether it has what this daemon gives to no route: another next hop or origin, or further attributes.
    has_others: bool,
}

impl Attributes {
    /// Those of a route that is about to go.
    pub fn shutting_down(shutdown: &Shutdown, asn: u32) -> Self {
        Self {
            as_path: vec![asn; usize::from(shutdown.prepend)],
            med: shutdown.med,
            communities: shutdown.community.then_some(GRACEFUL_SHUTDOWN).into_iter().collect(),
            has_others: false,
        }
    }

    /// Whether routers that know RFC 8326 take it for one that is about to go.
    pub fn is_graceful_shutdown(&self) -> bool {
        self.communities.contains(&GRACEFUL_SHUTDOWN)
    }

    /// The path to a prefix with these attributes.
    ///
    /// Its next hop is the unspecified address, which GoBGP replaces by its own address of each session.
    pub fn path_to(&self, prefix: IpNet) -> Path {
        let mut attributes = vec![any("OriginAttribute", &OriginAttribute { origin: 0 })];
        if !self.as_path.is_empty() {
            let segment = AsSegment { kind: AS_SEQUENCE, numbers: self.as_path.clone() };
            attributes.push(any("AsPathAttribute", &AsPathAttribute { segments: vec![segment] }));
        }
        attributes.push(next_hop(prefix));
        if let Some(med) = self.med {
            attributes.push(any("MultiExitDiscAttribute", &MultiExitDiscAttribute { med }));
        }
        if !self.communities.is_empty() {
            let communities = self.communities.clone();
            attributes.push(any("CommunitiesAttribute", &CommunitiesAttribute { communities }));
        }
        Path { nlri: Some(nlri(prefix)), pattrs: attributes, family: Some(family(prefix)), ..Path::default() }
    }

    /// The attributes of a path.
    pub fn of(path: &Path) -> Self {
        let mut attributes = Self::default();
        for any in &path.pattrs {
            if attributes.take(any).is_none() {
                attributes.has_others = true;
            }
        }
        attributes
    }

    /// Takes one in; `None` if this daemon gives the like to no route.
    fn take(&mut self, any: &Any) -> Option<()> {
        let (_, name) = any.type_url.rsplit_once('.')?;
        match name {
            "OriginAttribute" => (OriginAttribute::decode(&*any.value).ok()?.origin == 0).then_some(()),
            "AsPathAttribute" => {
                for segment in AsPathAttribute::decode(&*any.value).ok()?.segments {
                    (segment.kind == AS_SEQUENCE).then_some(())?;
                    self.as_path.extend(segment.numbers);
                }
                Some(())
            }
            "NextHopAttribute" => is_self(&NextHopAttribute::decode(&*any.value).ok()?.next_hop),
            "MpReachNLRIAttribute" => MpReachNlriAttribute::decode(&*any.value)
                .ok()?
                .next_hops
                .iter()
                .try_for_each(|hop| is_self(hop)),
            "MultiExitDiscAttribute" => {
                self.med = Some(MultiExitDiscAttribute::decode(&*any.value).ok()?.med);
                Some(())
            }
            "CommunitiesAttribute" => {
                self.communities.extend(CommunitiesAttribute::decode(&*any.value).ok()?.communities);
                Some(())
            }
            _ => None,
        }
    }
}

/// The family that a prefix belongs to.
pub fn family(prefix: IpNet) -> Family {
    let afi = match prefix {
        IpNet::V4(_) => AFI_IP,
        IpNet::V6(_) => AFI_IP6,
    };
    Family { afi, safi: SAFI_UNICAST }
}

/// A prefix, as the table writes it.
pub fn nlri(prefix: IpNet) -> Any {
    let prefix_len = prefix.prefix_len().into();
    any("IPAddressPrefix", &IpAddressPrefix { prefix_len, prefix: prefix.network().to_string() })
}

fn next_hop(prefix: IpNet) -> Any {
    match prefix {
        IpNet::V4(_) => {
            any("NextHopAttribute", &NextHopAttribute { next_hop: Ipv4Addr::UNSPECIFIED.to_string() })
        }
        // RFC 4760 section 3.
        IpNet::V6(_) => any(
            "MpReachNLRIAttribute",
            &MpReachNlriAttribute {
                family: Some(family(prefix)),
                next_hops: vec![Ipv6Addr::UNSPECIFIED.to_string()],
                nlris: vec![nlri(prefix)],
            },
        ),
    }
}

fn is_self(next_hop: &str) -> Option<()> {
    next_hop.parse::<IpAddr>().ok().filter(IpAddr::is_unspecified).map(|_| ())
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/apipb.{name}"), value: message.encode_to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shutdown() -> Shutdown {
        Shutdown { med: Some(500), prepend: 2, ..Shutdown::default() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let levels = [Attributes::default(), Attributes::shutting_down(&shutdown(), 65001)];
        for prefix in ["192.0.2.1/32", "2001:db8::/48"] {
            for attributes in &levels {
                let path = attributes.path_to(prefix.parse().unwrap());
                assert_eq!(Attributes::of(&path), *attributes);
            }
        }
    }

    #[test]
    fn a_path_with_what_this_daemon_gives_to_no_route_is_none_of_its_levels() {
        let mut path = Attributes::default().path_to("192.0.2.1/32".parse().unwrap());
        path.pattrs.push(any("LocalPrefAttribute", &MultiExitDiscAttribute { med: 100 }));
        assert_ne!(Attributes::of(&path), Attributes::default());
    }

    #[test]
    fn garbled_attributes_are_others() {
        for value in [vec![0xff], vec![0x0a, 0xff, 0xff, 0xff, 0x7f], vec![0; 9]] {
            let pattrs =
                vec![Any { type_url: "type.googleapis.com/apipb.AsPathAttribute".to_owned(), value }];
            let path = Path { pattrs, ..Path::default() };
            assert_ne!(Attributes::of(&path), Attributes::default());
        }
    }
}
