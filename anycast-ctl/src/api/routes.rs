//! What can be asked for, by resource.

use axum::{
    body::Bytes,
    extract::DefaultBodyLimit,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::router::Api;

pub mod announcements;
pub mod backends;
mod captures;
pub mod catchment;
mod document;
pub mod drains;
pub mod events;
pub mod explain;
pub mod flows;
pub mod health;
mod hook;
mod log;
pub mod pools;
mod revisions;
mod site;
pub mod status;
mod top;
pub mod vips;

/// Every route.
pub fn all() -> OpenApiRouter<Api> {
    let site = OpenApiRouter::new().routes(routes!(site::get, site::put));
    let explain = OpenApiRouter::new().routes(routes!(explain::ask, explain::ask_frame));
    OpenApiRouter::new()
        .merge(site.layer(DefaultBodyLimit::max(site::MAX_SITE_BYTES)))
        .merge(explain.layer(DefaultBodyLimit::max(explain::MAX_BODY_BYTES)))
        .routes(routes!(site::reconcile))
        .routes(routes!(revisions::list))
        .routes(routes!(revisions::get))
        .routes(routes!(revisions::rollback))
        .routes(routes!(status::get))
        .routes(routes!(events::watch))
        .routes(routes!(events::kept))
        .routes(routes!(log::get, log::set, log::reset))
        .routes(routes!(captures::list, captures::begin))
        .routes(routes!(captures::end))
        .routes(routes!(document::get))
        .routes(routes!(vips::list, vips::add))
        .routes(routes!(vips::get, vips::set, vips::remove))
        .routes(routes!(pools::list, pools::add))
        .routes(routes!(pools::get, pools::set, pools::remove))
        .routes(routes!(pools::slots))
        .routes(routes!(drains::drain_pool, drains::undrain_pool))
        .routes(routes!(drains::drain_site, drains::undrain_site))
        .routes(routes!(drains::list_hosts))
        .routes(routes!(drains::drain_host, drains::undrain_host))
        .routes(routes!(backends::list, backends::add))
        .routes(routes!(backends::set, backends::remove))
        .routes(routes!(backends::drain, backends::undrain))
        .routes(routes!(backends::disable, backends::enable))
        .routes(routes!(backends::weight))
        .routes(routes!(backends::health, health::one))
        .routes(routes!(health::all))
        .routes(routes!(announcements::all))
        .routes(routes!(announcements::one, announcements::set, announcements::clear))
        .routes(routes!(announcements::begin, announcements::end))
        .routes(routes!(flows::list))
        .routes(routes!(flows::count))
        .routes(routes!(top::top))
        .routes(routes!(catchment::last, catchment::measure))
        .routes(routes!(hook::attach))
        .routes(routes!(hook::detach))
        .routes(routes!(hook::down))
}

/// An answer of JSON that is a text already.
fn json(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
