//! What happens after a 101.

use gw::pipeline::head::ResponseHead;
use gw::proxy::upstream::{Reply, Tunnel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::Server;
use crate::server::Step::{Close, Hear, Say};
use crate::world::{AMPLE, Ask, BRIEF, World, head};

const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nearly ";

async fn upgrade(world: &World, server: &Server) -> Tunnel {
    let mut response = ResponseHead::default();
    let ask = Ask { upgrade: true, ..Ask::new("GET") };
    let Ok(Reply::Upgraded(tunnel)) = world.send(server.address, ask, &mut response).await else {
        panic!("no upgrade")
    };
    assert_eq!(head(&response), "101 [upgrade: x]");
    tunnel
}

#[test]
fn bytes_pass_both_ways_and_each_end_is_passed_on() {
    World::run(async |world| {
        // the empty line ends what the server waits for
        let server = Server::follow(vec![vec![Hear(0), Say(SWITCHED), Hear(2), Say(b"late"), Close]]).await;
        let tunnel = upgrade(&world, &server).await;
        let (mut client, end) = tokio::io::duplex(16);
        let join = tunnel.join(end, AMPLE);
        let talk = async {
            client.write_all(b"a long line, longer than the pipe\r\n\r\nhi").await.unwrap();
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            drop(client);
            said
        };
        let (counts, said) = tokio::join!(join, talk);
        assert_eq!(said, "early late");
        assert_eq!(counts, (39, 10));
        assert_eq!(server.heard()[1], "a long line, longer than the pipe\r\n\r\nhi");
    });
}

#[test]
fn the_upstream_may_answer_after_the_client_has_ended() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0), Say(SWITCHED), Hear(0), Say(b"late"), Close]]).await;
        let tunnel = upgrade(&world, &server).await;
        let (mut client, end) = tokio::io::duplex(1024);
        let talk = async {
            client.write_all(b"bye\r\n\r\n").await.unwrap();
            client.shutdown().await.unwrap();
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            said
        };
        let (counts, said) = tokio::join!(tunnel.join(end, AMPLE), talk);
        assert_eq!((counts, said.as_str()), ((7, 10), "early late"));
    });
}

#[test]
fn a_silent_tunnel_ends() {
    World::run(async |world| {
        let server = Server::follow(vec![vec![Hear(0), Say(SWITCHED)]]).await;
        let tunnel = upgrade(&world, &server).await;
        let (_client, end) = tokio::io::duplex(1024);
        assert_eq!(tunnel.join(end, BRIEF).await, (0, 6));
        assert_eq!(world.upstreams.idle_connections(), 0);
    });
}

#[test]
fn what_was_asked_may_be_declined() {
    World::run(async |world| {
        let declined = Say(b"HTTP/1.1 200 OK\r\nupgrade: x\r\ncontent-length: 2\r\n\r\nno");
        let unnamed = Say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        let server = Server::follow(vec![vec![Hear(0), declined, Hear(0), unnamed]]).await;
        let ask = || Ask { upgrade: true, ..Ask::new("GET") };
        assert_eq!(world.ask(server.address, ask()).await, "200 [content-length: 2] no | kept 1");
        let expected = "502 malformed: the upstream's answer is malformed: 101 without upgrade | kept 0";
        assert_eq!(world.ask(server.address, ask()).await, expected);
    });
}
