//! Requests to the API, as its router gets them, with a controller that only remembers.
//!
//! ```text
//! POST /v1/pools/web/backends?dry_run=true
//! "7"                                         what If-Match says, if anything
//! {"name":"web-3", …                          the body
//! ```

#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../tests/daemon/announcements.rs"]
mod announcements;
#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../tests/daemon/controller.rs"]
mod controller;
#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../tests/daemon/status.rs"]
mod status;

use std::{future::pending, time::Duration};

use anycast_ctl::api::{
    link,
    peer::Peer,
    request::Request as Asked,
    router::{self, Api},
    types::ApiError,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::ConnectInfo,
    http::{Request, Response, header::IF_MATCH},
};
use futures_util::FutureExt as _;
use tokio::{sync::oneshot, time::timeout};
use tower_service::Service as _;

use crate::{peer::run, site, text::is_one_line};

/// What has not answered by then is one that waits or watches.
const PATIENCE: Duration = Duration::from_millis(20);

/// No answer is larger: the document that describes the API is the largest.
const MOST_BYTES: usize = 1 << 20;

pub fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (head, revision, body) = (line(), line(), line());
    let Some(request) = request(head, revision, body) else { return };
    // What is wrong with a site file is said in a line for each fault.
    let is_file = request.uri().path() == "/v1/site";
    run(async {
        let (link, end) = link::link(10);
        let controller = tokio::spawn(controller::Remembering::new(end).follow());
        let api = Api::new(link.clone(), pending().boxed().shared());
        let mut router = router::router(api);
        if let Ok(answered) = timeout(PATIENCE, router.call(request)).await {
            let Ok(response) = answered;
            judge(response, is_file).await;
        }
        let (reply, answer) = oneshot::channel();
        link.requests.send(Asked::Site(reply)).await.unwrap();
        // Whatever it did, what is desired keeps its rules and can be written down.
        site::kept(&answer.await.unwrap().unwrap().site);
        controller.abort();
    });
}

/// None where no HTTP library lets it through.
fn request(head: &[u8], revision: &[u8], body: &[u8]) -> Option<Request<Body>> {
    let (method, uri) = str::from_utf8(head).ok()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(uri).extension(ConnectInfo(Peer::default()));
    if !revision.is_empty() {
        request = request.header(IF_MATCH, revision);
    }
    request.body(Body::from(Bytes::copy_from_slice(body))).ok()
}

async fn judge(response: Response<Body>, is_file: bool) {
    let status = response.status();
    let body = to_bytes(response.into_body(), MOST_BYTES);
    // Events are told without an end.
    let Ok(body) = timeout(PATIENCE, body).await else { return };
    let body = body.unwrap();
    if !status.is_client_error() && !status.is_server_error() {
        return;
    }
    let error: ApiError = match serde_json::from_slice(&body) {
        Ok(error) => error,
        Err(error) => panic!("{status} is no ApiError: {error}: {}", String::from_utf8_lossy(&body)),
    };
    if is_file {
        error.error.lines().for_each(is_one_line);
    } else {
        is_one_line(&error.error);
    }
    // The made-up controller has no dataplane; nothing else is this daemon's fault.
    assert!(!status.is_server_error() || error.error.contains("no "), "{status}: {}", error.error);
}
