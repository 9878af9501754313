//! BIRD 2, by its control socket. Each VIP has a static protocol, and a second one that has the same route as it is while it
//! is about to go: levels change by enabling one and then disabling the other. The operator wrote these protocols, or this
//! daemon does, into a file that BIRD's configuration includes.
//!
//! Without a second protocol a route that is about to go is withdrawn at once.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, FutureExt as _};

use self::{
    client::Client,
    include::Include,
    names::{Names, Target},
    protocols::{Switches, Trouble, risen},
};
use super::{Announcer, DriverError, Failures, Level, Seen, Surroundings, Wanted};
use crate::{
    model::{Announce, BirdSettings},
    spelling::quoted,
};

mod client;
mod include;
mod look;
mod names;
mod protocols;
#[cfg(test)]
mod tests;

/// A connection to BIRD.
#[derive(Debug)]
pub struct Bird {
    client: Client,
    names: Names,
    /// Where this daemon writes the protocols itself.
    include: Option<Include>,
    /// What BIRD's protocols are believed to be; read first of all.
    switches: Option<Switches>,
    /// Whether routes that are about to go have the community.
    has_community: bool,
}

/// Connects to BIRD, and finds out whether it lets this daemon do what it must.
///
/// # Errors
/// It is not there, not BIRD 2, or only lets look.
pub async fn connect(
    announce: &Announce,
    settings: &BirdSettings,
    surroundings: &Surroundings,
) -> Result<Bird, DriverError> {
    let client = Client::connect(&settings.socket).await?;
    let include = settings.include.as_ref();
    let include = include.map(|path| Include::new(path, announce, &surroundings.instance));
    let has_community = announce.shutdown.community;
    Ok(Bird { client, names: Names::of(settings), include, switches: None, has_community })
}

impl Announcer for Bird {
    fn bring<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Failures, DriverError>> {
        self.bring_to(wanted).boxed()
    }

    fn look<'a>(&'a mut self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Seen, DriverError>> {
        self.look_at(wanted).boxed()
    }
}

impl Bird {
    async fn bring_to(&mut self, wanted: &Wanted) -> Result<Failures, DriverError> {
        let mut failures = Failures::new();
        let targets = self.names.targets(wanted, &mut failures);
        let mut switches = match self.switches.take() {
            Some(switches) => switches,
            None => {
                let mut switches = Switches::default();
                switches.refresh(&mut self.client).await?;
                switches
            }
        };
        self.withdraw(&mut switches, &targets).await?;
        let mut later = Vec::new();
        for target in targets.iter().filter(|target| target.route.level != Level::Withdrawn) {
            if self.include.as_ref().is_some_and(|include| !include.has(target)) {
                later.push(target);
            } else if let Err(text) = self.switch(&mut switches, target).await? {
                failures.insert(target.vip.to_owned(), text);
            }
        }
        if let Some(include) = &mut self.include {
            if include.is_loaded(&targets) {
                include.note(&targets)?;
            } else {
                let refused = include.load(&mut self.client, &targets).await?.err();
                switches.refresh(&mut self.client).await?;
                for target in later {
                    let outcome = self.switch_loaded(&mut switches, target, refused.as_deref()).await?;
                    if let Err(text) = outcome {
                        failures.insert(target.vip.to_owned(), text);
                    }
                }
            }
        }
        self.switches = Some(switches);
        Ok(failures)
    }

    /// What is to go goes before anything else is done: the withdrawn VIPs' protocols, and those of VIPs that are no more.
    async fn withdraw(&mut self, switches: &mut Switches, targets: &[Target<'_>]) -> Result<(), DriverError> {
        let written = match &self.include {
            Some(include) if !include.is_loaded(targets) => include.names(),
            Some(_) | None => Vec::new(),
        };
        let is_own = |name: &str| match &self.include {
            Some(_) => written.iter().any(|written| written == name),
            None => self.names.cover(name),
        };
        let staying = targets.iter().filter(|target| target.on().is_some());
        let keeps: BTreeSet<&str> = staying.flat_map(Target::names).collect();
        let gone = targets.iter().filter(|target| target.on().is_none()).flat_map(Target::names);
        let others = switches.own(is_own).filter(|name| !keeps.contains(name));
        let mut names: Vec<String> = gone.chain(others).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        switches.off(&mut self.client, &names).await
    }

    /// Brings a VIP to its level: what it is to have first, then without what it had. The error is why it cannot be.
    async fn switch(
        &mut self,
        switches: &mut Switches,
        target: &Target<'_>,
    ) -> Result<Result<(), String>, DriverError> {
        let Some(on) = target.on() else { return Ok(Ok(())) };
        let off: Vec<&str> = target.off().filter(|name| switches.is_on(name)).collect();
        let mut outcome = Ok(());
        if !switches.is_on(on) {
            outcome = switches.on(&mut self.client, on).await?;
            if outcome.is_ok() && !off.is_empty() {
                outcome = risen(&mut self.client, on).await?;
            }
        }
        match outcome {
            Ok(()) => {
                switches.off(&mut self.client, &off).await?;
                Ok(Ok(()))
            }
            Err(trouble) => Ok(Err(self.explain(target, on, &trouble))),
        }
    }

    /// As [`Bird::switch`], after BIRD was given the file; what it refused serves if it is what it had before.
    async fn switch_loaded(
        &mut self,
        switches: &mut Switches,
        target: &Target<'_>,
        refused: Option<&str>,
    ) -> Result<Result<(), String>, DriverError> {
        match refused {
            Some(refused) if !self.include.as_ref().is_some_and(|include| include.has(target)) => {
                Ok(Err(refused.to_owned()))
            }
            Some(_) | None => self.switch(switches, target).await,
        }
    }

    /// What is wrong with a VIP's protocol, and what to do about it.
    fn explain(&mut self, target: &Target<'_>, name: &str, trouble: &Trouble) -> String {
        match (trouble, &mut self.include) {
            (Trouble::Missing, Some(include)) => include.not_included(),
            (Trouble::Missing, None) => missing(target, name),
            (Trouble::Stuck(state), _) => format!(
                "protocol {} of VIP {} is enabled, but BIRD says that it is {}: see BIRD's log",
                quoted(name),
                quoted(target.vip),
                quoted(state)
            ),
        }
    }
}

/// What to write into BIRD's configuration.
fn missing(target: &Target<'_>, name: &str) -> String {
    let prefix = target.route.prefix;
    let family = if prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    let attributes = if name == target.announced {
        ""
    } else {
        " { import filter { bgp_community.add((65535,0)); accept; }; }"
    };
    format!(
        "BIRD has no protocol {} for VIP {}: add `protocol static {name} {{ disabled; {family}{attributes}; route {prefix} \
         blackhole; }}` to its configuration, and have it read by `birdc configure`",
        quoted(name),
        quoted(target.vip)
    )
}
