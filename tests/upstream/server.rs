//! A server that does as its script says, one script for each connection.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A step of a script. After the last one the connection is held open until the client closes it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Reads the head of a request, and so many bytes more.
    Hear(usize),
    /// Sends bytes at once.
    Say(&'static [u8]),
    /// Sends bytes one at a time.
    Drip(&'static [u8]),
    /// Says that no more will be sent, and goes on reading.
    FinishWriting,
    /// Closes the connection.
    Close,
    /// Closes the connection with a reset.
    Reset,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Rc<RefCell<Vec<String>>>,
    ended: mpsc::UnboundedReceiver<()>,
}

impl Server {
    /// Follows one script for each connection, and accepts no more connections than scripts.
    pub(crate) async fn follow(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Rc::new(RefCell::new(Vec::new()));
        let (end, ended) = mpsc::unbounded_channel();
        let log = Rc::clone(&heard);
        tokio::task::spawn_local(async move {
            for script in scripts {
                let (tcp, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(run(tcp, script, Rc::clone(&log), end.clone()));
            }
        });
        Self { address, heard, ended }
    }

    /// What was heard on all connections, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    /// Waits until a script has ended, by its last step or by the client's closing.
    pub(crate) async fn ended(&mut self) {
        self.ended.recv().await.unwrap();
    }
}

async fn run(mut tcp: TcpStream, script: Vec<Step>, heard: Rc<RefCell<Vec<String>>>, end: mpsc::UnboundedSender<()>) {
    tcp.set_nodelay(true).unwrap();
    let closes = matches!(script.last(), Some(Step::Close | Step::Reset));
    for step in script {
        match step {
            Step::Hear(body) => {
                let Some(request) = hear(&mut tcp, body).await else { break };
                heard.borrow_mut().push(request);
            }
            Step::Say(bytes) => drop(tcp.write_all(bytes).await),
            Step::Drip(bytes) => {
                for byte in bytes {
                    drop(tcp.write_all(&[*byte]).await);
                    tokio::task::yield_now().await;
                }
            }
            Step::FinishWriting => tcp.shutdown().await.unwrap(),
            Step::Close => {}
            Step::Reset => SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap(),
        }
    }
    if !closes {
        drop(tcp.read_to_end(&mut Vec::new()).await);
    }
    drop(tcp);
    // nobody may wait for it
    end.send(()).ok();
}

async fn hear(tcp: &mut TcpStream, body: usize) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(tcp.read_u8().await.ok()?);
    }
    let head = request.len();
    request.resize(head + body, 0);
    tcp.read_exact(&mut request[head..]).await.ok()?;
    Some(String::from_utf8(request).unwrap())
}
