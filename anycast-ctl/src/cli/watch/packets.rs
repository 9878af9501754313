//! Samples of what is dropped, beside the events that count it.

use anyhow::Context as _;
use serde_json::json;

use crate::{
    api::{
        client::{CaptureLines, Client, ClientError},
        types::{CaptureLine, CaptureSide, CapturedPacket, NewCapture},
    },
    capture::{line::from_hex, text},
};

/// Bytes of a packet that tell what it is.
const SNAP_BYTES: u16 = 128;

/// A capture of dropped packets; none is under way while the daemon is away, or where it was not asked for.
pub struct Packets {
    /// Most packets a second.
    per_second: Option<u32>,
    vips: Vec<String>,
    lines: Option<CaptureLines>,
}

impl Packets {
    /// So many a second, of these VIPs, or of all where there are none.
    pub fn new(per_second: Option<u32>, vips: &[String]) -> Self {
        Self { per_second, vips: vips.to_vec(), lines: None }
    }

    /// Has the daemon show them, if they were asked for.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn begin(&mut self, client: &Client) -> Result<(), ClientError> {
        if let Some(per_second) = self.per_second {
            self.lines = Some(client.capture(&wanted(per_second, &self.vips)).await?);
        }
        Ok(())
    }

    /// The next packet; never, while none is shown.
    pub async fn next(&mut self) -> anyhow::Result<Box<CapturedPacket>> {
        while let Some(lines) = &mut self.lines {
            match lines.next().await {
                Ok(Some(CaptureLine::Packet(packet))) => return Ok(packet),
                Ok(Some(CaptureLine::Begun(_) | CaptureLine::Tally(_))) => {}
                // The events say that the daemon went; they are waited for, and then packets begin again.
                Ok(Some(CaptureLine::Ended(_)) | None) | Err(ClientError::Http(_)) => self.lines = None,
                Err(error) => return Err(error).context("read the daemon's answer"),
            }
        }
        std::future::pending().await
    }
}

fn wanted(per_second: u32, vips: &[String]) -> NewCapture {
    let named: Vec<String> = vips.iter().map(|vip| format!("vip {vip}")).collect();
    let expression = if named.is_empty() {
        "verdict drop".to_owned()
    } else {
        format!("verdict drop and ({})", named.join(" or "))
    };
    NewCapture {
        expression,
        per_second,
        snap_bytes: SNAP_BYTES,
        side: CaptureSide::Before,
        ..NewCapture::default()
    }
}

/// A packet on a line; as JSON like an event, of kind `packet`.
///
/// # Errors
/// It is not what a daemon says of a packet.
pub fn line(packet: &CapturedPacket, json: bool) -> anyhow::Result<String> {
    if json {
        let mut object = serde_json::to_value(packet).context("write a packet as JSON")?;
        if let Some(fields) = object.as_object_mut() {
            fields.insert("event".to_owned(), json!("packet"));
        }
        return Ok(object.to_string());
    }
    let bytes = from_hex(&packet.hex).context("read the daemon's answer: a packet has no bytes")?;
    Ok(format!("  {}", text::line(packet, &bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::expression;

    #[test]
    fn drops_are_asked_for_in_words_that_the_daemon_knows() {
        assert_eq!(wanted(1, &[]).expression, "verdict drop");
        let of_two = wanted(1, &["www".to_owned(), "dns".to_owned()]).expression;
        assert_eq!(of_two, "verdict drop and (vip www or vip dns)");
        assert!(expression::parse(&of_two).unwrap().is_some());
    }
}
