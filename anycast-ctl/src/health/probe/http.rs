//! An HTTP/1.1 request on a connection of its own.

use std::{future::pending, net::IpAddr};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, CONNECTION, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    Context, Finding, MAX_ANSWER, Target, deadline::Deadline, fault::Fault, search::Search, socket, tls,
};
use crate::health::spec::Http;

mod words;

pub use words::fault;

/// What checks call themselves (RFC 9110 section 10.1.5).
pub const AGENT: &str = concat!("anycast-ctl/", env!("CARGO_PKG_VERSION"));

/// The header that makes a request as large as it should be.
pub const PADDING: &str = "x-anycast-padding";

/// Bytes of one line of padding: common servers take lines of 8 KiB, and some lines of half that.
const PADDING_LINE: usize = 4_000;

pub async fn ask(
    http: &Http,
    full_size: bool,
    target: &Target,
    deadline: &Deadline,
    context: &Context,
) -> Result<String, Fault> {
    let fill = full_size.then(|| target.segment()).flatten();
    let request = request(http, target, fill.unwrap_or_default().into())?;
    let judge = async |response| judge(http, response, deadline).await;
    let stream = socket::connect(target, deadline).await?;
    match &http.tls {
        None => exchange(stream, request, deadline, judge).await,
        Some(tls) => {
            let stream = tls::connect(tls, tls::Alpn::Http1, stream, target, deadline, context).await?;
            exchange(stream, request, deadline, judge).await
        }
    }
}

/// Sends a request, and hands the answer's head to whoever judges it and may read on. The connection ends with that.
pub async fn exchange<S, T>(
    stream: S,
    request: Request<Empty<Bytes>>,
    deadline: &Deadline,
    judge: impl AsyncFnOnce(Response<Incoming>) -> Result<T, Fault>,
) -> Result<T, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shaken = http1::Builder::new().max_buf_size(MAX_ANSWER).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| fault(&error))?;
    let work = async {
        let response = deadline.during("no answer", sender.send_request(request)).await?;
        judge(response.map_err(|error| fault(&error))?).await
    };
    // How the connection ends, the work is told as well.
    let drive = async {
        let _ = connection.await;
        pending().await
    };
    tokio::select! {
        biased;
        result = work => result,
        never = drive => never,
    }
}

/// A request to the path, from nobody but this program.
pub fn get(method: &str, path: &str, host: &str) -> Result<Request<Empty<Bytes>>, Fault> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| Fault::own(format!("{what}: {error}"));
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|error| wrong("method", &error))?;
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| wrong("path", &error))?;
    let host = HeaderValue::from_str(host).map_err(|error| wrong("host", &error))?;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

/// The request of a check, larger than `fill` bytes.
fn request(http: &Http, target: &Target, fill: usize) -> Result<Request<Empty<Bytes>>, Fault> {
    let standard = if http.tls.is_some() { 443 } else { 80 };
    let host = http.host.clone().unwrap_or_else(|| authority(target, standard));
    let mut request = get(&http.method, &http.path, &host)?;
    for line in padding(fill) {
        request.headers_mut().append(PADDING, line);
    }
    Ok(request)
}

/// The values of headers with so many bytes in them.
pub fn padding(bytes: usize) -> impl Iterator<Item = HeaderValue> {
    let lines = (0..bytes).step_by(PADDING_LINE).map(move |from| (bytes - from).min(PADDING_LINE));
    // An X has eight bits, also when HTTP/2 compresses it (RFC 7541 appendix B).
    lines.filter_map(|length| HeaderValue::from_str(&"X".repeat(length)).ok())
}

/// The address as a Host header has it; the port is left out where it is the usual one (RFC 9110 section 7.2).
pub fn authority(target: &Target, standard: u16) -> String {
    if target.port != standard {
        return target.socket_address().to_string();
    }
    match target.address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

async fn judge(http: &Http, response: Response<Incoming>, deadline: &Deadline) -> Result<String, Fault> {
    let status = response.status();
    if let Some(header) = &http.drain_header
        && status == StatusCode::SERVICE_UNAVAILABLE
        && response.headers().contains_key(header.as_str())
    {
        return Err(Fault { finding: Finding::Drain, detail: format!("status 503 with {header}") });
    }
    let status = status.as_u16();
    if !http.status.contains(status) {
        return Err(Fault::failed(format!("status {status}, expected {}", http.status)));
    }
    if let Some(expected) = &http.body {
        find(expected, response.into_body(), deadline).await?;
    }
    Ok(format!("status {status}"))
}

/// Reads the body until the text is there.
async fn find(expected: &str, mut body: Incoming, deadline: &Deadline) -> Result<(), Fault> {
    let mut search = Search::new(expected.as_bytes());
    while !search.is_full() {
        match deadline.during("", body.frame()).await {
            Err(_) => return Err(deadline.missed(&search.mismatch("body"))),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(fault(&error)),
            Ok(Some(Ok(frame))) => {
                if frame.data_ref().is_some_and(|data| search.push(data)) {
                    return Ok(());
                }
            }
        }
    }
    Err(Fault::failed(search.mismatch("body")))
}
