//! A run over time, as SVG: what was open, what daemons took, and when something was done.

use std::fmt::Write as _;

/// One diagram.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: String,
    pub lines: Vec<Line>,
}

/// One line of it. Points are seconds and a value; a new stroke begins where the process is another one.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub strokes: Vec<Vec<(f64, f64)>>,
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 22.0;
/// Told apart by people who see red and green alike: Okabe and Ito, "Color Universal Design".
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// All of them, one below the other, over so many seconds. Marks are times at which something was done.
pub fn svg(panels: &[Panel], seconds: f64, marks: &[f64]) -> String {
    let height = HEIGHT * panels.len() as f64 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (place, panel) in panels.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", HEIGHT * place as f64);
        svg += &draw(panel, seconds, marks);
        svg += "</g>\n";
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">minutes; grey: something was done</text>\n</svg>",
        WIDTH - RIGHT,
        height - 6.0
    );
    svg
}

fn draw(panel: &Panel, seconds: f64, marks: &[f64]) -> String {
    let seconds = seconds.max(1.0);
    let points = || panel.lines.iter().flat_map(|line| line.strokes.iter().flatten());
    let most = scale(points().map(|point| point.1).fold(1.0, f64::max));
    let x = |at: f64| LEFT + (at / seconds).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + (1.0 - value / most) * (HEIGHT - TOP - BOTTOM);
    let mut svg = String::new();
    for mark in marks {
        let at = x(*mark);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#ddd\"/>", HEIGHT - BOTTOM);
    }
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"20\" font-weight=\"bold\">{}</text>", panel.title);
    for step in 0..=2 {
        let value = most * f64::from(step) / 2.0;
        let at = y(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#bbb\" stroke-width=\"0.5\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            short(value)
        );
    }
    for tick in 0..=10 {
        let at = seconds * f64::from(tick) / 10.0;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1}</text>",
            x(at),
            HEIGHT - BOTTOM + 14.0,
            at / 60.0
        );
    }
    for (place, (line, colour)) in panel.lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        for stroke in &line.strokes {
            let mut path = String::new();
            for (number, (at, value)) in stroke.iter().enumerate() {
                let step = if number == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{step}{:.1} {:.1}", x(*at), y(*value));
            }
            let _ =
                writeln!(svg, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\"/>");
        }
        if panel.lines.len() > 1 {
            let at = WIDTH - RIGHT - 60.0 * (panel.lines.len() - place) as f64 + 60.0;
            let name = &line.name;
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"20\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>"
            );
        }
    }
    svg
}

/// The next 1, 2 or 5 with noughts.
fn scale(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|scale| *scale >= most).unwrap_or(most)
}

fn short(value: f64) -> String {
    if value >= 1e6 {
        format!("{:.1} M", value / 1e6)
    } else if value >= 1e4 {
        format!("{:.0} k", value / 1e3)
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_every_line_and_stays_in_its_frame() {
        let line = |name: &str, value| Line {
            name: name.to_owned(),
            strokes: vec![vec![(0.0, 0.0), (60.0, value)], vec![(90.0, value), (120.0, value)]],
        };
        let panel = Panel { title: "memory".to_owned(), lines: vec![line("a1", 30.0), line("a2", 41.0)] };
        let svg = svg(&[panel], 120.0, &[60.0]);
        assert_eq!(svg.matches("stroke-width=\"1.3\"").count(), 4);
        assert!(
            svg.contains(">a1</text>") && svg.contains(">a2</text>") && svg.contains(">50</text>"),
            "{svg}"
        );
        assert!(svg.contains(&format!("L{:.1} ", LEFT + 0.5 * (WIDTH - LEFT - RIGHT))), "{svg}");
        assert_eq!([1.0, 41.0, 900.0].map(scale), [1.0, 50.0, 1000.0]);
    }
}
