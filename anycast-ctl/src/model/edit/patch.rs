//! Parts of a VIP, a pool or a backend that become otherwise; what is not named stays.

use std::{fmt, net::IpAddr, time::Duration};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    model::{
        AnnouncePolicy, Backend, Check, Delivery, Feedback, MinHealthy, OnDown, OnEmpty, OnUnknownPort,
        Percent, Pool, RampCurve, Service, UdpPolicy, Unchecked, Vip, WhenDrained, health::KEYS, label,
    },
    period,
};

/// Body of `PATCH /v1/vips/{vip}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VipPatch {
    /// Another address: what it has under way is no VIP's any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// All its services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<Service>>,
    /// Another pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What happens to packets no service names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unknown_port: Option<OnUnknownPort>,
    /// Whether pings are answered here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<bool>,
    /// When it is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<AnnouncePolicy>,
    /// The prefix that is announced for it; `null`: its address alone.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub prefix: Option<Option<IpNet>>,
    /// How many backends must be healthy for it to be announced; `null`: as its pool has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MinHealthy>)]
    pub min_healthy: Option<Option<MinHealthy>>,
}

/// Body of `PATCH /v1/pools/{pool}`. The slots and the seed of a pool stay as long as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolPatch {
    /// How packets get to those of its backends that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// How its UDP flows are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<UdpPolicy>,
    /// What becomes of the flows of a backend that is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_down: Option<OnDown>,
    /// What happens to its packets while nobody of it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_empty: Option<OnEmpty>,
    /// How long a flow may be silent, as `90s` or `5m`.
    #[serde(
        default,
        serialize_with = "some_period",
        deserialize_with = "given_period",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, example = "5m")]
    pub idle_timeout: Option<Duration>,
    /// What its backends must answer; keys that are not named stay. `null`: nothing.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Check>)]
    pub check: Option<Option<Box<Check>>>,
    /// What becomes of a backend that no check has judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<Unchecked>,
    /// The share of its backends that may fail at once and be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic_threshold: Option<Percent>,
    /// How many must be healthy; `null`: one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MinHealthy>)]
    pub min_healthy: Option<Option<MinHealthy>>,
    /// How long the share of a backend that comes up takes to grow.
    #[serde(
        default,
        serialize_with = "some_period",
        deserialize_with = "given_period",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, example = "30s")]
    pub slow_start: Option<Duration>,
    /// How it grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start_curve: Option<RampCurve>,
    /// Where its backends say how loaded they are; `null`: nowhere.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Feedback>)]
    pub feedback: Option<Option<Box<Feedback>>>,
}

/// Body of `PATCH /v1/pools/{pool}/backends/{backend}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendPatch {
    /// Another address: its flows end as if it had been removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Share of new flows, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// How packets get to it; `null`: as its pool has it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Delivery>)]
    pub delivery: Option<Option<Delivery>>,
    /// Whether it takes new flows only while none of its pool's others may that are no backups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<bool>,
    /// What it must answer otherwise than its pool's others; keys that are not named stay. `null`: nothing else.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Check>)]
    pub check: Option<Option<Box<Check>>>,
    /// What becomes of it when it is draining and no flow of its is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_drained: Option<WhenDrained>,
}

impl VipPatch {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply(&self, vip: &mut Vip) {
        let Self { address, services, pool, on_unknown_port, echo, announce, prefix, min_healthy } = self;
        set(&mut vip.announce, announce);
        set(&mut vip.prefix, prefix);
        set(&mut vip.min_healthy, min_healthy);
        set(&mut vip.address, address);
        set(&mut vip.services, services);
        set(&mut vip.pool, pool);
        set(&mut vip.on_unknown_port, on_unknown_port);
        set(&mut vip.echo, echo);
    }
}

impl PoolPatch {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply(&self, pool: &mut Pool) {
        let Self {
            delivery,
            udp,
            on_down,
            on_empty,
            idle_timeout,
            check,
            unchecked,
            panic_threshold,
            min_healthy,
            slow_start,
            slow_start_curve,
            feedback,
        } = self;
        merge(&mut pool.check, check);
        set(&mut pool.unchecked, unchecked);
        set(&mut pool.panic_threshold, panic_threshold);
        set(&mut pool.min_healthy, min_healthy);
        set(&mut pool.slow_start, slow_start);
        set(&mut pool.slow_start_curve, slow_start_curve);
        set(&mut pool.feedback, feedback);
        set(&mut pool.delivery, delivery);
        set(&mut pool.udp, udp);
        set(&mut pool.on_down, on_down);
        set(&mut pool.on_empty, on_empty);
        set(&mut pool.idle_timeout, idle_timeout);
    }
}

impl BackendPatch {
    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn apply(&self, backend: &mut Backend) {
        let Self { address, weight, delivery, backup, when_drained, check } = self;
        merge(&mut backend.check, check);
        set(&mut backend.address, address);
        set(&mut backend.weight, weight);
        set(&mut backend.delivery, delivery);
        set(&mut backend.backup, backup);
        set(&mut backend.when_drained, when_drained);
    }
}

fn set<T: Clone>(field: &mut T, value: &Option<T>) {
    if let Some(value) = value {
        *field = value.clone();
    }
}

/// Keys that are named are taken, those that are not stay; a check of another kind keeps none that it does not know.
fn merge(check: &mut Option<Box<Check>>, patch: &Option<Option<Box<Check>>>) {
    match patch {
        None => {}
        Some(None) => *check = None,
        Some(Some(keys)) => *check = Some(Box::new(keys.over(&check.take().unwrap_or_default()))),
    }
}

/// ` key value` for everything that is named.
impl fmt::Display for VipPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, services, pool, on_unknown_port, echo, announce, prefix, min_healthy } = self;
        let services: Option<Vec<String>> =
            services.as_ref().map(|services| services.iter().map(ToString::to_string).collect());
        named(f, "address", address.as_ref())?;
        named(f, "services", services.map(|services| services.join(",")))?;
        named(f, "pool", pool.as_ref())?;
        named(f, "on_unknown_port", on_unknown_port.map(|it| label(&it)))?;
        named(f, "echo", echo.as_ref())?;
        named(f, "announce", announce.as_ref())?;
        named(f, "prefix", prefix.map(|it| it.map_or("none".to_owned(), |it| it.to_string())))?;
        named(f, "min_healthy", min_healthy.map(|it| it.map_or("none".to_owned(), |it| it.to_string())))
    }
}

impl fmt::Display for PoolPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            delivery,
            udp,
            on_down,
            on_empty,
            idle_timeout,
            check,
            unchecked,
            panic_threshold,
            min_healthy,
            slow_start,
            slow_start_curve,
            feedback,
        } = self;
        named(f, "check", check.as_ref().map(check_words))?;
        named(f, "unchecked", unchecked.as_ref())?;
        named(f, "panic_threshold", panic_threshold.as_ref())?;
        named(f, "min_healthy", min_healthy.map(|it| it.map_or("none".to_owned(), |it| it.to_string())))?;
        named(f, "slow_start", slow_start.map(period::text))?;
        named(f, "slow_start_curve", slow_start_curve.as_ref())?;
        let feedback = feedback.as_ref();
        named(
            f,
            "feedback",
            feedback.map(|it| it.as_ref().map_or("none".to_owned(), |it| it.kind.to_string())),
        )?;
        named(f, "delivery", delivery.as_ref())?;
        named(f, "udp", udp.map(|it| label(&it)))?;
        named(f, "on_down", on_down.map(|it| label(&it)))?;
        named(f, "on_empty", on_empty.map(|it| label(&it)))?;
        named(f, "idle_timeout", idle_timeout.map(period::text))
    }
}

impl fmt::Display for BackendPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, weight, delivery, backup, when_drained, check } = self;
        named(f, "check", check.as_ref().map(check_words))?;
        named(f, "address", address.as_ref())?;
        named(f, "weight", weight.as_ref())?;
        named(
            f,
            "delivery",
            delivery.map(|delivery| delivery.map_or_else(|| "as its pool".to_owned(), |it| it.to_string())),
        )?;
        named(f, "backup", backup.as_ref())?;
        named(f, "when_drained", when_drained.map(|it| label(&it)))
    }
}

/// `type=http port=80`.
fn check_words(check: &Option<Box<Check>>) -> String {
    let Some(check) = check else { return "none".to_owned() };
    let given = KEYS.iter().filter_map(|key| Some(format!("{}={}", key.name(), (key.value)(check)?)));
    given.collect::<Vec<_>>().join(" ")
}

fn named<T: fmt::Display>(f: &mut fmt::Formatter<'_>, key: &str, value: Option<T>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, " {key} {value}"))
}

/// Tells `null` from a key that is absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Only called where there is one.
fn some_period<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    period::as_text::serialize(&value.unwrap_or_default(), serializer)
}

fn given_period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    period::as_text::deserialize(deserializer).map(Some)
}
