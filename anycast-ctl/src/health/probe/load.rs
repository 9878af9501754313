//! An HTTP endpoint that says how loaded a backend is.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::{Response, body::Incoming};

use super::{Context, Target, deadline::Deadline, fault::Fault, http, socket};
use crate::spelling::quoted;

/// The longest number.
const MAX_BODY: usize = 256;

/// Asks for the load: a number such as `0.75` or `75%`, 1 being all that the backend can bear, and more being too much.
///
/// # Errors
/// Why there is none, in words.
pub async fn fetch_load(target: &Target, path: &str, timeout: Duration, _: &Context) -> Result<f64, String> {
    let deadline = Deadline::after(timeout);
    Box::pin(fetch(target, path, &deadline)).await.map_err(|fault| fault.detail)
}

async fn fetch(target: &Target, path: &str, deadline: &Deadline) -> Result<f64, Fault> {
    let request = http::get("GET", path, &http::authority(target, 80))?;
    let stream = socket::connect(target, deadline).await?;
    http::exchange(stream, request, deadline, async |response: Response<Incoming>| {
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Fault::failed(format!("status {status}, expected 200")));
        }
        let body = deadline.during("body: incomplete", read(response.into_body())).await??;
        let text = String::from_utf8_lossy(&body);
        number(&text).ok_or_else(|| {
            Fault::failed(format!("body {}, expected a number such as 0.75 or 75%", quoted(text.trim())))
        })
    })
    .await
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Fault> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| http::fault(&error))?;
        let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
        if read.len() + data.len() > MAX_BODY {
            return Err(Fault::failed(format!("body of more than {MAX_BODY} bytes, expected a number")));
        }
        read.extend_from_slice(data);
    }
    Ok(read)
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let (text, scale) = text.strip_suffix('%').map_or((text, 1.0), |share| (share.trim_end(), 100.0));
    // Rust reads `inf` and `1e9` as well.
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<f64>().ok().filter(|_| plain).map(|number| number / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_plain_numbers() {
        for (text, load) in
            [("0.75", 0.75), ("75%", 0.75), (" 1 \n", 1.0), ("150 %", 1.5), ("0", 0.0), (".5", 0.5)]
        {
            assert_eq!(number(text), Some(load), "{text}");
        }
        for text in ["", "%", ".", "-1", "+1", "nan", "inf", "1e3", "0,75", "{\"load\":1}", "1 2"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
