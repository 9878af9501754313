//! Which neighbours are told which routes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use ipnet::IpNet;

use super::{
    super::DriverError,
    connection::{Connection, LIST_PATH},
    fault::Fault,
    message::{ADJ_OUT, Family, ListPathResponse},
    peers::Neighbour,
    table::{by_family, question},
};

/// Names of the neighbours that are told a prefix.
pub type Exports = BTreeMap<IpNet, Vec<String>>;

/// What all neighbours are told of these prefixes.
///
/// # Errors
/// gobgpd does not say.
pub async fn all(
    connection: &Connection,
    neighbours: &[Neighbour],
    prefixes: impl IntoIterator<Item = IpNet>,
) -> Result<Exports, DriverError> {
    let mut exports = Exports::new();
    for (family, prefixes) in by_family(prefixes) {
        let told = neighbours
            .iter()
            .filter(|neighbour| neighbour.takes(&family))
            .map(|neighbour| told(connection, &neighbour.peer.name, &family, &prefixes));
        for (name, told) in try_join_all(told).await? {
            for prefix in told {
                exports.entry(prefix).or_default().push(name.to_owned());
            }
        }
    }
    Ok(exports)
}

async fn told<'a>(
    connection: &Connection,
    name: &'a str,
    family: &Family,
    prefixes: &BTreeSet<IpNet>,
) -> Result<(&'a str, BTreeSet<IpNet>), DriverError> {
    let mut told = BTreeSet::new();
    let each = |ListPathResponse { destination }| {
        let Some(destination) = destination else { return };
        let prefix = destination.prefix.parse().ok().filter(|prefix| prefixes.contains(prefix));
        if destination.paths.iter().any(|path| !path.filtered) {
            told.extend(prefix);
        }
    };
    let question = question(ADJ_OUT, name.to_owned(), family.clone(), prefixes);
    match connection.list(LIST_PATH, question, each).await {
        Ok(()) => Ok((name, told)),
        Err(Fault::Lost(error)) => Err(error),
        // The neighbour was removed since it was listed.
        Err(Fault::Said(_)) => Ok((name, BTreeSet::new())),
    }
}
