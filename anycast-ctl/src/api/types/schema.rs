//! How the OpenAPI document describes values that are texts with a form of their own.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    model::{MinHealthy, Payload, Percent, Seed, Service, StatusSet},
    utc::Utc,
};

/// A text, described by an example.
macro_rules! text {
    ($type:ty, $name:literal, $description:literal, $example:literal) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.description(Some($description)).examples([$example]).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

text!(
    Service,
    "Service",
    "A protocol and a port, or any port that no other service of the VIP names",
    "tcp/443"
);
text!(Seed, "Seed", "A secret of 16 hexadecimal digits", "0123456789abcdef");
text!(Utc, "Utc", "A moment to the second, RFC 3339", "2026-11-21T18:00:00Z");
text!(Percent, "Percent", "A share in whole percent", "75%");
text!(MinHealthy, "MinHealthy", "A number of backends, or a share of them", "50%");
text!(StatusSet, "StatusSet", "HTTP status codes and ranges of them", "200-299,301");
text!(Payload, "Payload", "A text, or bytes as hex: and hexadecimal digits", "hex:0a0d");
