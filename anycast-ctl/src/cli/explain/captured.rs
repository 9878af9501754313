//! Packets that were captured, asked about one by one.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::{Common, block_on, output, show};
use crate::{
    api::{
        client::Client,
        types::{ExplainWay, Explanation},
    },
    explain::{
        capture::{Capture, Captured},
        page,
    },
};

/// Which packets of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with that number, from 1.
    One(u64),
    /// Every one.
    All,
}

/// One of many.
#[derive(Serialize)]
struct Numbered<'a> {
    number: u64,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

/// Reads a number from 1, or `all`.
pub fn which(text: &str) -> Result<Which, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(Which::One(number)),
        Err(_) if text == "all" => Ok(Which::All),
        Ok(_) | Err(_) => Err("write the number of a packet, from 1, or all".to_owned()),
    }
}

/// Asks about packets of a file.
pub fn explain(
    common: &Common,
    client: &Client,
    path: &Path,
    which: Which,
    way: &ExplainWay,
) -> anyhow::Result<()> {
    let capture = Capture::open(path)?;
    match which {
        Which::One(number) => {
            let captured = find(capture, path, number)?;
            show(common, &block_on(ask(client, captured, way))??)
        }
        Which::All => block_on(all(common, client, capture, way))?,
    }
}

/// The packet with that number.
fn find(capture: Capture, path: &Path, number: u64) -> anyhow::Result<Captured> {
    let mut there = 0;
    for captured in capture {
        there += 1;
        match captured {
            Ok(captured) if captured.number == number => return Ok(captured),
            Ok(_) => {}
            Err(error) if error.concerns_one_packet() && there != number => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::bail!(
        "{} has {there} packet{}: there is none with number {number}",
        path.display(),
        if there == 1 { "" } else { "s" }
    )
}

/// A sentence for each, until nobody reads them any more.
async fn all(common: &Common, client: &Client, capture: Capture, way: &ExplainWay) -> anyhow::Result<()> {
    let mut before = if common.json { "[\n" } else { "" };
    let mut outcome = Ok(());
    for captured in capture {
        let captured = match captured {
            Ok(captured) => captured,
            Err(error) if error.concerns_one_packet() => {
                output::warn(&error.to_string());
                continue;
            }
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        };
        let number = captured.number;
        let explanation = match ask(client, captured, way).await {
            Ok(explanation) => explanation,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        };
        let text = if common.json {
            let numbered = Numbered { number, explanation: &explanation };
            serde_json::to_string_pretty(&numbered).context("write the answer as JSON")?
        } else {
            format!("{number}: {}\n", explanation.sentence)
        };
        if !output::print_to_reader(&format!("{before}{text}"))? {
            return Ok(());
        }
        before = if common.json { ",\n" } else { "" };
    }
    if common.json {
        output::print(if before == "[\n" { "[]\n" } else { "\n]\n" })?;
    }
    outcome
}

/// What would become of one.
async fn ask(client: &Client, captured: Captured, way: &ExplainWay) -> anyhow::Result<Explanation> {
    let Captured { number, frame, missing } = captured;
    let asked = client.explain_frame(frame, way).await;
    let mut explanation =
        asked.with_context(|| format!("ask the daemon what would become of packet {number}"))?;
    if missing > 0 {
        let note = format!("the last {missing} bytes of the frame were not captured: zeroes stand for them");
        explanation.notes.push(note);
        explanation.text = page(&explanation);
    }
    Ok(explanation)
}
