//! The PROXY protocol from trusted networks, by hand and by HAProxy.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::support::client::{Client, ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, backend, folder_with, gateway, route, wait_until};
use crate::{free, manifests};

fn behind_balancer() -> Gateway {
    Gateway::start(&manifests("{ name: http, address: \"127.0.0.1:0\", proxyProtocol: { from: [127.0.0.0/8] } }"))
}

/// The address that the gateway takes for the client's.
fn client(echo: &str) -> String {
    let line = echo.lines().find(|line| line.contains("\"client\"")).expect("an echo");
    line.split('"').nth(3).unwrap().to_owned()
}

#[test]
fn what_the_balancer_says_is_the_client() {
    let gateway = behind_balancer();
    for (preface, address) in [
        (&b"PROXY TCP4 203.0.113.7 10.0.0.1 5000 80\r\n"[..], "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 5000 80\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x01\x13\x88\0\x50", "203.0.113.7"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "127.0.0.1"),
    ] {
        let mut connection = Client::connect(gateway.http());
        connection.send([preface, get("/", "").as_bytes()].concat());
        assert_eq!(client(&connection.answer().text()), address);
        // it is said once, and holds for the whole connection
        assert_eq!(client(&connection.send(get("/", "")).answer().text()), address);
    }
}

#[test]
fn a_connection_without_it_is_refused_where_it_must_be_and_only_there() {
    let gateway = behind_balancer();
    for junk in [get("/", ""), "PROXY TCP4 nobody\r\n".to_owned() + &get("/", "")] {
        assert!(Client::connect(gateway.http()).send(junk).is_closed());
    }
    let elsewhere =
        Gateway::start(&manifests("{ name: http, address: \"127.0.0.1:0\", proxyProtocol: { from: [192.0.2.0/24] } }"));
    assert_eq!(ask(elsewhere.http(), get("/", "")).status, 200);
    let forged = "PROXY TCP4 203.0.113.7 10.0.0.1 5000 80\r\n".to_owned() + &get("/", "");
    assert_eq!(ask(elsewhere.http(), forged).status, 400);
}

/// A running HAProxy, which ends with its value.
struct Balancer(Child);

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn haproxy_says_who_connects_to_it() {
    let gateway = behind_balancer();
    for option in ["send-proxy", "send-proxy-v2"] {
        let address = free();
        let config = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
             listen tcp\n bind {address}\n source 127.0.0.9\n server gw {} {option}\n",
            gateway.http()
        );
        let folder = folder_with(&[("haproxy.cfg", &config)]);
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg")).stdout(Stdio::null()).stderr(Stdio::null());
        let _balancer = Balancer(command.spawn().expect("haproxy"));
        wait_until("HAProxy listens", || std::net::TcpStream::connect(address).ok());
        // the balancer connects from 127.0.0.9, its client from 127.0.0.1
        assert_eq!(client(&ask(address, get("/", "")).text()), "127.0.0.1", "{option}");
        fs::remove_dir_all(folder).unwrap();
    }
}

/// A server behind the gateway that believes the PROXY protocol: another gateway.
#[test]
fn servers_are_told_who_the_client_is() {
    let server = behind_balancer();
    for version in ["v1", "v2"] {
        let manifests = gateway("")
            + &backend(
                "behind",
                server.http(),
                &format!(", sendProxyProtocol: {version}, healthCheck: {{ path: /, interval: 1s }}"),
            )
            + &route("all", "backend: behind");
        let front = Gateway::start(&manifests.replace(
            "address: \"127.0.0.1:0\" }]",
            "address: \"127.0.0.1:0\", proxyProtocol: { from: [127.0.0.0/8] } }]",
        ));
        let mut clients: Vec<(Client, String)> = (1..4)
            .map(|n| {
                let mut client = Client::connect(front.http());
                client.send(format!("PROXY TCP4 203.0.113.{n} 10.0.0.1 5000 80\r\n"));
                (client, format!("203.0.113.{n}"))
            })
            .collect();
        for _ in 0..3 {
            for (connection, address) in &mut clients {
                let echo = connection.send(get("/", "")).answer();
                assert_eq!((echo.status, &client(&echo.text())), (200, &*address), "{version}");
            }
        }
    }
}

/// What is made for a client ends with it, and serves it until then.
#[test]
fn a_connection_upstream_ends_with_its_client() {
    let origin = Origin::start(|peer| {
        peer.exactly(format!("PROXY TCP4 127.0.0.1 127.0.0.1 {0} {0}\r\n", 10_000).len());
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let manifests =
        gateway("") + &backend("behind", origin.address, ", sendProxyProtocol: v1") + &route("all", "backend: behind");
    let gateway = Gateway::start(&manifests);
    let mut client = Client::connect(gateway.http());
    for _ in 0..3 {
        assert_eq!(client.send(get("/", "")).answer().text(), "ok");
    }
    assert_eq!((origin.connections(), origin.open()), (1, 1));
    drop(client);
    wait_until("the connection is closed", || (origin.open() == 0).then_some(()));
}
