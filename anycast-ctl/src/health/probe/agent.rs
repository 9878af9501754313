//! The line that HAProxy's `agent-check` reads (HAProxy's configuration manual, section 5.2, "agent-check").

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, net::TcpStream};

use super::{Context, Target, deadline::Deadline, fault::Fault, socket};

/// The longest line: what there is to say takes some words.
const MAX_LINE: u64 = 1 << 10;

/// Connects to an agent and reads its line, without what ends it. What is no UTF-8 is replaced.
///
/// # Errors
/// Why there is no line, in words.
pub async fn fetch_agent(target: &Target, timeout: Duration, _: &Context) -> Result<String, String> {
    let deadline = Deadline::after(timeout);
    fetch(target, &deadline).await.map_err(|fault| fault.detail)
}

async fn fetch(target: &Target, deadline: &Deadline) -> Result<String, Fault> {
    let stream = socket::connect(target, deadline).await?;
    let line = deadline.during("no whole line", read(stream)).await?;
    let line = line.map_err(|error| Fault::remote("answer", &error))?;
    let text =
        String::from_utf8_lossy(line.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default());
    match text.trim() {
        "" => Err(Fault::failed("an empty line, or none")),
        text => Ok(text.to_owned()),
    }
}

/// Until the line or the connection ends, or it is too long to be one.
async fn read(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut stream = stream.take(MAX_LINE);
    while !line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        if stream.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    Ok(line)
}
