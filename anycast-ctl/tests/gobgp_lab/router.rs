//! BIRD, which peers with the site.

use std::{
    cell::RefCell,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use xtask::lab::{Namespace, Process};

/// A running BIRD, and a connection to its control socket.
pub struct Router {
    control: RefCell<BufReader<UnixStream>>,
    file: PathBuf,
    _bird: Process,
    _namespace: Namespace,
}

impl Router {
    pub fn start(namespace: Namespace, directory: &Path, configuration: &str) -> Self {
        let [file, socket, log] = ["bird.conf", "bird.ctl", "bird.log"].map(|name| directory.join(name));
        fs::write(&file, format!("log \"{}\" all;\n{configuration}", log.display())).unwrap();
        let mut command = Command::new("bird");
        command.arg("-f").arg("-c").arg(&file).arg("-s").arg(&socket).stderr(Stdio::inherit());
        let mut bird = Process::spawn(&namespace, "bird", command).unwrap();
        let stream = loop {
            bird.expect_running().unwrap();
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        };
        let router =
            Self { control: RefCell::new(BufReader::new(stream)), file, _bird: bird, _namespace: namespace };
        router.answer();
        router
    }

    /// Adds to its configuration, and replaces something in it.
    pub fn also(&self, more: &str, from: &str, to: &str) {
        let configuration = fs::read_to_string(&self.file).unwrap();
        assert!(configuration.contains(from), "{configuration}");
        fs::write(&self.file, configuration.replacen(from, to, 1) + more).unwrap();
        let answer = self.ask("configure");
        assert!(answer.contains("Reconfigur"), "{answer}");
    }

    /// Asks BIRD; each line of the answer begins with its code or with a space.
    pub fn ask(&self, question: &str) -> String {
        self.control.borrow_mut().get_mut().write_all(format!("{question}\n").as_bytes()).unwrap();
        self.answer()
    }

    fn answer(&self) -> String {
        let mut answer = String::new();
        loop {
            let start = answer.len();
            let bytes = self.control.borrow_mut().read_line(&mut answer).unwrap();
            assert!(bytes > 0, "BIRD hung up after {answer}");
            let line = &answer[start..];
            // The last line has a space after its code.
            if line.as_bytes()[0].is_ascii_digit() && line.as_bytes()[4] == b' ' {
                return answer;
            }
        }
    }

    /// Whether it has a route to exactly this prefix.
    pub fn has(&self, prefix: &str) -> bool {
        self.ask(&format!("show route {prefix}")).contains(prefix)
    }

    /// All attributes of its route to exactly this prefix.
    pub fn route(&self, prefix: &str) -> String {
        self.ask(&format!("show route {prefix} all"))
    }

    /// How many withdrawals it was told in a session.
    pub fn withdrawals(&self, protocol: &str) -> u32 {
        let shown = self.ask(&format!("show protocols all {protocol}"));
        let line = shown.lines().find(|line| line.contains("Import withdraws:")).unwrap();
        line.split_once(':').unwrap().1.split_whitespace().next().unwrap().parse().unwrap()
    }
}
