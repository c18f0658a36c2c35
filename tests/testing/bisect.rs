//! The commit that changed what a request gets.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::command::Folder;

fn route(name: &str, path: &str, body: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Route\nmetadata: {{ name: {name} }}\nspec: {{ match: [{{ pathPrefix: {path} }}], public: true, \
         plugins: [{{ respond: {{ headers: {{ x-body: {body} }} }} }}] }}\n"
    )
}

#[test]
fn the_commit_is_found_and_what_it_changed() {
    let folder = Folder::repository(&[("gateway.d/a.yaml", &route("a", "/", "one"))]);
    let good = folder.git("rev-parse HEAD");
    folder.write("README.md", "nothing that matters");
    folder.commit("about");
    folder.write("gateway.d/b.yaml", &route("b", "/b", "two"));
    folder.commit("another route");
    folder.write("gateway.d/a.yaml", &route("a", "/", "three"));
    let guilty = folder.commit("the guilty one");
    folder.write("gateway.d/b.yaml", &route("b", "/b", "four"));
    folder.commit("something else");
    let found = folder.gw(&format!("bisect /x --good {good}"));
    assert_eq!(found.code, 0, "{found:?}");
    let (head, outcomes) = found.out.split_once("\n\n").unwrap();
    assert_eq!(head, format!("{guilty} changed it\n2026-01-01 a: the guilty one"));
    let (before, after) = outcomes.split_once("\nafter\n").unwrap();
    assert!(before.contains("x-body: one") && after.contains("x-body: three"), "{found:?}");
    let found = folder.gw(&format!("bisect --good {good} GET /b/1 --output json"));
    assert!(found.out.contains("\"about\": \"2026-01-01 a: another route\""), "{found:?}");
}

#[test]
fn what_does_not_compile_is_passed_over() {
    let folder = Folder::repository(&[("gateway.d/a.yaml", &route("a", "/", "one"))]);
    let good = folder.git("rev-parse HEAD");
    folder.write("gateway.d/a.yaml", "kind: Nothing\n");
    let broken = folder.commit("broken");
    folder.write("gateway.d/a.yaml", &route("a", "/", "two"));
    let mended = folder.commit("mended");
    let found = folder.gw(&format!("bisect /x --good {good}"));
    let expected =
        format!("{mended} changed it\n2026-01-01 a: mended\nor one before it that has errors: {}\n\n", &broken[..12]);
    assert!(found.out.starts_with(&expected), "{found:?}");
    let found = folder.gw(&format!("bisect /x --good {broken}"));
    assert!(found.code == 1 && found.err.contains("have errors: choose another commit"), "{found:?}");
    let found = folder.gw(&format!("bisect /x --good {mended}"));
    assert!(found.code == 1 && found.err.starts_with("error: the request gets the same in "), "{found:?}");
    let found = folder.gw(&format!("bisect /x --good {mended} --bad {good}"));
    assert!(found.code == 1 && found.err.starts_with("error: no commit leads from "), "{found:?}");
}

/// A commit without the environment is passed over where there are others, and taken as it is where there are none.
#[test]
fn the_outcome_in_an_environment_is_compared() {
    let environment = |name: &str, body: &str| {
        let patch = format!(
            "{{ kind: Route, name: a, spec: {{ plugins: [{{ respond: {{ headers: {{ x-body: {body} }} }} }}] }} }}"
        );
        format!(
            "---\napiVersion: gw/v1\nkind: Environment\nmetadata: {{ name: {name} }}\nspec: {{ patches: [{patch}] }}\n"
        )
    };
    let folder = Folder::repository(&[("gateway.d/a.yaml", &route("a", "/", "one"))]);
    let good = folder.git("rev-parse HEAD");
    folder.write("gateway.d/dev.yaml", &environment("dev", "two"));
    folder.commit("dev");
    folder.write("gateway.d/prod.yaml", &environment("prod", "one"));
    folder.commit("prod");
    folder.write("gateway.d/prod.yaml", &environment("prod", "three"));
    let guilty = folder.commit("the guilty one");
    let found = folder.gw(&format!("bisect /x --good {good} --env prod"));
    assert!(found.out.starts_with(&format!("{guilty} changed it\n")), "{found:?}");
    let found = folder.gw(&format!("bisect /x --good {good} --env dev"));
    assert!(found.out.contains(" a: dev\n"), "{found:?}");
}

#[test]
fn a_thousand_commits_take_seconds() {
    let folder = Folder::repository(&[("gateway.d/a.yaml", &route("a", "/", "v0"))]);
    let good = folder.git("rev-parse HEAD");
    let mut import = String::new();
    for i in 1..=1000 {
        let body = if i < 613 { "v0" } else { "v613" };
        let (text, subject) = (route("a", "/", body) + &format!("# {i}\n"), format!("change {i}\n"));
        write!(
            import,
            "commit refs/heads/main\ncommitter a <a@example.com> {} +0000\ndata {}\n{subject}",
            1_800_000_000 + i,
            subject.len()
        )
        .unwrap();
        if i == 1 {
            writeln!(import, "from {good}").unwrap();
        }
        write!(import, "M 100644 inline gateway.d/a.yaml\ndata {}\n{text}\n", text.len()).unwrap();
    }
    folder.write("import", &import);
    let mut fast_import = std::process::Command::new("git");
    fast_import
        .args(["fast-import", "--quiet", "--force"])
        .stdin(std::fs::File::open(folder.0.join("import")).unwrap());
    assert_eq!(folder.run(&mut fast_import).code, 0);
    let began = Instant::now();
    let found = folder.gw(&format!("bisect /x --good {good} --bad main"));
    assert!(found.out.contains(" a: change 613\n"), "{found:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
