//! What can be asked for, by resource.

use axum::{
    body::Bytes,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{refusal::Refusal, router::Api};
use crate::spelling::unknown;

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

/// How many rows an answer may have at most, and has where that is not said.
#[derive(Clone, Copy)]
struct Limits {
    most: usize,
    usual: usize,
}

impl Limits {
    /// As many as were asked for. `advice` is what to do for more.
    fn of(self, asked: Option<usize>, advice: &str) -> Result<usize, Refusal> {
        let limit = asked.unwrap_or(self.usual);
        if (1..=self.most).contains(&limit) {
            return Ok(limit);
        }
        let text = format!("?limit={limit}: give 1 to {}{advice}", self.most);
        Err(Refusal::new(StatusCode::BAD_REQUEST, text))
    }
}

/// The one of that name; a refusal names those that are there, in words such as "VIP".
fn named<'a, T>(kind: &str, name: &str, all: &'a [T], name_of: fn(&T) -> &str) -> Result<&'a T, Refusal> {
    all.iter()
        .find(|it| name_of(it) == name)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, unknown(kind, name, all.iter().map(name_of))))
}

/// An answer of JSON that is a text already.
fn json(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
