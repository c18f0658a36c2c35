//! Making a connection: the addresses of the target raced against each other, then the TLS handshake.
//!
//! The client drops the attempt when its deadline passes.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::TlsConnector;

use crate::proxy::stream::{Plain, Stream};
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::host::Host;
use crate::proxy::upstream::target::{Address, Target};

/// How long an address has before the next one is tried beside it (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to a target.
pub async fn connect(target: &Target) -> Result<Stream, UpstreamError> {
    let mut tcp = match &target.address {
        Address::Socket(address) => TcpStream::connect(address).await.map_err(refused)?,
        Address::Name(host) => connect_by_name(host).await?,
    };
    tcp.set_nodelay(true).map_err(refused)?;
    if let Some(preface) = &target.preface {
        tcp.write_all(preface).await.map_err(refused)?;
    }
    let Some(tls) = &target.tls else { return Ok(Stream::Plain(tcp.into())) };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(tls.server_name.clone(), Plain::from(tcp)).await.map_err(UpstreamError::Tls)?;
    Ok(Stream::Tls(Box::new(stream.into())))
}

async fn connect_by_name(host: &Host) -> Result<TcpStream, UpstreamError> {
    let addresses = host.addresses().await?;
    let mut race = Race { waiting: addresses.into_iter(), running: Vec::new(), failed: UpstreamError::Resolve };
    let mut next = pin!(sleep(HEAD_START));
    let (tcp, address) = poll_fn(|cx| race.poll(next.as_mut(), cx)).await?;
    host.connected(address);
    Ok(tcp)
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// Connections to several addresses, of which the first that is made wins. The error of the last one stands for all.
struct Race {
    waiting: std::vec::IntoIter<SocketAddr>,
    running: Vec<(SocketAddr, Connecting)>,
    failed: UpstreamError,
}

impl Race {
    fn poll(
        &mut self,
        mut next: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(TcpStream, SocketAddr), UpstreamError>> {
        loop {
            let before = self.running.len();
            if let Some(won) = self.poll_running(cx) {
                return Poll::Ready(Ok(won));
            }
            let lost_one = self.running.len() < before || before == 0;
            if !lost_one && next.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            next.as_mut().reset(Instant::now() + HEAD_START);
            match self.waiting.next() {
                Some(address) => self.running.push((address, Box::pin(TcpStream::connect(address)))),
                None if self.running.is_empty() => {
                    return Poll::Ready(Err(std::mem::replace(&mut self.failed, UpstreamError::Resolve)));
                }
                // nobody is left to be tried beside those that run
                None => return Poll::Pending,
            }
        }
    }

    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<(TcpStream, SocketAddr)> {
        let mut i = 0;
        while let Some((address, connecting)) = self.running.get_mut(i) {
            match connecting.as_mut().poll(cx) {
                Poll::Ready(Ok(tcp)) => return Some((tcp, *address)),
                Poll::Ready(Err(error)) => {
                    self.failed = refused(error);
                    drop(self.running.swap_remove(i));
                }
                Poll::Pending => i += 1,
            }
        }
        None
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(error: io::Error) -> UpstreamError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => UpstreamError::Refused,
        kind => UpstreamError::Connect(kind),
    }
}
