//! Taking down what was counted for whatever has gone from the site, before its counters go to others.

use std::sync::Arc;

use anycast_common::{detail::Detail, reason::Reason};

use super::Controller;
use crate::{dataplane::Reach, numbers::Carried};

impl Controller {
    /// Reads the counters of what is leaving for the last time, clears them, and gives their numbers free. Nothing that
    /// packets read names these any more.
    ///
    /// # Errors
    ///
    /// What cannot be read or cleared: it is tried again, and nothing is added twice.
    pub(super) fn collect(&mut self) -> anyhow::Result<()> {
        // Whoever reads the counters goes by where they belonged when it began.
        self.collects_later = self.dataplane.counters_are_read();
        if self.collects_later {
            return Ok(());
        }
        // As a run that was ended between writing down and clearing left them.
        self.clear_counted()?;
        if self.numbers.leaving().is_empty() {
            return Ok(());
        }
        self.dataplane.wait_for_packets();
        let mut carried = Carried::clone(&self.carried);
        let cells = self.numbers.leaving_cells();
        let vips = &self.numbers.leaving().vips;
        let reach = Reach::of(cells.iter().map(|cell| cell.counter), vips.iter().map(|(_, number)| *number));
        let counted = self.dataplane.counters().read(&reach)?;
        for cell in &cells {
            carried.add_traffic(cell, counted.traffic(cell.counter).into());
        }
        for (name, number) in vips {
            for reason in Reason::ALL {
                carried.add_reason(name, reason.code(), counted.refused(*number, *reason));
            }
            for detail in Detail::ALL {
                carried.add_detail(name, detail.code(), counted.detail(*number, *detail));
            }
        }
        carried.trim(&self.numbers);
        self.carried = Arc::new(carried);
        Arc::make_mut(&mut self.numbers).note_counted();
        self.persist()?;
        self.clear_counted()
    }

    fn clear_counted(&mut self) -> anyhow::Result<()> {
        if self.numbers.counted().is_empty() {
            return Ok(());
        }
        for counter in self.numbers.counted_cells() {
            self.dataplane.clear_traffic(counter)?;
        }
        for (_, number) in &self.numbers.counted().vips {
            self.dataplane.clear_vip(*number)?;
        }
        Arc::make_mut(&mut self.numbers).release_counted();
        Ok(())
    }
}
