//! `GET /v1/openapi.json`

use std::sync::OnceLock;

use axum::{body::Bytes, response::Response};

use crate::api::{router, routes};

/// The OpenAPI document of this API
#[utoipa::path(get, tag = "daemon", path = "/v1/openapi.json", responses((status = 200, body = Object, description = "This document")))]
pub async fn get() -> Response {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    // The document is made of texts in this program: there is nothing that JSON could not say.
    routes::json(TEXT.get_or_init(|| router::document().to_json().unwrap_or_default().into()).clone())
}
