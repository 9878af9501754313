//! What every request has to pass, and what every answer says to browsers.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::Address;
use crate::api::refusal::Refusal;

/// Methods that change nothing.
const METHODS: &str = "GET, HEAD";

/// Everything a page may use comes from here, nobody may frame it, and no other site may use what is here.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses what would change something and what asks for another server, and adds the headers to the answer.
pub async fn guard(State(address): State<Arc<Address>>, request: Request, next: Next) -> Response {
    let mut response = match refusal(&address, request.method(), request.uri(), request.headers()) {
        Some(response) => response,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // How things are at the moment of the question.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(address: &Address, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    if !is_meant(address, uri, headers) {
        let text = "this server is not called that: ask by IP address, as localhost, by the name of its host, or by one that \
                    `anycast-ctl run --http-name NAME` gives it";
        return Some(Refusal::new(StatusCode::MISDIRECTED_REQUEST, text).into_response());
    }
    if method != Method::GET && method != Method::HEAD {
        let text =
            format!("{method} is not taken here, where nothing can be changed: use the daemon's Unix socket");
        let mut response = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text).into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(METHODS));
        return Some(response);
    }
    None
}

/// Whether the request is for this server: by its one `Host`, and by its target if that names a server (RFC 9112 section 3.2).
fn is_meant(address: &Address, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let named = uri.authority().is_none_or(|authority| address.is_called(authority.as_str()));
    named && host.to_str().is_ok_and(|host| address.is_called(host))
}
