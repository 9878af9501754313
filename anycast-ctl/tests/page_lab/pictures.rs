//! Pictures of the page, for its documentation: `ANYCAST_PICTURES=docs/web cargo test -p anycast-ctl --test page_lab pictures`.

use std::{env, fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    browser::Browser,
    harness::{ask, assert_sound, go, open_with},
};

/// They are kept with the sources.
const MOST_BYTES: usize = 150_000;

#[test]
fn pictures_are_small() {
    let check = r#"check = { type = "http", port = 80, interval = "1s" }"#;
    let (lab, mut browser) = open_with(4, check, "");
    for _ in 0..8 {
        ask(&lab, 10);
        browser.evaluate("new Promise((done) => setTimeout(done, 500))");
    }
    browser.wait_for("parseFloat(document.querySelector('#tiles dd').textContent) > 0");
    browser.resize(1_100, 760);
    take(&mut browser, "overview");
    browser.prefer("dark");
    ask(&lab, 10);
    take(&mut browser, "overview-dark");
    browser.prefer("light");
    lab.ctl(&["backend", "drain", "web4", "backend2"]).unwrap();
    go(&mut browser, "#/pool/web4");
    browser.wait_for("document.querySelector('section')?.textContent.includes('in transition')");
    browser.resize(1_100, 1_150);
    browser.wait_for("document.querySelector('.slots canvas')?.width > 0");
    take(&mut browser, "slots");
    go(&mut browser, "#/");
    browser.resize(360, 740);
    take(&mut browser, "phone");
    assert_sound(&mut browser);
}

/// Takes one, and keeps it where the environment says.
fn take(browser: &mut Browser, name: &str) {
    // Drawn, and on the screen.
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let bytes = BASE64_STANDARD.decode(browser.picture()).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 5_000, "{name} is no picture");
    assert!(bytes.len() < MOST_BYTES, "{name} has {} bytes", bytes.len());
    if let Some(directory) = env::var_os("ANYCAST_PICTURES").map(PathBuf::from) {
        fs::write(directory.join(format!("{name}.png")), bytes).unwrap();
    }
}
