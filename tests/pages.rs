//! The page of every diagnostic: its wrong example shows that problem and no other, its right example none.
//! The examples of the manual show none either.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "support/beside.rs"]
mod beside;

use std::time::UNIX_EPOCH;

use gw::compiler::{AssetRequest, Manifests, SourceFile, Verdict, codes, compile, reference, validate};
use gw::diagnostic::Code;
use gw::diagnostic::render::{Report, Style, find};
use gw::pipeline::assets::{Asset, AssetRead, Assets, Folder};
use gw::value::date::Date;

/// The files of the folder `site`.
fn site() -> Folder {
    let page = || Asset { bytes: "page".into(), sha256: "0".repeat(64).into(), modified: None };
    ["index.html", "404.html"].into_iter().map(|name| (name.into(), page())).collect()
}

/// What stands beside the manifests; nothing else can be read.
fn assets(requests: &[AssetRequest]) -> Assets {
    let files = beside::files(site());
    let read = |path: &str| files.get(path).cloned().unwrap_or(AssetRead::Failed("it does not exist".into()));
    requests.iter().map(|request| (request.path.clone(), read(&request.path))).collect()
}

/// Environments are taken in turn, as by `gw validate`, unless a line `# gw run`, perhaps with `--env`, says how it is used.
fn compiled(text: &str) -> Verdict {
    let name = "page.yaml".to_owned();
    let manifests = Manifests::read(vec![SourceFile { path: name.clone(), shown: name, bytes: text.into() }]);
    match text.lines().find_map(|line| line.strip_prefix("# gw run")) {
        Some(run) => {
            let parsed = manifests.parse(run.trim().strip_prefix("--env "));
            let assets = assets(&parsed.asset_requests());
            let compiled = compile(parsed, &assets);
            Verdict { sources: compiled.sources, diagnostics: compiled.diagnostics }
        }
        None => validate(manifests, None, Date::of(UNIX_EPOCH), assets),
    }
}

fn shown(compiled: &Verdict) -> String {
    let style = Style { color: false, width: 100 };
    let report = Report { sources: &compiled.sources, diagnostics: &compiled.diagnostics, style };
    (find("human").unwrap().render)(&report)
}

/// The fenced block of a page.
fn block<'p>(page: &'p str, fence: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(&format!("```{fence}\n"))?;
    Some(&rest[..rest.find("```")?])
}

#[test]
fn wrong_examples_show_their_problem_alone() {
    let mut failures = Vec::new();
    for code in codes() {
        let Some(wrong) = block(code.page, "yaml wrong") else {
            failures.push(format!("{} has no wrong example", code.id));
            continue;
        };
        let compiled = compiled(wrong);
        let found: Vec<&str> = compiled.diagnostics.iter().map(|problem| problem.code.id).collect();
        if found != [code.id] {
            failures.push(format!("{} shows {found:?}\n{}", code.id, shown(&compiled)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn right_examples_have_no_problem() {
    let mut failures = Vec::new();
    for code in codes() {
        let Some(right) = block(code.page, "yaml right") else {
            failures.push(format!("{} has no right example", code.id));
            continue;
        };
        let compiled = compiled(right);
        if !compiled.diagnostics.is_empty() {
            failures.push(format!("{}\n{}", code.id, shown(&compiled)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn pages_begin_with_their_code() {
    let begins = |code: &Code| code.page.starts_with(&format!("# {}: {}\n\n", code.id, code.name));
    let wrong: Vec<&str> = codes().into_iter().filter(|code| !begins(code)).map(|code| code.id).collect();
    assert_eq!(wrong, [] as [&str; 0]);
}

#[test]
fn the_examples_of_the_manual_have_no_problem() {
    const BACKEND: &str = "---\napiVersion: gw/v1\nkind: Backend\nmetadata: { name: shop }\nspec: { echo: {} }\n";
    const ROUTE: &str =
        "---\napiVersion: gw/v1\nkind: Route\nmetadata: { name: all }\nspec: { public: true, backend: shop }\n";
    const LISTENER: &str = "---\napiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec:\n  \
        listeners: [{ name: https, address: \"127.0.0.1:0\", tls: { certificates: [shop] } }]\n";
    const GATEWAY: &str = "---\napiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec: {}\n";
    const WEBHOOK: &str = "---\napiVersion: gw/v1\nkind: Route\nmetadata: { name: webhook }\nspec:\n  \
        match: [{ path: /hook, methods: [POST] }]\n  public: true\n  plugins: [{ respond: { body: thanks } }]\n";
    const AUTH: &str = "---\napiVersion: gw/v1\nkind: Auth\nmetadata: { name: partners }\nspec: { apiKey: {} }\n";
    const CLIENTS: &str = "---\napiVersion: gw/v1\nkind: Certificate\nmetadata: { name: site }\nspec: { selfSigned: {} }\n---\n\
        apiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec:\n  listeners: [{ name: https, address: \"127.0.0.1:0\", \
        tls: { certificates: [site], clientAuth: { ca: { file: /run/ca.pem } } } }]\n";
    const PLAN: &str =
        "---\napiVersion: gw/v1\nkind: Plan\nmetadata: { name: gold }\nspec: { rate: { requests: 5, per: 1s } }\n";
    const KEYED: &str = "---\napiVersion: gw/v1\nkind: Route\nmetadata: { name: keyed }\nspec:\n  \
        plugins: [{ auth: { anyOf: [partners] } }, { respond: { body: hello } }]\n";
    const KEY: &str = "---\napiVersion: gw/v1\nkind: ApiKey\nmetadata: { name: acme }\nspec:\n  auth: partners\n  plan: shop\n  \
        keyId: a1\n  secrets: [{ sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }]\n";
    for example in reference::examples() {
        let mut text = example.yaml();
        if text.contains("mtls:") {
            text += CLIENTS;
        }
        if text.contains("anyOf:") {
            text += AUTH;
        }
        match example.manifest["kind"].as_str().unwrap() {
            "Route" if text.contains("backend:") => text += BACKEND,
            "Backend" => text += ROUTE,
            "Certificate" => text += LISTENER,
            "Test" => text += &(BACKEND.to_owned() + &ROUTE.replace("name: all", "name: shop")),
            "Environment" => text += GATEWAY,
            "Auth" => text += &KEYED.replace("partners", "shop"),
            "ApiKey" => text += &[AUTH, PLAN, KEYED].concat(),
            "Plan" => text += &[AUTH, KEY, KEYED].concat(),
            "Policy" => text += WEBHOOK,
            _ => {}
        }
        let compiled = compiled(&text);
        assert!(compiled.diagnostics.is_empty(), "{text}\n{}", shown(&compiled));
    }
}
