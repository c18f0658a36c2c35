//! Logging in at a real provider (npm `oidc-provider`, certified by the OpenID Foundation), from the first page to logging out.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::browser::{Browser, Page, parameter, parts};
use crate::support::origin::Origin;
use crate::support::{Gateway, Lines, Options, backend, folder_with, gateway, route};

const VERSION: &str = "9.13.3";

/// A provider that runs; it ends with its value.
struct Provider {
    child: Child,
    log: Lines,
    issuer: String,
}

impl Provider {
    fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/auth/provider.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(installed()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("node is needed for this test");
        let log = Lines::read(child.stdout.take().unwrap());
        let issuer = log.wait_for("issuer ").trim_start_matches("issuer ").trim().to_owned();
        Self { child, log, issuer }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The package, installed if it is missing.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oidc-provider-{VERSION}"));
    let entry = folder.join("node_modules/oidc-provider/lib/index.js");
    if !entry.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        let done = Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(format!("oidc-provider@{VERSION}"))
            .output()
            .expect("npm is needed for this test");
        assert!(done.status.success(), "npm: {}", String::from_utf8_lossy(&done.stderr));
    }
    entry
}

fn shop(issuer: &str, origin: &Origin) -> Gateway {
    let auth = format!(
        "---\napiVersion: gw/v1\nkind: Auth\nmetadata: {{ name: members }}\nspec:\n  oidc:\n    issuer: {issuer}\n    \
         clientId: shop\n    clientSecret: {{ env: SHOP_SECRET }}\n    scopes: [openid, profile, email]\n    \
         session: {{ key: {{ env: SESSION_KEY }} }}\n    require: [{{ claim: /groups, contains: members }}]\n    \
         accessTokenHeader: x-token\n"
    );
    let site = route(
        "site",
        "plugins:\n\
         - auth: { anyOf: [members] }\n\
         - requestHeaders: { set: { x-user: \"${identity.subject}\", x-mail: \"${identity.email}\" } }\n\
         backend: origin",
    )
    .replace("  public: true\n", "");
    let open = route("open", "match: [{ pathPrefix: /open }]\nbackend: origin");
    let manifests = gateway("") + &auth + &site + &open + &backend("origin", origin.address, "");
    let environment = vec![
        ("SHOP_SECRET", "the-secret-of-the-shop".to_owned()),
        ("SESSION_KEY", "0123456789abcdef0123456789abcdef".to_owned()),
    ];
    let options = Options { environment, ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}

fn log_in(browser: &mut Browser, url: &str, user: &str) -> Page {
    let asked = crate::support::wait_until("the provider's own description", || {
        let page = browser.open(url);
        (page.answer.status != 503).then_some(page)
    });
    assert!(asked.answer.text().contains("name=\"login\""), "{}: {}", asked.url, asked.answer.text());
    let consent = browser.submit(&asked, &[("prompt", "login"), ("login", user), ("password", "any")]);
    browser.submit(&consent, &[("prompt", "consent")])
}

#[test]
fn somebody_logs_in_comes_back_stays_and_logs_out() {
    let (provider, origin) = (Provider::start(), Origin::ok());
    let gateway = shop(&provider.issuer, &origin);
    let base = format!("http://{}", gateway.http());
    let mut browser = Browser::default();

    let page = log_in(&mut browser, &format!("{base}/private/a?b=c&d=%2F"), "ada");
    assert_eq!(
        (page.answer.status, &*page.url),
        (200, &*format!("{base}/private/a?b=c&d=%2F")),
        "{:?}",
        provider.log.all()
    );
    let seen = origin.wait_for(1).remove(0);
    assert_eq!((seen.all("x-user"), seen.all("x-mail")), (vec!["ada"], vec!["ada@example.com"]));
    assert_eq!(seen.all("x-token").len(), 1);
    assert!(seen.all("cookie").iter().all(|cookie| !cookie.contains("gw_")), "{seen:?}");
    let own: Vec<&String> = browser.cookies[parts(&base).0].keys().filter(|name| name.starts_with("gw_")).collect();
    assert!(own.iter().all(|name| !name.contains("login")), "the login in flight is over: {own:?}");

    // tokens are refreshed once, whoever comes with the same cookie
    let refreshed = provider.log.count("granted refresh_token");
    let browsers: Vec<Browser> = (0..6).map(|_| browser.clone()).collect();
    let answers = std::thread::scope(|scope| {
        let all: Vec<_> = browsers
            .into_iter()
            .map(|mut browser| {
                let url = format!("{base}/private");
                scope.spawn(move || (browser.get(&url).status, browser))
            })
            .collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|(status, _)| *status == 200));
    assert_eq!(provider.log.count("granted refresh_token"), refreshed + 1, "{:?}", provider.log.all());
    let (_, mut browser) = answers.into_iter().next_back().unwrap();

    let before = browser.clone();
    let out = browser.get(&format!("{base}/.gw/auth/members/logout"));
    let end = out.get("location").unwrap();
    assert!(out.status == 303 && end.starts_with(&format!("{}/session/end?", provider.issuer)), "{end}");
    assert_eq!(parameter(end, "post_logout_redirect_uri"), Some(format!("{base}/")));
    assert!(parameter(end, "id_token_hint").is_some() && browser.cookies[parts(&base).0].is_empty());
    for mut browser in [browser, before] {
        assert_eq!(browser.get(&format!("{base}/private")).status, 303, "nobody is logged in any more");
    }
}

#[test]
fn who_is_not_a_member_is_known_and_not_let_in() {
    let (provider, origin) = (Provider::start(), Origin::ok());
    let gateway = shop(&provider.issuer, &origin);
    let page = log_in(&mut Browser::default(), &format!("http://{}/private", gateway.http()), "bob");
    assert_eq!(page.answer.status, 403);
    assert!(origin.seen().is_empty());
}
