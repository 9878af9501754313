//! The form that explains a packet, and the catchment: what is measured when somebody asks.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use ipnet::IpNet;
use xtask::lab::Family;

use crate::harness::{ask, assert_sound, open, rows};

#[test]
fn the_walk_of_a_packet_is_what_the_command_prints() {
    let (lab, mut browser) = open(3, "#/explain");
    browser.wait_for("document.querySelector('form')");
    let vip = lab.plan().vips.v4;
    let (from, to) = ("198.51.100.7:40000", format!("{vip}:80"));
    for (field, text) in [("from", from), ("to", to.as_str())] {
        browser.evaluate(&format!("document.getElementById('{field}').focus()"));
        browser.r#type(text);
    }
    browser.press("Enter");
    browser.wait_for("document.getElementById('explain-text')?.textContent.includes('In one sentence')");
    let shown = browser.text("document.getElementById('explain-text').textContent");
    let printed = lab.ctl(&["explain", "--from", from, "--to", &to]).unwrap();
    assert_eq!(shown.trim(), printed.trim());
    assert!(shown.contains("is stable") && shown.contains("by l2"), "{shown}");
    assert_sound(&mut browser);
}

#[test]
fn a_catchment_is_shown_once_it_is_measured() {
    let (lab, mut browser) = open(1, "#/catchment");
    browser.wait_for("document.getElementById('unmeasured')");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            lab.ctl(&["flows", "catchment", "--for", "4s", "--sample", "1"]).unwrap();
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            ask(&lab, 5);
        }
    });
    browser.wait_for("document.querySelectorAll('#prefixes tbody tr').length === 2");
    let rows = rows(&mut browser, "prefixes");
    let networks: Vec<IpNet> = rows[1..].iter().map(|cells| cells[0].parse().unwrap()).collect();
    for family in Family::ALL {
        let client = lab.plan().client.addresses.of(family);
        assert!(networks.iter().any(|network| network.contains(&client)), "{client}: {networks:?}");
    }
    assert_sound(&mut browser);
}

#[test]
fn a_question_that_cannot_be_answered_says_why() {
    let (_lab, mut browser) = open(1, "#/explain");
    browser.wait_for("document.querySelector('form')");
    for (field, text) in [("from", "nobody"), ("to", "192.0.2.1:443")] {
        browser.evaluate(&format!("document.getElementById('{field}').focus()"));
        browser.r#type(text);
    }
    browser.press("Enter");
    browser.wait_for("document.getElementById('explain-error')?.textContent.length > 10");
    // What was typed stays, here and after a look elsewhere; the page is not left.
    browser.evaluate("location.hash = '#/'");
    browser.wait_for("document.getElementById('vips')");
    browser.evaluate("location.hash = '#/explain'");
    browser.wait_for("document.getElementById('from')?.value === 'nobody'");
    // What a packet can be is of its protocol.
    let choose = "(() => { const it = document.getElementById('protocol'); it.value = 'udp'; it.dispatchEvent(new Event('change')); })()";
    browser.evaluate(choose);
    browser.wait_for("document.getElementById('packet').textContent === 'datagramquic-initial'");
    assert_sound(&mut browser);
}

#[test]
fn a_catchment_that_was_not_measured_says_how() {
    let (_lab, mut browser) = open(1, "#/catchment");
    browser.wait_for(
        "document.getElementById('unmeasured')?.textContent.includes('anycast-ctl flows catchment')",
    );
    assert_sound(&mut browser);
}
