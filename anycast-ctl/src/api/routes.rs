//! What can be asked for, by resource.

use axum::{
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::router::Api;

mod backends;
mod document;
mod pools;
mod status;
mod vips;

/// Every route.
pub fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(status::get))
        .routes(routes!(document::get))
        .routes(routes!(vips::list))
        .routes(routes!(pools::list))
        .routes(routes!(pools::get))
        .routes(routes!(pools::slots))
        .routes(routes!(backends::list, backends::add))
        .routes(routes!(backends::remove))
        .routes(routes!(backends::drain, backends::undrain))
        .routes(routes!(backends::weight))
        .routes(routes!(backends::health))
}

/// An answer of JSON that is a text already.
fn json(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
