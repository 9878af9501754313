//! A catchment as a picture: an area for each network, coloured by how far away it is. SVG, with nothing from elsewhere.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::treemap::{Rectangle, divide};
use crate::api::types::{CatchmentFigures, CatchmentPrefix, CatchmentStatus};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 600.0;
const MARGIN: f64 = 12.0;
/// Room for the title and the line below it.
const TOP: f64 = 56.0;
/// Room for the legend.
const BOTTOM: f64 = 40.0;
/// Width of a letter, about, in the font of labels.
const LETTER: f64 = 6.6;

/// Classes of distance, near to far: ColorBrewer's YlGnBu, which people who see red and green alike can tell apart.
const COLOURS: [&str; 6] = ["#ffffcc", "#c7e9b4", "#7fcdbb", "#41b6c4", "#2c7fb8", "#253494"];
/// Of these the last ones are dark.
const DARK_FROM: usize = 4;
const UNKNOWN: &str = "#bdbdbd";

/// What colours tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Colours {
    /// The median round trip of handshakes.
    Rtt,
    /// The median of hops.
    Hops,
}

impl Colours {
    /// Where each class but the last ends, in the unit of [`Self::value`].
    const fn bounds(self) -> [u32; 5] {
        match self {
            Self::Rtt => [10_000, 25_000, 50_000, 100_000, 200_000],
            Self::Hops => [4, 8, 12, 16, 20],
        }
    }

    /// Microseconds, or hops.
    fn value(self, figures: &CatchmentFigures) -> Option<u32> {
        let spread = match self {
            Self::Rtt => figures.rtt_us,
            Self::Hops => figures.hops,
        };
        spread.map(|spread| spread.median)
    }

    fn class(self, value: u32) -> usize {
        self.bounds().into_iter().filter(|bound| value >= *bound).count()
    }

    fn text(self, value: u32) -> String {
        match self {
            Self::Rtt if value < 10_000 => format!("{:.1} ms", f64::from(value) / 1_000.0),
            Self::Rtt => format!("{} ms", value / 1_000),
            Self::Hops => format!("{value} hops"),
        }
    }

    /// What a class holds.
    fn range(self, class: usize) -> String {
        let bounds = self.bounds();
        let unit = |value: u32| match self {
            Self::Rtt => value / 1_000,
            Self::Hops => value,
        };
        let bound = |place: usize| bounds.get(place).copied().map(unit);
        let name = match self {
            Self::Rtt => "ms",
            Self::Hops => "hops",
        };
        match (class.checked_sub(1).and_then(bound), bound(class)) {
            (Some(from), Some(to)) => format!("{from}–{to} {name}"),
            (None, Some(to)) => format!("below {to} {name}"),
            (Some(from), None) => format!("{from} {name} and more"),
            (None, None) => String::new(),
        }
    }
}

/// The picture.
pub fn svg(catchment: &CatchmentStatus, colours: Colours) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Catchment of {}</title>\n{STYLE}\n<rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        catchment.began
    );
    svg += &head(catchment, colours);
    let whole = Rectangle { x: MARGIN, y: TOP, width: WIDTH - 2.0 * MARGIN, height: HEIGHT - TOP - BOTTOM };
    let present: Vec<&CatchmentPrefix> =
        catchment.prefixes.iter().filter(|prefix| prefix.figures.packets > 0).collect();
    let weights: Vec<f64> = present.iter().map(|prefix| prefix.figures.packets as f64).collect();
    if weights.is_empty() {
        let _ = writeln!(
            svg,
            "<text class=\"ink\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">Nothing came.</text>",
            WIDTH / 2.0,
            HEIGHT / 2.0
        );
    } else {
        for (prefix, place) in present.iter().zip(divide(&weights, whole)) {
            svg += &area(prefix, place, colours);
        }
    }
    svg + &legend(colours) + "</svg>\n"
}

/// Light or dark as the reader has it.
const STYLE: &str = "<style>.back{fill:#fff}.ink{fill:#222}.area{stroke:#fff;stroke-width:1}\
     @media(prefers-color-scheme:dark){.back{fill:#16181c}.ink{fill:#ddd}.area{stroke:#16181c}}</style>";

fn head(catchment: &CatchmentStatus, colours: Colours) -> String {
    let total = &catchment.total;
    let by = match colours {
        Colours::Rtt => "coloured by the median round trip of handshakes",
        Colours::Hops => "coloured by the median of hops",
    };
    let sampled = match catchment.sample {
        1 => "every flow".to_owned(),
        sample => format!("one flow in {sample}"),
    };
    format!(
        "<text class=\"ink\" x=\"{MARGIN}\" y=\"22\" font-size=\"16\" font-weight=\"bold\">Catchment: {} networks, {:.0} \
         packets/s, {:.0} new flows/s</text>\n<text class=\"ink\" x=\"{MARGIN}\" y=\"42\">{}, for {:.0} s, {sampled}; areas by \
         packets, {by}</text>\n",
        catchment.prefixes.len(),
        total.packets_per_second,
        total.new_flows_per_second,
        catchment.began,
        catchment.milliseconds as f64 / 1_000.0,
    )
}

fn area(network: &CatchmentPrefix, place: Rectangle, colours: Colours) -> String {
    let CatchmentPrefix { prefix, rest, figures } = network;
    let value = colours.value(figures);
    let class = value.map(|value| colours.class(value));
    let fill = class.and_then(|class| COLOURS.get(class)).copied().unwrap_or(UNKNOWN);
    let ink = if class.is_some_and(|class| class >= DARK_FROM) { "#fff" } else { "#222" };
    let name = if *rest { format!("rest of {prefix}") } else { prefix.to_string() };
    let share = format!("{:.1}%", 100.0 * figures.share);
    let distance = value.map_or_else(|| "not measured".to_owned(), |value| colours.text(value));
    let Rectangle { x, y, width, height } = place;
    let mut svg = format!(
        "<g><title>{name}: {share} of packets, {distance}, {} of {} handshakes measured</title><rect class=\"area\" x=\"{x:.1}\" \
         y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>",
        figures.handshakes, figures.new_flows
    );
    for (line, text) in [name, format!("{share}, {distance}")].into_iter().enumerate() {
        let base = 16.0 + 15.0 * line as f64;
        if base + 4.0 < height && text.len() as f64 * LETTER + 10.0 < width {
            let _ =
                write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{ink}\">{text}</text>", x + 5.0, y + base);
        }
    }
    svg + "</g>\n"
}

fn legend(colours: Colours) -> String {
    let mut svg = String::new();
    let classes = COLOURS.iter().enumerate().map(|(class, colour)| (*colour, colours.range(class)));
    let entries: Vec<(&str, String)> = classes.chain([(UNKNOWN, "not measured".to_owned())]).collect();
    let (step, y) = ((WIDTH - 2.0 * MARGIN) / entries.len() as f64, HEIGHT - BOTTOM + 14.0);
    for (place, (colour, text)) in entries.into_iter().enumerate() {
        let x = MARGIN + step * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"14\" height=\"14\" fill=\"{colour}\" stroke=\"#888\"/><text class=\"ink\" \
             x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            x + 20.0,
            y + 11.0
        );
    }
    svg
}
