//! How many connections to servers of HTTP/2 there may be, and who gets them.

use h2::Reason;
use h2::server::Builder;

use crate::client::{Client, request};
use crate::origin::{Http2Origin, Then, answer};
use crate::support::{Gateway, Options, folder_with, wait_until};
use crate::{both, route};

/// A server that never answers at `/hang`, and its name elsewhere.
fn origin(name: &'static str) -> Http2Origin {
    Http2Origin::start(Builder::new(), move |seen, respond| match seen.head.uri.path() {
        "/hang" => Then::Never,
        _ => answer(respond, 200, &[], name.as_bytes()),
    })
}

/// A gateway before two servers, to which there may be one connection in all.
fn before(a: &Http2Origin, b: &Http2Origin, workers: &str) -> Gateway {
    let backend = format!(
        "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pool }}\nspec:\n  http:\n    \
         targets: [{{ url: \"http://{}\" }}, {{ url: \"http://{}\" }}]\n    protocol: http2\n    \
         circuitBreaker: {{ maxConnections: 1 }}\n",
        a.address, b.address
    );
    let manifests = both("") + &backend + &route("all", "backend: pool");
    let options = Options { environment: vec![("GW_WORKERS", workers.into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

/// An idle connection makes room for one to another server.
#[test]
fn an_idle_connection_gives_its_place_up() {
    let (a, b) = (origin("a"), origin("b"));
    let gateway = before(&a, &b, "1");
    let client = Client::connect(gateway.http());
    assert_eq!([client.get("/").text(), client.get("/").text(), client.get("/").text()], ["a", "b", "a"]);
}

/// Those who wait are told as soon as the connection is not used any more.
#[test]
fn a_place_that_is_free_is_taken_at_once() {
    let (a, b) = (origin("a"), origin("b"));
    let gateway = before(&a, &b, "1");
    let client = Client::connect(gateway.http());
    let (_hanging, mut stream) = client.begin(request("GET", "/hang", &[]), true).unwrap();
    wait_until("it hangs", || (a.seen().len() == 1).then_some(()));
    let (waiting, _) = client.begin(request("GET", "/", &[]), true).unwrap();
    stream.send_reset(Reason::CANCEL);
    assert_eq!(client.answer(waiting).unwrap().text(), "b");
}

/// Each worker has connections of its own: none keeps the others from theirs for ever, however busy it is.
#[test]
fn workers_take_turns() {
    let (a, b) = (origin("a"), origin("b"));
    let gateway = before(&a, &b, "2");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let client = Client::connect(gateway.http());
                for _ in 0..20 {
                    assert_eq!(client.get("/").status, 200);
                }
            });
        }
    });
    assert_eq!(a.seen().len() + b.seen().len(), 160);
}
