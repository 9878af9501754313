//! What remembered flows are read with, which happens elsewhere: a million of them take their time.

use super::{Controller, requests::internal, view::View};
use crate::{
    api::request::{Reply, RequestError},
    dataplane::{DataplaneError, FlowReader, Published},
    flows::{Remembered, SiteNames},
    reconcile,
    utc::Utc,
};

impl Controller {
    /// Hands out what remembered flows are read with.
    pub(super) fn hand_out_flows(&self, reply: Reply<Remembered>) {
        let maps = self.flow_maps();
        let hash_key = self.dataplane.hash_key();
        self.look(move |view| {
            let remembered = maps.map(|(embryonic, pins, tables)| Remembered {
                embryonic,
                pins,
                tables,
                hash_key,
                scope: view.scope(),
                names: view.names(),
            });
            let refused = |error: DataplaneError| -> RequestError { internal(error.into()) };
            drop(reply.send(remembered.map_err(refused)));
        });
    }

    fn flow_maps(&self) -> Result<(FlowReader, FlowReader, Published), DataplaneError> {
        let (embryonic, pins) = (self.dataplane.embryonic.reader()?, self.dataplane.pins.reader()?);
        Ok((embryonic, pins, self.dataplane.published()))
    }
}

impl View {
    /// Who may have flows.
    fn scope(&self) -> crate::sweep::Scope {
        reconcile::scope(&self.site, &self.numbers, &self.opinions(), Utc::now())
    }

    /// What everything is called.
    fn names(&self) -> SiteNames {
        SiteNames::of(&self.site, &self.numbers)
    }
}
