//! The border with a routing daemon as docs/announce/kernel.md sets it up.

use std::ops::Deref;

use anycast_ctl::{
    announce::driver::Announcer,
    model::{Announce, KernelSettings},
};

use crate::border::{self, Border, bird::Bird, frr::Frr};

const PAGE: &str = include_str!("../../../docs/announce/kernel.md");

pub struct Stage {
    // Dropped in this order.
    _frr: Option<Frr>,
    _bird: Option<Bird>,
    border: Border,
}

impl Stage {
    /// Without a routing daemon.
    pub fn alone() -> Self {
        Self { _frr: None, _bird: None, border: Border::new() }
    }

    pub fn with_bird() -> Self {
        let text = border::blocks(PAGE, "bird").remove(0);
        // The lab does not wait for the timers of the field.
        Self::with_bird_as(
            &text.replace(" as 65001;", " as 65001; connect delay time 1; error wait time 1, 1;"),
        )
    }

    pub fn with_bird_as(config: &str) -> Self {
        let border = Border::new();
        let bird = Bird::start(&border.edge, border.directory.path(), "edge", config);
        Self { _frr: None, _bird: Some(bird), border }
    }

    pub fn with_frr() -> Self {
        let border = Border::new();
        let timers =
            "router bgp 65001\n neighbor 10.9.0.2 timers connect 1\n neighbor fd09::2 timers connect 1\n";
        let config = format!("{}!\n{timers}", border::blocks(PAGE, "frr")[0]);
        let frr = Frr::start(&border.edge, border.directory.path(), &config);
        Self { _frr: Some(frr), _bird: None, border }
    }

    pub fn driver(&self) -> Box<dyn Announcer> {
        self.connect(&routes()).unwrap()
    }

    /// With settings that differ from the page's.
    pub fn driver_with(
        &self,
        mut announce: Announce,
        change: impl FnOnce(&mut KernelSettings),
    ) -> Box<dyn Announcer> {
        change(announce.kernel.as_mut().unwrap());
        self.connect(&announce).unwrap()
    }
}

impl Deref for Stage {
    type Target = Border;

    fn deref(&self) -> &Border {
        &self.border
    }
}

/// The settings of the page for routes.
pub fn routes() -> Announce {
    border::announce(&border::blocks(PAGE, "toml")[0])
}

/// The settings of the page for addresses.
pub fn addresses() -> Announce {
    border::announce(&border::blocks(PAGE, "toml")[1])
}
