//! What health checks ask of each other's keys.

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use super::{Found, form};
use crate::{
    health::spec::{MAX_VIPS, Rhythm, first_port, protocol},
    model::{
        Backend, Check, CheckKind, Feedback, FeedbackKind, MinHealthy, Pool, Site, Via, Vip, health::KEYS,
    },
    period,
    spelling::{listed, quoted},
};

const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);
const FAST_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(3_600);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);
const HOLD_DOWN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
const HOLD_DOWN_MAX: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(86_400);
const SLOW_START: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);
const FEEDBACK_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

/// A check beyond this part of its interval earlier or later would meet the next one.
const MAX_JITTER: u8 = 50;

/// Longest texts, in bytes: a request, a name and a path are shorter.
const MAX_TEXT: usize = 1_024;

/// VIPs of a site by the pool that serves them.
pub type Served<'a> = HashMap<&'a str, Vec<&'a Vip>>;

impl Site {
    pub(super) fn served(&self) -> Served<'_> {
        let mut served = Served::new();
        self.vips.iter().for_each(|vip| served.entry(&vip.pool).or_default().push(vip));
        served
    }
}

impl Found {
    /// Everything about the health of a pool's backends.
    pub fn health(&mut self, pool: &Pool, served: &Served<'_>, path: &str) {
        if let Some(MinHealthy::Count(count)) = pool.min_healthy
            && count == 0
        {
            self.add(format!("{path}.min_healthy"), "0 is always met: give 1 or more, or leave it out");
        }
        self.period(format!("{path}.slow_start"), pool.slow_start, SLOW_START);
        if let Some(feedback) = &pool.feedback {
            self.feedback(feedback, &format!("{path}.feedback"));
        }
        let vips = served.get(pool.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if let Some(check) = &pool.check {
            let at = format!("{path}.check");
            if check.kind.is_none() {
                let kinds = r#"give one, as "http" or "tcp""#;
                self.add(format!("{at}.type"), format!("is missing: {kinds}"));
                return;
            }
            // What the pool leaves open, its backends may still say; a backend without keys of its own has the pool's.
            self.keys(check, check, &at);
            if pool.backends.iter().all(|backend| backend.check.is_none()) {
                self.whole(check, vips, &at);
            }
        }
        for (i, backend) in pool.backends.iter().enumerate() {
            self.of_backend(pool, backend, vips, &format!("{path}.backend[{i}].check"));
        }
    }

    fn of_backend(&mut self, pool: &Pool, backend: &Backend, vips: &[&Vip], at: &str) {
        let Some(check) = pool.check_of(backend) else { return };
        let Some(own) = &backend.check else {
            // Said of the pool when no backend says anything itself.
            if pool.backends.iter().any(|backend| backend.check.is_some()) {
                self.whole(&check, vips, at);
            }
            return;
        };
        if check.kind.is_none() {
            let advice = r#"give one, as "http" or "tcp", here or in the pool's check"#;
            self.add(format!("{at}.type"), format!("is missing: {advice}"));
            return;
        }
        self.keys(own, &check, at);
        self.whole(&check, vips, at);
    }

    /// Keys as they are given, for the kind that they come to.
    fn keys(&mut self, given: &Check, whole: &Check, at: &str) {
        let kind = whole.kind.unwrap_or_default();
        for key in KEYS.iter().filter(|key| key.is_in(given) && !key.fits(kind)) {
            let known = key.known_to();
            let known = listed(known.iter().map(String::as_str));
            let message = format!("a check of type {kind} has no such key: {known} do; remove it");
            self.add(format!("{at}.{}", key.name()), message);
        }
        let periods = [
            ("interval", given.interval, INTERVAL),
            ("fast_interval", given.fast_interval, FAST_INTERVAL),
            ("timeout", given.timeout, TIMEOUT),
            ("hold_down", given.hold_down, HOLD_DOWN),
            ("hold_down_max", given.hold_down_max, HOLD_DOWN_MAX),
        ];
        for (key, value, range) in periods {
            value.into_iter().for_each(|value| self.period(format!("{at}.{key}"), value, range.clone()));
        }
        for (key, value) in [("rise", given.rise), ("fall", given.fall)] {
            if value.is_some_and(|value| !(1..=100).contains(&value)) {
                self.add(format!("{at}.{key}"), "is out of range: give 1 to 100");
            }
        }
        if given.jitter.is_some_and(|jitter| jitter.get() > MAX_JITTER) {
            self.add(format!("{at}.jitter"), format!("is out of range: give 0% to {MAX_JITTER}%"));
        }
        self.texts(given, at);
        self.sources(given, at);
    }

    fn texts(&mut self, given: &Check, at: &str) {
        let texts = [
            ("method", &given.method),
            ("path", &given.path),
            ("host", &given.host),
            ("body", &given.body),
            ("drain_header", &given.drain_header),
            ("server_name", &given.server_name),
            ("ca", &given.ca),
            ("certificate", &given.certificate),
            ("key", &given.key),
            ("query", &given.query),
            ("answer", &given.answer),
        ];
        for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?))) {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let wrong = if text.is_empty() || text.len() > MAX_TEXT {
                Some(format!("give 1 to {MAX_TEXT} bytes"))
            } else if text.chars().any(char::is_control) {
                Some("give it without control characters".to_owned())
            } else if matches!(key, "method" | "drain_header") && !text.bytes().all(token) {
                Some("give letters, digits, `-` and `_`".to_owned())
            } else if key == "path"
                && (!text.starts_with('/') || !text.bytes().all(|it| it.is_ascii_graphic()))
            {
                Some("begin it with `/`, and encode what is not ASCII, as %20".to_owned())
            } else if matches!(key, "ca" | "certificate" | "key") && !text.starts_with('/') {
                Some("give the whole path of the file".to_owned())
            } else if matches!(key, "host" | "server_name") && !text.bytes().all(|it| it.is_ascii_graphic()) {
                Some("give a host name".to_owned())
            } else if key == "query" && !is_domain(text) {
                Some("give a domain name, as www.example".to_owned())
            } else {
                None
            };
            if let Some(advice) = wrong {
                self.add(format!("{at}.{key}"), format!("{} cannot be used: {advice}", quoted(text)));
            }
        }
    }

    fn sources(&mut self, given: &Check, at: &str) {
        let sources = given.source.as_deref().unwrap_or_default();
        for (i, &source) in sources.iter().enumerate() {
            let path = format!("{at}.source[{i}]");
            if let Some(why) = form::unusable(source) {
                self.add(&path, format!("{source} cannot be the source of checks: {why}"));
            }
            let is = form::family(source);
            if sources.iter().take(i).any(|other| form::family(*other) == is) {
                let advice = "give one of each family at most";
                self.add(&path, format!("{source} is not the first {is} address: {advice}"));
            }
        }
    }

    /// A check as a backend has it.
    fn whole(&mut self, check: &Check, vips: &[&Vip], at: &str) {
        let kind = check.kind.unwrap_or_default();
        let Rhythm { interval, timeout, .. } = Rhythm::of(check);
        if check.fast_interval.is_some_and(|fast| fast > interval) {
            let [fast, interval] = [check.fast_interval.unwrap_or_default(), interval].map(period::text);
            let message = format!("{fast} is longer than the interval, {interval}: give at most that");
            self.add(format!("{at}.fast_interval"), message);
        }
        if timeout > interval.saturating_mul(10) {
            let advice = format!("{} at most, ten intervals", period::text(interval.saturating_mul(10)));
            self.add(format!("{at}.timeout"), format!("{} is too long: {advice}", period::text(timeout)));
        }
        if let Some(protocol) = protocol(kind)
            && check.port.is_none()
            && !vips.is_empty()
            && first_port(vips.iter().copied(), protocol).is_none()
        {
            let message =
                format!("is missing: the VIPs of the pool serve no {protocol} port to take; give one");
            self.add(format!("{at}.port"), message);
        }
        let needs: &[(&str, bool)] = match kind {
            CheckKind::Dns => &[("query", check.query.is_none())],
            CheckKind::Udp => &[("send", check.send.is_none())],
            CheckKind::Exec => &[("command", check.command.is_none())],
            CheckKind::Tcp
            | CheckKind::Http
            | CheckKind::Https
            | CheckKind::Tls
            | CheckKind::Icmp
            | CheckKind::Grpc
            | CheckKind::None => &[],
        };
        for (key, _) in needs.iter().filter(|(_, missing)| *missing) {
            self.add(format!("{at}.{key}"), format!("is missing: a check of type {kind} needs it"));
        }
        if let Some(command) = &check.command
            && !command.first().is_some_and(|program| program.starts_with('/'))
        {
            let advice = r#"give the program's whole path first, as in ["/usr/local/bin/check", "-v"]"#;
            self.add(format!("{at}.command"), format!("names no program: {advice}"));
        }
        let tls_keys = [check.server_name.is_some(), check.verify.is_some(), check.ca.is_some()];
        let identity = [check.certificate.is_some(), check.key.is_some()];
        if kind == CheckKind::Grpc && !check.tls.unwrap_or_default() && tls_keys.contains(&true) {
            self.add(format!("{at}.tls"), "is not true, and keys of TLS are here: set it, or remove these");
        }
        if identity == [true, false] || identity == [false, true] {
            let missing = if check.key.is_none() { "key" } else { "certificate" };
            self.add(format!("{at}.{missing}"), "is missing: a certificate and its key go together");
        }
        if check.verify == Some(false) && check.ca.is_some() {
            let advice = "remove verify = false, or the file";
            self.add(format!("{at}.ca"), format!("is of no use while nothing is verified: {advice}"));
        }
        self.vips_of(check, vips, at);
    }

    fn vips_of(&mut self, check: &Check, vips: &[&Vip], at: &str) {
        let path = format!("{at}.vips");
        match &check.vips {
            Some(_) if check.via != Some(Via::Vip) => {
                self.add(path, r#"VIPs are asked with via = "vip" only: add that, or remove the list"#);
            }
            Some(names) => {
                if names.is_empty() || names.len() > MAX_VIPS {
                    self.add(&path, format!("give 1 to {MAX_VIPS} VIPs, or leave it out for all"));
                }
                for (i, name) in names.iter().enumerate() {
                    if !vips.is_empty() && !vips.iter().any(|vip| vip.name == *name) {
                        let names = listed(vips.iter().map(|vip| vip.name.as_str()));
                        let message = format!("{} is no VIP of the pool: it serves {names}", quoted(name));
                        self.add(format!("{path}[{i}]"), message);
                    }
                }
            }
            None if check.via == Some(Via::Vip) && vips.len() > MAX_VIPS => {
                let are = vips.len();
                let message =
                    format!("the pool serves {are} VIPs: name those to be asked, {MAX_VIPS} at most");
                self.add(path, message);
            }
            None => {}
        }
    }

    fn feedback(&mut self, feedback: &Feedback, at: &str) {
        if feedback.port == 0 {
            self.add(format!("{at}.port"), "0 is out of range: give 1 to 65535");
        }
        self.period(format!("{at}.interval"), feedback.interval, FEEDBACK_INTERVAL);
        self.period(format!("{at}.timeout"), feedback.timeout, TIMEOUT);
        match (&feedback.path, feedback.kind) {
            (Some(_), FeedbackKind::Agent) => {
                self.add(
                    format!("{at}.path"),
                    "an agent is asked for nothing: remove it, or set type = \"http\"",
                );
            }
            (Some(path), FeedbackKind::Http) if !path.starts_with('/') || path.len() > MAX_TEXT => {
                self.add(format!("{at}.path"), format!("{} is no path: begin it with `/`", quoted(path)));
            }
            (Some(_) | None, _) => {}
        }
    }

    pub fn period(&mut self, path: String, value: Duration, range: RangeInclusive<Duration>) {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            let [is, least, most] = [value, least, most].map(period::text);
            self.add(path, format!("{is} is out of range: give {least} to {most}"));
        }
    }
}

/// Whether it can be asked for (RFC 1035 section 2.3.4).
fn is_domain(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label =
        |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|it| it.is_ascii_graphic());
    name.len() <= 253 && (name.is_empty() || name.split('.').all(label))
}
