use super::*;
use crate::{interface::Interface, reconcile::inherit::ways};

fn eth0() -> Interface {
    Interface {
        index: 7,
        name: "eth0".into(),
        alternative_names: Vec::new(),
        mac: None,
        mtu: 1500,
        up: true,
        rx_queues: 1,
        xdp: None,
    }
}

#[test]
fn what_the_maps_have_leads_to_the_same_maps_while_the_kernel_is_silent() {
    let mut site = site();
    site.pools[0].backends[1].delivery = Some(Delivery::Ipip);
    site.pools[1].delivery = Delivery::Gue;
    let (numbers, now) = (numbers(&site), Utc::now());
    let before = wanted(&site, &numbers, &Opinions::NONE, &resolved(&site), now);
    let inherited = ways(&site, &numbers, &before, &[eth0()]);
    assert!(inherited.values().all(|way| !way.is_settled()));
    assert_eq!(wanted(&site, &numbers, &Opinions::NONE, &inherited, now), before);
}

#[test]
fn this_host_is_inherited_too() {
    let mut site = site();
    site.pools[1].delivery = Delivery::Local;
    let (numbers, now) = (numbers(&site), Utc::now());
    let mut resolutions = resolved(&site);
    let address = IpAddr::from([10, 0, 0, 3]);
    resolutions.insert(address, Resolution::Unresolved(Why::Local { address }));
    let before = wanted(&site, &numbers, &Opinions::NONE, &resolutions, now);
    let inherited = ways(&site, &numbers, &before, &[eth0()]);
    assert_eq!(wanted(&site, &numbers, &Opinions::NONE, &inherited, now), before);
    // A backend that is to be somewhere else by now is looked up first, and the other way round.
    site.pools[1].delivery = Delivery::L2;
    site.pools[0].delivery = Delivery::Local;
    let after = wanted(&site, &numbers, &Opinions::NONE, &inherited, now);
    assert!(after.backends.is_empty());
}

#[test]
fn nothing_is_inherited_of_others_seats_or_by_interfaces_that_are_gone() {
    let site = site();
    let numbers = numbers(&site);
    let mut before = wanted(&site, &numbers, &Opinions::NONE, &resolved(&site), Utc::now());
    before.backends.get_mut(&0).unwrap().generation += 1;
    before.backends.get_mut(&1).unwrap().ifindex = 8;
    let inherited = ways(&site, &numbers, &before, &[eth0()]);
    assert_eq!(inherited.into_keys().collect::<Vec<_>>(), [IpAddr::from([10, 0, 0, 3])]);
}
