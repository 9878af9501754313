//! Phones, the dark, the keyboard, screen readers.

use crate::harness::{assert_sound, go, open};

/// Every view, with a VIP, a pool and a backend that the lab has.
pub const PLACES: [&str; 9] = [
    "#/",
    "#/vip/www4",
    "#/pool/web4",
    "#/pool/web4/backend/backend1",
    "#/health",
    "#/announcements",
    "#/events",
    "#/catchment",
    "#/explain",
];

/// Contrasts of all texts in sight with what is behind them (WCAG 2.2, 1.4.3) below 4.5, with the text.
const FAINT: &str = "(() => {
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const parts = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const [r, g, b, alpha = 1] = parts(getComputedStyle(at).backgroundColor);
            if (alpha === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!hasText || element.disabled || element.closest('noscript, dialog:not([open])')) continue;
        const [a, b] = [parts(getComputedStyle(element).color).slice(0, 3), ground(element)].map(luminance);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push(`${element.textContent.slice(0, 40)} ${contrast.toFixed(2)}`);
    }
    return faint;
})()";

#[test]
fn every_view_fits_a_phone_and_has_contrast_by_day_and_night() {
    let (_lab, mut browser) = open(3, "");
    browser.resize(360, 740);
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for place in PLACES {
            go(&mut browser, place);
            browser.wait_for("!document.querySelector('main').textContent.includes('Asking the daemon')");
            assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), 360, "{place}");
            assert_eq!(browser.evaluate(FAINT), serde_json::json!([]), "{place}, {scheme}");
        }
        grounds.push(browser.text("getComputedStyle(document.body).backgroundColor"));
    }
    assert_eq!(grounds, ["rgb(246, 247, 249)", "rgb(17, 20, 24)"]);
    browser.resize(320, 740);
    go(&mut browser, "#/pool/web4");
    assert_eq!(browser.evaluate("document.documentElement.scrollWidth"), 320);
    assert_sound(&mut browser);
}

#[test]
fn the_keyboard_gets_everywhere() {
    let (_lab, mut browser) = open(2, "");
    browser.press("Tab");
    assert_eq!(browser.text("document.activeElement.className"), "skip");
    browser.press("Enter");
    assert_eq!(browser.text("document.activeElement.id"), "main");
    for (key, title) in [("2", "Health"), ("4", "Events"), ("6", "Explain"), ("1", "Overview")] {
        browser.press(key);
        browser.wait_for(&format!("document.querySelector('main h2').textContent === {title:?}"));
        let current = "document.querySelector('nav [aria-current=page]').textContent";
        assert_eq!(browser.text(current), title);
    }
    browser.press("?");
    browser.wait_for("document.getElementById('help').open");
    // Off, single keys do nothing; the button is still there.
    browser.evaluate("document.querySelector('#help input').click()");
    browser.press("Escape");
    browser.wait_for("!document.getElementById('help').open");
    browser.press("2");
    assert_eq!(browser.text("document.querySelector('main h2').textContent"), "Overview");
    browser.evaluate("document.querySelector('nav button').click()");
    browser.wait_for("document.getElementById('help').open");
    browser.evaluate("document.querySelector('#help input').click()");
    browser.press("Escape");
    assert_sound(&mut browser);
}

#[test]
fn tables_and_pictures_have_names() {
    let (_lab, mut browser) = open(2, "");
    for place in PLACES {
        go(&mut browser, place);
        browser.wait_for("!document.querySelector('main').textContent.includes('Asking the daemon')");
        let nameless = "[
            ...[...document.querySelectorAll('table')].filter((it) => !it.caption?.textContent),
            ...[...document.querySelectorAll('thead th')].filter((it) => it.scope !== 'col'),
            ...[...document.querySelectorAll('main svg, main canvas')].filter((it) => !it.getAttribute('aria-label')),
            ...[...document.querySelectorAll('main input, main select')].filter((it) => it.labels.length === 0),
        ].map((it) => it.outerHTML)";
        assert_eq!(browser.evaluate(nameless), serde_json::json!([]), "{place}");
        assert_eq!(browser.evaluate("document.querySelectorAll('h1').length"), 1, "{place}");
        assert!(browser.text("document.title").ends_with("anycast"), "{place}");
    }
    assert_sound(&mut browser);
}
