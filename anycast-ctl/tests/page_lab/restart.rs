//! The daemon may go and come: the page says so, and goes on by itself.

use crate::harness::{ask, assert_sound, open, status, wait_for_events};

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
    wait_for_events(&lab, &mut browser);
    browser.wait_for("document.querySelector('#events').textContent.includes('the daemon is there again')");
    // One of another version would come with another page.
    browser.evaluate("import('/script/daemon.js').then(({ daemon }) => { daemon.version = '0.0.0'; })");
    browser.wait_for("document.querySelector('#link a')?.textContent === 'load the page anew'");
    let rates = browser.evaluate("[...rates].filter((rate) => rate !== '0' && rate !== '–')");
    assert_eq!(rates, serde_json::json!([]), "rates though nothing came");
    assert_sound(&mut browser);
}
