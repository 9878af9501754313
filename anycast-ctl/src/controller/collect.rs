//! Taking down what was counted for whatever has gone from the site, before its counters go to others.

use anycast_common::{detail::Detail, reason::Reason};

use super::Controller;

impl Controller {
    /// Reads the counters of what is leaving for the last time, clears them, and gives their numbers free. Nothing that
    /// packets read names these any more.
    ///
    /// # Errors
    ///
    /// What cannot be read or cleared: it is tried again, and nothing is added twice.
    pub(super) fn collect(&mut self) -> anyhow::Result<()> {
        // As a run that was ended between writing down and clearing left them.
        self.clear_counted()?;
        if self.numbers.leaving().is_empty() {
            return Ok(());
        }
        self.dataplane.wait_for_packets();
        let mut carried = self.carried.clone();
        for cell in self.numbers.leaving_cells() {
            carried.add_traffic(&cell, self.dataplane.traffic(cell.counter)?.into());
        }
        for (name, number) in &self.numbers.leaving().vips {
            for reason in Reason::ALL {
                carried.add_reason(name, reason.code(), self.dataplane.refused(*number, *reason)?);
            }
            for detail in Detail::ALL {
                carried.add_detail(name, detail.code(), self.dataplane.detail(*number, *detail)?);
            }
        }
        carried.trim(&self.numbers);
        self.carried = carried;
        self.numbers.note_counted();
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
        self.numbers.release_counted();
        Ok(())
    }
}
