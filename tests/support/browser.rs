//! A browser without a window: Chromium, driven as the `WebDriver` standard says.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::Client;
use super::{Lines, wait_until};

/// A browser with one page, which ends with its value.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// Starts it.
    pub fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().expect("chromedriver, which tests/run installs");
        let line = Lines::read(driver.stdout.take().unwrap()).wait_for("started successfully on port ");
        let port: u16 = line.rsplit(' ').next().unwrap().trim_end_matches('.').parse().unwrap();
        let mut browser = Self { driver, address: ([127, 0, 0, 1], port).into(), session: String::new() };
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,1400"];
        let made = browser.call(
            "POST",
            "/session",
            &json!({ "capabilities": { "alwaysMatch": {
                "goog:chromeOptions": { "args": arguments },
                "goog:loggingPrefs": { "browser": "ALL" },
            } } }),
        );
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")));
        browser
    }

    /// Shows a page.
    pub fn open(&self, url: &str) {
        self.call("POST", &format!("{}/url", self.session), &json!({ "url": url }));
    }

    /// What the body of a function gives in the page.
    pub fn run(&self, body: &str) -> Value {
        self.call("POST", &format!("{}/execute/sync", self.session), &json!({ "script": body, "args": [] }))
    }

    /// Waits until an expression is true in the page.
    pub fn wait(&self, expression: &str) {
        wait_until(expression, || (self.run(&format!("return !!({expression})")) == true).then_some(()));
    }

    /// What the page said of itself so far: errors of scripts, and what its policy forbade.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", &format!("{}/se/log", self.session), &json!({ "type": "browser" }));
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Writes what is seen to a file.
    pub fn screenshot(&self, path: &Path) {
        let shot = self.call("GET", &format!("{}/screenshot", self.session), &Value::Null);
        fs::write(path, STANDARD.decode(shot.as_str().unwrap()).unwrap()).unwrap();
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = Client::connect(self.address).send(head + &body).answer();
        let mut value: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {value}");
        value["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.call("DELETE", &self.session, &Value::Null);
            }));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
