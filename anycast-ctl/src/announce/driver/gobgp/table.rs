//! What GoBGP's global table has of prefixes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    super::DriverError,
    attributes::{Attributes, family},
    connection::{Connection, LIST_PATH},
    fault::Fault,
    message::{Destination, Family, GLOBAL, ListPathRequest, ListPathResponse, LookupPrefix, Path},
};

/// A path that this GoBGP originates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Its attributes.
    pub attributes: Attributes,
    /// The neighbour whose path GoBGP prefers to it, where it does.
    pub worse_than: Option<String>,
    /// Whether GoBGP cannot reach its next hop.
    pub is_unreachable: bool,
}

/// Paths of own origin to these prefixes.
///
/// # Errors
/// gobgpd does not say.
pub async fn own(
    connection: &Connection,
    prefixes: impl IntoIterator<Item = IpNet>,
) -> Result<BTreeMap<IpNet, Own>, DriverError> {
    let mut found = BTreeMap::new();
    for (family, prefixes) in by_family(prefixes) {
        let question = question(GLOBAL, String::new(), family, &prefixes);
        let each = |ListPathResponse { destination }| {
            if let Some((prefix, own)) = destination.and_then(|it| own_of(&it)) {
                // Others than those asked for, however many, are not kept.
                if prefixes.contains(&prefix) {
                    found.insert(prefix, own);
                }
            }
        };
        connection.list(LIST_PATH, question, each).await.map_err(Fault::of_all)?;
    }
    Ok(found)
}

/// Prefixes by what they are asked about in one question.
pub fn by_family(prefixes: impl IntoIterator<Item = IpNet>) -> Vec<(Family, BTreeSet<IpNet>)> {
    let (v4, v6): (BTreeSet<_>, BTreeSet<_>) =
        prefixes.into_iter().map(|prefix| prefix.trunc()).partition(|prefix| matches!(prefix, IpNet::V4(_)));
    let question = |prefixes: BTreeSet<IpNet>| Some((family(*prefixes.first()?), prefixes));
    [v4, v6].into_iter().filter_map(question).collect()
}

/// The question for exactly these prefixes of a table.
pub fn question(table: i32, name: String, family: Family, prefixes: &BTreeSet<IpNet>) -> ListPathRequest {
    let prefixes = prefixes.iter().map(|prefix| LookupPrefix { prefix: prefix.to_string() }).collect();
    ListPathRequest { table_type: table, name, family: Some(family), prefixes, enable_filtered: true }
}

fn own_of(destination: &Destination) -> Option<(IpNet, Own)> {
    let prefix = destination.prefix.parse().ok()?;
    let path = destination.paths.iter().find(|path| is_own(path))?;
    let best = destination.paths.iter().find(|path| path.best);
    let worse_than = best.filter(|best| !is_own(best)).map(|best| best.neighbor_ip.clone());
    let own = Own { attributes: Attributes::of(path), worse_than, is_unreachable: path.is_nexthop_invalid };
    Some((prefix, own))
}

/// Whether GoBGP originates it, and not for zebra.
fn is_own(path: &Path) -> bool {
    path.neighbor_ip.parse::<IpAddr>().is_err() && !path.is_from_external && !path.filtered
}
