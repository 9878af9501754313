//! A site with many VIPs.

use std::fmt::Write as _;

use xtask::lab::controller;

use crate::harness::{assert_sound, idle, look, rows};

const VIPS: usize = 1_000;

#[test]
fn of_many_vips_a_page_is_drawn_and_each_is_found() {
    let mut lab = idle(2);
    let mut site = controller::site(lab.plan()).to_toml();
    for number in 0..VIPS {
        let (high, low) = (number / 250, number % 250 + 1);
        let _ = write!(
            site,
            "\n[[vip]]\nname = \"many-{number}\"\naddress = \"198.18.{high}.{low}\"\nservices = [\"tcp/80\"]\npool = \"web4\"\n"
        );
    }
    lab.start_controller_on(&site, &["--xdp-mode", "native"]).unwrap();
    let mut browser = look(&lab, "");
    browser.wait_for("document.querySelectorAll('#vips tbody tr').length === 50");
    let shown = "document.querySelector('.tools').textContent";
    assert!(browser.text(shown).contains("page 1 of 21"), "{}", browser.text(shown));
    browser.evaluate(
        "[...document.querySelectorAll('.tools button')].find((it) => it.textContent === 'Next').click()",
    );
    browser.wait_for(&format!("{shown}.includes('page 2 of 21')"));
    browser.press("/");
    assert_eq!(browser.text("document.activeElement.type"), "search");
    browser.r#type("many-77 198.18.3.");
    browser.wait_for("document.querySelectorAll('#vips tbody tr').length === 10");
    browser.r#type("28");
    browser.wait_for("document.querySelectorAll('#vips tbody tr').length === 1");
    assert_eq!(rows(&mut browser, "vips")[1][..2], ["many-777", "198.18.3.28"]);
    // By name, backwards.
    browser.evaluate("(() => { const it = document.activeElement; it.value = ''; it.dispatchEvent(new Event('input')); })()");
    let head = "document.querySelector('#vips thead th')";
    for order in ["ascending", "descending"] {
        browser.evaluate(&format!("{head}.querySelector('button').click()"));
        browser.wait_for(&format!("{head}.getAttribute('aria-sort') === '{order}'"));
    }
    browser.evaluate(
        "[...document.querySelectorAll('.tools button')].find((it) => it.textContent === 'Previous').click()",
    );
    browser.wait_for("document.querySelector('#vips tbody th').textContent === 'www6'");
    assert_eq!(rows(&mut browser, "vips")[3][0], "many-999");
    // What did not change is left alone.
    browser.evaluate(
        "window.changed = 0;
         new MutationObserver((all) => (window.changed += all.length))
            .observe(document.getElementById('vips'), { subtree: true, childList: true, characterData: true, attributes: true });",
    );
    browser.evaluate("import('/script/daemon.js').then(({ daemon }) => (window.seen = daemon.status))");
    browser.wait_for("import('/script/daemon.js').then(({ daemon }) => (window.later = daemon.status !== window.seen)) && window.later");
    let changed = browser.evaluate("changed").as_u64().unwrap();
    assert!(changed <= 150, "{changed} changes though only rates can have come");
    assert_sound(&mut browser);
}
