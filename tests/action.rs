//! What the action and the job of a pipeline run, in a repository, with the environment that GitHub and GitLab give and a server in
//! place of their API.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod support;

use std::io::{Cursor, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use support::command::{Done, Folder, gw_command};
use support::origin::{Origin, Seen};

const ONE: &str = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: one }\nspec: { public: true, plugins: [{ respond: { body: one } }] }\n";

/// A forge's API, as far as comments go: it starts with those of other people.
struct Forge {
    server: Origin,
    comments: Arc<Mutex<Vec<Value>>>,
}

impl Forge {
    /// A forge with as many comments as are on two pages, which says `refused` to whoever writes, if it is a status.
    fn start(refused: Option<u16>) -> Self {
        let others = (0..120).map(|id| json!({ "id": id, "body": format!("comment {id} <!-- gw-plan:default -->") }));
        let comments: Arc<Mutex<Vec<Value>>> = Arc::new(Mutex::new(others.collect()));
        let shared = Arc::clone(&comments);
        let server = Origin::start(move |peer| {
            while let Some(seen) = peer.request() {
                let (status, body) = answer(&seen, &shared, refused);
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
                peer.send(head).send(body);
            }
        });
        Self { server, comments }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The comments that were written, by their ids.
    fn written(&self) -> Vec<(u64, String)> {
        let text = |comment: &Value| (comment["id"].as_u64().unwrap(), comment["body"].as_str().unwrap().to_owned());
        self.comments.lock().unwrap().iter().skip(120).map(text).collect()
    }
}

fn answer(seen: &Seen, comments: &Mutex<Vec<Value>>, refused: Option<u16>) -> (u16, String) {
    let mut words = seen.head[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut comments = comments.lock().unwrap();
    match (method, refused) {
        ("GET", _) => {
            let page: usize = target.rsplit_once("&page=").unwrap().1.parse().unwrap();
            let page: Vec<&Value> = comments.iter().skip((page - 1) * 100).take(100).collect();
            (200, json!(page).to_string())
        }
        (_, Some(status)) => (status, "{}".to_owned()),
        ("POST", None) => {
            let id = comments.len();
            let mut comment: Value = serde_json::from_slice(&seen.body).unwrap();
            comment["id"] = id.into();
            comments.push(comment);
            (201, "{}".to_owned())
        }
        _ => {
            let id: usize = target.rsplit_once('/').unwrap().1.parse().unwrap();
            let changed: Value = serde_json::from_slice(&seen.body).unwrap();
            comments[id]["body"] = changed["body"].clone();
            (200, "{}".to_owned())
        }
    }
}

/// Runs the script with `gw` on its path.
fn ci(folder: &Folder, word: &str, environment: &[(&str, String)]) -> Done {
    let program = gw_command();
    let bin = Path::new(program.get_program()).parent().unwrap().to_owned();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/gw/gw-ci"));
    command
        .arg(word)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &folder.0)
        .env("GIT_CEILING_DIRECTORIES", env!("CARGO_TARGET_TMPDIR"));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    folder.run(&mut command)
}

/// The environment of a pull request on GitHub, as the action passes it on: inputs that were left out are empty.
fn github(folder: &Folder, api: SocketAddr) -> Vec<(&'static str, String)> {
    folder.write("event.json", &json!({ "pull_request": { "number": 7, "head": { "sha": "abc" } } }).to_string());
    folder.write("summary.md", "");
    folder.write("output", "");
    let path = |name: &str| folder.0.join(name).display().to_string();
    vec![
        ("GITHUB_ACTIONS", "true".into()),
        ("CI", "true".into()),
        ("GITHUB_BASE_REF", "main".into()),
        ("GITHUB_EVENT_NAME", "pull_request".into()),
        ("GITHUB_EVENT_PATH", path("event.json")),
        ("GITHUB_STEP_SUMMARY", path("summary.md")),
        ("GITHUB_OUTPUT", path("output")),
        ("GITHUB_API_URL", format!("http://{api}")),
        ("GITHUB_REPOSITORY", "acme/gateway".into()),
        ("GW_TOKEN", "a-token".into()),
        ("GW_DIR", "gateway.d".into()),
        ("GW_BASE", String::new()),
        ("GW_ENV", String::new()),
        ("GW_STORE", String::new()),
        ("GW_OUT", path("out")),
    ]
}

/// A repository with a branch for a pull request.
fn repository() -> Folder {
    let folder =
        Folder::repository(&[("gateway.d/one.yaml", ONE), (".gitignore", "out\nevent.json\nsummary.md\noutput\n")]);
    folder.git("update-ref refs/remotes/origin/main HEAD");
    folder.git("checkout --quiet -b change");
    folder
}

fn push(folder: &Folder, name: &str) {
    folder.write(
        &format!("gateway.d/{name}.yaml"),
        &ONE.replace("one", name).replace("spec: {", &format!("spec: {{ match: [{{ pathPrefix: /{name} }}],")),
    );
    folder.commit(name);
}

#[test]
fn each_push_updates_one_comment() {
    let (folder, forge) = (repository(), Forge::start(None));
    push(&folder, "two");
    let environment = github(&folder, forge.address());
    let first = ci(&folder, "check", &environment);
    assert_eq!(first.code, 0, "{first:#?}");
    assert!(first.out.contains("Base: the merge base with origin/main (") && first.out.contains("+ default/Route/two"));
    let written = forge.written();
    assert_eq!(written.len(), 1);
    assert!(written[0].1.starts_with("<!-- gw-plan:default -->\n### gw plan\n\n**Plan: 1 to add"), "{written:?}");
    assert_eq!(folder.read("summary.md"), written[0].1);
    let output = folder.read("output");
    assert!(output.starts_with("exitcode=2\nchanges=true\ndigest="), "{output}");
    let plan: Value = serde_json::from_str(&folder.read("out/plan.gwplan")).unwrap();
    assert!(output.contains(plan["target"]["digest"].as_str().unwrap()));

    push(&folder, "three");
    let second = ci(&folder, "check", &environment);
    assert_eq!(second.code, 0, "{second:#?}");
    let updated = forge.written();
    assert_eq!((updated.len(), updated[0].0), (1, written[0].0));
    assert!(updated[0].1.contains("**Plan: 2 to add"));
    let seen = forge.server.seen();
    let lines: Vec<&str> = seen.iter().map(|seen| seen.head[0].as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /repos/acme/gateway/issues/7/comments?per_page=100&page=1 HTTP/1.1",
            "GET /repos/acme/gateway/issues/7/comments?per_page=100&page=2 HTTP/1.1",
            "POST /repos/acme/gateway/issues/7/comments HTTP/1.1",
            "GET /repos/acme/gateway/issues/7/comments?per_page=100&page=1 HTTP/1.1",
            "GET /repos/acme/gateway/issues/7/comments?per_page=100&page=2 HTTP/1.1",
            "PATCH /repos/acme/gateway/issues/comments/120 HTTP/1.1",
        ]
    );
    let authorization =
        |seen: &Seen| seen.head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer a-token"));
    assert!(seen.iter().all(authorization), "{seen:?}");
}

#[test]
fn problems_are_annotations_and_there_is_no_plan() {
    let (folder, forge) = (repository(), Forge::start(None));
    folder.write("gateway.d/one.yaml", &ONE.replace("plugins", "plugin"));
    folder.commit("a mistake");
    let done = ci(&folder, "check", &github(&folder, forge.address()));
    assert_eq!(done.code, 1, "{done:#?}");
    assert!(done.out.contains("::error file=gateway.d/one.yaml,line=4,"), "{}", done.out);
    assert!(done.out.contains("::notice title=gw::"), "{}", done.out);
    let written = forge.written();
    assert!(
        written[0].1.starts_with("<!-- gw-plan:default -->\n") && written[0].1.contains("There is no plan"),
        "{written:?}"
    );
    assert_eq!(folder.read("output"), "");
}

#[test]
fn a_run_that_may_not_write_comments_still_checks() {
    let (folder, forge) = (repository(), Forge::start(Some(403)));
    let refused = ci(&folder, "check", &github(&folder, forge.address()));
    assert_eq!(refused.code, 0, "{refused:#?}");
    assert!(refused.out.contains("::warning title=gw::no comment could be written"), "{}", refused.out);
    assert!(folder.read("summary.md").contains("No changes."));
    assert!(folder.read("output").starts_with("exitcode=0\nchanges=false\n"));

    let without = |name: &str, value: &str| {
        let mut environment = github(&folder, forge.address());
        environment.retain(|(set, _)| *set != name);
        if !value.is_empty() {
            environment.push(("GW_COMMENT", value.into()));
        }
        forge.server.forget();
        let done = ci(&folder, "check", &environment);
        assert_eq!((done.code, forge.server.seen().len()), (0, 0), "{done:#?}");
        done
    };
    assert!(without("GW_TOKEN", "").out.contains("::warning title=gw::no comment is written: there is no token"));
    without("GW_COMMENT", "false");
    without("GITHUB_EVENT_PATH", "");
}

#[test]
fn a_merge_request_on_gitlab() {
    let (folder, forge) = (repository(), Forge::start(None));
    let fork = folder.git("rev-parse HEAD");
    push(&folder, "two");
    let environment = vec![
        ("GITLAB_CI", "true".to_owned()),
        ("CI", "true".to_owned()),
        ("CI_API_V4_URL", format!("http://{}/api/v4", forge.address())),
        ("CI_PROJECT_ID", "42".to_owned()),
        ("CI_MERGE_REQUEST_IID", "7".to_owned()),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", fork),
        ("GW_TOKEN", "a-token".to_owned()),
        ("GW_OUT", "out".to_owned()),
    ];
    for _ in 0..2 {
        let done = ci(&folder, "check", &environment);
        assert_eq!(done.code, 0, "{done:#?}");
        assert!(done.out.contains("Base: the base of the merge request ("), "{}", done.out);
    }
    assert_eq!(forge.written().len(), 1);
    let seen = forge.server.seen();
    assert_eq!(seen[2].head[0], "POST /api/v4/projects/42/merge_requests/7/notes HTTP/1.1");
    assert_eq!(seen[5].head[0], "PUT /api/v4/projects/42/merge_requests/7/notes/120 HTTP/1.1");
    assert!(seen[0].head.iter().any(|line| line.eq_ignore_ascii_case("private-token: a-token")), "{seen:?}");
    assert_eq!(folder.read("out/code-quality.json").trim(), "[]");

    folder.write("gateway.d/one.yaml", &ONE.replace("plugins", "plugin"));
    assert_eq!(ci(&folder, "check", &environment).code, 1);
    let report: Value = serde_json::from_str(&folder.read("out/code-quality.json")).unwrap();
    assert_eq!(report[0]["check_name"], "GW1201");
    assert_eq!(report[0]["location"], json!({ "path": "gateway.d/one.yaml", "lines": { "begin": 4, "end": 4 } }));
    assert_eq!(report[0]["severity"], "critical");
}

/// A ZIP file, as artifacts are, of one file.
fn zipped(name: &str, text: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A forge that knows of a commit by which pull request it came, and of a pull request which plan was reviewed.
fn forge_with_plan(plan: &str) -> Origin {
    let artifact = zipped("plan.gwplan", plan);
    Origin::start(move |peer| {
        while let Some(seen) = peer.request() {
            let target = seen.head[0].split(' ').nth(1).unwrap().trim_start_matches("/repos/acme/gateway/").to_owned();
            let body = match target.as_str() {
                "commits/the-merge/pulls" => {
                    json!([{ "number": 7, "merged_at": "today", "head": { "sha": "abc" } }]).to_string().into_bytes()
                }
                "actions/artifacts?name=gw-plan-abc&per_page=1" => {
                    json!({ "artifacts": [{ "id": 5, "expired": false }] }).to_string().into_bytes()
                }
                "actions/artifacts/5/zip" => artifact.clone(),
                _ => b"[]".to_vec(),
            };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())).send(body);
        }
    })
}

#[test]
fn after_the_merge_the_reviewed_plan_is_applied_or_nothing() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE), (".gitignore", "out\nstore\nkeys\n")]);
    assert_eq!(folder.gw("key generate --out keys").code, 0);
    assert_eq!(folder.gw("apply --store store --key keys/gw.key --yes").code, 0);
    push(&folder, "two");
    assert_eq!(folder.gw("plan --store store --out out.gwplan").code, 0);
    let server = forge_with_plan(&folder.read("out.gwplan"));
    let environment = vec![
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("CI", "true".to_owned()),
        ("GITHUB_API_URL", format!("http://{}", server.address)),
        ("GITHUB_REPOSITORY", "acme/gateway".to_owned()),
        ("GITHUB_SHA", "the-merge".to_owned()),
        ("GITHUB_STEP_SUMMARY", folder.0.join("out.md").display().to_string()),
        ("GW_TOKEN", "a-token".to_owned()),
        ("GW_STORE", "store".to_owned()),
        ("GW_SIGNING_KEY", folder.read("keys/gw.key")),
        ("GW_ENV", String::new()),
        ("GW_OUT", "out".to_owned()),
        ("TMPDIR", folder.0.display().to_string()),
    ];
    let applied = ci(&folder, "apply", &environment);
    assert_eq!(applied.code, 0, "{applied:#?}");
    assert!(applied.out.starts_with("release 2: bundle "), "{applied:#?}");
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("tmp.")), "the key stays in no file: {left:?}");

    push(&folder, "three");
    let stale = ci(&folder, "apply", &environment);
    assert_eq!(stale.code, 3, "{stale:#?}");
    assert!(stale.err.contains("error: saved plan is stale: "), "{stale:#?}");
    assert!(folder.read("out.md").contains("**Plan: 1 to add, 0 to change, 0 to remove.**"));
    let written = server.seen().pop().unwrap();
    assert_eq!(written.head[0], "POST /repos/acme/gateway/issues/7/comments HTTP/1.1");
    assert!(written.text().contains("+ default/Route/three"));

    let mut unknown = environment.clone();
    unknown.retain(|(name, _)| *name != "GITHUB_SHA");
    unknown.push(("GITHUB_SHA", "a-push".to_owned()));
    let unreviewed = ci(&folder, "apply", &unknown);
    assert_eq!((unreviewed.code, unreviewed.err.contains("no reviewed plan belongs to this commit")), (3, true));
    let history = folder.gw("history --store store").out;
    assert!(history.lines().nth(1).unwrap().starts_with("*      2"), "{history}");
}

#[test]
fn a_release_is_installed_if_its_checksum_is_right() {
    let folder = Folder::with(&[]);
    let name = format!("gw-linux-{}", std::env::consts::ARCH);
    let program = "#!/bin/sh\necho a release\n";
    folder.write(&name, program);
    let sum = folder.run(Command::new("sha256sum").arg(&name)).out;
    let served = Arc::new(Mutex::new(program.to_owned()));
    let shared = Arc::clone(&served);
    let releases = Origin::start(move |peer| {
        while let Some(seen) = peer.request() {
            let body = if seen.head[0].contains(".sha256 ") { sum.clone() } else { shared.lock().unwrap().clone() };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let environment = vec![
        ("GW_VERSION", "v1.2.3".to_owned()),
        ("GW_RELEASES", format!("http://{}/releases/download", releases.address)),
        ("GW_OUT", "out".to_owned()),
        ("GITHUB_PATH", folder.0.join("path").display().to_string()),
    ];
    assert_eq!(ci(&folder, "install", &environment).code, 0);
    let installed = folder.0.join(".local/bin/gw");
    assert_eq!(installed.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(folder.run(&mut Command::new(&installed)).out, "a release\n");
    assert_eq!(folder.read("path"), format!("{}\n", installed.parent().unwrap().display()));
    assert_eq!(releases.seen()[0].head[0], format!("GET /releases/download/v1.2.3/{name} HTTP/1.1"));

    served.lock().unwrap().push_str("and more");
    let wrong = ci(&folder, "install", &environment);
    assert_eq!((wrong.code, wrong.err.contains("is not what its checksum says")), (1, true), "{wrong:?}");
    assert_eq!(folder.run(&mut Command::new(&installed)).out, "a release\n", "what was there stays");
}
