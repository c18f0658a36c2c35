//! A server that speaks as S3 does: moto.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::Lines;
use super::client::ask;

/// An S3 server with one bucket, which ends with its value.
pub struct Bucket {
    child: Child,
    name: &'static str,
    pub address: SocketAddr,
}

impl Bucket {
    /// Starts a server with a bucket of this name.
    pub fn start(name: &'static str) -> Self {
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", "0"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("moto_server, which tests/run installs");
        let log = Lines::read(child.stderr.take().unwrap());
        let line = log.wait_for("Running on http://");
        let address = line.split_once("http://").unwrap().1.trim().parse().unwrap();
        let bucket = Self { child, name, address };
        bucket.write("", b"", "");
        bucket
    }

    /// Writes an object; fields are whole lines.
    pub fn put(&self, key: &str, content: &[u8], fields: &str) {
        self.write(&format!("/{key}"), content, fields);
    }

    fn write(&self, path: &str, content: &[u8], fields: &str) {
        let Self { name, address, .. } = self;
        let length = content.len();
        let head = format!("PUT /{name}{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{fields}\r\n");
        let written = ask(*address, [head.as_bytes(), content].concat());
        assert_eq!(written.status, 200, "{}", written.text());
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
