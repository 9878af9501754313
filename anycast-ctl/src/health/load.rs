//! What a pool's backends say of their load, and the shares that follow. No IO.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use super::{
    agent::{Admin, Oper, Reply},
    feedback::{Feedback as Regulator, Rules, Told},
    weight::WHOLE,
};
use crate::model::{Feedback, FeedbackKind};

/// What a backend said.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadReport {
    /// A number.
    Load(f64),
    /// The words of an agent.
    Agent(Reply),
}

/// One pool's loads.
#[derive(Debug)]
pub struct Loads {
    feedback: Feedback,
    rules: Rules,
    regulator: Regulator<IpAddr>,
    agents: BTreeMap<IpAddr, Agent>,
    /// The last answer of each, in words.
    words: BTreeMap<IpAddr, Arc<str>>,
}

/// What one agent said so far: what it does not mention stays as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agent {
    told: Told,
    has_no_weight: bool,
    admin: Option<Admin>,
    oper: Option<Oper>,
}

impl Agent {
    /// Whether it wants no new flows.
    pub fn asks_drain(&self) -> bool {
        self.has_no_weight || self.admin == Some(Admin::Drain)
    }

    /// Why the backend is not to be used at all, if it is not.
    pub fn down(&self) -> Option<String> {
        match (self.admin, &self.oper) {
            (Some(Admin::Maint), _) => Some("agent: maint".to_owned()),
            (_, Some(Oper::Down(down))) => Some(down.to_string()),
            (Some(Admin::Ready | Admin::Drain) | None, Some(Oper::Up) | None) => None,
        }
    }
}

impl Loads {
    /// Of a pool whose backends are asked like that.
    pub fn new(feedback: &Feedback) -> Self {
        Self {
            rules: rules(feedback),
            feedback: feedback.clone(),
            regulator: Regulator::new([]),
            agents: BTreeMap::new(),
            words: BTreeMap::new(),
        }
    }

    /// How backends are asked.
    pub fn feedback(&self) -> &Feedback {
        &self.feedback
    }

    /// Goes on with the shares that a daemon before this one had.
    pub fn resume(&mut self, factors: impl Iterator<Item = (IpAddr, u16)>) {
        if self.feedback.kind == FeedbackKind::Http {
            self.regulator = Regulator::new(factors);
        }
    }

    /// Takes a report; answers whether shares or states may be others by it.
    pub fn note(&mut self, address: IpAddr, report: Result<LoadReport, String>, now: Duration) -> bool {
        let words = match &report {
            Ok(LoadReport::Load(load)) => format!("load {load:.2}"),
            Ok(LoadReport::Agent(reply)) => format!("agent: {}", reply_words(reply)),
            Err(error) => error.clone(),
        };
        self.words.insert(address, words.into());
        match report {
            Ok(LoadReport::Load(load)) => {
                self.regulator.report(address, load, now, &self.rules);
                false
            }
            Ok(LoadReport::Agent(reply)) => {
                let agent = self.agents.entry(address).or_default();
                let before = (agent.asks_drain(), agent.down());
                agent.admin = reply.admin.or(agent.admin);
                agent.oper = reply.oper.or(agent.oper.take());
                let mut is_other = false;
                if let Some(percent) = reply.weight_percent {
                    agent.has_no_weight = percent == 0;
                    is_other = agent.told.note(percent, now, &self.rules);
                }
                is_other || before != (agent.asks_drain(), agent.down())
            }
            Err(_) => false,
        }
    }

    /// Moves shares, when it is time to; answers whether any moved.
    pub fn decide(&mut self, now: Duration, present: &[IpAddr], regulated: &[IpAddr]) -> bool {
        self.agents.retain(|address, _| present.contains(address));
        self.words.retain(|address, _| present.contains(address));
        self.feedback.kind == FeedbackKind::Http
            && self.regulator.decide(now, &self.rules, present, regulated)
    }

    /// When shares may move next.
    pub fn next_at(&self) -> Option<Duration> {
        (self.feedback.kind == FeedbackKind::Http).then(|| self.regulator.next(&self.rules))
    }

    /// A backend's share of its weight, per mille.
    pub fn share(&self, address: IpAddr) -> u16 {
        let share = match self.feedback.kind {
            FeedbackKind::Http => self.regulator.factor(&address),
            FeedbackKind::Agent => self.agents.get(&address).map_or(WHOLE, |agent| agent.told.factor()),
        };
        share.max(u16::from(self.feedback.floor.get()) * (WHOLE / 100)).max(1)
    }

    /// What its agent said.
    pub fn agent(&self, address: IpAddr) -> Option<&Agent> {
        self.agents.get(&address)
    }

    /// A backend's last answer, for people.
    pub fn words(&self, address: IpAddr) -> Option<&Arc<str>> {
        self.words.get(&address)
    }
}

/// By the rhythm of the reports.
fn rules(feedback: &Feedback) -> Rules {
    let floor = f64::from(feedback.floor.get()) / 100.0;
    Rules { range: floor.max(0.001).recip(), ..Rules::reported_every(feedback.interval) }
}

/// An agent's words, put again.
fn reply_words(reply: &Reply) -> String {
    let weight = reply.weight_percent.map(|percent| format!("{percent}%"));
    let admin = reply.admin.map(|admin| match admin {
        Admin::Ready => "ready".to_owned(),
        Admin::Drain => "drain".to_owned(),
        Admin::Maint => "maint".to_owned(),
    });
    let oper = reply.oper.as_ref().map(|oper| match oper {
        Oper::Up => "up".to_owned(),
        Oper::Down(down) => down.to_string(),
    });
    let words: Vec<String> = [weight, admin, oper].into_iter().flatten().collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{health::agent, model::Percent};

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn loads(kind: FeedbackKind) -> Loads {
        Loads::new(&Feedback {
            kind,
            port: 1,
            path: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            floor: Percent::of(10),
        })
    }

    fn said(line: &str) -> Result<LoadReport, String> {
        Ok(LoadReport::Agent(agent::parse(line.as_bytes()).unwrap()))
    }

    #[test]
    fn what_an_agent_does_not_mention_stays() {
        let mut loads = loads(FeedbackKind::Agent);
        assert!(loads.note(A, said("50%\n"), Duration::ZERO));
        assert_eq!(loads.share(A), 500);
        assert!(loads.note(A, said("drain\n"), Duration::from_secs(5)));
        assert!(loads.agent(A).unwrap().asks_drain() && loads.share(A) == 500);
        assert!(!loads.note(A, said("up\n"), Duration::from_secs(10)));
        assert!(loads.agent(A).unwrap().asks_drain());
        assert!(loads.note(A, said("ready\n"), Duration::from_secs(15)));
        assert!(loads.note(A, said("down #disk\n"), Duration::from_secs(20)));
        assert_eq!(loads.agent(A).unwrap().down().as_deref(), Some("agent: down (disk)"));
        assert!(loads.note(A, said("up\n"), Duration::from_secs(25)));
        assert_eq!(loads.agent(A).unwrap().down(), None);
        assert!(loads.note(A, said("maint\n"), Duration::from_secs(30)));
        assert!(!loads.note(A, Err("connect: timed out".into()), Duration::from_secs(35)));
        assert_eq!(
            loads.agent(A).unwrap().down().as_deref(),
            Some("agent: maint"),
            "silence changes nothing"
        );
        assert_eq!(loads.words(A).map(|words| &**words), Some("connect: timed out"));
        assert!(loads.note(A, said("ready 0%\n"), Duration::from_secs(40)));
        assert!(loads.agent(A).unwrap().asks_drain(), "no weight is a drain");
        assert!(
            loads.note(A, said("1%\n"), Duration::from_secs(60)) && loads.share(A) >= 100,
            "not below the floor"
        );
    }

    #[test]
    fn whoever_has_more_load_gets_less() {
        let mut loads = loads(FeedbackKind::Http);
        for second in (0..600).step_by(5) {
            let now = Duration::from_secs(second);
            assert!(!loads.note(A, Ok(LoadReport::Load(0.9)), now));
            loads.note(B, Ok(LoadReport::Load(0.3)), now);
            loads.decide(now, &[A, B], &[A, B]);
        }
        assert!(loads.share(A) < 700 && loads.share(B) > 1_300, "{} {}", loads.share(A), loads.share(B));
        loads.decide(Duration::from_secs(700), &[B], &[B]);
        assert_eq!(loads.share(A), WHOLE);
    }
}
