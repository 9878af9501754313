//! Two BIRDs in namespaces of their own: the edge host's, which is driven, and the router's, which says what it received.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::{
    announce::driver::{Announcer, DriverError, Failures, Level, Route, Seen, Surroundings, Wanted, connect},
    model::Announce,
};
use tempfile::TempDir;
use xtask::lab::{Namespace, Process};

const PATIENCE: Duration = Duration::from_secs(20);
const DOCUMENT: &str = include_str!("../../../docs/announce/bird.md");

const ROUTER: &str = "
router id 10.9.0.2;
log stderr all;
protocol device { }
protocol bgp edge4 {
  local as 65002; neighbor 10.9.0.1 as 65001; connect delay time 1;
  ipv4 { import all; export none; };
}
protocol bgp edge6 {
  local as 65002; neighbor fd09::1 as 65001; connect delay time 1;
  ipv6 { import all; export none; };
}
";

/// The way an operator chooses.
#[derive(Clone, Copy)]
pub enum Way {
    Protocols,
    Include,
}

/// Both BIRDs.
pub struct Lab {
    pub edge: Bird,
    pub router: Bird,
    pub announce: Announce,
    pub directory: TempDir,
    namespaces: [Namespace; 2],
}

/// One of them.
pub struct Bird {
    pub process: Process,
    pub config: PathBuf,
    pub socket: PathBuf,
}

impl Lab {
    /// With the configurations of the document.
    pub fn new(way: Way) -> Self {
        Self::with(way, |config| config.to_owned())
    }

    /// With the edge's configuration changed.
    pub fn with(way: Way, change: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |text: String| {
            let directory = directory.path().display();
            text.replace("/run/bird/bird.ctl", &format!("{directory}/edge.ctl"))
                .replace("/run/anycast/", &format!("{directory}/"))
        };
        let number = match way {
            Way::Protocols => 0,
            Way::Include => 1,
        };
        let config = change(&at(block("bird", number)));
        let site: toml::Table = at(block("toml", number)).parse().unwrap();
        let announce = site["announce"].clone().try_into().unwrap();
        let namespaces = [Namespace::create("edge").unwrap(), Namespace::create("router").unwrap()];
        wire(&namespaces);
        let [edge, router] = &namespaces;
        let edge = Bird::start(edge, directory.path(), "edge", &config);
        let router = Bird::start(router, directory.path(), "router", ROUTER);
        let lab = Self { edge, router, announce, directory, namespaces };
        lab.established();
        lab
    }

    /// Waits for both sessions.
    pub fn established(&self) {
        eventually("both sessions are established", || {
            self.router.ask("show protocols").matches("Established").count() == 2
        });
    }

    pub async fn connect(&self) -> Box<dyn Announcer> {
        self.try_connect().await.unwrap()
    }

    pub async fn try_connect(&self) -> Result<Box<dyn Announcer>, DriverError> {
        let surroundings =
            Surroundings { instance: "anycast0".to_owned(), run_dir: Path::new("/run/anycast").into() };
        connect(&self.announce, &surroundings).await
    }

    /// Ends the edge's BIRD, and starts another.
    pub fn restart_edge(&mut self) {
        self.edge.process.stop().unwrap();
        let config = fs::read_to_string(&self.edge.config).unwrap();
        self.edge = Bird::start(&self.namespaces[0], self.directory.path(), "edge", &config);
        self.established();
    }

    /// What the router knows of a prefix: its route with attributes, or nothing.
    pub fn received(&self, prefix: &str) -> Option<String> {
        let text = self.router.ask(&format!("show route {prefix} all"));
        text.contains("BGP.as_path").then_some(text)
    }

    pub fn gains(&self, prefix: &str, what: &str) {
        eventually(&format!("the router has {prefix} with `{what}`"), || {
            self.received(prefix).is_some_and(|text| text.contains(what))
        });
    }

    pub fn loses(&self, prefix: &str) {
        eventually(&format!("the router has {prefix} no longer"), || self.received(prefix).is_none());
    }

    /// Withdrawals that the router got.
    pub fn withdrawals(&self) -> Vec<String> {
        let text = self.router.ask("show protocols all");
        text.lines().filter(|line| line.contains("Import withdraws")).map(str::to_owned).collect()
    }
}

impl Bird {
    fn start(namespace: &Namespace, directory: &Path, name: &str, config: &str) -> Self {
        let at = |end: &str| directory.join(format!("{name}.{end}"));
        let (file, socket) = (at("conf"), at("ctl"));
        fs::write(&file, config).unwrap();
        let mut command = Command::new("/usr/sbin/bird");
        command.arg("-f").arg("-c").arg(&file).arg("-s").arg(&socket).arg("-P").arg(at("pid"));
        command.stderr(Stdio::from(fs::File::create(at("log")).unwrap()));
        let mut process = Process::spawn(namespace, name, command).unwrap();
        eventually("bird answers", || {
            process.expect_running().unwrap_or_else(|error| {
                panic!("{error}: {}", fs::read_to_string(at("log")).unwrap());
            });
            UnixStream::connect(&socket).is_ok()
        });
        Self { process, config: file, socket }
    }

    /// What birdc would print for a command, with the codes.
    pub fn ask(&self, command: &str) -> String {
        Console::open(&self.socket).ask(command)
    }

    /// Replaces a text in its configuration, and has it read.
    pub fn edit(&self, from: &str, to: &str) -> String {
        let config = fs::read_to_string(&self.config).unwrap();
        assert!(config.contains(from), "{from} is not in {config}");
        fs::write(&self.config, config.replace(from, to)).unwrap();
        self.ask("configure")
    }
}

/// A connection like birdc's.
pub struct Console(UnixStream);

impl Console {
    pub fn open(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut console = Self(stream);
        console.answer();
        console
    }

    pub fn ask(&mut self, command: &str) -> String {
        self.0.write_all(format!("{command}\n").as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            let length = self.0.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "bird hung up");
            answer.extend_from_slice(&buffer[..length]);
            let text = String::from_utf8_lossy(&answer);
            let last = text.lines().last().unwrap_or_default();
            if text.ends_with('\n') && last.len() >= 5 && last.is_char_boundary(4) {
                let (code, rest) = last.split_at(4);
                if code.bytes().all(|byte| byte.is_ascii_digit()) && rest.starts_with(' ') {
                    return text.into_owned();
                }
            }
        }
    }
}

fn wire([edge, router]: &[Namespace; 2]) {
    let link = format!("link add edge0 type veth peer name router0 netns {}", router.path().display());
    ip(
        edge,
        &[
            &link,
            "link set edge0 up",
            "addr add 10.9.0.1/24 dev edge0",
            "addr add fd09::1/64 dev edge0 nodad",
        ],
    );
    ip(
        router,
        &["link set router0 up", "addr add 10.9.0.2/24 dev router0", "addr add fd09::2/64 dev router0 nodad"],
    );
}

fn ip(namespace: &Namespace, commands: &[&str]) {
    namespace
        .inside(|| {
            for command in commands {
                assert!(Command::new("ip").args(command.split(' ')).status()?.success(), "ip {command}");
            }
            Ok(())
        })
        .unwrap();
}

/// One of the document's blocks in a language.
fn block(language: &str, number: usize) -> String {
    let start = format!("```{language}\n");
    let rest = DOCUMENT.split(&start).nth(number + 1).unwrap();
    rest.split("```").next().unwrap().to_owned()
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The edge's configuration with something more in it.
pub fn with_more(config: &str, more: &str) -> String {
    config.replacen("\nfilter vips", &format!("\n{more}\nfilter vips"), 1)
}

/// Both VIPs of the document at a level.
pub fn both(level: Level) -> Wanted {
    wanted(&[("web", "192.0.2.1/32", level), ("web6", "2001:db8::1/128", level)])
}

pub fn wanted(routes: &[(&str, &str, Level)]) -> Wanted {
    let route = |prefix: &str, level| Route { prefix: prefix.parse().unwrap(), level };
    routes.iter().map(|(vip, prefix, level)| ((*vip).to_owned(), route(prefix, *level))).collect()
}

pub async fn bring(driver: &mut Box<dyn Announcer>, wanted: &Wanted) {
    assert_eq!(driver.bring(wanted).await.unwrap(), Failures::new());
}

pub fn trouble<'a>(seen: &'a Seen, vip: &str) -> &'a str {
    seen.routes[vip].trouble.as_deref().unwrap_or_default()
}

impl Console {
    /// What is left to somebody who may only look.
    pub fn restricted(mut self) -> UnixStream {
        assert!(self.ask("restrict").contains("Access restricted"));
        self.0
    }
}
