//! The file that BIRD's configuration includes: two protocols for each VIP, of which at most one is on.
//!
//! Levels change by switching these on and off, as protocols of the operator's are. BIRD reads its configuration again only
//! when there are other VIPs or prefixes. Yet the file always says what is on, so that it stays so when the operator has
//! the configuration read.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, ErrorKind, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use tokio::time::{Duration, Instant, sleep};

use super::{client::Client, names::Target};
use crate::{announce::driver::DriverError, model::Announce, spelling::quoted};

/// How long BIRD may take for a configuration that it took on, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(5);
/// Longest file that is read: far beyond what this daemon writes.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Codes of answers.
const RECONFIGURED: u16 = 3;
const IN_PROGRESS: u16 = 4;
const QUEUED: u16 = 5;
const CHECKED: u16 = 20;
const REFUSED: u16 = 8002;

/// Lines of the file that are read again.
const HEAD: &str = "protocol static ";
const SWITCH: &str = "  disabled ";

/// What a protocol is in BIRD's language, by its name; without whether it is on.
type Bodies = BTreeMap<String, String>;

/// The file.
#[derive(Debug)]
pub struct Include {
    path: PathBuf,
    title: String,
    /// What the routes get that are about to go.
    shutdown: String,
    /// What BIRD was last seen to have taken from it, and the file's text.
    loaded: Option<Bodies>,
    text: String,
}

impl Include {
    /// The file at that path, whatever is in it.
    pub fn new(path: &Path, announce: &Announce, instance: &str) -> Self {
        let title = format!(
            "# Routes to the VIPs of this host's anycast dataplane {instance}, written by anycast-ctl: changes are lost.\n"
        );
        let shutdown = shutdown(announce);
        Self { path: path.to_owned(), title, shutdown, loaded: None, text: String::new() }
    }

    /// Names of the protocols that it has, whoever wrote it.
    pub fn names(&self) -> Vec<String> {
        let text = self.read().ok().flatten().unwrap_or_default();
        text.lines().filter_map(name).map(str::to_owned).collect()
    }

    /// Whether BIRD has a VIP's protocols as they are to be.
    pub fn has(&self, target: &Target<'_>) -> bool {
        let bodies = self.bodies(target);
        self.loaded.as_ref().is_some_and(|loaded| {
            bodies.iter().all(|(name, body)| loaded.get(name).is_some_and(|loaded| loaded == body))
        })
    }

    /// Whether BIRD has those of all VIPs, and no others.
    pub fn is_loaded(&self, targets: &[Target<'_>]) -> bool {
        self.loaded.as_ref() == Some(&self.all(targets))
    }

    /// Forgets what BIRD took, if that or the file is not as it was left.
    pub fn doubt(&mut self, has: impl Fn(&str) -> bool) {
        let is_there = self.loaded.as_ref().is_some_and(|loaded| loaded.keys().all(|name| has(name)));
        let is_same = self.read().is_ok_and(|text| text.as_ref() == Some(&self.text));
        if !is_there || !is_same {
            self.loaded = None;
        }
    }

    /// Writes down which protocols are on, for when BIRD reads it again.
    pub fn note(&mut self, targets: &[Target<'_>]) -> Result<(), DriverError> {
        let text = self.render(targets);
        if text != self.text {
            self.write(&text)?;
            self.text = text;
        }
        Ok(())
    }

    /// Has BIRD read the file as it is to be. The inner error is why BIRD does not take it: then the one before is back,
    /// except that what is withdrawn is off in it.
    pub async fn load(
        &mut self,
        client: &mut Client,
        targets: &[Target<'_>],
    ) -> Result<Result<(), String>, DriverError> {
        let before = self.read().map_err(|error| self.fault("reading", &error))?;
        let text = self.render(targets);
        self.loaded = None;
        self.write(&text)?;
        self.text.clone_from(&text);
        let checked = client.ask("configure check").await?;
        let answer = if checked.code == CHECKED { client.ask("configure").await? } else { checked };
        match answer.code {
            RECONFIGURED => {}
            IN_PROGRESS | QUEUED => self.settled(client).await?,
            REFUSED => {
                // It most likely still has what it was given before.
                self.loaded = before.as_deref().map(bodies);
                self.put_back(before, targets)?;
                let path = self.path.display();
                let advice =
                    "see `bird -p`, and mend it; until then no VIP is added, and none gets another prefix";
                return Ok(Err(format!(
                    "BIRD refuses its configuration with {path} in it: {}: {advice}",
                    quoted(&answer.text)
                )));
            }
            _ => return Err(client.garbled("giving `configure` to", &answer.text)),
        }
        self.loaded = Some(self.all(targets));
        Ok(Ok(()))
    }

    /// Why a protocol of the file is not there, though BIRD took its configuration.
    pub fn not_included(&mut self) -> String {
        self.loaded = None;
        let path = self.path.display();
        format!("BIRD's configuration does not include {path}: add `include \"{path}\";` to it")
    }

    async fn settled(&self, client: &mut Client) -> Result<(), DriverError> {
        let end = Instant::now() + PATIENCE;
        while client.ask("show status").await?.text.starts_with("Reconfiguration in progress") {
            if Instant::now() > end {
                let advice = "see in its log which protocol does not come down";
                return Err(DriverError::Unreachable(format!(
                    "waiting for BIRD to take on its configuration with {}: not done after {} s: {advice}",
                    self.path.display(),
                    PATIENCE.as_secs()
                )));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    fn put_back(&mut self, before: Option<String>, targets: &[Target<'_>]) -> Result<(), DriverError> {
        let Some(before) = before else {
            self.text.clear();
            return fs::remove_file(&self.path).map_err(|error| self.fault("removing", &error));
        };
        let text = switched(&before, |name| targets.iter().any(|target| target.on() == Some(name)));
        self.write(&text)?;
        self.text = text;
        Ok(())
    }

    fn render(&self, targets: &[Target<'_>]) -> String {
        let mut text = self.title.clone();
        for target in targets {
            for (name, body) in self.bodies(target) {
                let disabled = if target.on() == Some(name.as_str()) { "no" } else { "yes" };
                // Writing to a string does not fail.
                let _ = write!(text, "\n{HEAD}{name} {{\n{SWITCH}{disabled};\n{body}}}\n");
            }
        }
        text
    }

    fn all(&self, targets: &[Target<'_>]) -> Bodies {
        targets.iter().flat_map(|target| self.bodies(target)).collect()
    }

    fn bodies(&self, target: &Target<'_>) -> Vec<(String, String)> {
        let prefix = target.route.prefix;
        let mut bodies = vec![(target.announced.clone(), body(prefix, ""))];
        bodies.extend(target.leaving.clone().map(|name| (name, body(prefix, &self.shutdown))));
        bodies
    }

    fn read(&self) -> io::Result<Option<String>> {
        let file = match fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(FILE_BYTES).read_to_string(&mut text)?;
        Ok(Some(text))
    }

    /// BIRD never sees half of it, and may read it as whoever it runs as.
    fn write(&self, text: &str) -> Result<(), DriverError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let unfinished = self.path.with_file_name(format!(".{name}.{}", std::process::id()));
        let write = || {
            fs::write(&unfinished, text)?;
            fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644))?;
            fs::rename(&unfinished, &self.path)
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&unfinished);
            self.fault("writing", &error)
        })
    }

    fn fault(&self, verb: &str, error: &io::Error) -> DriverError {
        let error = error.to_string().to_lowercase();
        let advice = "[announce.bird] include must be in a directory that this daemon may write to";
        DriverError::Refused(format!("{verb} {}: {error}: {advice}", self.path.display()))
    }
}

/// What is in a protocol's braces, beside whether it is on.
fn body(prefix: IpNet, attributes: &str) -> String {
    let family = if prefix.addr().is_ipv4() { "ipv4" } else { "ipv6" };
    let filter = if attributes.is_empty() {
        String::new()
    } else {
        format!(" {{ import filter {{ {attributes}accept; }}; }}")
    };
    format!("  {family}{filter};\n  route {prefix} blackhole;\n")
}

/// What a filter does to a route that is about to go.
fn shutdown(announce: &Announce) -> String {
    let mut attributes = String::new();
    if announce.shutdown.community {
        attributes.push_str("bgp_community.add((65535,0)); ");
    }
    if let Some(med) = announce.shutdown.med {
        attributes.push_str(&format!("bgp_med = {med}; "));
    }
    if let Some(asn) = announce.asn {
        for _ in 0..announce.shutdown.prepend {
            attributes.push_str(&format!("bgp_path.prepend({asn}); "));
        }
    }
    attributes
}

/// The protocols of a text that this daemon wrote.
fn bodies(text: &str) -> Bodies {
    let mut bodies = Bodies::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = name(line) {
            current = Some(bodies.entry(name.to_owned()).or_default());
        } else if line == "}" {
            current = None;
        } else if let Some(body) = current.as_mut().filter(|_| !line.starts_with(SWITCH)) {
            body.push_str(line);
            body.push('\n');
        }
    }
    bodies
}

/// The name of the protocol that begins in a line.
fn name(line: &str) -> Option<&str> {
    line.strip_prefix(HEAD)?.split_whitespace().next()
}

/// The text with what is on in it as it is wanted.
fn switched(text: &str, is_on: impl Fn(&str) -> bool) -> String {
    let mut current = None;
    let mut switched = String::with_capacity(text.len());
    for line in text.lines() {
        current = name(line).or(current);
        match current {
            Some(name) if line.starts_with(SWITCH) => {
                let disabled = if is_on(name) { "no" } else { "yes" };
                switched.push_str(&format!("{SWITCH}{disabled};\n"));
            }
            Some(_) | None => {
                switched.push_str(line);
                switched.push('\n');
            }
        }
    }
    switched
}
