//! Real servers: nginx as a target that is reloaded and killed, and a health service of gRPC.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::support::client::{ask, get};
use crate::support::origin::Origin;
use crate::support::{Gateway, folder_with, gateway, route, wait_until};

/// An nginx that answers with its name, which ends with its value.
struct Nginx {
    child: Child,
    folder: std::path::PathBuf,
    address: SocketAddr,
}

impl Nginx {
    fn start(name: &str, address: Option<SocketAddr>) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = address.unwrap_or_else(free);
        let config = format!(
            "daemon off; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; \
             client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e; \
             server {{ listen {address}; location / {{ return 200 {name}; }} }} }}\n"
        );
        let folder = folder_with(&[("nginx.conf", &config)]);
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let child =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx, which tests/run installs");
        let nginx = Self { child, folder, address };
        wait_until("nginx listens", || std::net::TcpStream::connect(nginx.address).ok());
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // the master ends its workers when it is asked to, not when it is killed
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// While servers go and come, no request that may be repeated fails.
#[test]
fn a_server_goes_and_comes_and_nobody_notices() {
    let (a, b) = (Nginx::start("a", None), Nginx::start("b", None));
    let manifests = gateway("")
        + &format!(
            "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pool }}\nspec:\n  http:\n    \
             targets: [{{ url: \"http://{}\" }}, {{ url: \"http://{}\" }}]\n    \
             healthCheck: {{ path: /, interval: 50ms, healthyAfter: 1, unhealthyAfter: 1 }}\n",
            a.address, b.address
        )
        + &route("all", "backend: pool\nretries: { on: [connectFailure, reset], backoff: 1ms, budgetPercent: 100 }");
    let gateway = Gateway::start(&manifests);
    let again = a.address;
    let ask_until = |what: &str, found: &dyn Fn(&str) -> bool| {
        wait_until(what, || {
            let answer = ask(gateway.http(), get("/", ""));
            assert_eq!(answer.status, 200, "{what}");
            found(&answer.text()).then_some(())
        });
    };
    ask_until("a answers", &|text| text == "a");
    ask_until("b answers", &|text| text == "b");
    drop(a);
    for _ in 0..50 {
        assert_eq!(ask(gateway.http(), get("/", "")).text(), "b");
    }
    gateway.log.wait_for("a target is unhealthy");
    let _a = Nginx::start("a", Some(again));
    gateway.log.wait_for("a target is healthy again");
    ask_until("a answers again", &|text| text == "a");
}

/// The health service of a gRPC server: `1` is serving, `2` is not; it answers for one service only.
fn health_service(status: Arc<AtomicU8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((tcp, _)) = listener.accept().await {
                let status = Arc::clone(&status);
                let service = service_fn(move |request| check(request, status.load(Ordering::SeqCst)));
                tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tcp), service));
            }
        });
    });
    address
}

async fn check(
    request: Request<Incoming>,
    status: u8,
) -> Result<
    Response<
        http_body_util::combinators::WithTrailers<
            Full<Bytes>,
            std::future::Ready<Option<Result<HeaderMap, std::convert::Infallible>>>,
        >,
    >,
    hyper::Error,
> {
    let path = request.uri().path().to_owned();
    let body =
        request.into_body().frame().await.transpose()?.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
    let known = path == "/grpc.health.v1.Health/Check" && body == b"\0\0\0\0\x0b\x0a\x09shop.Cart"[..];
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", if known { "0" } else { "5" }.parse().unwrap());
    let message = Bytes::copy_from_slice(&[0, 0, 0, 0, 2, 8, status]);
    let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
    Ok(Response::builder().header("content-type", "application/grpc").body(body).unwrap())
}

#[test]
fn a_health_service_is_asked() {
    let status = Arc::new(AtomicU8::new(1));
    let (grpc, other) = (health_service(Arc::clone(&status)), Origin::ok());
    let manifests = gateway("")
        + &format!(
            "---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: pool }}\nspec:\n  http:\n    \
             targets: [{{ url: \"http://{grpc}\" }}]\n    healthCheck: {{ grpc: {{ service: shop.Cart }}, \
             interval: 20ms, healthyAfter: 1, unhealthyAfter: 1 }}\n"
        )
        + &crate::support::backend("other", other.address, "")
        + &route("all", "backend: pool")
        + &route("other", "match: [{ path: /other }]\nbackend: other");
    let gateway = Gateway::start(&manifests);
    status.store(2, Ordering::SeqCst);
    gateway.log.wait_for("its health service does not say that it serves");
    assert_eq!(ask(gateway.http(), get("/", "")).status, 503);
    status.store(1, Ordering::SeqCst);
    gateway.log.wait_for("a target is healthy again");
    assert_eq!(ask(gateway.http(), get("/other", "")).text(), "ok");
}
