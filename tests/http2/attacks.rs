//! What one connection may ask for: each attack ends it or is bounded, others are served meanwhile, and memory stays.

use std::time::{Duration, Instant};

use crate::before;
use crate::client::Client;
use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, HEADERS, PING, PRIORITY, RST_STREAM, Raw, SETTINGS, WINDOW_UPDATE, block, fields,
    frame, get, text,
};
use crate::support::origin::Origin;
use crate::support::{Gateway, resident};

const ENHANCE_YOUR_CALM: u32 = 11;

/// An origin that answers `/big` with many bytes, nothing else at all, and ends when the gateway does.
fn slow() -> Origin {
    Origin::start(|peer| {
        while let Some(seen) = peer.request() {
            if !seen.head[0].contains("/big") {
                peer.rest();
                return;
            }
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 8 << 20)).send(vec![b'x'; 8 << 20]);
        }
    })
}

/// Makes what is sent for a number.
type Make<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// Sends what is made for each number until it is not taken any more; whether that came to be.
fn flood(client: &mut Raw, count: u32, make: impl Fn(u32) -> Vec<u8>) -> bool {
    let numbers: Vec<u32> = (0..count).collect();
    numbers.chunks(64).any(|numbers| !client.send(numbers.iter().flat_map(|n| make(*n)).collect::<Vec<u8>>()))
}

fn unharmed(gateway: &Gateway, before: u64, name: &str) {
    assert_eq!(Client::connect(gateway.http()).get("/fixed").text(), "fixed", "{name}");
    let grown = resident(gateway.pid()).saturating_sub(before);
    assert!(grown < 32 << 10, "{name}: {grown} KiB more");
}

#[test]
fn floods_end_their_connection() {
    let (origin, count) = (slow(), 200_000);
    let gateway = before(&origin, "");
    let post = |stream| frame(HEADERS, END_HEADERS, stream, &block(&fields("POST", "/slow", &[])));
    let large = block(&[("x-a", &"a".repeat(16_000))]);
    let floods: [(&str, Vec<u8>, Make<'_>); 16] = [
        ("rapid reset", vec![], &|n| {
            [get(2 * n + 1, "/slow"), frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8])].concat()
        }),
        ("made you reset by a window", vec![], &|n| {
            [get(2 * n + 1, "/slow"), frame(WINDOW_UPDATE, 0, 2 * n + 1, &[0; 4])].concat()
        }),
        ("made you reset by a priority", vec![], &|n| {
            let stream = 2 * n + 1;
            [get(stream, "/slow"), frame(PRIORITY, 0, stream, &[stream.to_be_bytes().to_vec(), vec![1]].concat())]
                .concat()
        }),
        ("streams over the limit", vec![], &|n| post(2 * n + 1)),
        ("continuations", frame(HEADERS, 0, 1, &block(&fields("GET", "/", &[]))), &|_| {
            frame(CONTINUATION, 0, 1, &large)
        }),
        ("empty continuations", frame(HEADERS, 0, 1, &block(&fields("GET", "/", &[]))), &|_| {
            frame(CONTINUATION, 0, 1, b"")
        }),
        ("settings", vec![], &|_| frame(SETTINGS, 0, 0, b"")),
        ("full settings", vec![], &|_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9].repeat(100))),
        ("acknowledged settings", vec![], &|_| frame(SETTINGS, 1, 0, b"")),
        ("pings", vec![], &|_| frame(PING, 0, 0, b"are you?")),
        ("priorities", vec![], &|n| frame(PRIORITY, 0, 2 * n + 1, &[0, 0, 0, 0, 1])),
        ("windows", vec![], &|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("windows of a stream", post(1), &|_| frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("empty data", post(1), &|_| frame(DATA, 0, 1, b"")),
        ("padding", post(1), &|_| frame(DATA, 8, 1, &[200; 201])),
        ("unknown frames", vec![], &|_| frame(99, 0, 0, b"x")),
    ];
    let before = resident(gateway.pid());
    for (name, start, make) in floods {
        let mut client = Raw::connect(gateway.http());
        client.send(start);
        let refused = flood(&mut client, count, make);
        unharmed(&gateway, before, name);
        assert!(refused, "{name}: all was taken");
        // a reset may overtake what was said last
        let _ = client.farewell();
    }
    let idle = origin.seen().len();
    assert!(idle < 16 * 200, "{idle} requests reached the origin");
}

#[test]
fn the_end_has_a_reason() {
    let origin = Origin::ok();
    let gateway = before(&origin, "limits: { http2: { controlFrames: 100 } }");
    let mut client = Raw::connect(gateway.http());
    client.send(frame(PING, 0, 0, b"are you?").repeat(110));
    assert_eq!(client.farewell(), Some(ENHANCE_YOUR_CALM));
    // what comes at a walk is fine
    let mut client = Raw::connect(gateway.http());
    (0..60).for_each(|_| assert!(client.lives()));
}

#[test]
fn heads_are_bounded() {
    let origin = Origin::ok();
    let gateway = before(&origin, "");
    let memory = resident(gateway.pid());
    // one large field in the table, then named again and again
    let bomb = [&[0x40][..], &text("x-a"), &text(&"a".repeat(3900)), &[0xbe].repeat(12_000)].concat();
    let own = block(&fields("GET", "/", &[]));
    let wide = block(&[("x-a", &"a".repeat(16_000))]);
    let many: Vec<u8> = (0..2000).flat_map(|n| block(&[(&format!("x-{n}"), "")])).collect();
    for (name, rest) in [("bomb", &bomb), ("wide", &wide.repeat(4)), ("many", &many)] {
        let mut client = Raw::connect(gateway.http());
        let pieces: Vec<&[u8]> = rest.chunks(16_384).collect();
        client.send(frame(HEADERS, 1, 1, &own));
        for (n, piece) in pieces.iter().enumerate() {
            client.send(frame(CONTINUATION, if n + 1 == pieces.len() { END_HEADERS } else { 0 }, 1, piece));
        }
        let answered = std::iter::from_fn(|| client.frame()).find(|frame| frame.kind != SETTINGS && frame.kind != 8);
        assert!(answered.is_none_or(|frame| [HEADERS, RST_STREAM, 7].contains(&frame.kind)), "{name}");
        unharmed(&gateway, memory, name);
    }
    assert_eq!(origin.seen(), []);
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let origin = slow();
    let gateway = before(&origin, "limits: { http2: { concurrentStreams: 3 } }");
    let mut client = Raw::connect(gateway.http());
    let settings = client.next(SETTINGS).unwrap();
    assert!(settings.content.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 3]));
    (0..4).for_each(|n| assert!(client.send(get(2 * n + 1, "/slow"))));
    let refused = client.next(RST_STREAM).unwrap();
    assert_eq!((refused.stream, &refused.content[..]), (7, &[0, 0, 0, 7][..]));
    assert!(client.lives());
}

#[test]
fn who_takes_nothing_is_not_waited_for() {
    let origin = slow();
    let gateway = before(&origin, "timeouts: { message: 500ms, idle: 500ms }");
    let memory = resident(gateway.pid());
    for (name, window) in [("no window", [0, 4, 0, 0, 0, 0]), ("a window of a byte", [0, 4, 0, 0, 0, 1])] {
        let mut client = Raw::with_settings(gateway.http(), &window);
        let began = Instant::now();
        (0..100).for_each(|n| assert!(client.send(get(2 * n + 1, "/big"))));
        let resets = (0..100).filter(|_| client.next(RST_STREAM).is_some()).count();
        assert_eq!(resets, 100, "{name}");
        assert!(began.elapsed() < Duration::from_secs(10), "{name}: {:?}", began.elapsed());
        unharmed(&gateway, memory, name);
        client.farewell();
    }
    // every window open, and not a byte read
    let mut client = Raw::with_settings(gateway.http(), &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    client.send(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]));
    (0..100).for_each(|n| assert!(client.send(get(2 * n + 1, "/big"))));
    crate::support::wait_until("the connection is given up", || (origin.open() == 0).then_some(()));
    unharmed(&gateway, memory, "all windows");
}

#[test]
fn what_drips_in_is_not_waited_for() {
    let origin = Origin::ok();
    let gateway = before(&origin, "timeouts: { header: 400ms, idle: 5s }");
    let head = get(1, "/");
    for (name, start) in [
        ("nothing", &b""[..]),
        ("half a preface", b"PRI * HTTP/2.0\r\n"),
        ("a preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        let mut client = crate::support::client::Client::connect(gateway.http());
        let began = Instant::now();
        client.send(start);
        client.rest();
        assert!(began.elapsed() < Duration::from_secs(4), "{name}");
    }
    let mut client = Raw::connect(gateway.http());
    let began = Instant::now();
    client.stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    for byte in &head {
        if !client.send([*byte]) || began.elapsed() > Duration::from_secs(4) {
            break;
        }
        let _ = std::io::Read::read(&mut client.stream, &mut [0; 1024]);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "half a head");
    assert_eq!(origin.seen(), []);
}
