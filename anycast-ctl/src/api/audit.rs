//! Who asked the daemon to change something: each such request is an event, and so a line of the log.

use axum::{
    extract::{ConnectInfo, Request as HttpRequest, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use super::{
    peer::Peer,
    router::Api,
    types::{Event, RequestEvent},
};

/// Longest path that is repeated, in bytes.
const PATH_BYTES: usize = 256;

/// Answers a request, and tells of it if it was to change something. A dry run, and a question, are not.
pub async fn note(State(api): State<Api>, request: HttpRequest, next: Next) -> Response {
    let method = request.method().clone();
    let is_dry =
        request.uri().query().is_some_and(|query| query.split('&').any(|term| term == "dry_run=true"));
    if is_dry || method == Method::GET || method == Method::HEAD {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|peer| peer.0).unwrap_or_default();
    let path = request.uri().path();
    let path = path.get(..path.floor_char_boundary(PATH_BYTES)).unwrap_or(path).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    // Where users are not local their names may take a while; whoever asked does not wait for that.
    tokio::task::spawn_blocking(move || {
        let author = peer.author();
        let (who, method) = (author.credentials(), method.to_string());
        api.link.events.tell(Event::Request(RequestEvent { author, who, method, path, status }));
    });
    response
}
