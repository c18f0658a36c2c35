//! Making a connection: the name resolved, each address tried in turn, the TLS handshake.
//!
//! It keeps no time: the client drops the attempt when its deadline passes.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::stream::Stream;
use crate::proxy::upstream::target::{Address, Target};

/// Connects to a target.
pub(super) async fn connect(target: &Target) -> Result<Stream, UpstreamError> {
    let tcp = match &target.address {
        Address::Socket(address) => TcpStream::connect(address).await.map_err(refused)?,
        Address::Name(host, port) => connect_by_name(host, *port).await?,
    };
    tcp.set_nodelay(true).map_err(refused)?;
    let Some(tls) = &target.tls else { return Ok(Stream::Plain(tcp)) };
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(tls.server_name.clone(), tcp).await.map_err(UpstreamError::Tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// The error of the last address stands for all.
async fn connect_by_name(host: &str, port: u16) -> Result<TcpStream, UpstreamError> {
    let mut failed = UpstreamError::Resolve;
    for address in lookup_host((host, port)).await.map_err(|_| UpstreamError::Resolve)? {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => failed = refused(error),
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
