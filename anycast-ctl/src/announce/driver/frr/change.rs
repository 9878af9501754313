//! Changes of `network` statements, given in one batch, and whom it is to blame on when one fails.

use ipnet::IpNet;

use super::{
    config::family,
    terminal::{Fault, Terminal},
};
use crate::announce::driver::DriverError;

/// A change of one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its prefix.
    pub prefix: IpNet,
    /// The route-map that it gets; `None`: it goes.
    pub map: Option<String>,
}

/// One line, and which prefix it is about.
type Order = (String, Option<IpNet>);

/// Makes changes, and says which could not be made, with what bgpd says of it.
///
/// # Errors
/// Not one of them could.
pub async fn make(
    terminal: &mut Terminal,
    asn: &str,
    maps: &[String],
    mut changes: Vec<Change>,
) -> Result<Vec<(IpNet, String)>, DriverError> {
    let mut refused = Vec::new();
    loop {
        let batch = batch(asn, maps, &changes);
        let lines: Vec<String> = batch.iter().map(|(line, _)| line.clone()).collect();
        let Err(Fault { index, text }) = terminal.run(&lines).await? else { return Ok(refused) };
        let Some((line, prefix)) = batch.get(index) else {
            return Err(DriverError::Garbled(format!("bgpd says of a command that was not given: {text}")));
        };
        let Some(prefix) = prefix else {
            return Err(DriverError::Refused(format!(
                "bgpd does not take `{line}`: {text}: try it with vtysh, in the order of docs/announce/frr.md"
            )));
        };
        // Without that one; those before it are done, and doing them again changes nothing.
        let is_gone = line.starts_with("no ") && text.contains("Can't find static route");
        if !is_gone {
            refused.push((*prefix, format!("bgpd does not take `{line}`: {text}")));
        }
        let done = changes.iter().position(|change| change.prefix == *prefix).map_or(0, |at| at + 1);
        changes.drain(..done);
        if changes.is_empty() {
            return Ok(refused);
        }
    }
}

/// Withdrawals come first: they are what somebody waits for.
fn batch(asn: &str, maps: &[String], changes: &[Change]) -> Vec<Order> {
    let mut batch: Vec<Order> = Vec::new();
    let context = |line: &str| (line.to_owned(), None);
    batch.push(context("configure terminal"));
    batch.extend(maps.iter().map(|line| context(line)));
    batch.push((format!("router bgp {asn}"), None));
    let mut within = None;
    for change in changes {
        let family = family(&change.prefix);
        if within != Some(family) {
            if within.is_some() {
                batch.push(context("exit-address-family"));
            }
            batch.push((format!("address-family {family} unicast"), None));
            within = Some(family);
        }
        let line = match &change.map {
            Some(map) => format!("network {} route-map {map}", change.prefix),
            None => format!("no network {}", change.prefix),
        };
        batch.push((line, Some(change.prefix)));
    }
    batch.push(context("end"));
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_enters_each_family_once() {
        let change = |prefix: &str, map: Option<&str>| Change {
            prefix: prefix.parse().unwrap(),
            map: map.map(str::to_owned),
        };
        let changes =
            [change("192.0.2.1/32", None), change("192.0.2.2/32", Some("m")), change("2001:db8::/48", None)];
        let lines: Vec<String> = batch("65001", &[], &changes).into_iter().map(|(line, _)| line).collect();
        let expected = [
            "configure terminal",
            "router bgp 65001",
            "address-family ipv4 unicast",
            "no network 192.0.2.1/32",
            "network 192.0.2.2/32 route-map m",
            "exit-address-family",
            "address-family ipv6 unicast",
            "no network 2001:db8::/48",
            "end",
        ];
        assert_eq!(lines, expected);
    }
}
