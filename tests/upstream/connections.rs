//! Which connection a request uses, and when it may be sent a second time.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use gw::pipeline::head::ResponseHead;
use gw::pipeline::upstream::UpstreamProtocol;
use gw::proxy::upstream::{Address, Reply, Target, TlsTarget, client_config};
use http_body::Frame;
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::Server;
use crate::server::Step::{Close, Hear, Reset, Say};
use crate::world::{Ask, BRIEF, Fed, World};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const KEPT: &str = "200 [content-length: 2] ok | kept 1";
const CLOSED: &str = "502 closed: the upstream closed the connection without an answer | kept 0";

#[test]
fn a_connection_serves_one_request_after_another() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0), Say(OK), Hear(2), Say(OK), Hear(0), Say(OK)]]).await;
        assert_eq!(world.ask(server.address, Ask::new("GET")).await, KEPT);
        let ask = Ask::new("POST").body(Fed::of(Some(2), &["hi"]));
        assert_eq!(world.ask(server.address, ask).await, KEPT);
        assert_eq!(world.ask(server.address, Ask::new("DELETE")).await, KEPT);
        assert_eq!(server.heard().len(), 3);
    });
}

#[test]
fn requests_at_once_use_a_connection_each() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0), Say(OK)], vec![Hear(0), Say(OK)]]).await;
        let (first, second) =
            tokio::join!(world.ask(server.address, Ask::new("GET")), world.ask(server.address, Ask::new("GET")));
        assert_eq!((first.as_str(), second.as_str()), (KEPT, "200 [content-length: 2] ok | kept 2"));
    });
}

#[test]
fn a_dropped_body_closes_the_connection() {
    World::run(async |world| {
        let mut server =
            Server::follow(vec![vec![Hear(0), Say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello")]]).await;
        let mut response = ResponseHead::default();
        let reply = world.send(server.address, Ask::new("GET"), &mut response).await;
        assert!(matches!(reply, Ok(Reply::Answer(_))));
        drop(reply);
        server.ended().await;
        assert_eq!(world.upstreams.idle_connections(), 0);
    });
}

#[test]
fn bytes_beyond_an_answer_never_reach_the_next_request() {
    World::run(async |world| {
        let extra = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
        let late = vec![Hear(0), Say(OK), Say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"), Close];
        let mut server = Server::follow(vec![vec![Hear(0), Say(extra)], late, vec![Hear(0), Say(OK)]]).await;
        let asked = world.ask(server.address, Ask::new("GET")).await;
        assert_eq!(asked, "200 [content-length: 2] ok | kept 0");
        world.ask(server.address, Ask::new("GET")).await;
        for _ in 0..2 {
            server.ended().await;
        }
        assert_eq!(world.ask(server.address, Ask::new("GET")).await, KEPT);
        assert_eq!(server.heard().len(), 3);
    });
}

#[test]
fn a_connection_closed_while_idle_is_not_used() {
    for method in ["GET", "POST"] {
        World::run(async |world| {
            let mut server = Server::follow(vec![vec![Hear(0), Say(OK), Close], vec![Hear(0), Say(OK)]]).await;
            world.ask(server.address, Ask::new("GET")).await;
            server.ended().await;
            assert_eq!(world.ask(server.address, Ask::new(method)).await, KEPT);
            assert_eq!(server.heard().len(), 2);
        });
    }
}

/// The server reads the second request on a connection and closes: it may have acted on it.
#[test]
fn a_request_is_sent_again_only_if_the_origin_may_see_it_twice() {
    for end in [Close, Reset] {
        for (method, expected, seen) in [("GET", KEPT, 3), ("PUT", KEPT, 3), ("POST", CLOSED, 2), ("PATCH", CLOSED, 2)]
        {
            World::run(async |world| {
                let scripts = vec![vec![Hear(0), Say(OK), Hear(0), end], vec![Hear(0), Say(OK)]];
                let server = Server::follow(scripts).await;
                world.ask(server.address, Ask::new("GET")).await;
                assert_eq!(world.ask(server.address, Ask::new(method)).await, expected, "{method}");
                assert_eq!(server.heard().len(), seen, "{method}");
            });
        }
    }
}

#[test]
fn a_request_is_sent_again_only_once_and_only_without_an_answer() {
    let interim = Say(b"HTTP/1.1 100 Continue\r\n\r\n");
    for (scripts, expected, seen) in [
        (vec![vec![Hear(0), Say(OK), Hear(0), Close], vec![Hear(0), Close]], CLOSED, 3),
        (
            vec![vec![Hear(0), Say(OK), Hear(0), interim, Close]],
            "502 malformed: the upstream's answer is malformed: the head ends early | kept 0",
            2,
        ),
        (vec![vec![Hear(0), Close]], CLOSED, 1),
    ] {
        World::run(async |world| {
            let server = Server::follow(scripts.clone()).await;
            if seen > 1 {
                world.ask(server.address, Ask::new("GET")).await;
            }
            assert_eq!(world.ask(server.address, Ask::new("GET")).await, expected);
            assert_eq!(server.heard().len(), seen);
        });
    }
}

#[test]
fn a_body_is_never_sent_twice() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0), Say(OK), Hear(2), Close]]).await;
        world.ask(server.address, Ask::new("GET")).await;
        let ask = Ask::new("PUT").body(Fed::of(Some(2), &["hi"]));
        assert_eq!(world.ask(server.address, ask).await, CLOSED);
        // nor is a repeatable head, while the body is still to come
        let server = Server::follow(vec![vec![Hear(0), Say(OK), Hear(0), Close], vec![Hear(2), Say(OK)]]).await;
        world.ask(server.address, Ask::new("GET")).await;
        let (feed, body) = Fed::open(Some(2));
        let ask = world.ask(server.address, Ask::new("PUT").body(body));
        let feeder = async {
            while server.heard().len() < 2 {
                tokio::task::yield_now().await;
            }
            feed.send(Ok(Frame::data(Bytes::from_static(b"hi")))).unwrap();
        };
        let (outcome, ()) = tokio::join!(ask, feeder);
        assert!(outcome == KEPT || outcome == CLOSED, "{outcome}");
    });
}

#[test]
fn sweeping_closes_what_the_server_closed() {
    World::run(async |world| {
        let mut server = Server::follow(vec![vec![Hear(0), Say(OK), Close], vec![Hear(0), Say(OK)]]).await;
        world.ask(server.address, Ask::new("GET")).await;
        server.ended().await;
        while world.upstreams.idle_connections() > 0 {
            tokio::task::yield_now().await;
            world.upstreams.sweep();
        }
        assert_eq!(world.ask(server.address, Ask::new("GET")).await, KEPT);
        world.upstreams.sweep();
        assert_eq!(world.upstreams.idle_connections(), 1);
    });
}

/// A certificate for `upstream.test`, signed by itself, made anew for each run.
static IDENTITY: LazyLock<CertifiedKey<KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(["upstream.test".to_owned()]).unwrap());

fn certificate() -> CertificateDer<'static> {
    IDENTITY.cert.der().clone()
}

fn tls_target(address: std::net::SocketAddr, name: &'static str, roots: RootCertStore) -> Target {
    let config = Arc::new(client_config(roots).unwrap());
    let server_name = ServerName::try_from(name).unwrap();
    let tls = Arc::new(TlsTarget { server_name, settings: gw::table::Digest::of_bytes(b""), config, choice: None });
    Target { address: Address::Socket(address), tls: Some(tls), preface: None, protocol: UpstreamProtocol::Http1 }
}

fn acceptor(protocols: &[&[u8]]) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(IDENTITY.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers every request on every connection.
async fn serve_tls(listener: TcpListener) {
    let acceptor = acceptor(&[]);
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
        tokio::task::spawn_local(async move {
            let mut heard = Vec::new();
            while let Ok(byte) = tls.read_u8().await {
                heard.push(byte);
                if heard.ends_with(b"\r\n\r\n") {
                    tls.write_all(OK).await.unwrap();
                    tls.flush().await.unwrap();
                }
            }
        });
    }
}

#[test]
fn tls() {
    World::run(async |world| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(serve_tls(listener));
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        let target = tls_target(address, "upstream.test", roots.clone());
        for method in ["GET", "POST", "GET"] {
            assert_eq!(world.ask_target(&target, Ask::new(method)).await, KEPT);
        }
        let failed = "502 tls: the TLS handshake with the upstream failed | kept 1";
        let other = tls_target(address, "other.test", roots);
        assert_eq!(world.ask_target(&other, Ask::new("GET")).await, failed);
        let mut untrusted = tls_target(address, "upstream.test", RootCertStore::empty());
        let tls = untrusted.tls.as_mut().and_then(Arc::get_mut).unwrap();
        tls.settings = gw::table::Digest::of_bytes(b"other");
        assert_eq!(world.ask_target(&untrusted, Ask::new("GET")).await, failed);
    });
}

/// Answers every request over HTTP/2.
async fn serve_http2(listener: TcpListener) {
    let acceptor = acceptor(&[b"h2", b"http/1.1"]);
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let tls = acceptor.accept(tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut connection = h2::server::handshake(tls).await.unwrap();
        tokio::task::spawn_local(async move {
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.uri().to_string(), "https://upstream.test/path");
                let head = http::Response::builder().header("content-length", "2").body(()).unwrap();
                let mut stream = respond.send_response(head, false).unwrap();
                stream.send_data(Bytes::from_static(b"ok"), true).unwrap();
            }
        });
    }
}

#[test]
fn http2_is_agreed_on_over_tls() {
    World::run(async |world| {
        let (listener, old) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let addresses = (listener.local_addr().unwrap(), old.local_addr().unwrap());
        tokio::task::spawn_local(serve_http2(listener));
        tokio::task::spawn_local(serve_tls(old));
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        let target = tls_target(addresses.0, "upstream.test", roots.clone()).over_http2();
        for method in ["GET", "POST"] {
            let answer = world.ask_target(&target, Ask::new(method)).await;
            assert_eq!(answer, "200 [content-length: 2] ok | kept 0");
        }
        let target = tls_target(addresses.1, "upstream.test", roots).over_http2();
        let answer = world.ask_target(&target, Ask::new("GET")).await;
        assert_eq!(answer, "502 no-http2: the upstream does not speak HTTP/2 | kept 0");
    });
}

#[test]
fn long_bodies_pass_both_ways_over_tls() {
    World::run(async |world| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        let target = tls_target(listener.local_addr().unwrap(), "upstream.test", roots);
        let echo = tokio::task::spawn_local(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut tls = acceptor(&[]).accept(tcp).await.unwrap();
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") {
                heard.push(tls.read_u8().await.unwrap());
            }
            let mut body = vec![0; 4_000_000];
            tls.read_exact(&mut body).await.unwrap();
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n").await.unwrap();
            tls.write_all(&body).await.unwrap();
            tls.flush().await.unwrap();
            tls.read_u8().await.unwrap_err();
        });
        let block: &str = "0123456789".repeat(10_000).leak();
        let ask = Ask::new("PUT").body(Fed::of(Some(4_000_000), &[block; 40]));
        let outcome = world.ask_target(&target, ask).await;
        let expected = format!("200 [content-length: 4000000] {} | kept 1", block.repeat(40));
        assert!(outcome == expected, "{} bytes", outcome.len());
        drop(world);
        echo.await.unwrap();
    });
}

#[test]
fn a_silent_handshake_ends() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![]]).await;
        let target = tls_target(server.address, "upstream.test", RootCertStore::empty());
        let mut ask = Ask::new("GET");
        ask.timeouts.connect = BRIEF;
        let expected = "504 connect-timeout: the upstream did not accept a connection in time | kept 0";
        assert_eq!(world.ask_target(&target, ask).await, expected);
    });
}
