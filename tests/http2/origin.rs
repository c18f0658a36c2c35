//! A server of HTTP/2 that notes what it got, and answers as a script says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use http::request::Parts;
use http::{HeaderMap, Response};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

/// A running server; its thread ends with the test.
pub struct Http2Origin {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: Parts,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
    /// Its number, from 1.
    pub number: usize,
}

impl Seen {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What a script does with the answer to a request.
pub enum Then {
    /// Nothing: it has answered.
    Answered,
    /// It never does.
    Never,
    /// It ends the connection, saying that nothing of it was seen.
    GoAway,
}

impl Http2Origin {
    /// A server that runs a script on each request.
    pub fn start(
        builder: Builder,
        script: impl Fn(&Seen, &mut SendResponse<Bytes>) -> Then + Send + Sync + 'static,
    ) -> Self {
        let (tell, told) = mpsc::channel();
        let (connections, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Seen>>>::default());
        let (count, notes, script) = (Arc::clone(&connections), Arc::clone(&seen), Arc::new(script));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    let (builder, notes, script) = (builder.clone(), Arc::clone(&notes), Arc::clone(&script));
                    spawn_local(serve(builder, stream, notes, move |seen, respond| script(seen, respond)));
                }
            });
        });
        Self { address: told.recv().unwrap(), connections, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    builder: Builder,
    stream: tokio::net::TcpStream,
    notes: Arc<Mutex<Vec<Seen>>>,
    script: impl Fn(&Seen, &mut SendResponse<Bytes>) -> Then + Clone + 'static,
) {
    let Ok(mut h2) = builder.handshake::<_, Bytes>(stream).await else { return };
    let (end, mut ended) = tokio::sync::mpsc::unbounded_channel();
    loop {
        let accepted = tokio::select! {
            accepted = h2.accept() => accepted,
            _ = ended.recv() => {
                h2.abrupt_shutdown(h2::Reason::NO_ERROR);
                continue;
            }
        };
        let Some(Ok((request, mut respond))) = accepted else { return };
        let (notes, script, end) = (Arc::clone(&notes), script.clone(), end.clone());
        spawn_local(async move {
            let (head, mut stream) = request.into_parts();
            let mut body = Vec::new();
            // a tunnel has no end
            while head.method != http::Method::CONNECT
                && let Some(Ok(data)) = stream.data().await
            {
                body.extend_from_slice(&data);
                let _ = stream.flow_control().release_capacity(data.len());
            }
            let trailers = match head.method {
                http::Method::CONNECT => HeaderMap::new(),
                _ => stream.trailers().await.ok().flatten().unwrap_or_default(),
            };
            let seen = {
                let mut notes = notes.lock().unwrap();
                let seen = Seen { head, body, trailers, number: notes.len() + 1 };
                notes.push(seen.clone());
                seen
            };
            match script(&seen, &mut respond) {
                Then::Answered => return,
                Then::Never => {}
                Then::GoAway => end.send(()).unwrap(),
            }
            std::future::pending::<()>().await;
        });
    }
}

/// Answers with a status, fields and a body.
pub fn answer(respond: &mut SendResponse<Bytes>, status: u16, fields: &[(&str, &str)], body: &'static [u8]) -> Then {
    let mut head = Response::builder().status(status);
    for (name, value) in fields {
        head = head.header(*name, *value);
    }
    let mut stream = respond.send_response(head.body(()).unwrap(), body.is_empty()).unwrap();
    if !body.is_empty() {
        stream.send_data(body.into(), true).unwrap();
    }
    Then::Answered
}
