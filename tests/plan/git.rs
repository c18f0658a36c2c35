//! Which two sets of manifests are compared in a repository.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::command::{Done, Folder};

const ONE: &str = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: one }\nspec: { public: true, plugins: [{ respond: { body: one } }] }\n";
const TWO: &str = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: two }\nspec: { match: [{ pathPrefix: /two }], public: true, plugins: [{ respond: { body: two } }] }\n";

fn has(done: &Done, parts: &[&str]) {
    for part in parts {
        assert!(done.out.contains(part) || done.err.contains(part), "no `{part}` in {done:#?}");
    }
}

fn last_line(done: &Done) -> &str {
    done.out.lines().last().unwrap_or_default()
}

#[test]
fn what_is_not_committed_is_compared_with_head() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    let head = folder.git("rev-parse --short=12 HEAD");
    let same = folder.gw("plan --detailed-exitcode");
    has(&same, &[&format!("Base: Git HEAD ({head}), digest "), &format!("Target: gateway.d ({head}), digest ")]);
    assert_eq!((same.code, last_line(&same).starts_with("No changes.")), (0, true), "{same:?}");

    folder.write("gateway.d/two.yaml", TWO);
    let added = folder.gw("plan --detailed-exitcode");
    has(&added, &[&format!("Target: gateway.d ({head} and what is not committed)"), "+ default/Route/two"]);
    assert_eq!((added.code, last_line(&added)), (2, "Plan: 1 to add, 0 to change, 0 to remove."));
    assert_eq!(folder.gw("plan").code, 0, "changes are no error");
}

#[test]
fn a_pull_request_is_compared_with_where_it_leaves_its_branch() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    let fork = folder.git("rev-parse HEAD");
    folder.git("checkout --quiet -b change");
    folder.write("gateway.d/two.yaml", TWO);
    folder.commit("two");
    folder.git("checkout --quiet main");
    folder.write("gateway.d/three.yaml", &TWO.replace("two", "three"));
    folder.commit("three");
    let main = folder.git("rev-parse HEAD");
    folder.git("checkout --quiet change");
    let plan = |environment: &[(&str, &str)]| folder.gw_with("plan", environment);

    let local = plan(&[("GITHUB_BASE_REF", "main")]);
    has(&local, &[&format!("Base: the merge base with origin/main ({})", &fork[..12]), "+ default/Route/two"]);
    assert_eq!(last_line(&local), "Plan: 1 to add, 0 to change, 0 to remove.", "what main gained is not removed");
    folder.git(&format!("update-ref refs/remotes/origin/main {main}"));
    has(&plan(&[("GITHUB_BASE_REF", "main")]), &[&fork[..12]]);
    has(&plan(&[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &fork)]), &["the base of the merge request", &fork[..12]]);
    has(&plan(&[("CI", "true"), ("CI_DEFAULT_BRANCH", "main")]), &["the merge base with origin/main"]);
    has(&plan(&[("GITHUB_BASE_REF", "")]), &["Base: Git HEAD"]);
    has(&plan(&[("GITHUB_BASE_REF", "gone")]), &["error: Git knows no revision `origin/gone`"]);
    has(&folder.gw("plan --base main"), &["Base: main (", "- default/Route/three"]);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    for (words, message) in [
        ("plan --base nowhere", "error: Git knows no revision `nowhere`: write a branch, a tag or a commit\n"),
        ("plan --base=--help", "error: Git knows no revision `--help`"),
        ("plan --base HEAD:gateway.d/one.yaml", "error: `gateway.d/one.yaml` is not a folder in "),
        ("plan nowhere", "error: cannot read nowhere: "),
        ("plan --max-bytes 10", "error: invalid value '10' for '--max-bytes <N>'"),
    ] {
        let done = folder.gw(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{words}: {done:?}");
        assert!(done.err.starts_with(message), "{words}: {}", done.err);
    }
    let none = folder.gw_with("plan", &[("PATH", "/nowhere")]);
    has(&none, &["Base: nothing (cannot start `git`: ", "+ default/Route/one"]);
    let outside = Folder::with(&[("gateway.d/one.yaml", ONE)]);
    has(&outside.gw("plan"), &["Base: nothing (gateway.d is not in a Git repository)", "+ default/Route/one"]);
    has(&outside.gw("plan --base main"), &["error: gateway.d is not in a Git repository"]);
    outside.git("init --quiet");
    has(&outside.gw("plan"), &["Base: nothing (Git has no commit yet)"]);
}

#[test]
fn a_shallow_clone_is_told_from_an_unknown_branch() {
    let origin = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    origin.git("checkout --quiet -b change");
    origin.write("gateway.d/two.yaml", TWO);
    origin.commit("two");
    let clone = Folder::with(&[]);
    clone.git(&format!("clone --quiet --depth 1 --branch change file://{} c", origin.0.display()));
    let plan = clone.gw_with("plan c/gateway.d", &[("GITHUB_BASE_REF", "main")]);
    assert_eq!(plan.code, 1);
    has(&plan, &["error: `origin/main` is not in this shallow clone: fetch the whole history", "fetch-depth: 0"]);
}

#[test]
fn a_folder_that_is_not_in_the_base_is_new() {
    let folder = Folder::repository(&[("README.md", "hello")]);
    folder.write("teams/geo/gateway.d/one.yaml", ONE);
    let new = folder.gw("plan teams/geo/gateway.d");
    has(&new, &["Base: nothing (teams/geo/gateway.d is not in Git HEAD, ", "+ default/Route/one"]);
    folder.commit("moved");
    folder.git("mv teams/geo/gateway.d gateway.d");
    let moved = folder.gw("plan gateway.d --base HEAD:teams/geo/gateway.d");
    assert!(last_line(&moved).starts_with("No changes."), "{moved:?}");
}

#[test]
fn the_root_of_a_repository_and_a_hook_of_it() {
    let folder = Folder::repository(&[("one.yaml", ONE)]);
    folder.write("two.yaml", TWO);
    let root = folder.gw("plan .");
    has(&root, &["Target: . (", " and what is not committed)", "+ default/Route/two"]);
    std::fs::create_dir(folder.0.join("sub")).unwrap();
    has(&Folder(folder.0.join("sub")).gw("plan .."), &["+ default/Route/two"]);
    let hook = folder.gw_with("plan .", &[("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index")]);
    assert_eq!(hook.out, root.out);
}

#[test]
fn two_commits_of_a_bare_repository() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE), ("gateway.d/site/index.html", "old")]);
    let site = "apiVersion: gw/v1\nkind: Backend\nmetadata: { name: site }\nspec: { folder: { path: site } }\n---\n\
                apiVersion: gw/v1\nkind: Route\nmetadata: { name: site }\nspec: { match: [{ pathPrefix: /s }], public: true, backend: site }\n";
    folder.write("gateway.d/site.yaml", site);
    folder.commit("two");
    folder.write("gateway.d/site/index.html", "new");
    folder.write("gateway.d/site/more.html", "new");
    folder.write("gateway.d/site/.hidden", "new");
    folder.commit("three");
    folder.git("clone --quiet --bare . bare.git");
    let bare = folder.gw("diff HEAD~1 HEAD --dir bare.git/gateway.d");
    assert_eq!(bare.code, 1, "{bare:?}");
    has(&bare, &["error: there is no manifest on either side: bare.git/gateway.d is not in HEAD~1, "]);
    let inside = Folder(folder.0.join("bare.git")).gw("diff HEAD~1 HEAD --detailed-exitcode");
    has(&inside, &["~ spec.folder.path: index.html", "+ spec.folder.path: more.html"]);
    assert_eq!((inside.code, last_line(&inside)), (2, "Plan: 0 to add, 1 to change, 0 to remove."));
    assert!(!inside.out.contains("hidden"), "{inside:?}");
    has(&folder.gw("diff HEAD HEAD~2"), &["- default/Route/site", "gateway.d/site.yaml:8 in the base"]);
}

#[test]
fn links_lead_to_the_same_files_as_in_a_folder() {
    let folder = Folder::repository(&[("common/one.yaml", ONE), ("common/more/two.yaml", TWO)]);
    let link = |to: &str, at: &str| symlink(to, folder.0.join(at)).unwrap();
    std::fs::create_dir(folder.0.join("gateway.d")).unwrap();
    link("../common/one.yaml", "gateway.d/one.yaml");
    link("../common/more", "gateway.d/more");
    link("../gateway.d", "gateway.d/circle");
    link("nowhere.yaml", "gateway.d/dangling.yaml");
    link("/etc/passwd", "gateway.d/outside.yml");
    folder.commit("links");
    std::fs::remove_file(folder.0.join("gateway.d/outside.yml")).unwrap();
    let same = folder.gw("plan");
    assert!(last_line(&same).starts_with("No changes."), "{same:?}");
    has(&folder.gw("diff HEAD~1 HEAD"), &["+ default/Route/one", "+ default/Route/two"]);
}

#[test]
fn manifests_with_errors() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    folder.write("gateway.d/one.yaml", &ONE.replace("plugins", "plugin"));
    let invalid = folder.gw("plan");
    assert_eq!((invalid.code, invalid.out.as_str()), (1, ""));
    has(&invalid, &["error[GW1201]", "plugin"]);

    let secret = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: two }\nspec:\n  public: true\n  pasword: hunter2\n  \
                  match: [{ pathPrefix: /two }]\n  plugins: [{ requestHeaders: { setSecret: { x-a: hunter2 } } }, { respond: {} }]\n";
    folder.write("gateway.d/one.yaml", ONE);
    folder.write("gateway.d/two.yaml", secret);
    folder.commit("an error");
    folder.write("gateway.d/two.yaml", TWO);
    for format in ["human", "json", "markdown"] {
        let plan = folder.gw(&format!("plan --output {format} --out saved.gwplan"));
        has(&plan, &["Route/two", "pasword"]);
        let saved = folder.read("saved.gwplan");
        assert!(!plan.out.contains("hunter2") && !saved.contains("hunter2"), "{plan:?}");
    }
    has(&folder.gw("plan"), &["2 errors", "The base does not compile: it is compared as far as it can be read."]);
}

#[test]
fn a_saved_plan_is_the_json_of_the_plan() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    folder.write("gateway.d/two.yaml", TWO);
    let json = folder.gw("plan --output json --out saved.gwplan");
    assert_eq!(json.out, folder.read("saved.gwplan"));
    let plan: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(plan["formatVersion"], "1.0");
    assert_eq!(plan["summary"], serde_json::json!({ "add": 1, "change": 0, "remove": 0 }));
    assert_eq!(plan["target"]["dirty"], true);
    assert_eq!(plan["base"]["commit"], folder.git("rev-parse HEAD").as_str());
    let sum = folder.run(Command::new("sha256sum").arg("gateway.d/two.yaml")).out;
    assert_eq!(plan["inputs"]["two.yaml"], sum.split(' ').next().unwrap());
    let several = folder.gw("plan --output human --output markdown --output-file comment.md");
    assert!(several.out.starts_with("Base: ") && folder.read("comment.md").starts_with("<!-- gw-plan:default -->\n"));
}

#[test]
fn a_comment_is_no_longer_than_it_may_be() {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE)]);
    let many: Vec<String> = (0..2000).map(|i| TWO.replace("two", &format!("route-{i}"))).collect();
    folder.write("gateway.d/many.yaml", &many.join("---\n"));
    for limit in [2000, 60_000] {
        let comment = folder.gw(&format!("plan --output markdown --max-bytes {limit}")).out;
        assert!(comment.len() <= limit && comment.len() > limit / 2, "{} of {limit}", comment.len());
        let last = comment.lines().last().unwrap();
        assert!(
            last.starts_with("To keep this short, ") && last.ends_with(" are left out: `gw plan` shows all."),
            "{last}"
        );
        assert_eq!(comment.matches("```").count() % 2, 0, "each fence is closed");
    }
}

#[test]
fn what_does_not_compile_is_told_and_not_compared() {
    let folder = Folder::with(&[("good/one.yaml", ONE), ("bad/one.yaml", "x: [\n")]);
    let broken = folder.gw("diff good bad");
    assert_eq!(broken.code, 1, "{broken:?}");
    has(&broken, &["bad/one.yaml:", "error[GW"]);
    // what it is compared with may be what is mended
    let mended = folder.gw("diff bad good");
    assert_eq!(mended.code, 0, "{mended:?}");
    has(&mended, &["error[GW", "+ default/Route/one"]);
}
