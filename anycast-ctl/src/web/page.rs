//! The page: plain HTML, style sheets and scripts, compiled in.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

mod files;

use files::{FILES, File};

/// As for every answer here, and beyond that the page's scripts may not make HTML of text, wherever it came from.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A browser asks each time whether its copy is still good: the next daemon may bring another page.
const CACHE: &str = "no-cache";

/// Every file of the page at its place.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let add = |router: Router<S>, file: &'static File| {
        let tag = tag(file.text);
        router.route(file.path, get(move |headers: HeaderMap| async move { answer(file, &tag, &headers) }))
    };
    FILES.iter().fold(Router::new(), add)
}

fn answer(file: &File, tag: &HeaderValue, asked: &HeaderMap) -> Response {
    let mut response = if is_known(asked, tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, file.kind)], file.text).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Whether the browser has that text already, RFC 9110 section 13.1.2.
fn is_known(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let named = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes()
    })
}

/// An entity tag of a text: the same for as long as the text is.
fn tag(text: &str) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    // Hexadecimal digits in quotes are a header value.
    HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish()))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests;
