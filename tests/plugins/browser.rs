//! A page in a real browser, on another origin than the gateway: what its scripts may read, and what they may not.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::origin::{Origin, Peer};
use crate::support::{Gateway, backend, folder_with, gateway, route, wait_until};

/// A browser that shows one page, and goes with its value, and all its processes with it.
struct Browser {
    child: Child,
    profile: PathBuf,
}

impl Browser {
    fn show(url: &str) -> Self {
        let profile = folder_with(&[]);
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--no-proxy-server", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.display())).arg(url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Self { child: command.spawn().expect("chromium is installed"), profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// What the page tries, as a map on a page does: a tile drawn on a canvas, data with and without preflights, cookies, errors. Each
/// gives a word.
const SCRIPT: &str = r"
const text = async (path, options) => {
  try {
    const answer = await fetch(gateway + path, options);
    return `${answer.status} ${answer.headers.get('x-total')} ${await answer.text()}`;
  } catch (error) { return error.name; }
};
const tile = (path) => new Promise((done) => {
  const image = new Image();
  image.crossOrigin = 'anonymous';
  image.onload = () => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.drawImage(image, 0, 0);
    try { done(canvas.getImageData(0, 0, 1, 1).data.length + ' bytes'); } catch (error) { done(error.name); }
  };
  image.onerror = () => done('refused');
  image.src = gateway + path;
});
document.cookie = 'who=alice';
const put = { method: 'PUT', headers: { 'x-tenant': 'acme', 'content-type': 'application/json' }, body: '{}' };
const results = [
  await tile('/tiles/1.svg'), await tile('/closed/1.svg'),
  await text('/data'), await text('/data', put), await text('/data', { ...put, headers: { 'x-other': '1' } }),
  await text('/data', { method: 'DELETE' }), await text('/closed/data'),
  await text('/data', { credentials: 'include' }), await text('/tiles/data', { credentials: 'include' }),
  await text('/gone'),
];
await fetch('/done', { method: 'POST', body: JSON.stringify(results) });
";

/// Serves the page, and is told what it found.
fn site(gateway: std::sync::Arc<std::sync::OnceLock<String>>) -> Origin {
    Origin::start(move |peer| {
        while peer.request().is_some() {
            let address = gateway.get().cloned().unwrap_or_default();
            let page = format!(
                "<!doctype html><meta charset=utf-8><link rel=icon href=data:,><script type=module>\
                 const gateway = 'http://{address}';{SCRIPT}</script>"
            );
            let length = page.len();
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}"));
        }
    })
}

/// Answers with a picture, or with the method and the cookies of the request.
fn answer(peer: &mut Peer) {
    while let Some(seen) = peer.request() {
        let request = &seen.head[0];
        let (kind, body) = if request.contains(".svg ") {
            ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>".to_owned())
        } else {
            let method = request.split(' ').next().unwrap_or_default();
            ("text/plain", format!("{method} {}", seen.all("cookie").join(",")))
        };
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nX-Total: 7\r\nContent-Length: {length}\r\n\r\n");
        peer.send(head + &body);
    }
}

#[test]
fn a_page_reads_what_it_may_and_nothing_else() {
    let address = std::sync::Arc::<std::sync::OnceLock<String>>::default();
    let (site, upstream, gone) = (site(address.clone()), Origin::start(answer), Origin::start(|_| {}));
    let own = format!("http://{}", site.address);
    let cors = |fields: &str| format!("plugins: [{{ cors: {{ {fields} }} }}]\n");
    let data = format!(
        "allowOrigins: [\"{own}\"], allowMethods: [GET, PUT], allowHeaders: [x-tenant, content-type], \
         exposeHeaders: [x-total], allowCredentials: true"
    );
    let running = Gateway::start(
        &(gateway("")
            + &backend("a", upstream.address, "")
            + &backend("gone", gone.address, "")
            + &route(
                "tiles",
                &(cors("allowOrigins: [\"*\"]") + "match: [{ pathPrefix: /tiles, methods: [GET] }]\nbackend: a"),
            )
            + &route("data", &(cors(&data) + "match: [{ path: /data, methods: [GET, PUT, DELETE] }]\nbackend: a"))
            + &route(
                "closed",
                &(cors("allowOrigins: [\"https://other.example\"]") + "match: [{ pathPrefix: /closed }]\nbackend: a"),
            )
            + &route(
                "gone",
                &(cors(&format!("allowOrigins: [\"{own}\"]")) + "match: [{ path: /gone }]\nbackend: gone"),
            )),
    );
    address.set(running.http().to_string()).unwrap();
    let _browser = Browser::show(&format!("{own}/"));
    let results = wait_until("the page has tried everything", || {
        let told = site.seen().into_iter().find(|seen| seen.head[0].starts_with("POST /done"));
        told.map(|seen| serde_json::from_str::<Vec<String>>(&seen.text()).unwrap())
    });
    let error = results.last().unwrap();
    assert!(error.starts_with("502 null {"), "{error}");
    assert_eq!(
        results[..9],
        [
            "4 bytes",
            "refused",
            "200 7 GET ",
            "200 7 PUT ",
            "TypeError",
            "TypeError",
            "TypeError",
            "200 7 GET who=alice",
            "TypeError",
        ]
    );
    assert!(
        !upstream.seen().iter().any(|seen| seen.head[0].starts_with("OPTIONS") || seen.head[0].starts_with("DELETE"))
    );
}
