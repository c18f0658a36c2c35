//! Servers that are known by name: which of its addresses is connected to, and for how long.

use std::sync::Arc;

use gw::pipeline::upstream::UpstreamProtocol;
use gw::proxy::upstream::{Address, Host, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::{Ask, World};

/// Listens, and answers each request with its own address.
async fn listen(address: &str, port: u16) -> u16 {
    let listener = TcpListener::bind((address, port)).await.unwrap();
    let own = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(async move {
                let mut head = [0; 1024];
                while tcp.read(&mut head).await.is_ok_and(|length| length > 0) {
                    let ip = own.ip().to_string();
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ip}", ip.len());
                    drop(tcp.write_all(answer.as_bytes()).await);
                }
            });
        }
    });
    own.port()
}

fn named(host: &Arc<Host>) -> Target {
    Target { address: Address::Name(Arc::clone(host)), tls: None, preface: None, protocol: UpstreamProtocol::Http1 }
}

fn learn(host: &Host, addresses: &[&str]) {
    host.learn(addresses.iter().map(|address| address.parse().unwrap()).collect());
}

async fn asked(world: &World, target: &Target) -> String {
    let said = world.ask_target(target, Ask::new("GET")).await;
    said.split_once("] ").unwrap_or_default().1.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn connections_end_with_the_addresses_that_they_were_made_to() {
    World::run(async |world| {
        let port = listen("127.0.0.1", 0).await;
        listen("127.0.0.2", port).await;
        let host = Arc::new(Host::new("shop.test", port));
        let target = named(&host);
        learn(&host, &["127.0.0.1"]);
        assert_eq!(
            (asked(&world, &target).await, asked(&world, &target).await),
            ("127.0.0.1".into(), "127.0.0.1".into())
        );
        learn(&host, &["127.0.0.2"]);
        assert_eq!(asked(&world, &target).await, "127.0.0.2", "an idle connection to the old address was used");
    });
}

#[test]
fn all_addresses_are_used_and_those_that_refuse_are_passed_over() {
    World::run(async |world| {
        let port = listen("127.0.0.1", 0).await;
        listen("127.0.0.3", port).await;
        let host = Arc::new(Host::new("shop.test", port));
        // nobody listens at the third, nor by IPv6
        learn(&host, &["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..6 {
            // another client has no connections yet
            let fresh =
                World { upstreams: gw::proxy::upstream::Upstreams::new(&world.timers), timers: world.timers.clone() };
            seen.insert(asked(&fresh, &named(&host)).await);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["127.0.0.1", "127.0.0.3"]);
    });
}

/// A target that was in no table for a while: nobody looked its name up meanwhile.
#[test]
fn connections_of_who_does_not_look_any_more_are_not_used() {
    World::run(async |world| {
        let port = listen("127.0.0.1", 0).await;
        listen("127.0.0.2", port).await;
        for address in ["127.0.0.1", "127.0.0.2"] {
            let host = Arc::new(Host::new("shop.test", port));
            learn(&host, &[address]);
            assert_eq!(asked(&world, &named(&host)).await, address);
        }
    });
}
