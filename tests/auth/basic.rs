//! Users with passwords: who is let in, what upstreams and logs see of it, and what becomes of who guesses.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::client::{Answer, ask};
use crate::support::command::Folder;
use crate::support::origin::Origin;
use crate::support::{Gateway, Options, backend, folder_with, gateway, route, wait_until};

fn hash(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
}

fn auth(name: &str, spec: &str) -> String {
    format!("---\napiVersion: gw/v1\nkind: Auth\nmetadata: {{ name: {name} }}\nspec: {spec}\n")
}

fn guarded(name: &str, spec: &str) -> String {
    route(name, spec).replace("  public: true\n", "")
}

fn call(gateway: &Gateway, path: &str, user: &str, password: &str) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("{user}:{password}"));
    call_with(gateway, path, &format!("Authorization: Basic {credential}\r\n"))
}

fn call_with(gateway: &Gateway, path: &str, fields: &str) -> Answer {
    ask(gateway.http(), format!("GET {path} HTTP/1.1\r\nHost: api.example\r\n{fields}Connection: close\r\n\r\n"))
}

#[test]
fn a_user_is_let_in_by_password_and_known_upstream() {
    let origin = Origin::ok();
    let users = format!(
        "users: [{{ name: ada, hash: \"{}\", email: ada@example.com, groups: [squad, admins] }}, {{ name: bob, hash: \"{}\" }}]",
        hash("correct horse"),
        hash("bob")
    );
    let manifests = gateway("")
        + &backend("origin", origin.address, "")
        + &auth("squad", &format!("{{ basic: {{ realm: staging, {users} }} }}"))
        + &auth(
            "admins",
            &format!("{{ basic: {{ realm: admin, {users}, require: [{{ claim: /groups, contains: admins }}] }} }}"),
        )
        + &guarded(
            "site",
            "plugins:\n\
             - auth: { anyOf: [squad] }\n\
             - requestHeaders: { set: { x-user: \"${identity.subject}\", x-mail: \"${identity.email}\", x-groups: \"${identity.claim./groups}\" } }\n\
             backend: origin",
        )
        + &guarded(
            "admin",
            "match: [{ pathPrefix: /admin }]\nplugins: [{ auth: { anyOf: [admins] } }]\nbackend: origin",
        );
    let gateway = Gateway::start(&manifests);

    let asked = call_with(&gateway, "/", "");
    assert_eq!(
        (asked.status, asked.get("www-authenticate")),
        (401, Some("Basic realm=\"staging\", charset=\"UTF-8\""))
    );
    for (user, password) in [("ada", "wrong"), ("ada", &*hash("correct horse")), ("eve", "correct horse"), ("", "")] {
        let refused = call(&gateway, "/", user, password);
        assert_eq!((refused.status, refused.all("www-authenticate").len()), (401, 1), "{user}: {password}");
    }
    assert_eq!(call_with(&gateway, "/", "Authorization: Basic YWRh\r\n").status, 401, "no colon");
    assert!(origin.seen().is_empty(), "nobody was let in");

    assert_eq!(call(&gateway, "/a", "ada", "correct horse").status, 200);
    assert_eq!(call(&gateway, "/a", "ada", "correct horse").status, 200, "remembered");
    assert_eq!(call(&gateway, "/admin", "ada", "correct horse").status, 200);
    assert_eq!(call(&gateway, "/admin", "bob", "bob").status, 403);
    for seen in origin.wait_for(2).into_iter().take(2) {
        assert!(seen.all("authorization").is_empty(), "the upstream sees no password: {seen:?}");
        assert_eq!(
            (seen.all("x-user"), seen.all("x-mail"), seen.all("x-groups")),
            (vec!["ada"], vec!["ada@example.com"], vec!["squad,admins"])
        );
    }
    let log = gateway.log.all().join("\n") + &gateway.access.all().join("\n");
    assert!(!log.contains("correct horse") && !log.contains("YWRhOmNvcnJlY3QgaG9yc2U"), "{log}");
}

#[test]
fn a_file_of_users_is_watched_and_taken_only_when_it_is_right() {
    let folder = folder_with(&[]);
    let file = folder.join("users");
    std::fs::write(&file, format!("ada:{}\n", hash("one"))).unwrap();
    let manifests = gateway("")
        + &auth("staff", &format!("{{ basic: {{ htpasswd: {{ file: \"{}\" }} }} }}", file.display()))
        + &guarded("site", "plugins: [{ auth: { anyOf: [staff] } }, { respond: { body: hello } }]");
    std::fs::create_dir(folder.join("m")).unwrap();
    std::fs::write(folder.join("m/gateway.yaml"), manifests).unwrap();
    let gateway = Gateway::start_in(folder.join("m"), &Options::default());
    assert_eq!(call(&gateway, "/", "ada", "one").status, 200);

    std::fs::write(&file, format!("ada:{}\n", hash("two"))).unwrap();
    wait_until("the new password", || (call(&gateway, "/", "ada", "two").status == 200).then_some(()));
    assert_eq!(call(&gateway, "/", "ada", "one").status, 401, "it is not remembered either");

    std::fs::write(&file, "ada:clear\n").unwrap();
    let said = gateway.log.wait_for("line 1");
    assert!(!said.contains("clear"), "{said}");
    assert_eq!(call(&gateway, "/", "ada", "two").status, 200, "what was right is kept");
}

#[test]
fn who_guesses_is_locked_out() {
    let manifests = gateway("")
        + &auth(
            "squad",
            &format!(
                "{{ basic: {{ users: [{{ name: ada, hash: \"{}\" }}], lockout: {{ failures: 2 }} }} }}",
                hash("right")
            ),
        )
        + &guarded("site", "plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }]");
    let gateway = Gateway::start(&manifests);
    for (password, status) in [("a", 401), ("b", 401), ("c", 429), ("right", 429)] {
        let answer = call(&gateway, "/", "ada", password);
        assert_eq!((answer.status, answer.get("retry-after").is_some()), (status, status == 429), "{password}");
    }
}

#[test]
fn a_password_in_place_of_its_hash_is_refused_and_not_shown() {
    let spec = "{ basic: { users: [{ name: ada, hash: hunter2 }] } }";
    let manifests = gateway("")
        + &auth("squad", spec)
        + &guarded("site", "plugins: [{ auth: { anyOf: [squad] } }, { respond: { body: hello } }]");
    let folder = Folder::with(&[("gateway.yaml", &manifests)]);
    for output in ["human", "json", "github"] {
        let done = folder.gw(&format!("validate --output {output} ."));
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains("htpasswd -nBC 12") && !said.contains("hunter2"), "{said}");
    }
}
