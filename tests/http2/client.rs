//! A client of HTTP/2 that keeps to the rules.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// A connection.
pub struct Client {
    runtime: Runtime,
    pub send: SendRequest<Bytes>,
}

/// An answer as it came.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: HeaderMap,
}

impl Answer {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request to `http://a.example`.
pub fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(format!("http://a.example{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            runtime().block_on(async {
                let stream = tokio::net::TcpStream::connect(address).await.unwrap();
                let (send, connection) = h2::client::handshake(stream).await.unwrap();
                tell.send(send).unwrap();
                let _ = connection.await;
            });
        });
        Self { runtime: runtime(), send: told.recv().unwrap() }
    }

    /// Runs something on the connection, within the patience of a test.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { timeout(PATIENCE, future).await.expect("the gateway is silent") })
    }

    /// Begins a request.
    pub fn begin(&self, request: Request<()>, ended: bool) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        self.run(async { self.send.clone().ready().await?.send_request(request, ended) })
    }

    /// Sends a request without a body.
    pub fn ask(&self, request: Request<()>) -> Result<Answer, h2::Error> {
        let (answer, _) = self.begin(request, true)?;
        self.answer(answer)
    }

    /// Sends a `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.ask(request("GET", path, &[])).unwrap()
    }

    /// Sends a request with a body and trailers.
    pub fn post(&self, request: Request<()>, body: &[u8], trailers: HeaderMap) -> Result<Answer, h2::Error> {
        let (answer, mut stream) = self.begin(request, false)?;
        let mut body = Bytes::copy_from_slice(body);
        self.run(async {
            while !body.is_empty() {
                stream.reserve_capacity(body.len());
                let Some(Ok(room)) = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await else { break };
                let _ = stream.send_data(body.split_to(room.min(body.len())), false);
            }
        });
        let _ = if trailers.is_empty() { stream.send_data(Bytes::new(), true) } else { stream.send_trailers(trailers) };
        self.answer(answer)
    }

    /// Reads an answer to its end.
    pub fn answer(&self, answer: ResponseFuture) -> Result<Answer, h2::Error> {
        self.run(async {
            let (head, mut body) = answer.await?.into_parts();
            let mut answer = Answer { status: head.status.as_u16(), fields: head.headers, ..Answer::default() };
            while let Some(data) = body.data().await {
                let data = data?;
                answer.body.extend_from_slice(&data);
                body.flow_control().release_capacity(data.len())?;
            }
            answer.trailers = body.trailers().await?.unwrap_or_default();
            Ok(answer)
        })
    }
}

/// The code of a stream that was reset.
pub fn reset(answer: Result<Answer, h2::Error>) -> Option<Reason> {
    answer.unwrap_err().reason()
}
