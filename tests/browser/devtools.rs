//! A headless Chromium, driven by its `DevTools` protocol; it ends with the test, and its profile is removed.

use std::io::{BufRead, BufReader};
use std::path::Path;
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
    _profile: TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    script: Option<String>,
    sent: u64,
    events: Vec<Value>,
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
        Self { process, _profile: profile, socket, session: None, script: None, sent: 0, events: Vec::new() }
    }

    /// Has a script run in every page that is opened from now on, before its own.
    pub fn begin_with(&mut self, script: String) {
        self.script = Some(script);
    }

    /// Opens a page, and listens to what it asks for and complains of.
    pub async fn open(&mut self, url: &str) {
        self.session = None;
        let target = self.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", attach).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Network", "Log", "Runtime", "Page"] {
            self.call(&format!("{domain}.enable"), json!({})).await;
        }
        if let Some(script) = self.script.clone() {
            self.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
        }
        self.call("Page.navigate", json!({"url": url})).await;
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
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": colours}]});
        self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// Makes the page as wide as this, with the few colours of a system that forces its own.
    pub async fn force_colours(&mut self, width: u32) {
        self.emulate(width, "light").await;
        let media = json!({"features": [{"name": "forced-colors", "value": "active"}]});
        self.call("Emulation.setEmulatedMedia", media).await;
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
        let text = if key.chars().count() == 1 { key } else { "" };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        let text = if key == "Enter" { "\r" } else { text };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types a text into what has the focus.
    pub async fn type_in(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
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
