//! A headless Chromium, driven by the DevTools protocol over a pair of pipes.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// No answer of the browser takes longer than this.
const DEADLINE: Duration = Duration::from_secs(60);

/// Programs that are tried, the one of `RHOSHARD_BROWSER` first.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];

/// A browser with one page open.
pub struct Browser {
    process: Child,
    commands: File,
    answers: Receiver<Value>,
    session: String,
    last: u64,
    /// Errors that the page reported: messages of the console, exceptions, requests that were refused.
    pub complaints: Vec<String>,
    _folder: tempfile::TempDir,
}

/// The browser's program, or nothing: then the tests are skipped loudly, or fail if a browser is required.
pub fn program() -> Option<String> {
    let starts = |name: &String| {
        let tried = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let named = std::env::var("RHOSHARD_BROWSER").ok();
    let found = named.into_iter().chain(PROGRAMS.map(String::from)).find(starts);
    if found.is_none() {
        let required = std::env::var("RHOSHARD_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
        assert!(!required, "RHOSHARD_REQUIRE_BROWSER=1, but there is no Chromium; next: apt-get install chromium");
        crate::support::say(
            "SKIPPED: there is no Chromium to open the report in; install it or set RHOSHARD_BROWSER\n",
        );
    }
    found
}

impl Browser {
    /// Starts the program and opens an empty page.
    pub fn start(program: &str) -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let pipes = ["in", "out"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // The protocol's pipes are the descriptors 3 and 4; a shell puts them there.
        let script = "in=$1 out=$2; shift 2; exec \"$@\" 3<\"$in\" 4>\"$out\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).args(&pipes).arg(program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--remote-debugging-pipe", "--hide-scrollbars", "--disable-background-networking"]);
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display())).arg("about:blank");
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let commands = OpenOptions::new().write(true).open(&pipes[0]).unwrap();
        let answers = listen(File::open(&pipes[1]).unwrap());
        let (session, complaints) = (String::new(), Vec::new());
        let mut browser = Browser { process, commands, answers, session, last: 0, complaints, _folder: folder };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().unwrap().to_string();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Opens a file in a window of this size, in a system of light or dark theme.
    pub fn open(&mut self, path: &Path, (width, height): (u32, u32), theme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.call("Emulation.setEmulatedMedia", features);
        let url = format!("file://{}", path.canonicalize().unwrap().display());
        self.call("Page.navigate", json!({ "url": url }));
        let begin = Instant::now();
        while self.evaluate("document.readyState + location.protocol") != "completefile:" {
            assert!(begin.elapsed() < DEADLINE, "the page does not load");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of an expression in the page, or that of its promise.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Moves the mouse to a place in the window.
    pub fn point(&mut self, (x, y): (f64, f64)) {
        self.call("Input.dispatchMouseEvent", json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Moves the mouse there and clicks.
    pub fn click(&mut self, (x, y): (f64, f64)) {
        self.point((x, y));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// Keeps a picture of the window, or of the whole page, where `RHOSHARD_SCREENSHOTS` says, if it does.
    pub fn keep_picture(&mut self, name: &str, whole: bool) {
        let Some(folder) = std::env::var_os("RHOSHARD_SCREENSHOTS") else { return };
        let answer = self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": whole }));
        let bytes = from_base64(answer["data"].as_str().unwrap());
        std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.answers.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{method}: no answer"));
            if answer["id"] == json!(self.last) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.listen_to(&answer);
        }
    }

    fn listen_to(&mut self, event: &Value) {
        let parameters = &event["params"];
        let bad = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "warning", "assert"].iter().any(|kind| parameters["type"] == *kind)
            }
            Some("Log.entryAdded") => ["error", "warning"].iter().any(|level| parameters["entry"]["level"] == *level),
            Some("Network.requestWillBeSent") => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                !(url.starts_with("file:") || url.starts_with("data:") || url.starts_with("about:"))
            }
            _ => false,
        };
        if bad {
            self.complaints.push(event.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Messages end with a zero byte.
fn listen(pipe: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for message in BufReader::new(pipe).split(0) {
            let Some(message) = message.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let group = |letters: &[u8]| {
        let known: Vec<u8> = letters.iter().copied().take_while(|letter| *letter != b'=').collect();
        let bits = known.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(value(*letter)));
        let bits = bits << (6 * (4 - known.len()));
        bits.to_be_bytes()[1..known.len()].to_vec()
    };
    text.as_bytes().chunks(4).flat_map(group).collect()
}
