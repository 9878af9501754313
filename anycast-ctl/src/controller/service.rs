//! What the service manager is told of the daemon.

use std::path::Path;

use super::Controller;
use crate::api::types::BackendState;

impl Controller {
    /// Applies the site file again, as SIGHUP asks for; the service manager is told when that begins and when it is over.
    pub(super) async fn reload(&mut self, path: Option<&Path>) {
        self.service.reloading();
        self.refused_file = self.apply_file(path).await.err();
        self.say_to_service();
        self.service.ready();
    }

    /// Has `systemctl status` say in a line how things are. The first line of errors that have several is enough there.
    pub(super) fn say_to_service(&mut self) {
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let line = if let Some(behind) = self.progress_status().behind {
            format!("behind: {}", first(&behind.error))
        } else if let Some(error) = &self.refused_file {
            format!("the site file was not applied again: {}", first(error))
        } else if self.detached {
            "detached: nothing is steered until `anycast-ctl attach`".to_owned()
        } else if self.told.is_empty() {
            "nothing to steer: the site has no backend".to_owned()
        } else {
            let up = self.told.values().filter(|(_, state)| *state == BackendState::Up).count();
            format!("steering: {up} of {} backends up", self.told.len())
        };
        self.service.say(line);
    }
}
