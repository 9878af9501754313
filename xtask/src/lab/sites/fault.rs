//! What goes wrong in the lab: hosts that fall silent, web servers that end.

use anyhow::{Context as _, Result};

use super::{
    super::{Namespace, server, topology},
    SitesLab, SitesPlan, TRANSIT,
    topology::arm_port,
};
use crate::host_tool;

impl SitesLab {
    /// Lets nothing pass any more between an edge or a backend and the rest, both ways, while its links stay up: nobody is told.
    ///
    /// At the other end of its cables, not on the host: an XDP program there comes before whatever could drop.
    pub fn cut(&self, host: &str) -> Result<()> {
        nft(self.namespace(TRANSIT)?, &rules(&self.plan, host))
    }

    /// Lets everything pass again.
    pub fn mend(&self, host: &str) -> Result<()> {
        nft(self.namespace(TRANSIT)?, &format!("delete table netdev {}\n", table(host)))
    }

    /// Ends a backend's web server.
    pub fn stop_server(&mut self, backend: &str) -> Result<()> {
        let mut server =
            self.servers.remove(backend).with_context(|| format!("stop {backend}: it does not run"))?;
        server.stop().map(drop)
    }

    /// Starts it again.
    pub fn start_server(&mut self, backend: &str) -> Result<()> {
        let host = self.plan.backends().find(|host| host.name == backend);
        let host = host.with_context(|| format!("find backend {backend}: there is none"))?;
        let server = server::launch(host, self.plan.vips, self.namespace(backend)?, self.directory())?;
        self.servers.insert(backend.to_owned(), server);
        Ok(())
    }
}

fn rules(plan: &SitesPlan, host: &str) -> String {
    let mut ports = vec![host.to_owned()];
    if plan.edges().any(|edge| edge.name == host) {
        ports.push(arm_port(host));
    }
    let mut rules = format!("table netdev {} {{\n", table(host));
    for (number, port) in ports.iter().enumerate() {
        for hook in ["ingress", "egress"] {
            rules.push_str(&format!(
                "  chain {hook}{number} {{ type filter hook {hook} device \"{port}\" priority 0; policy drop; }}\n"
            ));
        }
    }
    rules + "}\n"
}

fn table(host: &str) -> String {
    format!("cut_{}", host.replace('-', "_"))
}

fn nft(transit: &Namespace, rules: &str) -> Result<()> {
    let mut nft = host_tool::command("nft");
    nft.arg(rules);
    topology::output(transit, nft).map(drop)
}
