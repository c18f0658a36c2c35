//! The status listener's thread: sockets, connections and their limits. What is answered stands in `answer`.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, service_fn};
use tower_http::BoxError;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::proxy::listener::{Socket, bind_beside, bind_ip};
use crate::proxy::sockets::{Owner, Sockets};
use crate::proxy::status::View;
use crate::proxy::status::answer::{Reach, answer};
use crate::value::address::ListenAddress;

/// The name that its socket goes by where sockets are given to a program.
const NAME: &str = "gw-status";

/// How many connections there are at once; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 64;

/// How many requests are answered at once.
const REQUESTS: usize = 16;

/// How long a request may take to be answered.
const REQUEST: Duration = Duration::from_secs(10);

/// How long a head may take to come, and how long a connection may be idle.
const HEAD: Duration = Duration::from_secs(30);

/// How long a connection lives; the answer on its way then has [`REQUEST`] to be taken.
const LIFETIME: Duration = Duration::from_mins(10);

/// How many bytes the head of a request has at most.
const HEAD_BYTES: usize = 16 << 10;

/// How many bytes the body of a request has at most.
const BODY_BYTES: usize = 16 << 10;

/// How often is looked whether the table in force wants another address.
const LOOK: Duration = Duration::from_millis(500);

/// Why the listener was not started.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// Its address cannot be bound.
    #[error("the status listener cannot listen on {address}: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Its thread cannot be started.
    #[error("the status listener cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// An address that is bound, and that nobody answers on yet.
pub struct StatusSocket {
    wanted: SocketAddr,
    socket: std::net::TcpListener,
}

impl StatusSocket {
    /// Takes the socket that the program was given for it, else binds an address.
    ///
    /// # Errors
    /// If it cannot be bound.
    pub fn first(wanted: SocketAddr, sockets: &Sockets) -> Result<Self, StatusError> {
        match sockets.take(NAME, &ListenAddress::Ip(wanted)).into_iter().next().map(|one| one.socket) {
            Some(Socket::Tcp(socket)) => Ok(Self { wanted, socket }),
            Some(Socket::Unix(_)) | None => Self::by(|| bind_ip(wanted, 1), wanted),
        }
    }

    /// Binds an address that may overlap with the one that is listened on.
    fn bind_after(address: SocketAddr, current: SocketAddr) -> Result<Self, StatusError> {
        if address.port() == 0 || address.port() != current.port() {
            return Self::by(|| bind_ip(address, 1), address);
        }
        Self::by(|| bind_beside(address, 1), address)
    }

    fn by(
        bind: impl FnOnce() -> io::Result<Vec<std::net::TcpListener>>,
        wanted: SocketAddr,
    ) -> Result<Self, StatusError> {
        let socket =
            bind().and_then(|sockets| sockets.into_iter().next().ok_or(io::ErrorKind::AddrNotAvailable.into()));
        socket.map(|socket| Self { wanted, socket }).map_err(|error| StatusError::Bind { address: wanted, error })
    }
}

/// The running listener.
pub struct StatusServer {
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl StatusServer {
    /// Starts it.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn start(socket: StatusSocket, view: View) -> Result<Self, StatusError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("status".into())
            .spawn(move || runtime.block_on(run(socket, Arc::new(view), stopped)))?;
        Ok(Self { stop, thread })
    }

    /// Ends it with all its connections.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Listens where the table in force says, until it is told to stop.
async fn run(first: StatusSocket, view: Arc<View>, mut stopped: oneshot::Receiver<()>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut looks = interval(LOOK);
    let mut open = match Open::new(first, &view, &permits) {
        Ok(open) => open,
        Err(error) => return tracing::error!(%error, "the status listener failed"),
    };
    open.tell();
    let mut failed = None;
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            _ = looks.tick() => {}
        }
        let wanted = view.live.load().table.settings.status.address.0;
        if wanted == open.wanted {
            failed = None;
            continue;
        }
        let next = StatusSocket::bind_after(wanted, open.address)
            .and_then(|socket| Open::new(socket, &view, &permits).map_err(StatusError::Thread));
        match next {
            Ok(next) => {
                open.close().await;
                (open, failed) = (next, None);
                open.tell();
            }
            // Tried again and again, told once.
            Err(error) if failed != Some(wanted) => {
                tracing::error!(%error, kept = %open.address, "the status listener stays where it is");
                failed = Some(wanted);
            }
            Err(_) => {}
        }
    }
}

/// A socket that connections are accepted on.
struct Open {
    wanted: SocketAddr,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Open {
    fn new(socket: StatusSocket, view: &Arc<View>, permits: &Arc<Semaphore>) -> io::Result<Self> {
        let copy = Socket::Tcp(socket.socket.try_clone()?);
        view.sockets.set_open(Owner::Status, vec![(NAME.to_owned(), Arc::new([copy]))]);
        let listener = TcpListener::from_std(socket.socket)?;
        let address = listener.local_addr()?;
        let reach = if address.ip().is_loopback() { Reach::Loopback } else { Reach::Network };
        let accepting = tokio::spawn(accept(listener, stack(Arc::clone(view), reach), Arc::clone(permits)));
        Ok(Self { wanted: socket.wanted, address, accepting })
    }

    fn tell(&self) {
        tracing::info!(listener = %"status", address = %self.address, "listening");
    }

    /// Accepts no more; connections that were accepted live on.
    async fn close(self) {
        self.accepting.abort();
        let _ = self.accepting.await;
    }
}

async fn accept<S, B>(listener: TcpListener, service: S, permits: Arc<Semaphore>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = service.clone();
                tokio::spawn(async move {
                    serve(stream, service).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors or memory: it passes when connections end.
                tracing::warn!(%error, "a connection to the status listener could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    // Whatever a connection ends with, its client knows, and nobody else has to.
    if timeout(LIFETIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(REQUEST, connection).await;
    }
}

/// The answers, with everything around them that holds for each.
fn stack(
    view: Arc<View>,
    reach: Reach,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let header = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    ServiceBuilder::new()
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(CACHE_CONTROL, "no-store"))
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS))
        // Nothing here has a use for a body; a small one is not worth an error of its own.
        .layer(RequestBodyLimitLayer::new(BODY_BYTES))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST))
        .service(service_fn(move |request: Request<_>| {
            let response = answer(&view, reach, &request.into_parts().0);
            async { Ok(response) }
        }))
}
