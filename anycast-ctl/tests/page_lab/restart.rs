//! The daemon may go and come: the page says so, and goes on by itself.

use std::time::{Duration, Instant};

use crate::harness::{ask, assert_sound, open, status};

#[test]
fn a_restart_is_survived_without_absurd_rates() {
    let (mut lab, mut browser) = open(2, "");
    ask(&lab, 10);
    browser.wait_for(
        "[...document.querySelectorAll('#vips tbody tr')].every((row) => row.textContent.match(/[1-9]/))",
    );
    browser.wait_for("document.querySelector('#tiles dd').textContent === '0'");
    let before = status(&lab).pid;
    // Every rate that the page shows from here on.
    browser.evaluate(
        "window.rates = new Set();
         new MutationObserver(() => rates.add(document.querySelector('#tiles dd')?.textContent ?? '–'))
            .observe(document.body, { subtree: true, childList: true, characterData: true });",
    );
    lab.stop_controller().unwrap();
    browser.wait_for("document.getElementById('link').textContent.startsWith('Daemon gone since')");
    assert_eq!(browser.evaluate("document.body.classList.contains('gone')"), true);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('#vips tbody tr').length"),
        2,
        "what was known is still shown"
    );
    // Its counters begin at zero: nothing of it is pinned.
    lab.start_controller(&["--xdp-mode", "native"]).unwrap();
    let pid = status(&lab).pid;
    assert_ne!(pid, before);
    browser.wait_for(&format!("document.getElementById('link').textContent.endsWith('pid {pid}')"));
    assert_eq!(browser.evaluate("document.body.classList.contains('gone')"), false);
    // Events come again as well.
    lab.ctl(&["backend", "drain", "web4", "backend1"]).unwrap();
    browser.wait_for("document.querySelector('#pools').textContent.includes('draining')");
    browser.evaluate("location.hash = '#/events'");
    browser.wait_for("document.querySelector('#events').textContent.includes('the daemon is there again')");
    let start = Instant::now();
    while browser.evaluate("document.querySelector('#events').textContent.includes('web4/backend1')") != true
    {
        assert!(start.elapsed() < Duration::from_secs(60), "no event comes");
        // Whatever happened before the page listened again it does not hear of.
        for verb in ["undrain", "drain"] {
            lab.ctl(&["backend", verb, "web4", "backend1"]).unwrap();
        }
    }
    let rates = browser.evaluate("[...rates].filter((rate) => rate !== '0' && rate !== '–')");
    assert_eq!(rates, serde_json::json!([]), "rates though nothing came");
    assert_sound(&mut browser);
}
