//! What can be asked for, as HTTP.

use std::{net::IpAddr, time::Duration};

use http_body_util::Full;
use hyper::{Method, Request, body::Bytes, header};
use serde::Serialize;

use super::types::{HookState, NewDrain, NewHand, NewHealth, NewLog, NewMaintenance, NewRollback, NewWeight};
use crate::model::{
    Backend, Pool, Vip,
    edit::{BackendPatch, PoolPatch, VipPatch},
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Vec<u8>,
}

/// On which terms it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The revision it is made for.
    pub revision: Option<u64>,
    /// How long to wait for the dataplane.
    pub wait: Option<Duration>,
}

impl Call {
    fn new(method: Method, path: String, body: &impl Serialize) -> Self {
        // What is sent has no maps with odd keys: there is nothing that JSON could not say.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self { method, path, content_type: "application/json", body }
    }

    fn bare(method: Method, path: String) -> Self {
        Self { method, path, content_type: "application/json", body: Vec::new() }
    }

    /// Replaces the whole desired state by the text of a site file, or of JSON, which messages call `name`.
    pub fn apply(name: &str, text: Vec<u8>) -> Self {
        let is_json = text.trim_ascii_start().starts_with(b"{");
        let content_type = if is_json { "application/json" } else { "application/toml" };
        Self {
            method: Method::PUT,
            path: format!("/v1/site?name={}", Segment(name)),
            content_type,
            body: text,
        }
    }

    /// Brings the program as a whole to a state.
    pub fn hook(state: HookState) -> Self {
        let path = match state {
            HookState::Attached => "/v1/attach",
            HookState::Detached => "/v1/detach",
            HookState::Down => "/v1/down",
        };
        Self::bare(Method::POST, path.to_owned())
    }

    /// Announces or withdraws a VIP by hand.
    pub fn announce(vip: &str, hand: &NewHand) -> Self {
        Self::new(Method::PUT, format!("/v1/vips/{}/announcement", Segment(vip)), hand)
    }

    /// Leaves the announcement of a VIP to its health again.
    pub fn announce_by_health(vip: &str) -> Self {
        Self::bare(Method::DELETE, format!("/v1/vips/{}/announcement", Segment(vip)))
    }

    /// Drains the site.
    pub fn begin_maintenance(maintenance: &NewMaintenance) -> Self {
        Self::new(Method::POST, "/v1/maintenance".to_owned(), maintenance)
    }

    /// Takes the site into service again.
    pub fn end_maintenance() -> Self {
        Self::bare(Method::DELETE, "/v1/maintenance".to_owned())
    }

    /// Logs by another filter.
    pub fn log(new: &NewLog) -> Self {
        Self::new(Method::PUT, "/v1/log".to_owned(), new)
    }

    /// Logs as usual again.
    pub fn log_as_usual() -> Self {
        Self::bare(Method::DELETE, "/v1/log".to_owned())
    }

    /// Goes back to an earlier revision.
    pub fn rollback(revision: u64) -> Self {
        Self::new(Method::POST, "/v1/rollback".to_owned(), &NewRollback { revision })
    }

    /// Adds a VIP.
    pub fn add_vip(vip: &Vip) -> Self {
        Self::new(Method::POST, "/v1/vips".to_owned(), vip)
    }

    /// Changes a VIP.
    pub fn set_vip(vip: &str, patch: &VipPatch) -> Self {
        Self::new(Method::PATCH, format!("/v1/vips/{}", Segment(vip)), patch)
    }

    /// Removes a VIP.
    pub fn remove_vip(vip: &str) -> Self {
        Self::bare(Method::DELETE, format!("/v1/vips/{}", Segment(vip)))
    }

    /// Adds a pool.
    pub fn add_pool(pool: &Pool) -> Self {
        Self::new(Method::POST, "/v1/pools".to_owned(), pool)
    }

    /// Changes a pool.
    pub fn set_pool(pool: &str, patch: &PoolPatch) -> Self {
        Self::new(Method::PATCH, format!("/v1/pools/{}", Segment(pool)), patch)
    }

    /// Removes a pool.
    pub fn remove_pool(pool: &str) -> Self {
        Self::bare(Method::DELETE, format!("/v1/pools/{}", Segment(pool)))
    }

    /// Adds a backend.
    pub fn add_backend(pool: &str, backend: &Backend) -> Self {
        Self::new(Method::POST, format!("/v1/pools/{}/backends", Segment(pool)), backend)
    }

    /// Changes a backend.
    pub fn set_backend(pool: &str, backend: &str, patch: &BackendPatch) -> Self {
        Self::new(Method::PATCH, of(pool, backend, ""), patch)
    }

    /// Removes a backend.
    pub fn remove_backend(pool: &str, backend: &str) -> Self {
        Self::bare(Method::DELETE, of(pool, backend, ""))
    }

    /// Drains a backend.
    pub fn drain(pool: &str, backend: &str, drain: &NewDrain) -> Self {
        Self::new(Method::POST, of(pool, backend, "/drain"), drain)
    }

    /// Takes a draining backend back.
    pub fn undrain(pool: &str, backend: &str) -> Self {
        Self::bare(Method::DELETE, of(pool, backend, "/drain"))
    }

    /// Drains the backends of a pool.
    pub fn drain_pool(pool: &str, drain: &NewDrain) -> Self {
        Self::new(Method::POST, format!("/v1/pools/{}/drain", Segment(pool)), drain)
    }

    /// Takes the draining backends of a pool back.
    pub fn undrain_pool(pool: &str) -> Self {
        Self::bare(Method::DELETE, format!("/v1/pools/{}/drain", Segment(pool)))
    }

    /// Drains every backend there is.
    pub fn drain_site(drain: &NewDrain) -> Self {
        Self::new(Method::POST, "/v1/drain".to_owned(), drain)
    }

    /// Takes every draining backend back.
    pub fn undrain_site() -> Self {
        Self::bare(Method::DELETE, "/v1/drain".to_owned())
    }

    /// Drains a server in whatever pools it is.
    pub fn drain_host(address: IpAddr, drain: &NewDrain) -> Self {
        Self::new(Method::POST, of_host(address), drain)
    }

    /// Takes a draining server back in whatever pools it is.
    pub fn undrain_host(address: IpAddr) -> Self {
        Self::bare(Method::DELETE, of_host(address))
    }

    /// Disables a backend.
    pub fn disable(pool: &str, backend: &str) -> Self {
        Self::bare(Method::POST, of(pool, backend, "/disable"))
    }

    /// Takes a disabled backend back.
    pub fn enable(pool: &str, backend: &str) -> Self {
        Self::bare(Method::DELETE, of(pool, backend, "/disable"))
    }

    /// Gives a backend another weight.
    pub fn weigh(pool: &str, backend: &str, weight: u32) -> Self {
        Self::new(Method::PUT, of(pool, backend, "/weight"), &NewWeight { weight })
    }

    /// Marks a backend up or down.
    pub fn mark(pool: &str, backend: &str, up: bool) -> Self {
        Self::new(Method::PUT, of(pool, backend, "/health"), &NewHealth { up })
    }

    /// As it is asked on these terms.
    pub(super) fn question(&self, terms: &Terms, dry_run: bool) -> Question {
        let Self { method, path, content_type, body } = self.clone();
        let mut path = path;
        let mut add = |term: String| {
            path.push(if path.contains('?') { '&' } else { '?' });
            path += &term;
        };
        if dry_run {
            add("dry_run=true".to_owned());
        }
        if let Some(wait) = terms.wait {
            add(format!("wait={}", wait.as_secs()));
        }
        Question { method, path, content_type, body, revision: terms.revision, accept: "application/json" }
    }
}

fn of(pool: &str, backend: &str, what: &str) -> String {
    format!("/v1/pools/{}/backends/{}{what}", Segment(pool), Segment(backend))
}

fn of_host(address: IpAddr) -> String {
    format!("/v1/hosts/{}/drain", Segment(&address.to_string()))
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Question {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Vec<u8>,
    revision: Option<u64>,
    accept: &'static str,
}

impl Question {
    pub(super) fn get(path: &str) -> Self {
        let path = path.to_owned();
        let json = "application/json";
        Self { method: Method::GET, path, content_type: json, body: Vec::new(), revision: None, accept: json }
    }

    pub(super) fn post(path: &str) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    pub(super) fn with_json(self, body: &impl Serialize) -> Self {
        // What is sent has no maps with odd keys: there is nothing that JSON could not say.
        Self { body: serde_json::to_vec(body).unwrap_or_default(), ..self }
    }

    pub(super) fn delete(path: &str) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn with_bytes(self, body: Vec<u8>) -> Self {
        Self { content_type: "application/octet-stream", body, ..self }
    }

    pub(super) fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    /// Whether it changes nothing, so that anybody may ask it who may have the answer.
    pub(super) fn only_reads(&self) -> bool {
        self.method == Method::GET
    }

    pub(super) fn request(&self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(&self.path)
            .header(header::HOST, "anycast")
            .header(header::ACCEPT, self.accept)
            .header(header::CONTENT_TYPE, self.content_type);
        if let Some(revision) = self.revision {
            request = request.header(header::IF_MATCH, format!("\"{revision}\""));
        }
        request.body(Full::new(Bytes::from(self.body.clone())))
    }
}

/// The query of a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// The terms of an object of numbers and texts: nothing of what is empty.
    pub(super) fn of(terms: &impl Serialize) -> Self {
        let terms = serde_json::to_value(terms).unwrap_or_default();
        let terms = terms.as_object().into_iter().flatten();
        terms.fold(Self::default(), |query, (name, value)| match value.as_str() {
            Some(text) => query.with(name, text),
            None => query.with(name, value),
        })
    }

    /// With one more term.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0 += &format!("{name}={}", Segment(&value.to_string()));
        self
    }

    /// With one more term, if it has a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl std::fmt::Display for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One segment of a path, percent-encoded but for the unreserved characters of RFC 3986 section 2.3.
pub(super) struct Segment<'a>(pub(super) &'a str);

impl std::fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                    write!(f, "{}", char::from(byte))?
                }
                // A dot too: `..` would be taken for a step up.
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Segment;

    #[test]
    fn names_are_encoded_into_paths() {
        assert_eq!(Segment("web-1_a~").to_string(), "web-1_a~");
        assert_eq!(Segment("../a b/ü").to_string(), "%2E%2E%2Fa%20b%2F%C3%BC");
    }
}
