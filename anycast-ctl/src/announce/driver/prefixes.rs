//! From VIPs to prefixes and back, for daemons that know only prefixes.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{Failures, Level, Wanted};

/// Several VIPs may have one prefix: it is announced as far as any of them wants.
pub fn levels(wanted: &Wanted) -> BTreeMap<IpNet, Level> {
    let mut levels = BTreeMap::new();
    for route in wanted.values() {
        let level = levels.entry(route.prefix.trunc()).or_insert(route.level);
        *level = route.level.max(*level);
    }
    levels
}

/// Faults of prefixes, by the VIPs that have them.
pub fn blame(wanted: &Wanted, faults: &BTreeMap<IpNet, String>) -> Failures {
    let vips = wanted.iter();
    vips.filter_map(|(vip, it)| Some((vip.clone(), faults.get(&it.prefix.trunc())?.clone()))).collect()
}
