//! A terminal of a fixed size, with keys and a screen that can be read: a tmux server of its own, which dies with this process.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::{
    host_tool,
    lab::{Lab, Process},
};

use crate::{edge::SOON, host::BINARY};

const POLL: Duration = Duration::from_millis(50);
/// Names the server's socket, which lies in a directory of its own.
const SERVER: &str = "top";

/// One terminal.
pub struct Tmux {
    server: Process,
    directory: PathBuf,
    socket: PathBuf,
}

impl Tmux {
    /// A terminal with a shell in it, `top` not started yet.
    pub fn shell(lab: &Lab, width: u16, height: u16) -> Self {
        let directory = lab.directory().join("tmux");
        fs::create_dir(&directory).unwrap();
        let mut command = host_tool::command("tmux");
        // In the foreground: a server that goes its own way would outlive a killed test.
        command.args(["-D", "-L", SERVER, "-f", "/dev/null"]);
        let mut server = lab.spawn("edge", in_directory(command, &directory)).unwrap();
        let terminal = |server: Process| Self { server, directory, socket: lab.socket().to_owned() };
        let start = Instant::now();
        let socket = lab.directory().join("tmux");
        while !has_socket(&socket) {
            server.expect_running().unwrap();
            assert!(start.elapsed() < SOON, "the tmux server does not start");
            thread::sleep(POLL);
        }
        let tmux = terminal(server);
        let (width, height) = (width.to_string(), height.to_string());
        tmux.tell(&["new-session", "-d", "-x", &width, "-y", &height, "env PS1='ready> ' sh"]);
        tmux.wait_for("a shell", |screen| screen.contains("ready>"));
        tmux
    }

    /// A terminal in which `top` runs and has rates.
    pub fn top(lab: &Lab, width: u16, height: u16, arguments: &str) -> Self {
        let tmux = Self::shell(lab, width, height);
        tmux.start_top(arguments);
        tmux
    }

    /// Starts `top` from the shell, and waits until it has drawn.
    pub fn start_top(&self, arguments: &str) {
        self.type_line(&format!("{} {arguments}", self.command_line()));
        self.wait_for("top has drawn", |screen| screen.contains("quit") && screen.contains("www"));
    }

    /// `anycast-ctl top` on the lab's daemon, for the shell.
    pub fn command_line(&self) -> String {
        format!("{BINARY} --socket {} top", self.socket.display())
    }

    /// Types a line.
    pub fn type_line(&self, line: &str) {
        self.tell(&["send-keys", "-l", line]);
        self.keys(&["Enter"]);
    }

    /// Presses keys, as tmux names them.
    pub fn keys(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// Makes the terminal another size.
    pub fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tell(&["resize-window", "-x", &width, "-y", &height]);
    }

    /// What is seen.
    pub fn screen(&self) -> String {
        self.tell(&["capture-pane", "-p"])
    }

    /// What is seen, with its colours.
    pub fn coloured(&self) -> String {
        self.tell(&["capture-pane", "-p", "-e"])
    }

    /// One of tmux's variables.
    pub fn variable(&self, name: &str) -> String {
        self.tell(&["display-message", "-p", &format!("#{{{name}}}")]).trim().to_owned()
    }

    /// The screen once it is so.
    #[track_caller]
    pub fn wait_for(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(start.elapsed() < SOON, "waited in vain for this: {what}\n{screen}");
            thread::sleep(POLL);
        }
    }

    /// Ends the terminal as a connection that is cut does.
    pub fn cut(&self) {
        self.tell(&["kill-session"]);
    }

    fn tell(&self, words: &[&str]) -> String {
        let mut command = host_tool::command("tmux");
        command.args(["-u", "-L", SERVER]).args(words);
        let output = in_directory(command, &self.directory).stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "tmux {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.server.stop();
    }
}

fn in_directory(mut command: Command, directory: &Path) -> Command {
    command.env("TMUX_TMPDIR", directory).env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    command.env_remove("TMUX").env_remove("NO_COLOR").env_remove("ANYCAST_SOCKET");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn has_socket(directory: &Path) -> bool {
    let inside = fs::read_dir(directory).unwrap().filter_map(Result::ok);
    inside.into_iter().any(|user| user.path().join(SERVER).exists())
}

/// The line of a list that begins with that name, in words.
pub fn row<'a>(screen: &'a str, name: &str) -> Option<Vec<&'a str>> {
    screen
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|words| words.first() == Some(&name))
}

/// A rate as it is written on the screen.
pub fn number(text: &str) -> Option<f64> {
    let (digits, scale) = match text.chars().last()? {
        'k' => (text.trim_end_matches('k'), 1e3),
        'M' => (text.trim_end_matches('M'), 1e6),
        _ => (text, 1.0),
    };
    digits.parse::<f64>().ok().map(|number| number * scale)
}
