//! A connection, and an answer if one is expected.

use tokio::io::AsyncWriteExt as _;

use super::{Target, deadline::Deadline, fault::Fault, search::Search, socket};
use crate::model::Payload;

pub async fn ask(
    send: Option<&Payload>,
    expect: Option<&Payload>,
    target: &Target,
    deadline: &Deadline,
) -> Result<String, Fault> {
    let mut stream = socket::connect(target, deadline).await?;
    if let Some(send) = send {
        let sent = deadline.during("send: no answer", stream.write_all(&send.bytes)).await?;
        sent.map_err(|error| Fault::remote("send", &error))?;
    }
    let Some(expect) = expect else { return Ok("connected".to_owned()) };
    Box::pin(Search::new(&expect.bytes).read(&mut stream, deadline)).await?;
    Ok("answer as expected".to_owned())
}
