//! What a lab of two sites says of itself when something is not as it should be.

use super::{super::Family, SitesLab, TRANSIT};

impl SitesLab {
    /// What transit's kernel and every router and daemon say of the VIPs and of their neighbours. What cannot be asked is left out with the
    /// reason: this is for messages of errors, and must not be one.
    pub fn evidence(&self) -> String {
        let mut text = String::new();
        let mut say = |title: &str, answer: anyhow::Result<String>| {
            let answer = answer.unwrap_or_else(|error| format!("{error:#}"));
            let indented: Vec<String> = answer.lines().map(|line| format!("    {line}")).collect();
            text.push_str(&format!("  {title}\n{}\n", indented.join("\n")));
        };
        for family in Family::ALL {
            let vip = self.plan.vips.of(family);
            let routes = self.routes(vip).map(|edges| edges.into_iter().collect::<Vec<_>>().join(" "));
            say(&format!("transit sends {vip} to"), routes);
        }
        for words in ["show protocols", "show route all", "show bfd sessions"] {
            say(&format!("BIRD in transit: {words}"), self.birdc(TRANSIT, words));
        }
        for edge in self.edges.keys() {
            say(&format!("BIRD on {edge}: show protocols"), self.birdc(edge, "show protocols"));
            say(&format!("the daemon on {edge}: announce list"), self.ctl(edge, &["announce", "list"]));
        }
        text
    }
}
