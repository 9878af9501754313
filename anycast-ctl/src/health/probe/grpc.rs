//! The gRPC health protocol: `grpc.health.v1.Health/Check` over HTTP/2 (grpc/doc/health-checking.md and PROTOCOL-HTTP2.md).

use std::future::pending;

use h2::client::SendRequest;
use hyper::{
    HeaderMap, Method, Request, Response, Version,
    body::Bytes,
    header::{CONTENT_TYPE, TE, USER_AGENT},
};
use tokio::io::{AsyncRead, AsyncWrite};

use self::message::Health;
use super::{Context, Target, deadline::Deadline, fault::Fault, http, socket, tls};
use crate::{health::spec::Tls, spelling::quoted};

mod message;
mod words;

/// The method that is called.
const METHOD: &str = "/grpc.health.v1.Health/Check";

/// Bytes of headers that are taken (RFC 9113 section 6.5.2).
const MAX_HEADERS: u32 = 16 << 10;

/// Bytes of an answer: a HealthCheckResponse has seven.
const MAX_MESSAGE: usize = 1 << 10;

pub async fn ask(
    service: &str,
    tls: Option<&Tls>,
    full_size: bool,
    target: &Target,
    deadline: &Deadline,
    context: &Context,
) -> Result<String, Fault> {
    let fill = full_size.then(|| target.segment()).flatten().unwrap_or_default();
    let stream = socket::connect(target, deadline).await?;
    match tls {
        None => {
            let request = request("http", &http::authority(target, 80), fill.into())?;
            exchange(stream, request, service, deadline).await
        }
        Some(tls) => {
            let stream = tls::connect(tls, tls::Alpn::Http2, stream, target, deadline, context).await?;
            let named = tls.server_name.clone().unwrap_or_else(|| http::authority(target, 443));
            exchange(stream, request("https", &named, fill.into())?, service, deadline).await
        }
    }
}

fn request(scheme: &str, authority: &str, fill: usize) -> Result<Request<()>, Fault> {
    let request = Request::builder()
        .method(Method::POST)
        .version(Version::HTTP_2)
        .uri(format!("{scheme}://{authority}{METHOD}"))
        .header(TE, "trailers")
        .header(CONTENT_TYPE, "application/grpc")
        .header(USER_AGENT, http::AGENT);
    let request = http::padding(fill).fold(request, |request, line| request.header(http::PADDING, line));
    request.body(()).map_err(|error| Fault::own(format!("request to {authority}: {error}")))
}

async fn exchange<S>(
    stream: S,
    request: Request<()>,
    service: &str,
    deadline: &Deadline,
) -> Result<String, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = h2::client::Builder::new();
    builder.max_header_list_size(MAX_HEADERS).enable_push(false);
    let shaken = deadline.during("HTTP/2: no answer", builder.handshake::<_, Bytes>(stream)).await?;
    let (sender, connection) = shaken.map_err(|error| words::fault(&error))?;
    // How the connection ends, the call is told as well.
    let drive = async {
        let _ = connection.await;
        pending().await
    };
    tokio::select! {
        biased;
        result = call(sender, request, service, deadline) => result,
        never = drive => never,
    }
}

async fn call(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    service: &str,
    deadline: &Deadline,
) -> Result<String, Fault> {
    let answer = async {
        let mut sender = sender.ready().await?;
        let (response, mut stream) = sender.send_request(request, false)?;
        stream.send_data(message::question(service).into(), true)?;
        response.await
    };
    let response = deadline.during("no answer", answer).await?.map_err(|error| words::fault(&error))?;
    judge(response, service, deadline).await
}

async fn judge(
    response: Response<h2::RecvStream>,
    service: &str,
    deadline: &Deadline,
) -> Result<String, Fault> {
    if response.status() != hyper::StatusCode::OK {
        return Err(Fault::failed(format!("HTTP status {}, expected 200", response.status().as_u16())));
    }
    // An answer without a message has its status in the one header it has.
    check_status(response.headers(), service)?;
    let read = deadline.during("answer: incomplete", read(response.into_body())).await?;
    let (message, trailers) = read.map_err(|error| words::fault(&error))??;
    match &trailers {
        Some(trailers) if trailers.contains_key(words::STATUS) => check_status(trailers, service)?,
        Some(_) | None => return Err(Fault::failed("answer: it ended without a gRPC status")),
    }
    match message::answer(&message) {
        Some(Health::Serving) => Ok("SERVING".to_owned()),
        Some(other) => Err(Fault::failed(format!("{other}, expected SERVING"))),
        None => Err(Fault::failed("answer: it is no HealthCheckResponse")),
    }
}

/// The message, and what follows it.
async fn read(mut body: h2::RecvStream) -> Result<Result<(Vec<u8>, Option<HeaderMap>), Fault>, h2::Error> {
    let mut message = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        if message.len() + data.len() > MAX_MESSAGE {
            return Ok(Err(Fault::failed("answer: longer than any HealthCheckResponse")));
        }
        message.extend_from_slice(&data);
    }
    Ok(Ok((message, body.trailers().await?)))
}

fn check_status(headers: &HeaderMap, service: &str) -> Result<(), Fault> {
    let Some(status) = headers.get(words::STATUS) else { return Ok(()) };
    let code = status.to_str().ok().and_then(|status| status.parse().ok());
    match code {
        Some(0) => Ok(()),
        Some(words::NOT_FOUND) => Err(Fault::failed(format!("NOT_FOUND: no service {}", quoted(service)))),
        Some(words::UNIMPLEMENTED) => {
            Err(Fault::failed("UNIMPLEMENTED: the server has no grpc.health.v1.Health"))
        }
        Some(code) => Err(Fault::failed(words::status(code, headers))),
        None => Err(Fault::failed("answer: its gRPC status is no number")),
    }
}
