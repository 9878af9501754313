//! The page shows what `status --json` says.

use serde_json::json;
use xtask::lab::Family;

use crate::harness::{ask, assert_sound, cell, fact, go, open, rows, status, wait_for};

#[test]
fn numbers_are_those_of_status() {
    let (lab, mut browser) = open(3, "");
    ask(&lab, 20);
    // Until the last packets of closing connections are counted.
    let mut last = status(&lab).vips;
    wait_for("nothing comes any more", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let before = std::mem::replace(&mut last, status(&lab).vips);
        before == last
    });
    let status = status(&lab);
    let packets = status.vips[0].traffic.packets;
    assert!(packets > 100 && packets < 10_000, "{packets}");
    browser.wait_for(&format!(
        "[...document.querySelectorAll('#vips td')].some((it) => it.textContent === '{packets}')"
    ));
    for vip in &status.vips {
        let mut shown = |column| cell(&mut browser, "vips", &vip.name, column);
        assert_eq!(shown("Address"), vip.address.to_string());
        assert_eq!(shown("Pool"), vip.pool);
        assert_eq!(shown("Packets"), vip.traffic.packets.to_string());
        assert_eq!(shown("Not delivered"), vip.reasons.iter().map(|it| it.packets).sum::<u64>().to_string());
    }
    for pool in &status.pools {
        assert_eq!(cell(&mut browser, "pools", &pool.name, "Backends up"), "3 of 3");
        assert_eq!(cell(&mut browser, "pools", &pool.name, "In transition"), "0");
    }
    assert_eq!(cell(&mut browser, "interfaces", "eth0", "XDP mode"), "native");
    assert_eq!(cell(&mut browser, "maps", "Pins", "Used"), status.maps.pins.used.to_string());
    assert_eq!(
        browser.text("document.querySelector('.alarms.well').textContent.split('.')[0]"),
        "All is well: 6 of 6 backends up"
    );

    for family in Family::ALL {
        go(&mut browser, &format!("#/vip/{}", family.vip_name()));
        browser.wait_for("document.querySelector('#vip-backends tbody th a')");
        let vip = status.vips.iter().find(|vip| vip.name == family.vip_name()).unwrap();
        assert_eq!(rows(&mut browser, "vip-backends").len(), 1 + vip.backends.len());
        for backend in &vip.backends {
            let mut shown = |column| cell(&mut browser, "vip-backends", &backend.name, column);
            assert_eq!(shown("Packets"), backend.traffic.packets.to_string());
            assert_eq!(shown("New flows"), backend.traffic.new_flows.to_string());
        }
    }
    let pool = &status.pools[0];
    for backend in &pool.backends {
        go(&mut browser, &format!("#/pool/{}/backend/{}", pool.name, backend.name));
        assert_eq!(fact(&mut browser, "State"), "up");
        assert_eq!(fact(&mut browser, "Address"), backend.address.to_string());
        let delivered = fact(&mut browser, "Delivered");
        let traffic = backend.traffic;
        assert_eq!(delivered, format!("{} packets, {} new flows", traffic.packets, traffic.new_flows));
    }
    assert_sound(&mut browser);
}

#[test]
fn traffic_has_rates_and_its_end_has_none() {
    let (lab, mut browser) = open(2, "");
    let tile = "document.querySelector('#tiles dd').textContent";
    browser.wait_for(&format!("{tile} === '0'"));
    let start = std::time::Instant::now();
    while browser.evaluate(&format!("parseFloat({tile}) > 0")) != true {
        assert!(start.elapsed().as_secs() < 30, "no packet shows");
        ask(&lab, 5);
    }
    browser.wait_for(&format!("{tile} === '0'"));
    assert_sound(&mut browser);
}

#[test]
fn rates_are_never_absurd_and_numbers_are_cut_not_rounded() {
    let (_lab, mut browser) = open(1, "");
    let rates = browser.evaluate(
        "import('/script/rates.js').then(({ rate, trafficRate, Rates }) => {
            const status = (packets, bytes) => ({
                vips: [{ name: 'a', traffic: { packets, bytes, new_flows: 0 }, backends: [], reasons: [] }],
                pools: [], reasons: [{ code: 1, packets }],
            });
            return [
                rate(10, 30, 2), rate(30, 10, 2), rate(undefined, 10, 1), rate(10, 10, 1), rate(0, 9, 0.001), rate(0, 9, 1e6),
                trafficRate({ packets: 5, bytes: 900, new_flows: 0 }, { packets: 6, bytes: 10, new_flows: 0 }, 1).packets,
                new Rates(status(100, 1), status(160, 61), 2).vip('a').bytes,
                new Rates(status(100, 1), status(60, 61), 2).vip('a').bytes,
                new Rates(null, status(60, 61), 2).vip('a').packets,
                new Rates(status(1, 1), status(5, 1), 2).reason(1),
                new Rates(status(1, 1), status(5, 1), 2).reason(2),
                new Rates(status(1, 1), status(5, 1), 2).vip('b').packets,
            ];
        })",
    );
    assert_eq!(rates, json!([10, null, null, 0, null, null, null, 30, null, null, 2, 0, null]));
    let words = browser.evaluate(
        "import('/script/format.js').then(({ count, perSecond, bits, duration, microseconds, share }) => [
            count(9_999), count(10_000), count(12_399), count(999_999), count(4_567_000), perSecond(0.25), perSecond(1234.5),
            bits(125_000_000), bits(0), duration(11_530), microseconds(420), microseconds(12_345), microseconds(850_999),
            share(1, 3), share(0, 0), count(null),
        ])",
    );
    let cli =
        ["9999", "10.0k", "12.3k", "999k", "4.56M", "0.3", "1235", "1.00 Gb/s", "0 b/s", "3h 12m", "0.42ms"];
    let rest = ["12.3ms", "850ms", "33.3%", "–", "–"];
    assert_eq!(words, json!([cli.as_slice(), rest.as_slice()].concat()));
    assert_sound(&mut browser);
}
