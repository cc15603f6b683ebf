//! A headless Chromium, driven by its `DevTools` protocol; it ends with the test, and its profile is removed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::scenario::{PATIENCE, json};

pub struct Browser {
    process: Child,
    profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    /// What keeps the page that is open apart from those before it.
    context: Option<String>,
    /// Scripts that run in each page before its own.
    before: Vec<String>,
    sent: u64,
    events: Vec<Value>,
}

/// A key with what the protocol wants to know of it: its code, and the text that it types.
fn key_of(key: &str) -> (u32, &str) {
    match key {
        "Enter" => (13, "\r"),
        "Tab" => (9, ""),
        "Escape" => (27, ""),
        " " => (32, " "),
        "End" => (35, ""),
        "Home" => (36, ""),
        "ArrowLeft" => (37, ""),
        "ArrowUp" => (38, ""),
        "ArrowRight" => (39, ""),
        "ArrowDown" => (40, ""),
        "PageUp" => (33, ""),
        "PageDown" => (34, ""),
        one if one.chars().count() == 1 => (0, one),
        _ => (0, ""),
    }
}

impl Browser {
    pub async fn start(chromium: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(chromium)
            // The page is our own, and the sandbox needs rights that a container does not give.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--no-first-run", "--disable-background-networking", "--remote-debugging-port=0"])
            // A name of this machine that is none to a browser: its pages have no secure context.
            .arg("--host-resolver-rules=MAP ledger.test 127.0.0.1")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (found, address) = oneshot::channel();
        let printed = BufReader::new(process.stderr.take().unwrap());
        // It is read to its end, so that the browser never waits for somebody to read what it prints.
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in printed.lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("DevTools listening on ")
                    && let Some(found) = found.take()
                {
                    let _ = found.send(address.to_owned());
                }
            }
        });
        let address = tokio::time::timeout(PATIENCE, address).await.unwrap().unwrap();
        let (socket, _) = connect_async(address).await.unwrap();
        let (context, before, events) = (None, Vec::new(), Vec::new());
        Self { process, profile, socket, session: None, context, before, sent: 0, events }
    }

    /// Runs a script in each page that is opened afresh from now on, before its own.
    pub fn before_each(&mut self, script: String) {
        self.before.push(script);
    }

    /// Opens a page in a browser that has kept nothing of the one before, as wide and in the colours that are asked for.
    /// What it saves comes into the folder `saved`.
    pub async fn open_afresh(&mut self, url: &str, width: u32, colours: &str) {
        self.session = None;
        if let Some(context) = self.context.take() {
            self.call("Target.disposeBrowserContext", json!({"browserContextId": context})).await;
        }
        let context = self.call("Target.createBrowserContext", json!({})).await;
        let context = context["browserContextId"].as_str().unwrap().to_owned();
        let saving = json!({"behavior": "allow", "browserContextId": context, "downloadPath": self.saved()});
        self.call("Browser.setDownloadBehavior", saving).await;
        self.context = Some(context);
        self.open_beside(url, width, colours).await;
    }

    /// Opens one more page of the same browser: it knows what the others kept.
    pub async fn open_beside(&mut self, url: &str, width: u32, colours: &str) {
        self.session = None;
        let mut target = json!({"url": "about:blank"});
        if let Some(context) = &self.context {
            target["browserContextId"] = json!(context);
        }
        let target = self.call("Target.createTarget", target).await;
        self.attach(&target["targetId"]).await;
        self.emulate(width, colours).await;
        self.events.clear();
        self.call("Page.navigate", json!({"url": url})).await;
    }

    /// The folder of what pages save.
    pub fn saved(&self) -> PathBuf {
        self.profile.path().join("saved")
    }

    /// The name and version of the browser.
    pub async fn version(&mut self) -> String {
        let session = self.session.take();
        let answer = self.call("Browser.getVersion", json!({})).await;
        self.session = session;
        answer["product"].as_str().unwrap().to_owned()
    }

    /// Opens a page, and listens to what it asks for and complains of.
    pub async fn open(&mut self, url: &str) {
        self.session = None;
        let target = self.call("Target.createTarget", json!({"url": "about:blank"})).await;
        self.attach(&target["targetId"]).await;
        self.call("Page.navigate", json!({"url": url})).await;
    }

    async fn attach(&mut self, target: &Value) {
        let attached = self.call("Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Network", "Log", "Runtime", "Page"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
        for script in self.before.clone() {
            self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
        }
    }

    /// Runs no scripts of the page from its next load on.
    pub async fn without_scripts(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
        self.call("Page.reload", json!({})).await;
    }

    /// Makes the page as wide as a phone or a desktop, and the user one who likes it dark or light.
    pub async fn emulate(&mut self, width: u32, colours: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        self.prefer(&[("prefers-color-scheme", colours)]).await;
    }

    /// Gives the user these preferences, and no others.
    pub async fn prefer(&mut self, preferences: &[(&str, &str)]) {
        let features: Vec<_> =
            preferences.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Presses the mouse in the middle of the element that an expression finds, once it can be pressed there.
    pub async fn click(&mut self, element: &str) {
        let place = format!(
            "(() => {{ const one = {element}; if (!one) return null; one.scrollIntoView({{ block: 'center' }}); \
                const box = one.getClientRects()[0]; if (!box) return null; \
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]; \
                const there = document.elementFromPoint(x, y); \
                return there && (one.contains(there) || there.contains(one)) ? [x, y] : null; }})()"
        );
        let found = self.at_rest(&place).await;
        for (kind, count) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 1)] {
            self.mouse(kind, count, &found).await;
        }
    }

    /// Draws the mouse with its button down from a place to another, which are `[x, y]` of the window.
    pub async fn drag(&mut self, from: [f64; 2], to: [f64; 2]) {
        let middle = [f64::midpoint(from[0], to[0]), f64::midpoint(from[1], to[1])];
        for (kind, count, place) in [
            ("mouseMoved", 0, from),
            ("mousePressed", 1, from),
            ("mouseMoved", 1, middle),
            ("mouseMoved", 1, to),
            ("mouseReleased", 1, to),
        ] {
            self.mouse(kind, count, &json!(place)).await;
        }
    }

    async fn mouse(&mut self, kind: &str, count: u32, place: &Value) {
        let button = if count == 0 { "none" } else { "left" };
        let event =
            json!({"type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": count});
        self.call("Input.dispatchMouseEvent", event).await;
    }

    /// Where something is once nothing more comes that could move it: no request is open but those that wait for news.
    async fn at_rest(&mut self, place: &str) -> Value {
        let started = Instant::now();
        let mut before = Value::Null;
        loop {
            let found = self.until(place, Value::is_array).await;
            // The end of a worker's script is told to the worker alone.
            let ours = |url: &String| url.starts_with("http") && !url.contains("/ui/worker-");
            let comes = |url: &String| ours(url) && !url.contains("wait=");
            if found == before && !self.pending().iter().any(comes) {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "the page does not come to rest: {:?}", self.pending());
            before = found;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Goes with the key Tab to the element that an expression finds.
    pub async fn tab_to(&mut self, element: &str) {
        self.until(&format!("!!({element})"), |found| *found == true).await;
        let is_there = format!("document.activeElement === ({element})");
        for _ in 0..400 {
            if self.evaluate(&is_there).await == true {
                return;
            }
            self.press("Tab").await;
        }
        panic!("no way by the key Tab to {element}");
    }

    /// A figure of the page, by its name in `Performance.getMetrics`, after what is unused was collected.
    pub async fn figure(&mut self, name: &str) -> f64 {
        self.call("Performance.enable", json!({})).await;
        self.call("HeapProfiler.collectGarbage", json!({})).await;
        let figures = self.call("Performance.getMetrics", json!({})).await;
        let figures = figures["metrics"].as_array().unwrap();
        figures.iter().find(|one| one["name"] == name).unwrap()["value"].as_f64().unwrap()
    }

    async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        self.call("Runtime.evaluate", asked).await["result"]["value"].take()
    }

    /// Evaluates an expression until its value is as wanted.
    pub async fn until(&mut self, expression: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let asked = json!({"expression": expression, "returnByValue": true});
            let answer = self.call("Runtime.evaluate", asked).await;
            let value = &answer["result"]["value"];
            if wanted(value) {
                return value.clone();
            }
            assert!(started.elapsed() < PATIENCE, "timed out waiting for {expression}: {answer}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Goes to another fragment of the page, as a link does.
    pub async fn go(&mut self, fragment: &str) {
        let asked = format!("location.hash = {}", json!(fragment));
        self.call("Runtime.evaluate", json!({"expression": asked})).await;
    }

    /// Presses a key and releases it.
    pub async fn press(&mut self, key: &str) {
        let (code, text) = key_of(key);
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types a text into what has the focus.
    pub async fn type_in(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// What is seen of the page as a picture.
    pub async fn view(&mut self) -> Vec<u8> {
        let answer = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// The page as a picture, down to its end.
    pub async fn picture(&mut self) -> Vec<u8> {
        let asked = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", asked).await;
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// The page as it is printed, as PDF.
    pub async fn printed(&mut self) -> Vec<u8> {
        let asked = json!({"preferCSSPageSize": true, "printBackground": true});
        let answer = self.call("Page.printToPDF", asked).await;
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// Shows the page as paper does, or as a screen does.
    pub async fn emulate_medium(&mut self, medium: &str) {
        self.call("Emulation.setEmulatedMedia", json!({"media": medium})).await;
    }

    /// The requests that were sent and have not ended, by address.
    pub fn pending(&self) -> Vec<String> {
        let mut open = std::collections::BTreeMap::new();
        for event in &self.events {
            let parameters = &event["params"];
            let id = parameters["requestId"].to_string();
            match event["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    open.insert(id, parameters["request"]["url"].as_str().unwrap_or_default().to_owned());
                }
                Some("Network.loadingFinished" | "Network.loadingFailed") => {
                    open.remove(&id);
                }
                _ => {}
            }
        }
        open.into_values().collect()
    }

    /// Every address that was asked for, and every complaint of the browser.
    pub fn heard(&self) -> (Vec<String>, Vec<Value>) {
        let of = |method: &'static str| self.events.iter().filter(move |event| event["method"] == method);
        let asked = of("Network.requestWillBeSent").map(|event| &event["params"]["request"]["url"]);
        let complaints = of("Log.entryAdded").map(|event| event["params"]["entry"].clone());
        (asked.map(|url| url.as_str().unwrap().to_owned()).collect(), complaints.collect())
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut request = json!({"id": self.sent, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("no answer to {method}")).unwrap().unwrap();
            let Message::Text(text) = message else { continue };
            let mut message = json(&text);
            if message["id"] == self.sent {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
