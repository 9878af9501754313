//! The keys of a check: which kinds know them, and their values, for whatever treats all of them alike.

use std::{fmt, net::IpAddr, time::Duration};

use super::{Check, CheckKind, Payload, Percent, StatusSet};
use crate::{model::Via, period};

/// One key of a check.
pub struct CheckKey {
    /// As site files call it, behind `check.`.
    pub path: &'static str,
    /// Kinds of check that know it; empty: every one.
    kinds: &'static [CheckKind],
    /// Its value, if it is given.
    pub value: fn(&Check) -> Option<KeyValue>,
    /// Copies its value, or that it has none.
    copy: fn(&Check, &mut Check),
}

/// A value as site files write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// In quotes.
    Text(String),
    /// A whole number.
    Number(u32),
    /// `true` or `false`.
    Truth(bool),
    /// Texts in brackets.
    List(Vec<String>),
}

impl CheckKey {
    /// As the table of a check has it.
    pub fn name(&self) -> &'static str {
        self.path.strip_prefix("check.").unwrap_or(self.path)
    }

    /// Whether a check of that kind knows it.
    pub fn fits(&self, kind: CheckKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Gives it to a check as another one has it.
    pub fn copy_from(&self, from: &Check, to: &mut Check) {
        (self.copy)(from, to);
    }

    /// Whether it is given.
    pub fn is_in(&self, check: &Check) -> bool {
        (self.value)(check).is_some()
    }

    /// The kinds that know it, for people.
    pub fn known_to(&self) -> Vec<String> {
        self.kinds.iter().map(ToString::to_string).collect()
    }
}

macro_rules! keys {
    ($($name:literal $field:ident [$($kind:ident)*];)+) => {
        /// Every key, in the order in which they are written.
        pub const KEYS: &[CheckKey] = &[$(
            CheckKey {
                path: concat!("check.", $name),
                kinds: &[$(CheckKind::$kind),*],
                value: |check| check.$field.as_ref().map(Value::value),
                copy: |from, to| to.$field.clone_from(&from.$field),
            },
        )+];
    };
}

keys! {
    "type" kind [];
    "via" via [Tcp Http Https Tls Dns Udp Icmp Grpc];
    "vips" vips [Tcp Http Https Tls Dns Udp Icmp Grpc];
    "port" port [Tcp Http Https Tls Dns Udp Grpc];
    "source" source [Tcp Http Https Tls Dns Udp Icmp Grpc];
    "interval" interval [];
    "fast_interval" fast_interval [];
    "timeout" timeout [];
    "rise" rise [];
    "fall" fall [];
    "jitter" jitter [];
    "hold_down" hold_down [];
    "hold_down_max" hold_down_max [];
    "full_size" full_size [Http Https Icmp Grpc];
    "method" method [Http Https];
    "path" path [Http Https];
    "host" host [Http Https];
    "status" status [Http Https];
    "body" body [Http Https];
    "drain_header" drain_header [Http Https];
    "tls" tls [Grpc];
    "server_name" server_name [Https Tls Grpc];
    "verify" verify [Https Tls Grpc];
    "ca" ca [Https Tls Grpc];
    "certificate" certificate [Https Tls Grpc];
    "key" key [Https Tls Grpc];
    "query" query [Dns];
    "query_type" query_type [Dns];
    "transport" transport [Dns];
    "rcode" rcode [Dns];
    "answer" answer [Dns];
    "send" send [Tcp Udp];
    "expect" expect [Tcp Udp Exec];
    "service" service [Grpc];
    "command" command [Exec];
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Truth(truth) => truth.fmt(f),
            Self::List(texts) => f.write_str(&texts.join(" ")),
        }
    }
}

/// What a key may have.
trait Value {
    fn value(&self) -> KeyValue;
}

macro_rules! texts {
    ($($type:ty)+) => {
        $(impl Value for $type {
            fn value(&self) -> KeyValue {
                KeyValue::Text(self.to_string())
            }
        })+
    };
}

texts! { String CheckKind Via Percent StatusSet Payload super::QueryType super::DnsTransport super::Rcode }

impl Value for Duration {
    fn value(&self) -> KeyValue {
        KeyValue::Text(period::text(*self))
    }
}

impl Value for u16 {
    fn value(&self) -> KeyValue {
        KeyValue::Number((*self).into())
    }
}

impl Value for u32 {
    fn value(&self) -> KeyValue {
        KeyValue::Number(*self)
    }
}

impl Value for bool {
    fn value(&self) -> KeyValue {
        KeyValue::Truth(*self)
    }
}

impl Value for Vec<String> {
    fn value(&self) -> KeyValue {
        KeyValue::List(self.clone())
    }
}

impl Value for Vec<IpAddr> {
    fn value(&self) -> KeyValue {
        KeyValue::List(self.iter().map(ToString::to_string).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_is_a_key() {
        let full = crate::model::arbitrary::full_check();
        let json = serde_json::to_value(&full).unwrap();
        let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, KEYS.iter().map(CheckKey::name).collect());
        assert!(KEYS.iter().all(|key| key.is_in(&full)));
    }

    #[test]
    fn a_backends_keys_come_before_its_pools() {
        let pool = Check {
            fall: Some(9),
            rise: Some(8),
            path: Some("/health".into()),
            ..Check::of(CheckKind::Http)
        };
        let own = Check { fall: Some(2), ..Check::default() }.over(&pool);
        assert_eq!((own.kind, own.fall, own.rise), (Some(CheckKind::Http), Some(2), Some(8)));
        assert_eq!(own.path.as_deref(), Some("/health"));
        let other = Check::of(CheckKind::Tcp).over(&pool);
        assert_eq!((other.kind, other.fall, other.path), (Some(CheckKind::Tcp), Some(9), None));
        assert_eq!(Check::default().over(&pool), pool);
        let tls = Check { server_name: Some("a".into()), ..Check::of(CheckKind::Https) };
        assert_eq!(Check::of(CheckKind::Grpc).over(&tls).server_name.as_deref(), Some("a"));
    }
}
