//! The form that explains a packet.

use crate::harness::{assert_sound, open};

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
