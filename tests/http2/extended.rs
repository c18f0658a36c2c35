//! `WebSockets` to servers that speak HTTP/2 only (RFC 8441), for which HAProxy stands, and to those that open none.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use h2::server::Builder;
use tokio_tungstenite::tungstenite::Message;

use crate::client::Client;
use crate::origin::{Http2Origin, answer};
use crate::support::client::{ask, get};
use crate::support::{Gateway, folder_with, wait_until};
use crate::tunnels::{client, connect};
use crate::upstream::before;

const ASK: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A server of `WebSockets` over HTTP/1 that sends every message back.
fn echo() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                    while let Some(Ok(message)) = socket.next().await {
                        if message.is_text() || message.is_binary() {
                            socket.send(message).await.unwrap();
                        }
                    }
                });
            }
        });
    });
    told.recv().unwrap()
}

/// An HAProxy that speaks HTTP/2 in clear text, and HTTP/1 with the server behind it; it ends with its value.
struct Haproxy(Child, SocketAddr);

impl Haproxy {
    fn start(behind: SocketAddr) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n timeout tunnel 1m\n\
             listen ws\n bind {address} proto h2\n server echo {behind}\n"
        );
        let folder = folder_with(&[("haproxy.cfg", &config)]);
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg")).stdout(Stdio::null()).stderr(Stdio::null());
        let haproxy = Self(command.spawn().expect("haproxy, which tests/run installs"), address);
        wait_until("HAProxy listens", || TcpStream::connect(address).ok());
        haproxy
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_websocket_of_a_client_over_http1() {
    let haproxy = Haproxy::start(echo());
    let gateway = before(haproxy.1, "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("ws://{}/ws?a=b", gateway.http())).await.unwrap();
        for size in [0, 1, 125, 126, 65_536, 3 << 20] {
            let message = Message::binary(vec![7; size]);
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message, "{size}");
        }
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    });
    // the answer is that of HTTP/1, to the client's own key
    let answer = crate::support::client::Client::connect(gateway.http()).send(get("/ws", ASK)).answer();
    assert_eq!((answer.status, answer.get("upgrade")), (101, Some("websocket")));
    assert_eq!(answer.get("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

#[test]
fn a_websocket_of_a_client_over_http2() {
    let haproxy = Haproxy::start(echo());
    let gateway = before(haproxy.1, "");
    let client = client(&gateway);
    let (answer, mut send) = client.begin(connect("/ws", "websocket"), false).unwrap();
    let (head, mut receive) = client.run(answer).unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert!(!head.headers.contains_key("sec-websocket-accept"));
    // a text, masked with nothing
    send.send_data(Bytes::from_static(b"\x81\x82\0\0\0\0hi"), false).unwrap();
    let mut got = Vec::new();
    while got.len() < 4 {
        got.extend_from_slice(&client.run(receive.data()).unwrap().unwrap());
    }
    assert_eq!(got, b"\x81\x02hi");
}

/// A breaker that the first error opens.
const BREAKER: &str = ", circuitBreaker: { consecutiveErrors: 1, openFor: 1h }";

fn both_ways(gateway: &Gateway, status: u16) {
    assert_eq!(ask(gateway.http(), get("/ws", ASK)).status, status);
    let client = client(gateway);
    let (answer, _send) = client.begin(connect("/ws", "websocket"), false).unwrap();
    assert_eq!(client.answer(answer).unwrap().status, status);
}

#[test]
fn a_server_that_opens_none_is_not_to_blame() {
    let origin = Http2Origin::start(Builder::new(), |_, respond| answer(respond, 200, &[], b"ok"));
    let gateway = before(origin.address, BREAKER);
    both_ways(&gateway, 502);
    gateway.access.wait_for("\"error\":\"no-upgrade\"");
    assert_eq!(ask(gateway.http(), get("/ws", "Connection: Upgrade\r\nUpgrade: tcp\r\n")).status, 502);
    assert_eq!(Client::connect(gateway.http()).get("/").text(), "ok");
    // nothing of it arrived
    assert_eq!(origin.seen().len(), 1);
}

#[test]
fn a_refusal_is_an_answer() {
    let mut builder = Builder::new();
    builder.enable_connect_protocol();
    let origin = Http2Origin::start(builder, |seen, respond| {
        let status = if seen.head.method == http::Method::CONNECT { 403 } else { 200 };
        answer(respond, status, &[], b"no")
    });
    let gateway = before(origin.address, BREAKER);
    both_ways(&gateway, 403);
    // a client that does not keep to the handshake
    assert_eq!(ask(gateway.http(), get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).status, 400);
    assert_eq!(Client::connect(gateway.http()).get("/").text(), "no");
    let asked = &origin.seen()[0].head;
    assert_eq!((asked.method.as_str(), asked.uri.path()), ("CONNECT", "/ws"));
    assert!(!asked.headers.contains_key("sec-websocket-key") && asked.headers["sec-websocket-version"] == "13");
}
