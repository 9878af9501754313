//! Pictures follow one another.

use std::time::Duration;

use super::{
    Picture,
    fixture::{picture, sample},
};
use crate::{api::types::Traffic, top::rates::Rates};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_first_picture_has_no_rates_and_the_second_has() {
    let first = Picture::next(None, sample(2, 2, 1_000), at(10));
    assert_eq!((first.seconds, first.total.rates, first.drops_per_second), (None, None, None));
    let second = Picture::next(Some(&first), sample(2, 2, 1_400), at(12));
    assert_eq!(second.seconds, Some(2.0));
    let rates = |packets: f64| {
        Some(Rates {
            packets_per_second: packets,
            bits_per_second: packets * 800.0,
            new_flows_per_second: packets / 10.0,
        })
    };
    assert_eq!(second.vip("vip-2").unwrap().meter.rates, rates(400.0));
    assert_eq!(second.vip("vip-1").unwrap().backends[0].meter.rates, rates(100.0));
    assert_eq!(second.total.rates, rates(600.0));
    assert_eq!(second.backends[0].meter.rates, rates(100.0));
    assert_eq!(second.pool("pool-1").unwrap().meter.rates, rates(200.0));
    assert_eq!(second.reasons[1].packets_per_second, Some(200.0));
    assert_eq!(second.drops_per_second, Some(200.0));
    let newest = second.total.history.columns(30).flatten().last();
    assert_eq!(newest, Some(600.0));
}

#[test]
fn counters_that_were_cleared_give_no_rate_once() {
    let before = picture(2, 2, 500);
    let cleared = Picture::next(Some(&before), sample(2, 2, 3), at(12));
    assert_eq!(cleared.total.rates, None);
    assert!(cleared.vips.iter().all(|vip| vip.meter.rates.is_none()));
    assert!(cleared.reasons.iter().all(|reason| reason.packets_per_second.is_none()));
    let after = Picture::next(Some(&cleared), sample(2, 2, 13), at(13));
    assert_eq!(after.total.rates.unwrap().packets_per_second, 30.0);
}

#[test]
fn what_a_vip_did_not_list_has_counted_nothing_yet() {
    let mut early = sample(1, 2, 1_000);
    early.status.vips[0].backends.pop();
    early.status.vips[0].reasons.clear();
    let first = Picture::next(None, early, at(0));
    let second = Picture::next(Some(&first), sample(1, 2, 1_000), at(1));
    let vip = &second.vips[0];
    assert_eq!(vip.backends[0].meter.rates.unwrap().packets_per_second, 0.0);
    assert_eq!(vip.backends[1].meter.rates.unwrap().packets_per_second, 500.0);
    assert_eq!(vip.reasons[0].packets_per_second, Some(1_000.0));
}

#[test]
fn what_is_new_or_gone_does_not_disturb_the_others() {
    let before = picture(1, 1, 100);
    let more = Picture::next(Some(&before), sample(2, 1, 1_300), at(12));
    assert_eq!(more.vips[1].meter.rates, None);
    assert_eq!(more.total.rates.unwrap().packets_per_second, 200.0);
    let fewer = Picture::next(Some(&more), sample(1, 1, 1_400), at(13));
    assert_eq!(fewer.total.rates.unwrap().packets_per_second, 100.0);
    assert_eq!(fewer.total.traffic, Traffic { packets: 1_400, bytes: 140_000, new_flows: 140 });
}

#[test]
fn a_backend_is_found_by_its_pool_and_address() {
    let picture = picture(3, 2, 100);
    let found = picture.backend("pool-2", [10, 0, 2, 2].into()).unwrap();
    assert_eq!((found.pool.as_str(), found.status.name.as_str()), ("pool-2", "backend-2"));
    assert_eq!((found.base_slots, found.pool_slots), (100, 1_200));
    assert!(found.health.is_some());
    assert!(picture.backend("pool-1", [10, 0, 2, 2].into()).is_none());
    assert_eq!(picture.moving_slots(), 300);
}

#[test]
fn as_json_it_has_counters_and_rates_of_everything() {
    let json = serde_json::to_value(picture(1, 2, 500)).unwrap();
    assert_eq!(json["total"]["rates"]["packets_per_second"], 500.0);
    assert_eq!(json["vips"][0]["traffic"]["packets"], 1_500);
    assert_eq!(json["vips"][0]["rates"]["bits_per_second"], 400_000.0);
    assert_eq!(json["vips"][0]["backends"][1]["rates"]["packets_per_second"], 250.0);
    assert_eq!(json["vips"][0]["announcement"]["phase"], "announced");
    assert_eq!(json["backends"][1]["rates"]["new_flows_per_second"], 25.0);
    assert_eq!(json["backends"][1]["state"], "draining");
    assert_eq!(json["backends"][1]["traffic"]["packets"], 750);
    assert_eq!(json["reasons"][1]["packets_per_second"], 500.0);
    assert_eq!(json["pools"][0]["transition"]["slots"], 100);
    assert_eq!(json["alarms"].as_array().unwrap().len(), 0);
}
