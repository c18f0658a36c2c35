//! Connections that become something else: a WebSocket above all (RFC 9110, 7.8; RFC 6455).

use std::net::SocketAddr;
use std::thread;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::{Client, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, gateway, route, wait_until};

const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\n";
const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn before(address: SocketAddr, more: &str) -> Gateway {
    let times = ", timeouts: { firstByte: 500ms, upgraded: 500ms }";
    Gateway::start(&(gateway(more) + &backend("origin", address, times) + &route("all", "backend: origin")))
}

/// A server that accepts the upgrade, and sends everything back.
fn echo(early: &'static str) -> Origin {
    Origin::start(move |peer| {
        peer.request();
        peer.send(ACCEPT.to_owned() + early);
        while let Some(byte) = peer.exactly(1) {
            peer.send(byte);
        }
        peer.send("bye");
    })
}

#[test]
fn a_websocket_library_meets_another_one() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_text() || message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        });
    });
    let gateway = before(told.recv().unwrap(), "");
    runtime().block_on(async {
        let url = format!("ws://{}/ws?a=b", gateway.http());
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        for size in [0, 1, 125, 126, 65_536, 3 << 20] {
            let message = Message::binary(vec![7; size]);
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message, "{size}");
        }
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    });
}

#[test]
fn bytes_flow_both_ways_and_ends_are_passed_on() {
    let origin = echo("early");
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    // what the client says before it has the 101 is no second request
    client.send(format!("{ASK}hello"));
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.get("upgrade"), answer.get("connection"), answer.get("x-a")),
        (101, Some("websocket"), Some("upgrade"), Some("1"))
    );
    assert_eq!(client.exactly(10), b"earlyhello");
    client.send("more").finish();
    assert_eq!(client.rest(), b"morebye");
    let head = &origin.seen()[0];
    assert_eq!((head.all("connection"), head.all("upgrade")), (vec!["upgrade"], vec!["websocket"]));
    assert_eq!(head.all("sec-websocket-version"), ["13"]);
}

#[test]
fn a_refused_upgrade_is_an_answer_like_any_other() {
    let origin = Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            let refused = seen.head[0].contains("/ws");
            peer.send(if refused {
                "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"
            } else {
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            });
        }
    });
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    let answer = client.send(ASK).answer();
    assert_eq!((answer.status, answer.text().as_str(), answer.get("upgrade")), (403, "no", None));
    assert_eq!(client.send(get("/", "")).answer().text(), "ok");
}

/// A client that asks for an upgrade and at once says more cannot smuggle it past the gateway (class 6 of its kind).
#[test]
fn what_follows_a_refused_upgrade_is_a_request_of_its_own() {
    let origin = Origin::ok();
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    client.send(ASK.to_owned() + "GET /second HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    assert_eq!([client.answer().status, client.answer().status], [200, 200]);
    let seen = origin.wait_for(2);
    assert_eq!((seen.len(), seen[1].all("x-forwarded-for")), (2, vec!["127.0.0.1"]));
}

#[test]
fn an_answer_of_101_needs_its_upgrade() {
    for bad in
        ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n"]
    {
        let origin = Origin::start(move |peer| {
            peer.request();
            peer.send(bad);
            peer.rest();
        });
        let gateway = before(origin.address, "");
        assert_eq!(Client::connect(gateway.http()).send(ASK).answer().status, 502, "{bad}");
    }
}

#[test]
fn a_silent_tunnel_ends() {
    let origin = echo("");
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    assert_eq!(client.send(ASK).answer().status, 101);
    assert_eq!(client.send("a").exactly(1), b"a");
    assert!(client.is_closed());
    wait_until("the origin's side is closed", || (origin.open() == 0).then_some(()));
}

#[test]
fn when_one_side_goes_away_the_other_one_hears_of_it() {
    let origin = echo("");
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    assert_eq!(client.send(ASK).answer().status, 101);
    drop(client);
    wait_until("the origin's side is closed", || (origin.open() == 0).then_some(()));

    let origin = Origin::start(|peer| {
        peer.request();
        peer.send(ACCEPT);
        peer.exactly(1);
        peer.reset();
    });
    let gateway = before(origin.address, "");
    let mut client = Client::connect(gateway.http());
    assert_eq!(client.send(ASK).answer().status, 101);
    assert!(client.send("a").is_closed());
}
