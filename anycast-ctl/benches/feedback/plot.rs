//! A plot of the load of each server over time, as SVG.

use std::fmt::Write as _;

use crate::simulation::{BALANCED, Run, TICK};

/// One diagram.
pub struct Panel {
    pub title: &'static str,
    pub run: Run,
}

const WIDTH: f64 = 820.0;
const PANEL_HEIGHT: f64 = 210.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 34.0;
/// The greatest load that is shown.
const MOST: f64 = 3.0;
/// Told apart by people who see red and green alike: Okabe and Ito, "Color Universal Design".
const COLOURS: [&str; 6] = ["#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#e69f00", "#d55e00"];

/// All of them, one below the other.
pub fn svg(panels: &[Panel]) -> String {
    let height = PANEL_HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (place, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", PANEL_HEIGHT * place as f64);
        svg += &draw(panel);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn draw(panel: &Panel) -> String {
    let seconds = panel.run.loads.len() as f64 * TICK.as_secs_f64();
    let x = |at: f64| LEFT + at / seconds * (WIDTH - LEFT - RIGHT);
    let y = |load: f64| TOP + (1.0 - load.min(MOST) / MOST) * (PANEL_HEIGHT - TOP - BOTTOM);
    let mut svg = format!("<text x=\"{LEFT}\" y=\"20\" font-weight=\"bold\">{}</text>\n", panel.title);
    // The band of balance.
    let (top, bottom) = (y(1.0 + BALANCED), y(1.0 - BALANCED));
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#ddd\"/>",
        x(seconds) - LEFT,
        bottom - top
    );
    for load in [0.0, 1.0, 2.0, 3.0] {
        let at = y(load);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#bbb\" stroke-width=\"0.5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            x(seconds),
            LEFT - 6.0,
            at + 4.0,
            load * 100.0
        );
    }
    for minute in (0..=seconds as u32 / 60).step_by(2) {
        let at = x(f64::from(minute) * 60.0);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{minute}</text>",
            PANEL_HEIGHT - BOTTOM + 15.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">minutes; load by that of a balanced pool</text>",
        x(seconds),
        PANEL_HEIGHT - 5.0
    );
    for (server, colour) in COLOURS.iter().enumerate().take(panel.run.loads[0].len()) {
        let points = panel.run.loads.iter().zip(&panel.run.balanced).enumerate().step_by(8);
        let mut path = String::new();
        for (tick, (loads, balanced)) in points {
            let step = if tick == 0 { 'M' } else { 'L' };
            let at = x(tick as f64 * TICK.as_secs_f64());
            let _ = write!(path, "{step}{at:.1} {:.1}", y(loads[server] / balanced));
        }
        let _ = writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\"/>");
    }
    svg
}
