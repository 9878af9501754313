//! What the page is made of.

const HTML: &str = "text/html; charset=utf-8";
const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// One file.
#[derive(Debug)]
pub struct File {
    /// Where it is asked for.
    pub path: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// A file at its place below the page's directory.
macro_rules! file {
    ($kind:ident, $path:literal) => {
        File { path: concat!("/", $path), kind: $kind, text: include_str!($path) }
    };
}

/// Every file.
pub const FILES: &[File] = &[
    File { path: "/", kind: HTML, text: include_str!("index.html") },
    file!(SVG, "icon.svg"),
    file!(CSS, "style/base.css"),
    file!(CSS, "style/layout.css"),
    file!(CSS, "style/picture.css"),
    file!(CSS, "style/table.css"),
    file!(SCRIPT, "script/alarm.js"),
    file!(SCRIPT, "script/ask.js"),
    file!(SCRIPT, "script/daemon.js"),
    file!(SCRIPT, "script/dom.js"),
    file!(SCRIPT, "script/events.js"),
    file!(SCRIPT, "script/format.js"),
    file!(SCRIPT, "script/keys.js"),
    file!(SCRIPT, "script/main.js"),
    file!(SCRIPT, "script/rates.js"),
    file!(SCRIPT, "script/redraw.js"),
    file!(SCRIPT, "script/route.js"),
    file!(SCRIPT, "script/stream.js"),
    file!(SCRIPT, "script/table.js"),
    file!(SCRIPT, "script/trace.js"),
    file!(SCRIPT, "script/views.js"),
    file!(SCRIPT, "script/words.js"),
    file!(SCRIPT, "script/parts/colour.js"),
    file!(SCRIPT, "script/parts/distance.js"),
    file!(SCRIPT, "script/parts/happened.js"),
    file!(SCRIPT, "script/parts/marks.js"),
    file!(SCRIPT, "script/parts/slot_picture.js"),
    file!(SCRIPT, "script/parts/slot_table.js"),
    file!(SCRIPT, "script/parts/slots.js"),
    file!(SCRIPT, "script/parts/timeline.js"),
    file!(SCRIPT, "script/views/announcements.js"),
    file!(SCRIPT, "script/views/backend.js"),
    file!(SCRIPT, "script/views/catchment.js"),
    file!(SCRIPT, "script/views/events.js"),
    file!(SCRIPT, "script/views/explain.js"),
    file!(SCRIPT, "script/views/health.js"),
    file!(SCRIPT, "script/views/overview.js"),
    file!(SCRIPT, "script/views/pool.js"),
    file!(SCRIPT, "script/views/vip.js"),
];
