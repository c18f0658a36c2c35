//! Long bodies: whole, in order, and no faster than the other side takes them.

use std::net::SocketAddr;
use std::sync::LazyLock;

use bytes::Bytes;
use gw::pipeline::head::ResponseHead;
use gw::proxy::upstream::Reply;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::world::{Ask, BRIEF, Fed, World};

/// More than the kernel buffers between two sockets.
const LENGTH: usize = 32 * 1024 * 1024;

/// Bytes of which no two blocks are alike.
static BODY: LazyLock<Bytes> = LazyLock::new(|| (0..LENGTH / 8).flat_map(usize::to_le_bytes).collect());

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn hear_head(tcp: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
}

/// Sends a long answer in some framing, and says how much of it was sent when the client first took no more.
async fn send_long(listener: TcpListener, head: &'static str, full: oneshot::Sender<usize>) {
    let (mut tcp, _) = listener.accept().await.unwrap();
    hear_head(&mut tcp).await;
    let chunked = head.contains("chunked");
    let mut message = format!("HTTP/1.1 200 OK\r\n{head}\r\n").into_bytes();
    for block in BODY.chunks(100_001) {
        if chunked {
            message.extend_from_slice(format!("{:x}\r\n", block.len()).as_bytes());
        }
        message.extend_from_slice(block);
        if chunked {
            message.extend_from_slice(b"\r\n");
        }
    }
    if chunked {
        message.extend_from_slice(b"0\r\n\r\n");
    }
    let mut full = Some(full);
    let mut sent = 0;
    while sent < message.len() {
        if let Ok(length) = tcp.try_write(&message[sent..]) {
            sent += length;
            continue;
        }
        if let Some(full) = full.take_if(|_| sent > 0) {
            full.send(sent).unwrap();
        }
        tcp.writable().await.unwrap();
    }
    if !chunked && !head.contains("length") {
        return;
    }
    tcp.read_to_end(&mut Vec::new()).await.unwrap();
}

fn check_download(head: &'static str) {
    World::run(async |world| {
        let (listener, address) = listen().await;
        let (full, when_full) = oneshot::channel();
        tokio::task::spawn_local(send_long(listener, head, full));
        let mut response = ResponseHead::default();
        let Ok(Reply::Answer(mut body)) = world.send(address, Ask::new("GET"), &mut response).await else {
            panic!("no answer to {head}");
        };
        let expected = head.contains("length").then_some(LENGTH as u64);
        assert_eq!(body.size_hint().exact(), expected);
        let sent = when_full.await.unwrap();
        assert!(sent < LENGTH / 2, "{sent} bytes were taken for a client that reads none");
        let mut received = Vec::with_capacity(LENGTH);
        while let Some(frame) = body.frame().await {
            received.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert!(received == *BODY, "{} bytes of {head}", received.len());
        assert_eq!(world.upstreams.idle_connections(), usize::from(!head.contains("close")));
    });
}

#[test]
fn a_long_body_of_known_length() {
    check_download("content-length: 33554432\r\n");
}

#[test]
fn a_long_chunked_body() {
    check_download("transfer-encoding: chunked\r\n");
}

#[test]
fn a_long_body_until_the_connection_closes() {
    check_download("connection: close\r\n");
}

#[test]
fn a_long_request_body_arrives_whole() {
    World::run(async |world| {
        let (listener, address) = listen().await;
        let server = tokio::task::spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            hear_head(&mut tcp).await;
            let mut body = vec![0; LENGTH];
            tcp.read_exact(&mut body).await.unwrap();
            tcp.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            body == *BODY
        });
        let (feed, body) = Fed::open(Some(LENGTH as u64));
        let bytes = BODY.clone();
        for at in (0..LENGTH).step_by(77_777) {
            feed.send(Ok(Frame::data(bytes.slice(at..LENGTH.min(at + 77_777))))).unwrap();
        }
        assert_eq!(world.ask(address, Ask::new("PUT").body(body)).await, "204 []  | kept 1");
        assert!(server.await.unwrap());
    });
}

/// An origin that stops reading stops the client, and is given up after the idle timeout.
#[test]
fn an_origin_that_does_not_read_holds_the_body_back() {
    World::run(async |world| {
        let (listener, address) = listen().await;
        let (feed, body) = Fed::open(None);
        let block = Bytes::from(vec![b'x'; 64 * 1024]);
        for _ in 0..LENGTH / block.len() {
            feed.send(Ok(Frame::data(block.clone()))).unwrap();
        }
        let mut ask = Ask::new("POST").body(body);
        ask.timeouts.idle = BRIEF;
        let expected = "504 idle-timeout: the upstream fell silent | kept 0";
        assert_eq!(world.ask(address, ask).await, expected);
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut taken = Vec::new();
        drop(tcp.read_to_end(&mut taken).await);
        assert!(taken.len() < LENGTH / 2, "{} bytes were taken for an origin that reads none", taken.len());
    });
}
