//! Environments, variables, namespaces of folders and grants, over the example of two teams: what `gw render` prints of it in each
//! environment is beside this file. `UPDATE=1 cargo test --test environments` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use gw::compiler::environment::render::Rendering;
use gw::compiler::{Compiled, Manifests, SourceFile, compile, parse, validate};
use gw::deploy::load::read_folder;
use gw::pipeline::assets::Assets;
use gw::value::date::Date;

const TEAMS: &str = "examples/teams";

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), shown: path.to_owned(), bytes: text.into() }
}

fn teams() -> Vec<SourceFile> {
    read_folder(Path::new(TEAMS)).unwrap().files
}

fn compiled(files: Vec<SourceFile>, environment: Option<&str>) -> Compiled {
    compile(Manifests::read(files).parse(environment), &Assets::new())
}

/// Each problem as its code, message and help.
fn problems(files: Vec<SourceFile>) -> Vec<String> {
    let verdict = validate(Manifests::read(files), None, Date::of(UNIX_EPOCH), |_| Assets::new());
    let shown = verdict.diagnostics.iter().map(|problem| {
        let help = problem.help.clone().unwrap_or_default();
        format!("{}: {}; {help}", problem.code.id, problem.message)
    });
    shown.collect()
}

#[test]
fn two_teams_share_a_gateway_in_three_environments() {
    assert_eq!(problems(teams()), [] as [&str; 0]);
    let environments = Manifests::read(teams()).environments();
    assert_eq!(environments, ["dev", "prod", "staging"]);
    let digests: Vec<_> = environments.iter().map(|name| compiled(teams(), Some(name)).table.unwrap().digest).collect();
    assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
}

#[test]
fn what_is_rendered_is_shown_and_compiles_to_the_same_table() {
    for name in Manifests::read(teams()).environments() {
        let parsed = Manifests::read(teams()).parse(Some(&name));
        let text = Rendering::of(&parsed, Some(&name)).yaml();
        let golden = format!("tests/environments/{name}.yaml");
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all("tests/environments").unwrap();
            fs::write(&golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&golden).unwrap_or_default(), "{golden}");
        let again = compiled(vec![file("rendered.yaml", &text)], None);
        assert!(again.diagnostics.is_empty(), "{:?}", again.diagnostics);
        assert_eq!(again.table.unwrap().digest, compiled(teams(), Some(&name)).table.unwrap().digest);
    }
}

#[test]
fn json_lists_what_an_environment_changed() {
    let parsed = Manifests::read(teams()).parse(Some("prod"));
    let json: serde_json::Value = serde_json::from_str(&Rendering::of(&parsed, Some("prod")).json().unwrap()).unwrap();
    assert_eq!((&json["formatVersion"], &json["environment"]), (&1.into(), &"prod".into()));
    let manifests = json["manifests"].as_array().unwrap();
    let maps =
        manifests.iter().find(|m| m["manifest"]["kind"] == "Backend" && m["manifest"]["metadata"]["name"] == "maps");
    let changed = maps.unwrap()["changed"].as_array().unwrap();
    let target = changed.iter().find(|change| change["pointer"] == "/spec/http/targets/0/url").unwrap();
    let lines: Vec<u64> =
        target["from"].as_array().unwrap().iter().map(|from| from["line"].as_u64().unwrap()).collect();
    assert_eq!((target["from"][0]["file"].as_str(), lines), (Some("examples/teams/env/prod.yaml"), vec![18, 8]));
}

#[test]
fn a_value_that_is_filled_in_is_as_if_it_were_written() {
    let manifests = |weight: &str, host: &str, gateway: &str| {
        let backend = format!(
            "apiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: a }}\nspec: {{ http: {{ targets: [{{ url: \"https://{host}\", \
             weight: {weight} }}] }} }}\n"
        );
        let route = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: a }\nspec: { public: true, backend: a }\n";
        let gateway = format!("apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec: {gateway}\n");
        compiled(vec![file("a.yaml", &backend), file("b.yaml", route), file("c.yaml", &gateway)], None)
    };
    let written = manifests("3", "a.example", "{}").table.unwrap().digest;
    let declared =
        "{ variables: [{ name: n, type: integer, default: 3 }, { name: host, type: host, default: a.example }] }";
    assert_eq!(manifests("\"${var.n}\"", "${var.host}", declared).table.unwrap().digest, written);
}

#[test]
fn an_object_is_in_the_namespace_of_its_folder() {
    let mut moved = teams();
    for file in moved.iter_mut().filter(|file| file.path.starts_with("teams/travel/")) {
        file.path = file.path.replace("teams/travel/", "");
    }
    let found = problems(moved);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("GW2004: no `Grant` in the namespace `geo` allows `default`"), "{found:#?}");

    let mut other = teams();
    let maps = other.iter_mut().find(|file| file.path.ends_with("maps.yaml")).unwrap();
    let text = String::from_utf8_lossy(&maps.bytes).replacen("name: maps }", "name: maps, namespace: travel }", 1);
    maps.bytes = text.into_bytes();
    let found = problems(other);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("GW1406: objects in the folder `teams/geo` are in the namespace `geo`"), "{found:#?}");

    let mut environment = teams();
    environment.iter_mut().find(|file| file.path == "env/dev.yaml").unwrap().path = "teams/geo/dev.yaml".to_owned();
    let found = problems(environment);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("GW1406: an `Environment` belongs to the whole gateway"), "{found:#?}");
}

#[test]
fn what_belongs_to_another_team_needs_its_grant() {
    let without: Vec<SourceFile> = teams().into_iter().filter(|file| !file.path.ends_with("grant.yaml")).collect();
    let found = problems(without);
    assert_eq!(
        found,
        [
            "GW2004: no `Grant` in the namespace `geo` allows `travel` to use its `maps`; write a `Grant` in the namespace `geo`, \
          which @geo looks after, with `spec: { from: [{ namespace: travel }], to: [{ kind: Backend, name: maps }] }`"
        ]
    );
}

#[test]
fn a_problem_says_in_which_environments_it_holds() {
    let mut files = teams();
    for file in files.iter_mut().filter(|file| matches!(&*file.path, "env/dev.yaml" | "env/staging.yaml")) {
        let lines = String::from_utf8_lossy(&file.bytes).replace("domain:", "connections: 1\n    geoHost:");
        file.bytes = lines.replace("{ connections: 1\n    geoHost: localhost }", "{ connections: 1 }").into_bytes();
    }
    let staging = files.iter_mut().find(|file| file.path == "env/staging.yaml").unwrap();
    staging.bytes = b"apiVersion: gw/v1\nkind: Environment\nmetadata: { name: staging }\nspec: {}\n".to_vec();
    let found = problems(files);
    let expected = "GW1402: the variable `domain` has no value, in the environments `dev`, `staging`; \
        give it one in each `Environment`, or a `default`";
    assert_eq!(found, [expected]);
}

#[test]
fn what_a_folder_serves_declares_nothing() {
    let site = "apiVersion: gw/v1\nkind: Gateway\nmetadata: { name: sample }\nspec: { variables: [{ name: a, type: string }] }\n";
    let backend = "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: s }\nspec: { folder: { path: site } }\n";
    let parsed = parse(vec![
        file("a.yaml", backend),
        file("site/sample.yaml", site),
        file("site/env.yaml", "kind: Environment\n"),
    ]);
    assert_eq!((parsed.objects.len(), parsed.diagnostics.len()), (1, 0));
}

#[test]
fn a_secret_that_a_variable_holds_is_hidden() {
    let text = "apiVersion: gw/v1\nkind: Gateway\nmetadata: { name: edge }\nspec: { variables: [{ name: key, type: string }] }\n---\n\
        apiVersion: gw/v1\nkind: Environment\nmetadata: { name: prod }\nspec: { variables: { key: hunter2 } }\n---\n\
        apiVersion: gw/v1\nkind: Route\nmetadata: { name: a }\nspec:\n  public: true\n  plugins:\n    \
        - requestHeaders: { setSecret: { x-key: \"${var.key}\" } }\n    - respond: {}\n";
    let verdict = validate(Manifests::read(vec![file("a.yaml", text)]), None, Date::of(UNIX_EPOCH), |_| Assets::new());
    let codes: Vec<&str> = verdict.diagnostics.iter().map(|problem| problem.code.id).collect();
    assert_eq!(codes, ["GW1209"]);
    assert!(verdict.sources.iter().all(|(_, source)| !source.text.contains("hunter2")));
}

#[test]
fn nothing_runs_or_is_rendered_without_an_environment() {
    for command in ["run", "render"] {
        let ran = Command::new(env!("CARGO_BIN_EXE_gw")).args([command, TEAMS]).env_remove("GW_ENV").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains("give one with `--env` or `GW_ENV`: `dev`, `prod`, `staging`"), "{said}");
    }
    let explained = Command::new(env!("CARGO_BIN_EXE_gw"))
        .args(["explain", "http://trips.staging.example/map/1", "--dir", TEAMS])
        .env("GW_ENV", "staging")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&explained.stdout).into_owned();
    assert!(said.contains("travel/map-of-a-trip") && said.contains("geo.staging.internal"), "{said}");
}
