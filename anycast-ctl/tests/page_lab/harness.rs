//! A lab that steers, and a browser that looks at its page.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::{PoolStatus, Status};
use xtask::lab::{Family, Lab, Options, OwnedLab, controller, server};

use crate::browser::Browser;

pub const BINARY: &str = env!("CARGO_BIN_EXE_anycast-ctl");
/// Where the default instance listens.
pub const PAGE: &str = "http://127.0.0.1:9750/";
const SOON: Duration = Duration::from_secs(30);

/// A lab whose daemon does not run.
pub fn idle(backends: usize) -> OwnedLab {
    OwnedLab::start(&Options { backends, binary: Some(BINARY.into()), ..Options::default() }).unwrap()
}

/// A lab that steers, every backend up, and a browser at a place of the page.
pub fn open(backends: usize, place: &str) -> (OwnedLab, Browser) {
    let mut lab = idle(backends);
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    let browser = look(&lab, place);
    (lab, browser)
}

/// A lab whose pools have these lines, and a browser at a place of the page.
pub fn open_with(backends: usize, lines: &str, place: &str) -> (OwnedLab, Browser) {
    let mut lab = idle(backends);
    let mut site = controller::site(lab.plan()).to_toml();
    for family in Family::ALL {
        let name = format!("name = \"{}\"\n", family.pool_name());
        site = site.replacen(&name, &format!("{name}{lines}\n"), 1);
    }
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    let browser = look(&lab, place);
    (lab, browser)
}

/// A browser at a place of the page, once it shows something.
pub fn look(lab: &Lab, place: &str) -> Browser {
    wait_for("the port listens", || status(lab).web.is_some_and(|web| web.listening));
    let mut browser = Browser::start(lab);
    browser.load(&format!("{PAGE}{place}"));
    browser.wait_for("document.querySelector('main h2')");
    // A page that is loaded anew knows nothing of it.
    browser.evaluate("window.loadedOnce = true");
    browser
}

/// Goes to another place of the page.
pub fn go(browser: &mut Browser, place: &str) {
    browser.evaluate(&format!("location.hash = {place:?}"));
    browser.wait_for(&format!("document.querySelector('main article') && location.hash === {place:?}"));
}

/// Everything the daemon says.
pub fn status(lab: &Lab) -> Status {
    serde_json::from_str(&lab.ctl(&["status", "--json"]).unwrap()).unwrap()
}

pub fn pool(lab: &Lab, family: Family) -> PoolStatus {
    status(lab).pools.into_iter().find(|pool| pool.name == family.pool_name()).unwrap()
}

/// Asks both VIPs so often, on new connections.
pub fn ask(lab: &Lab, times: usize) {
    for _ in 0..times {
        for family in Family::ALL {
            let vip = (lab.plan().vips.of(family), server::HTTP_PORT).into();
            server::get(lab.namespace("client").unwrap(), vip, "/").unwrap();
        }
    }
}

/// The rows of a table in sight, cell by cell; that of its heads first.
#[track_caller]
pub fn rows(browser: &mut Browser, table: &str) -> Vec<Vec<String>> {
    let script = format!(
        "[...document.querySelectorAll('#{table} tr')].map((row) => [...row.cells].map((cell) => cell.textContent.trim()))"
    );
    serde_json::from_value(browser.evaluate(&script)).unwrap()
}

/// The cell of a row, by the text of its first cell, in the column of that head.
#[track_caller]
pub fn cell(browser: &mut Browser, table: &str, row: &str, column: &str) -> String {
    let rows = rows(browser, table);
    let at =
        rows[0].iter().position(|head| head == column).unwrap_or_else(|| panic!("no {column}: {rows:?}"));
    let found = rows[1..].iter().find(|cells| cells[0] == row);
    found.unwrap_or_else(|| panic!("no {row}: {rows:?}"))[at].clone()
}

/// What the page shows beside a name in a list of facts.
#[track_caller]
pub fn fact(browser: &mut Browser, name: &str) -> String {
    browser.text(&format!(
        "[...document.querySelectorAll('dl.facts dt')].find((it) => it.textContent === {name:?}).nextElementSibling.textContent"
    ))
}

/// Drains a backend and takes it back until the view of events tells of it: what happens before the page listens it does not
/// hear of.
#[track_caller]
pub fn wait_for_events(lab: &Lab, browser: &mut Browser) {
    go(browser, "#/events");
    wait_for("events come", || {
        for verb in ["drain", "undrain"] {
            lab.ctl(&["backend", verb, "web4", "backend1"]).unwrap();
        }
        browser.evaluate("document.querySelector('#events').textContent.includes('web4/backend1')") == true
    });
}

/// Nothing went wrong in the page, and it is the one that was loaded at first.
#[track_caller]
pub fn assert_sound(browser: &mut Browser) {
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());
    assert_eq!(browser.evaluate("window.loadedOnce"), true, "the page was loaded anew");
}

/// Waits until it holds, and panics when it does not.
#[track_caller]
pub fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "waited in vain for this: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
