//! The picture of a slot table.

use xtask::lab::Family;

use crate::harness::{assert_sound, cell, open, pool};

/// Colours of the picture, and how many pixels have them.
const COLOURS: &str = "(() => {
    const canvas = document.querySelector('.slots canvas');
    const { width, height } = canvas;
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const pixels = new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    return [...counts].filter(([pixel]) => pixel !== 0).map(([, count]) => count);
})()";
const READOUT: &str = "document.querySelector('.readout').textContent";

#[test]
fn a_transition_shows_with_base_owners() {
    let (lab, mut browser) = open(3, "#/pool/web4");
    browser.wait_for("document.querySelector('.slots canvas')?.width > 0");
    let stable: Vec<u64> = serde_json::from_value(browser.evaluate(COLOURS)).unwrap();
    assert_eq!(stable.len(), 3, "a colour for each backend: {stable:?}");
    // A cell has 2 × 2 pixels.
    assert_eq!(stable.iter().sum::<u64>(), 65_537 * 4);

    lab.ctl(&["backend", "drain", "web4", "backend2"]).unwrap();
    browser.wait_for("document.querySelector('section').textContent.includes('in transition')");
    let pool = pool(&lab, Family::V4);
    assert!(pool.transition.slots > 20_000, "{:?}", pool.transition);
    browser.wait_for(
        "[...document.querySelectorAll('#legend tbody tr')].some((row) => row.cells[1].textContent === '0')",
    );
    let drained: u64 =
        pool.transition.base_owners.iter().find(|it| it.name == "backend2").unwrap().slots.into();
    assert_eq!(
        cell(&mut browser, "legend", "backend2", "Base owner of"),
        format!("{:.1}k", drained as f64 / 1_000.0 - 0.05)
    );
    // Two backends, pale where stable and full where not, and the drained one's in the hatch of cells in transition.
    let moving: Vec<u64> = serde_json::from_value(browser.evaluate(COLOURS)).unwrap();
    assert_eq!(moving.len(), 5, "{moving:?}");
    assert_eq!(moving.iter().sum::<u64>(), 65_537 * 4);
    // Three of eight pixels are its, but for the edges of areas.
    let hatch = drained * 4 * 3 / 8;
    assert!(moving.iter().any(|count| count.abs_diff(hatch) < hatch / 20), "{drained} {moving:?}");

    // By the keyboard: the next slot in transition, and one after the other.
    browser.evaluate("document.querySelector('.slots canvas').focus()");
    browser.press("t");
    browser.wait_for(&format!("{READOUT}.includes('in transition')"));
    assert!(browser.text(READOUT).contains("base owner backend"), "{}", browser.text(READOUT));
    browser.press("Home");
    browser.wait_for(&format!("{READOUT}.endsWith('stable')"));
    let first = browser.text(READOUT);
    browser.press("ArrowRight");
    browser.wait_for(&format!("{READOUT} !== {first:?}"));

    // By the pointer.
    browser.evaluate("document.querySelector('.slots canvas').scrollIntoView()");
    let at = browser.evaluate(
        "(() => { const { x, y } = document.querySelector('.slots canvas').getBoundingClientRect(); return [x + 100, y + 100]; })()",
    );
    let mouse = serde_json::json!({ "type": "mouseMoved", "x": at[0], "y": at[1] });
    let before = browser.text(READOUT);
    browser.call("Input.dispatchMouseEvent", mouse);
    browser.wait_for(&format!("{READOUT} !== {before:?} && {READOUT}.startsWith('slot ')"));

    // In the order of their numbers the picture has the same colours, elsewhere.
    browser.evaluate("document.querySelector('input[value=number]').click()");
    browser.press("Home");
    browser.evaluate("document.querySelector('.slots canvas').focus()");
    browser.press("Home");
    browser.wait_for(&format!("{READOUT}.startsWith('slot 0:')"));
    let numbered: Vec<u64> = serde_json::from_value(browser.evaluate(COLOURS)).unwrap();
    assert_eq!(numbered.len(), moving.len());
    assert_eq!(numbered.iter().sum::<u64>(), 65_537 * 4);
    assert_sound(&mut browser);
}
