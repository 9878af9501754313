//! What a value of a site file may be. An error says what would be right.

use std::{net::IpAddr, str::FromStr, time::Duration};

use clap::ValueEnum;
use ipnet::IpNet;
use toml::de::DeValue;

use crate::{
    model::{Seed, SeedError, Service, VlanTags, health::TextError, label},
    period,
    spelling::quoted,
    utc::{Utc, UtcError},
};

pub fn string(value: &DeValue<'_>) -> Result<String, String> {
    text(value, "a string in quotes").map(str::to_owned)
}

pub fn number(value: &DeValue<'_>) -> Result<u32, String> {
    let DeValue::Integer(integer) = value else {
        return Err(no_number(value));
    };
    u32::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| {
        format!("{} is out of range: give a number from 1 to {}", quoted(&integer.to_string()), u32::MAX)
    })
}

/// A number in that range, which that type holds.
pub fn within<T: TryFrom<u32>>(least: u32, most: u32) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        let DeValue::Integer(integer) = value else { return Err(no_number(value)) };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!("{} is out of range: give {least} to {most}", quoted(&integer.to_string()))
        })
    }
}

fn no_number(value: &DeValue<'_>) -> String {
    format!("is {}: give a whole number without quotes", kind(value))
}

pub fn truth(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("is {}: give true or false without quotes", kind(value)))
}

pub fn address(value: &DeValue<'_>) -> Result<IpAddr, String> {
    let text = text(value, r#"an address in quotes, as "192.0.2.1" or "2001:db8::1""#)?;
    IpAddr::from_str(text).map_err(|_| match text.split_once('/') {
        Some((host, _)) if host.parse::<IpAddr>().is_ok() => {
            format!("{} is a prefix: give the address alone, {}", quoted(text), quoted(host))
        }
        _ => format!("{} is no IP address: write it as 192.0.2.1 or 2001:db8::1", quoted(text)),
    })
}

pub fn prefix(value: &DeValue<'_>) -> Result<IpNet, String> {
    let text = text(value, r#"a prefix in quotes, as "192.0.2.0/24" or "2001:db8::/48""#)?;
    let prefix = IpNet::from_str(text)
        .map_err(|_| format!("{} is no prefix: write it as 192.0.2.0/24 or 2001:db8::/48", quoted(text)))?;
    if prefix.trunc() == prefix {
        Ok(prefix)
    } else {
        Err(format!("{} has bits behind its length: write {}", quoted(text), prefix.trunc()))
    }
}

pub fn service(value: &DeValue<'_>) -> Result<Service, String> {
    text(value, r#"a service in quotes, as "tcp/443""#)?.parse().map_err(|error| format!("{error}"))
}

/// One of the names that [`ValueEnum`] has for a choice.
pub fn choice<T: ValueEnum>(value: &DeValue<'_>) -> Result<T, String> {
    let names: Vec<String> = T::value_variants().iter().map(label).collect();
    let given = text(value, &format!("{} in quotes", enumerated(&names, "or")))?;
    let meant = T::value_variants().iter().find(|choice| label(*choice) == given);
    meant.cloned().ok_or_else(|| match names.as_slice() {
        [one, other] => format!("{} is neither \"{one}\" nor \"{other}\"", quoted(given)),
        names => format!("{} is not one of {}", quoted(given), enumerated(names, "and")),
    })
}

/// `"a", "b" or "c"`.
fn enumerated(names: &[String], conjunction: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
        None => String::new(),
    }
}

pub fn vlan(value: &DeValue<'_>) -> Result<VlanTags, String> {
    let (first, last) = VlanTags::VLANS.into_inner();
    match value.as_str() {
        Some("strip") => Ok(VlanTags::Strip),
        Some("keep") => Ok(VlanTags::Keep),
        Some(other) => {
            Err(format!(r#"{} is neither "strip" nor "keep" nor the number of a VLAN"#, quoted(other)))
        }
        None if matches!(value, DeValue::Integer(_)) => {
            within(first.into(), last.into())(value).map(VlanTags::Set)
        }
        None => {
            Err(format!(r#"is {}: give "strip", "keep" or a number from {first} to {last}"#, kind(value)))
        }
    }
}

pub fn period(value: &DeValue<'_>) -> Result<Duration, String> {
    let text = text(value, r#"a period in quotes, as "90s" or "5m""#)?;
    period::parse(text).map_err(|error| error.to_string())
}

/// A period that may be short.
pub fn fine_period(value: &DeValue<'_>) -> Result<Duration, String> {
    let text = text(value, r#"a period in quotes, as "250ms" or "5s""#)?;
    period::parse_fine(text).map_err(|error| error.to_string())
}

/// What its own type reads from a text.
pub fn written<T: FromStr<Err = TextError>>(value: &DeValue<'_>) -> Result<T, String> {
    text(value, "a text in quotes")?.parse().map_err(|error: TextError| error.to_string())
}

/// What times look like.
pub const TIME_RULE: &str =
    "a date and time with its offset from UTC and without quotes, as 2026-11-21T18:00:00Z";

/// A moment, which TOML has a type for.
pub fn utc(value: &DeValue<'_>) -> Result<Utc, String> {
    let DeValue::Datetime(time) = value else { return Err(format!("is {}: give {TIME_RULE}", kind(value))) };
    time.to_string().parse().map_err(|error: UtcError| error.to_string())
}

/// The seed is a secret: no message repeats it.
pub fn seed(value: &DeValue<'_>) -> Result<Seed, String> {
    let digits = value.as_str().ok_or_else(|| format!("is {}: {SeedError}", kind(value)))?;
    Seed::try_from(digits).map_err(|error| error.to_string())
}

fn text<'a>(value: &'a DeValue<'_>, wanted: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("is {}: give {wanted}", kind(value)))
}

/// The type of a value, for people.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
