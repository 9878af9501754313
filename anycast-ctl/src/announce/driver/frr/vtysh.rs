//! vtysh, run anew for each batch of commands: where bgpd's socket cannot be reached from here, as when FRR is in a container and
//! `vtysh` is a script that enters it.

use std::{io, path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    time::timeout,
};

use super::terminal::{Fault, LIMIT_BYTES, PATIENCE};
use crate::{announce::driver::DriverError, model::FrrSettings};

/// How to run it.
pub struct Vtysh {
    program: PathBuf,
    sockets: PathBuf,
}

/// What came of it.
struct Outcome {
    success: bool,
    output: String,
    complaints: String,
}

impl Vtysh {
    /// Runs nothing yet.
    pub fn new(settings: &FrrSettings) -> Self {
        Self { program: settings.vtysh.clone(), sockets: settings.sockets.clone() }
    }

    /// Asks for something to be shown.
    pub async fn ask(&self, questions: &[String]) -> Result<String, DriverError> {
        let outcome = self.call(&[], questions).await?;
        if outcome.output.is_empty() && !outcome.success {
            return Err(self.useless(&outcome));
        }
        Ok(outcome.output)
    }

    /// Gives orders up to the first that fails.
    pub async fn run(&self, orders: &[String]) -> Result<Result<(), Fault>, DriverError> {
        let outcome = self.call(&["-E"], orders).await?;
        if outcome.success {
            return Ok(Ok(()));
        }
        match last_of(orders, &outcome.output) {
            Some((index, text)) => {
                let text = format!("{text}\n{}", outcome.complaints);
                Ok(Err(Fault { index, text: text.trim().to_owned() }))
            }
            None => Err(self.useless(&outcome)),
        }
    }

    async fn call(&self, options: &[&str], commands: &[String]) -> Result<Outcome, DriverError> {
        let program = self.program.display();
        match timeout(PATIENCE, self.execute(options, commands)).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(DriverError::Garbled(format!("{program} writes {error}")))
            }
            Ok(Err(error)) => Err(DriverError::Unreachable(format!(
                "running {program}: {error}: install FRR's vtysh, or say in [announce.frr] where it is"
            ))),
            Err(_) => Err(DriverError::Unreachable(format!(
                "{program} did not end within {} s, and was killed: see whether bgpd answers (`vtysh -c 'show bgp summary'`)",
                PATIENCE.as_secs()
            ))),
        }
    }

    async fn execute(&self, options: &[&str], commands: &[String]) -> io::Result<Outcome> {
        let mut vtysh = Command::new(&self.program);
        vtysh.arg("--vty_socket").arg(&self.sockets).args(["-d", "bgpd"]).args(options);
        for command in commands {
            vtysh.args(["-c", command]);
        }
        vtysh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = vtysh.spawn()?;
        let (output, complaints) = (child.stdout.take(), child.stderr.take());
        let (output, complaints) = tokio::try_join!(bounded(output), bounded(complaints))?;
        Ok(Outcome { success: child.wait().await?.success(), output, complaints })
    }

    /// What it says when it does not get as far as a command.
    fn useless(&self, outcome: &Outcome) -> DriverError {
        let said = format!("{}\n{}", outcome.output, outcome.complaints);
        let said: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).take(4).collect();
        DriverError::Unreachable(format!(
            "{} does not reach bgpd by {}: {}",
            self.program.display(),
            self.sockets.display(),
            said.join("; ")
        ))
    }
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let Some(pipe) = pipe else { return Ok(String::new()) };
    let mut text = Vec::new();
    let limit = u64::try_from(LIMIT_BYTES).unwrap_or(u64::MAX);
    pipe.take(limit).read_to_end(&mut text).await?;
    if text.len() >= LIMIT_BYTES {
        return Err(invalid("more than this daemon reads"));
    }
    String::from_utf8(text).map_err(|_| invalid("what is no text"))
}

/// The last order that it echoed behind a prompt, and what it wrote from there on.
fn last_of<'a>(orders: &[String], output: &'a str) -> Option<(usize, &'a str)> {
    let (mut last, mut rest) = (None, output);
    for (index, order) in orders.iter().enumerate() {
        let Some(at) = rest.find(&format!("# {order}\n")) else { break };
        rest = rest.get(at + order.len() + 3..).unwrap_or_default();
        last = Some((index, rest));
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_that_failed_is_found_in_the_echo() {
        let orders =
            ["configure terminal", "network 192.0.2.1/32", "network bogus", "end"].map(str::to_owned);
        let output = "vm# configure terminal\nvm(config)# network 192.0.2.1/32\n\
                      vm(config)# network bogus\n% Unknown command: network bogus\n";
        assert_eq!(last_of(&orders, output), Some((2, "% Unknown command: network bogus\n")));
        assert_eq!(last_of(&orders, "Exiting: failed to connect to any daemons.\n"), None);
    }
}
