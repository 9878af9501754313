//! The border with FRR as docs/announce/frr.md sets it up.

use std::{ops::Deref, path::Path};

use anycast_ctl::{
    announce::driver::Announcer,
    model::{Announce, FrrSettings},
};

use crate::border::{self, Border, frr::Frr};

pub const PAGE: &str = include_str!("../../../docs/announce/frr.md");

pub struct Stage {
    // Dropped in this order.
    pub frr: Frr,
    border: Border,
}

impl Stage {
    /// As the page says.
    pub fn new() -> Self {
        Self::with(&config())
    }

    pub fn with(config: &str) -> Self {
        let border = Border::new();
        let frr = Frr::start(&border.edge, border.directory.path(), config);
        Self { frr, border }
    }

    /// `[announce]` as the page says, with this FRR's sockets.
    pub fn announce(&self) -> Announce {
        by(&self.frr.sockets, Path::new("/usr/bin/vtysh"))
    }

    pub fn driver(&self) -> Box<dyn Announcer> {
        self.connect(&self.announce()).unwrap()
    }
}

impl Deref for Stage {
    type Target = Border;

    fn deref(&self) -> &Border {
        &self.border
    }
}

pub fn config() -> String {
    let blocks = border::blocks(PAGE, "frr");
    // The lab does not wait for the timers of the field.
    format!(
        "{}!\nrouter bgp 65001\n neighbor 10.9.0.2 timers connect 1\n neighbor fd09::2 timers connect 1\n",
        blocks[0]
    )
}

/// Settings with these paths.
pub fn by(sockets: &Path, vtysh: &Path) -> Announce {
    let mut announce = border::announce(&border::blocks(PAGE, "toml")[0]);
    assert_eq!(announce.frr, Some(FrrSettings::default()));
    announce.frr = Some(FrrSettings { sockets: sockets.to_owned(), vtysh: vtysh.to_owned() });
    announce
}
