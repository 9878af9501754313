//! What texts in a site look like, for the JSON Schema: what a pattern can say of them. The rest is for
//! [`Site::problems`](super::Site::problems).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Seed, Service};
use crate::utc::Utc;

/// Gives a type the schema of a text.
macro_rules! text {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// A name of a node, pool, backend or VIP.
pub struct Name;

text!(Name, "Name", {
    "description": "1 to 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit.",
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
});

/// A name of an interface. The kernel counts bytes, of which a character may have four.
pub struct InterfaceName;

text!(InterfaceName, "InterfaceName", {
    "description": "1 to 15 bytes without `/`, `:` and white space.",
    "type": "string",
    "minLength": 1,
    "maxLength": 15,
    "pattern": "^[^/: \\t\\n\\r\\f\\u000b]*$"
});

/// An IP address.
pub struct Address;

text!(Address, "Address", {
    "description": "An IPv4 or IPv6 address, as 192.0.2.1 or 2001:db8::1.",
    "type": "string",
    "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }]
});

/// A prefix.
pub struct Prefix;

text!(Prefix, "Prefix", {
    "description": "An IPv4 or IPv6 prefix without bits behind its length, as 192.0.2.0/24 or 2001:db8::/48.",
    "type": "string",
    "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$"
});

/// A period of time.
pub struct Period;

text!(Period, "Period", {
    "description": "Whole numbers with their units d, h, m and s, as 90s, 5m or 1h30m. 1s to 1d.",
    "type": "string",
    "minLength": 2,
    "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
});

/// A period of time that may be short.
pub struct FinePeriod;

text!(FinePeriod, "FinePeriod", {
    "description": "Whole numbers with their units d, h, m, s and ms, as 250ms, 90s or 1h30m.",
    "type": "string",
    "minLength": 2,
    "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
});

text!(Seed, "Seed", {
    "description": "A secret key: 16 hexadecimal digits, as `openssl rand -hex 8` prints them.",
    "type": "string",
    "pattern": "^[0-9A-Fa-f]{16}$"
});

text!(Service, "Service", {
    "description": "Protocol and port: tcp/443, udp/53, or tcp/any for every port that no other service of the VIP names.",
    "type": "string",
    "pattern": "^(tcp|udp)/(any|0*[1-9][0-9]{0,4})$"
});

text!(Utc, "Utc", {
    "description": "A time to the second with its offset from UTC (RFC 3339). TOML has a type for it: no quotes there.",
    "type": "string",
    "format": "date-time",
    "pattern": "^[0-9-]{10}[Tt ][0-9:]{8}([Zz]|[+-][0-9:]{5})$"
});
