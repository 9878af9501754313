//! What a value of a site file may be. An error says what would be right.

use std::{net::IpAddr, str::FromStr, time::Duration};

use toml::de::DeValue;

use crate::{
    model::{Delivery, OnDown, OnUnknownPort, Seed, Service, UdpPolicy, VlanTags},
    period,
    spelling::quoted,
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

pub fn service(value: &DeValue<'_>) -> Result<Service, String> {
    text(value, r#"a service in quotes, as "tcp/443""#)?.parse().map_err(|error| format!("{error}"))
}

pub fn on_unknown_port(value: &DeValue<'_>) -> Result<OnUnknownPort, String> {
    match text(value, r#""pass" or "drop" in quotes"#)? {
        "pass" => Ok(OnUnknownPort::Pass),
        "drop" => Ok(OnUnknownPort::Drop),
        other => Err(format!(r#"{} is neither "pass" nor "drop""#, quoted(other))),
    }
}

pub fn delivery(value: &DeValue<'_>) -> Result<Delivery, String> {
    let name = text(value, r#""l2", "ipip", "gue" or "local" in quotes"#)?;
    let wrong = || format!(r#"{} is not one of "l2", "ipip", "gue" and "local""#, quoted(name));
    Delivery::ALL.into_iter().find(|delivery| delivery.label() == name).ok_or_else(wrong)
}

pub fn vlan(value: &DeValue<'_>) -> Result<VlanTags, String> {
    /// The last one is reserved (IEEE 802.1Q table 9-2).
    const LAST_VLAN: u16 = 4_094;
    match value.as_str() {
        Some("strip") => Ok(VlanTags::Strip),
        Some("keep") => Ok(VlanTags::Keep),
        Some(other) => {
            Err(format!(r#"{} is neither "strip" nor "keep" nor the number of a VLAN"#, quoted(other)))
        }
        None if matches!(value, DeValue::Integer(_)) => within(1, LAST_VLAN.into())(value).map(VlanTags::Set),
        None => Err(format!(r#"is {}: give "strip", "keep" or a number from 1 to {LAST_VLAN}"#, kind(value))),
    }
}

pub fn udp(value: &DeValue<'_>) -> Result<UdpPolicy, String> {
    match text(value, r#""stateless", "pinned" or "quic" in quotes"#)? {
        "stateless" => Ok(UdpPolicy::Stateless),
        "pinned" => Ok(UdpPolicy::Pinned),
        "quic" => Ok(UdpPolicy::Quic),
        other => Err(format!(r#"{} is not one of "stateless", "pinned" and "quic""#, quoted(other))),
    }
}

pub fn on_down(value: &DeValue<'_>) -> Result<OnDown, String> {
    match text(value, r#""reset" or "keep" in quotes"#)? {
        "reset" => Ok(OnDown::Reset),
        "keep" => Ok(OnDown::Keep),
        other => Err(format!(r#"{} is neither "reset" nor "keep""#, quoted(other))),
    }
}

pub fn period(value: &DeValue<'_>) -> Result<Duration, String> {
    let text = text(value, r#"a period in quotes, as "90s" or "5m""#)?;
    period::parse(text).map_err(|error| error.to_string())
}

/// The seed is a secret: no message repeats it.
pub fn seed(value: &DeValue<'_>) -> Result<Seed, String> {
    let rule = "exactly 16 hexadecimal digits in quotes, as `openssl rand -hex 8` prints them";
    let digits = text(value, rule)?;
    let hexadecimal = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
        .map(Seed::new)
        .ok_or_else(|| format!("give {rule}"))
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
