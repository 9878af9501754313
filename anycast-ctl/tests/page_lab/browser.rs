//! Chromium, driven over a pipe: the DevTools protocol in JSON, each message ended by a zero byte.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::{
    host_tool,
    lab::{Lab, Process},
};

/// Longer than any answer takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A browser with one tab. It ends with this.
pub struct Browser {
    process: Process,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What happened while answers were waited for.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it on the edge of a lab, with an empty tab as wide as a desk's screen.
    pub fn start(lab: &Lab) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser takes commands on descriptor 3 and answers on descriptor 4.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#]);
        command.arg(host_tool::find("chromium").expect("find chromium: run `cargo xtask setup`"));
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run"]);
        command.args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]);
        command.args(["--disable-component-update", "--disable-sync", "--hide-scrollbars", "about:blank"]);
        // Its complaints about a machine without a desktop are nobody's.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = lab.spawn(&lab.plan().edge.name, command).unwrap();
        let commands = process.child().stdin.take().unwrap();
        let mut answers = BufReader::new(process.child().stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            while answers.read_until(0, &mut bytes).is_ok_and(|count| count > 1) {
                let message = serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap();
                bytes.clear();
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            commands,
            messages,
            session: None,
            number: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            self.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        self.resize(1_200, 900);
        self.prefer("light");
    }

    /// One command, and what it came to.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut command = json!({ "id": number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        let start = Instant::now();
        loop {
            let message = match self.messages.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("the browser does not answer {method}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser ended at {method}"),
            };
            if message["id"] != number {
                self.events.push(message);
                continue;
            }
            assert!(message["error"].is_null(), "{method}: {}", message["error"]);
            return message["result"].clone();
        }
    }

    /// Loads an address.
    pub fn load(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address }));
    }

    /// What an expression is in the page; of a promise, what it comes to.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// The same, as a text.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.evaluate(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is no text: {value}")).to_owned()
    }

    /// Waits until an expression is true in the page, and panics when it never is.
    #[track_caller]
    pub fn wait_for(&mut self, expression: &str) {
        let start = Instant::now();
        // A page that is being loaded has no body yet.
        while self.evaluate(&format!(
            "(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"
        )) != true
        {
            if start.elapsed() > PATIENCE {
                let page = self.evaluate("document.body.innerText");
                panic!(
                    "waited in vain for {expression}\n{}\n{:#?}",
                    page.as_str().unwrap_or(""),
                    self.complaints()
                );
            }
            thread::sleep(POLL);
        }
    }

    /// Makes the window so large, in CSS pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Says that its user likes `light` or `dark`.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// Presses a key: a sign, or the name of one that types none.
    pub fn press(&mut self, key: &str) {
        // What browsers do with a key by themselves goes by its old number.
        let (number, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Home" => (36, ""),
            "ArrowRight" => (39, ""),
            sign => (0, sign),
        };
        let mut event =
            json!({ "type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": number });
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Types into what has the focus.
    pub fn r#type(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// What is in sight, as a PNG in base64.
    pub fn picture(&mut self) -> String {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        picture["data"].as_str().unwrap().to_owned()
    }

    /// What the page, or the browser about the page, complained of so far: errors of scripts and policies. That something
    /// was not found, or nobody answered, the browser notes by itself, whatever the page makes of it.
    pub fn complaints(&mut self) -> Vec<Value> {
        // Whatever is under way arrives before the answer.
        self.evaluate("1");
        let is_complaint = |event: &Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => true,
            "Log.entryAdded" => event["params"]["entry"]["source"] != "network",
            _ => false,
        };
        self.events.iter().filter(|event| is_complaint(event)).map(|event| event["params"].clone()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it when it ends in order.
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5)
            && self.process.try_wait().is_ok_and(|end| end.is_none())
        {
            thread::sleep(POLL);
        }
    }
}
