//! How interfaces hang together.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};

use crate::interface::InterfaceError;

/// Every interface's part of it, by index.
pub struct Relations(BTreeMap<u32, Relation>);

#[derive(Default)]
struct Relation {
    name: String,
    kind: Option<InfoKind>,
    master: Option<u32>,
    lower: Option<u32>,
    tx_queues: u32,
}

/// Asks the kernel.
pub async fn gather() -> Result<Relations, InterfaceError> {
    let (connection, handle, _) = rtnetlink::new_connection()?;
    let connection = tokio::spawn(connection);
    let messages: Result<Vec<LinkMessage>, _> = handle.link().get().execute().try_collect().await;
    connection.abort();
    Ok(Relations(messages?.iter().map(|message| (message.header.index, read(message))).collect()))
}

fn read(message: &LinkMessage) -> Relation {
    let mut relation = Relation::default();
    for attribute in &message.attributes {
        if let LinkAttribute::IfName(name) = attribute {
            relation.name.clone_from(name);
        } else if let LinkAttribute::Controller(index) = attribute {
            relation.master = Some(*index);
        } else if let LinkAttribute::Link(index) = attribute {
            relation.lower = Some(*index);
        } else if let LinkAttribute::NumTxQueues(queues) = attribute {
            relation.tx_queues = *queues;
        } else if let LinkAttribute::LinkInfo(infos) = attribute {
            relation.kind = infos.iter().find_map(|info| {
                let LinkInfo::Kind(kind) = info else { return None };
                Some(kind.clone())
            });
        }
    }
    relation
}

impl Relations {
    pub fn tx_queues(&self, index: u32) -> u32 {
        self.0.get(&index).map_or(1, |relation| relation.tx_queues)
    }

    /// Names of the VLAN interfaces on top of an interface.
    pub fn vlans_on(&self, index: u32) -> Vec<String> {
        let on_top = self.0.values().filter(|it| it.kind == Some(InfoKind::Vlan) && it.lower == Some(index));
        on_top.map(|relation| relation.name.clone()).collect()
    }

    /// The interface an interface is part of, and what kind that is.
    pub fn master_of(&self, index: u32) -> Option<(String, String)> {
        let master = self.0.get(&self.0.get(&index)?.master?)?;
        let kind = master.kind.as_ref().map_or_else(|| "master".to_owned(), ToString::to_string);
        Some((master.name.clone(), kind))
    }
}
