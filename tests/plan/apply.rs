//! Plans against what a store has in force, and saved plans that are carried out, or not.

use crate::support::command::{Done, Folder};

const ONE: &str = "apiVersion: gw/v1\nkind: Route\nmetadata: { name: one }\nspec: { public: true, plugins: [{ respond: { body: one } }] }\n";

fn route(name: &str) -> String {
    ONE.replace("one", name).replace("spec: {", &format!("spec: {{ match: [{{ pathPrefix: /{name} }}],"))
}

/// A repository with a store beside it that has one release.
fn released() -> Folder {
    let folder = Folder::repository(&[("gateway.d/one.yaml", ONE), (".gitignore", "store\n*.gwplan\n")]);
    let first = folder.gw("apply --store store --allow-unsigned --yes");
    assert_eq!(first.code, 0, "{first:?}");
    assert!(first.err.starts_with("Base: nothing (store has no release yet), digest "), "{first:?}");
    assert!(first.err.contains("+ default/Route/one") && first.out.starts_with("release 1: bundle "), "{first:?}");
    folder
}

fn planned(folder: &Folder) -> Done {
    folder.gw("plan --store store --out saved.gwplan")
}

fn apply(folder: &Folder, more: &str) -> Done {
    folder.gw(&format!("apply saved.gwplan --store store --allow-unsigned{more}"))
}

#[test]
fn a_saved_plan_is_carried_out_without_a_question() {
    let folder = released();
    folder.write("gateway.d/two.yaml", &route("two"));
    let plan = planned(&folder);
    assert!(plan.out.starts_with("Base: release 1 of store ("), "{plan:?}");
    assert!(plan.out.ends_with("Plan: 1 to add, 0 to change, 0 to remove.\n"), "{plan:?}");
    let applied = apply(&folder, "");
    assert_eq!((applied.code, applied.out.starts_with("release 2: bundle ")), (0, true), "{applied:?}");
    let again = apply(&folder, "");
    assert_eq!((again.code, again.err.starts_with("nothing to apply")), (0, true), "{again:?}");
    let nothing = folder.gw_with("plan --detailed-exitcode", &[("GW_STORE", "store")]);
    assert_eq!((nothing.code, nothing.out.starts_with("Base: release 2 of store, digest ")), (0, true), "{nothing:?}");
}

#[test]
fn what_was_not_reviewed_is_not_applied() {
    let folder = released();
    folder.write("gateway.d/two.yaml", &route("two"));
    planned(&folder);
    folder.write("gateway.d/three.yaml", &route("three"));
    let others = apply(&folder, "");
    assert_eq!((others.code, others.out.as_str()), (3, ""));
    assert!(
        others.err.starts_with("error: saved plan is stale: the manifests are not those that were planned (planned ")
    );
    assert!(others.err.ends_with(". Run `gw plan` again\n"));

    std::fs::remove_file(folder.0.join("gateway.d/three.yaml")).unwrap();
    folder.write("other.d/three.yaml", &route("three"));
    assert_eq!(folder.gw("apply other.d --store store --allow-unsigned --yes --allow-mass-delete").code, 0);
    let moved = apply(&folder, "");
    assert_eq!((moved.code, moved.out.as_str()), (3, ""));
    assert!(
        moved.err.starts_with("error: saved plan is stale: what is in force changed after the plan was made (base ")
    );

    planned(&folder);
    assert_eq!(apply(&folder, " --allow-mass-delete").code, 0, "planned anew, it is what was reviewed");
}

#[test]
fn a_comment_is_no_reason_to_review_again() {
    let folder = released();
    folder.write("gateway.d/two.yaml", &route("two"));
    planned(&folder);
    folder.write("gateway.d/two.yaml", &format!("# as was agreed\n{}", route("two")));
    assert_eq!(apply(&folder, "").code, 0);
}

#[test]
fn most_routes_go_only_if_that_is_said() {
    let folder = released();
    for name in ["two", "three", "four"] {
        folder.write(&format!("gateway.d/{name}.yaml"), &route(name));
    }
    assert_eq!(folder.gw("apply --store store --allow-unsigned --yes").code, 0);
    for name in ["one", "two", "three"] {
        std::fs::remove_file(folder.0.join(format!("gateway.d/{name}.yaml"))).unwrap();
    }
    planned(&folder);
    for arguments in ["saved.gwplan", "--yes"] {
        let done = folder.gw(&format!("apply {arguments} --store store --allow-unsigned"));
        assert_eq!(done.code, 3, "{done:?}");
        assert!(done.err.contains("error: 3 of 4 routes would be removed: say `--allow-mass-delete`"), "{done:?}");
    }
    assert_eq!(apply(&folder, " --allow-mass-delete").code, 0);
}

#[test]
fn each_plan_is_for_one_environment() {
    let folder = Folder::with(&[("gateway.d/one.yaml", ONE)]);
    let plan = folder.gw("plan --env prod --output markdown --out saved.gwplan");
    assert!(plan.out.starts_with("<!-- gw-plan:prod -->\n### gw plan (prod)\n"), "{plan:?}");
    let other = apply(&folder, " --env test");
    assert_eq!((other.code, other.err.as_str()), (1, "error: the plan is for another environment, `prod`\n"));
    assert_eq!(apply(&folder, "").code, 0);
    let history = folder.gw("history --store store --output json").out;
    assert!(history.contains("\"environment\": \"prod\""), "{history}");
}

#[test]
fn what_is_no_plan_is_said() {
    let folder =
        Folder::with(&[("gateway.d/one.yaml", ONE), ("a.gwplan", "{}"), ("b.gwplan", "{\"formatVersion\": \"2.0\"}")]);
    for (words, message) in [
        (
            "apply",
            "error: there is no store to publish to: name one by `--store`. A folder that `gw run` follows is applied by changing it\n",
        ),
        ("apply a.gwplan --store store", "error: a.gwplan: it is no saved plan: missing field `formatVersion`\n"),
        (
            "apply b.gwplan --store store",
            "error: b.gwplan: it is a plan of version 2.0, which this program doesn't know: use a newer one\n",
        ),
        ("apply --store store --allow-unsigned", "there is no terminal to ask on: say `--yes` to publish\n"),
    ] {
        let done = folder.gw(words);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{words}: {done:?}");
        assert!(done.err.ends_with(message), "{words}: {}", done.err);
    }
}

#[test]
fn two_releases_or_a_bundle_are_compared_as_folders_are() {
    let folder = released();
    folder.write("gateway.d/two.yaml", &route("two"));
    assert_eq!(folder.gw("apply --store store --allow-unsigned --yes").code, 0);
    let between = folder.gw("diff store#1 store#2");
    assert!(
        between.out.contains("Base: release 1 of store (") && between.out.contains("+ default/Route/two"),
        "{between:?}"
    );
    let same = folder.gw("diff store gateway.d");
    assert!(same.out.contains("\nNo changes."), "{same:?}");
    let bundles: Vec<_> =
        std::fs::read_dir(folder.0.join("store/bundles")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(bundles.len(), 2);
    for bundle in bundles {
        let done = folder.gw(&format!("diff store/bundles/{} gateway.d", bundle.to_str().unwrap()));
        assert!(done.out.starts_with("Base: bundle store/bundles/"), "{done:?}");
    }
    let unknown = folder.gw("diff store#9 gateway.d");
    assert_eq!((unknown.code, unknown.err.as_str()), (1, "error: there is no release 9 in the store's history\n"));
    folder.write("a.zip", "no bundle");
    assert!(folder.gw("plan --base a.zip").err.starts_with("error: bundle a.zip: it is no bundle"));
}
