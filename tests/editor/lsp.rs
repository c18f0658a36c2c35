//! A client of yaml-language-server: as much of the Language Server Protocol as an editor needs to complete, explain and check.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const VERSION: &str = "1.25.0";

/// How long an answer may take at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    input: ChildStdin,
    messages: Receiver<Value>,
    /// What was said about each document.
    diagnostics: HashMap<String, Vec<Value>>,
    count: u64,
    /// The end of the input is what ends the process.
    _process: Child,
}

impl Server {
    /// Starts it.
    pub fn start() -> Self {
        let mut process = Command::new("node")
            .arg(installed())
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is needed for this test");
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                let _ = sender.send(message);
            }
        });
        let mut server = Self { input, messages, diagnostics: HashMap::new(), count: 0, _process: process };
        let capabilities = json!({
            "workspace": { "configuration": true, "didChangeConfiguration": { "dynamicRegistration": true } },
            "textDocument": { "hover": { "contentFormat": ["markdown"] }, "completion": {} },
        });
        server.request("initialize", json!({ "processId": null, "rootUri": null, "capabilities": capabilities }));
        server.notify("initialized", json!({}));
        server.notify("workspace/didChangeConfiguration", json!({ "settings": { "yaml": settings() } }));
        server
    }

    /// The labels that complete at the `|` of a text.
    pub fn complete(&mut self, text: &str) -> Vec<String> {
        let at = self.open_at(text);
        let answer = self.request("textDocument/completion", at);
        let items = answer.get("items").unwrap_or(&answer).as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }

    /// What is said about the word that holds the `|` of a text.
    pub fn hover(&mut self, text: &str) -> String {
        let at = self.open_at(text);
        let answer = self.request("textDocument/hover", at);
        answer["contents"]["value"].as_str().unwrap_or_default().replace("&nbsp;", " ")
    }

    /// The mistakes in a text.
    pub fn diagnostics(&mut self, text: &str) -> Vec<Value> {
        let uri = self.open(text);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.diagnostics.remove(&uri) {
                return found;
            }
            self.receive(deadline);
        }
    }

    fn open_at(&mut self, text: &str) -> Value {
        let at = text.find('|').unwrap();
        let (before, after) = text.split_at(at);
        let uri = self.open(&format!("{before}{}", &after[1..]));
        let line = before.matches('\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        // One line more: the first names the schema.
        json!({ "textDocument": { "uri": uri }, "position": { "line": line + 1, "character": column } })
    }

    fn open(&mut self, text: &str) -> String {
        self.count += 1;
        let uri = format!("file:///gateway.d/{}.yaml", self.count);
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/gateway.schema.json");
        let text = format!("# yaml-language-server: $schema=file://{}\n{text}", schema.display());
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        uri
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.count += 1;
        let id = self.count;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.receive(deadline).filter(|answer| answer["id"] == id) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    /// The next answer to a request of ours; what the server asks or tells by itself is dealt with.
    fn receive(&mut self, deadline: Instant) -> Option<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = self.messages.recv_timeout(left).expect("yaml-language-server answers in time");
        let params = &message["params"];
        match message["method"].as_str() {
            None => return Some(message),
            Some("textDocument/publishDiagnostics") => {
                let found = params["diagnostics"].as_array().cloned().unwrap_or_default();
                let lines = found.into_iter().map(without_first_line).collect();
                self.diagnostics.insert(params["uri"].as_str().unwrap_or_default().to_owned(), lines);
            }
            Some(_) => {
                if let Some(id) = message.get("id") {
                    let sections = params["items"].as_array().into_iter().flatten();
                    let of = |item: &Value| if item["section"] == "yaml" { settings() } else { Value::Null };
                    let result: Vec<Value> = sections.map(of).collect();
                    self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
                }
            }
        }
        None
    }
}

/// Nothing is fetched from the network.
fn settings() -> Value {
    json!({ "validate": true, "hover": true, "completion": true, "schemaStore": { "enable": false } })
}

fn without_first_line(mut problem: Value) -> Value {
    let line = problem["range"]["start"]["line"].as_u64().unwrap();
    problem["range"]["start"]["line"] = line.saturating_sub(1).into();
    problem
}

fn read(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The program of the server, installed if it is missing.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("yaml-language-server-{VERSION}"));
    let program = folder.join("node_modules/yaml-language-server/bin/yaml-language-server");
    if !program.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let package = format!("yaml-language-server@{VERSION}");
        let done = Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(package)
            .output()
            .expect("npm is needed for this test");
        assert!(done.status.success(), "npm: {}", String::from_utf8_lossy(&done.stderr));
    }
    program
}
