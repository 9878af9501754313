//! What changes shows without a reload.

use std::{thread, time::Duration};

use xtask::lab::Family;

use crate::harness::{assert_sound, cell, fact, go, open, pool, rows, wait_for_events};

#[test]
fn a_drain_shows_everywhere_and_its_end_too() {
    let (lab, mut browser) = open(3, "");
    let others = "[...document.querySelectorAll('#pools tr')].find((it) => it.textContent.startsWith('web4')).textContent";
    lab.ctl(&["backend", "drain", "web4", "backend2"]).unwrap();
    browser.wait_for(&format!("{others}.includes('draining')"));
    assert_eq!(cell(&mut browser, "pools", "web4", "Backends up"), "2 of 3");
    assert_eq!(cell(&mut browser, "pools", "web6", "Backends up"), "3 of 3");
    browser.wait_for("document.querySelector('.alarms').textContent.includes('1 draining')");

    go(&mut browser, "#/events");
    browser.wait_for("document.querySelector('#events').textContent.includes('web4/backend2')");
    let events = rows(&mut browser, "events");
    assert!(events.iter().any(|row| row.iter().any(|cell| cell.contains("drain"))), "{events:?}");

    go(&mut browser, "#/pool/web4/backend/backend2");
    assert_eq!(fact(&mut browser, "State"), "draining");
    let drain = pool(&lab, Family::V4).backends[1].drain.unwrap();
    assert!(fact(&mut browser, "Remark").contains(&format!("{} flows", drain.flows)));
    lab.ctl(&["backend", "undrain", "web4", "backend2"]).unwrap();
    browser.wait_for("document.querySelector('dl.facts').textContent.startsWith('Stateup')");
    assert_sound(&mut browser);
}

#[test]
fn a_backend_that_fails_is_an_alarm_with_its_history() {
    let check = r#"check = { type = "http", port = 80, interval = "300ms", fast_interval = "200ms", timeout = "1s" }"#;
    let (lab, mut browser) = crate::harness::open_with(3, check, "#/health");
    browser.wait_for("[...document.querySelectorAll('#health .strip')].length === 6");
    browser.wait_for("[...document.querySelectorAll('#health tbody tr')].every((row) => row.cells[1].textContent === 'up')");
    // Nothing gets to it any more, not even from the edge.
    lab.run("backend2", "ip", &["link", "set", "eth0", "down"]).unwrap();
    browser.wait_for("document.querySelectorAll('#health tbody tr')[1].cells[1].textContent === 'down'");
    assert!(cell(&mut browser, "health", "web4/backend2", "History").ends_with('x'));
    go(&mut browser, "#/");
    browser.wait_for(
        "document.querySelector('.alarms').textContent.includes('web4/backend2 gets no new flows')",
    );
    go(&mut browser, "#/pool/web4/backend/backend2");
    browser.wait_for("document.querySelectorAll('svg.timeline rect.failed').length > 2");
    assert!(rows(&mut browser, "results").len() > 3);
    assert!(
        browser.text("document.querySelector('svg.timeline').getAttribute('aria-label')").contains("failed")
    );
    browser.wait_for("document.querySelector('#backend-events').textContent.includes('down')");
    assert_sound(&mut browser);
}

#[test]
fn a_page_out_of_sight_asks_nothing() {
    let (lab, mut browser) = open(2, "");
    // As when its tab is covered by another one.
    browser.evaluate(
        "window.asked = 0;
         const fetched = fetch;
         window.fetch = (...all) => { asked += 1; return fetched(...all); };
         Object.defineProperty(document, 'hidden', { get: () => window.isCovered });
         window.cover = (it) => { window.isCovered = it; document.dispatchEvent(new Event('visibilitychange')); };
         cover(true);",
    );
    // What is under way comes to its end.
    thread::sleep(Duration::from_millis(500));
    let asked = browser.evaluate("asked");
    lab.ctl(&["backend", "drain", "web4", "backend1"]).unwrap();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(browser.evaluate("asked"), asked);
    assert_eq!(cell(&mut browser, "pools", "web4", "Backends up"), "2 of 2");
    browser.evaluate("cover(false)");
    browser.wait_for("document.querySelector('#pools').textContent.includes('draining')");
    wait_for_events(&lab, &mut browser);
    assert_sound(&mut browser);
}
