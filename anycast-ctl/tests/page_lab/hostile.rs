//! Whatever texts come from outside, the page shows them as texts.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::harness::{assert_sound, go, open_with};

#[test]
fn what_a_check_says_is_never_markup() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("check.sh");
    let words = r#"<img src=x onerror="document.title='hurt'"><b>bold</b>&amp;<script>hurt()</script>"#;
    fs::write(&script, format!("#!/bin/sh\ncat <<'END'\n{words}\nEND\nexit 3\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let lines = format!(
        r#"panic_threshold = "100%"
check = {{ type = "exec", command = ["{}"], interval = "500ms", fast_interval = "200ms", timeout = "2s" }}"#,
        script.display()
    );
    let (_lab, mut browser) = open_with(2, &lines, "#/health");
    let shown = "document.querySelector('main').textContent.includes('<b>bold</b>&amp;')";
    for place in ["#/health", "#/", "#/pool/web4", "#/pool/web4/backend/backend1"] {
        go(&mut browser, place);
        browser.wait_for(shown);
        let made = "document.querySelectorAll('main img, main b, main script').length";
        assert_eq!(browser.evaluate(made), 0, "{place}");
    }
    assert!(!browser.text("document.title").contains("hurt"));
    // Names that nothing has, in the address.
    for place in
        ["#/vip/%3Cimg%20src%3Dx%20onerror%3Dhurt()%3E", "#/pool/%ZZ", "#/%3Cb%3E", "#/pool/a/backend/%22%3E"]
    {
        go(&mut browser, place);
        browser.wait_for("/There is n/.test(document.querySelector('main').textContent)");
        assert_eq!(browser.evaluate("document.querySelectorAll('main img, main b').length"), 0, "{place}");
    }
    assert_sound(&mut browser);
}

#[test]
fn the_policy_keeps_scripts_from_making_markup() {
    let (_lab, mut browser) = crate::harness::open(1, "");
    let refused = "(() => { try { document.querySelector('main').innerHTML = '<b>x</b>'; return false; } catch { return true; } })()";
    assert_eq!(browser.evaluate(refused), true);
    // The browser complains of exactly that.
    assert_eq!(browser.evaluate("document.querySelectorAll('main b').length"), 0);
    let elsewhere = "fetch('http://127.0.0.1:1/').then(() => 'answered', (error) => error.name)";
    assert_eq!(browser.evaluate(elsewhere), "TypeError");
    assert!(browser.complaints().iter().any(|it| it.to_string().contains("Content Security Policy")));
}
