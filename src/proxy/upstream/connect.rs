//! Making a connection: the name resolved, each address tried in turn, the TLS handshake.
//!
//! The client drops the attempt when its deadline passes; here each address only gets its share of that time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::proxy::stream::{Plain, Stream};
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::target::{Address, Target};

/// Connects to a target.
pub async fn connect(target: &Target, within: Duration) -> Result<Stream, UpstreamError> {
    let mut tcp = match &target.address {
        Address::Socket(address) => TcpStream::connect(address).await.map_err(refused)?,
        Address::Name(host, port) => connect_by_name(host, *port, within).await?,
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

/// The error of the last address stands for all. An address that never answers leaves time for the others.
async fn connect_by_name(host: &str, port: u16, within: Duration) -> Result<TcpStream, UpstreamError> {
    let mut failed = UpstreamError::Resolve;
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(|_| UpstreamError::Resolve)?.collect();
    let share = within / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => failed = refused(error),
            Err(_) => failed = UpstreamError::ConnectTimeout,
        }
    }
    Err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn refused(error: io::Error) -> UpstreamError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => UpstreamError::Refused,
        kind => UpstreamError::Connect(kind),
    }
}
