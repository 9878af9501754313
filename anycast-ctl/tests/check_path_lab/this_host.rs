//! The host itself as a backend.

use std::{collections::BTreeMap, io::ErrorKind};

use anycast_ctl::{
    health::path::ProbeWay,
    model::{Delivery, TunnelSettings},
    neighbour::{Resolution, Why},
    way::Way,
};
use xtask::lab::Family;

use crate::{
    harness::{BACKENDS, MODES, Stage, way},
    socket::Check,
};

fn local(stage: &Stage, family: Family) -> ProbeWay {
    let address = stage.lab.plan().edge.addresses.of(family);
    let resolution = Resolution::Unresolved(Why::Local { address });
    let way = Way::find(Delivery::Local, address, Some(&resolution), &TunnelSettings::default());
    ProbeWay::of(&way.unwrap())
}

#[test]
fn this_host_answers_only_for_vips_that_it_holds() {
    let mut stage = Stage::new(MODES[0]);
    let other = way(&stage.lab, MODES[0], Family::V4, "backend2");
    let ways = BTreeMap::from([(BACKENDS[0], local(&stage, Family::V4)), (BACKENDS[1], other)]);
    assert_eq!(stage.path.as_mut().unwrap().set(&ways).unwrap(), 1, "one is taken off the map");
    for family in Family::ALL {
        let check = Check::new(&stage.lab, family, stage.mark(0), 1500);
        let (error, counted) = stage.counted(|| check.http().unwrap_err());
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{family:?}");
        assert_eq!(check.udp(10).unwrap_err().kind(), ErrorKind::NetworkUnreachable, "{family:?}");
        assert!(!check.ping() && counted.is_empty());
    }
    stage.lab.serve_on_edge().unwrap();
    for family in Family::ALL {
        let check = Check::new(&stage.lab, family, stage.mark(0), 1500);
        let (name, counted) = stage.counted(|| check.http().unwrap());
        assert_eq!(name, "edge");
        assert_eq!(counted.keys().collect::<Vec<_>>(), [&"local"], "{family:?}");
        assert!(check.ping(), "{family:?}");
    }
    // With the rule for `local` behind others, as some container networks have it.
    for version in ["-4", "-6"] {
        stage.lab.run("edge", "ip", &[version, "rule", "add", "pref", "100", "lookup", "local"]).unwrap();
        stage.lab.run("edge", "ip", &[version, "rule", "del", "pref", "0", "lookup", "local"]).unwrap();
    }
    for family in Family::ALL {
        assert_eq!(Check::new(&stage.lab, family, stage.mark(0), 1500).http().unwrap(), "edge");
    }
}
