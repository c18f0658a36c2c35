//! Texts in, texts out.

use super::{Notation, Refusal, format};

/// Formats a text, which gives the expected one, which stays.
fn check(text: &str, expected: &str) {
    let yaml = |text: &str| format(text, Notation::Yaml).unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}"));
    let once = yaml(text);
    assert_eq!(once, expected, "\n{once}");
    assert_eq!(yaml(&once), once, "it is not stable");
}

#[test]
fn fields_are_ordered_by_the_schema_and_comments_move_with_them() {
    check(
        "# the head\n\n# of the file\nkind: Route # a route\nspec:\n    # where it ends\n    backend: shop   # the shop\n    match: [{methods: [GET], path: /a}]\n    # below the match\n\n\n    public: true\n# the end\nmetadata:\n    labels: {z: a, a: z}\n    name: 'shop'\napiVersion: \"gw/v1\"",
        "# the head\n\n# of the file\napiVersion: gw/v1\nkind: Route # a route\n# the end\nmetadata:\n  name: shop\n  labels: { z: a, a: z }\nspec:\n  match: [{ path: /a, methods: [GET] }]\n  # below the match\n\n  public: true\n  # where it ends\n  backend: shop     # the shop\n",
    );
}

#[test]
fn plugins_come_before_when_they_run() {
    check(
        "kind: Route\nspec:\n  plugins:\n  - id: a\n    # first\n    when:\n      methods:\n      - GET\n    respond: { body: x, status: 200 } # ok\n  -   \n      # second\n      rewrite: {addPrefix: /a}\n",
        "kind: Route\nspec:\n  plugins:\n    - respond: { status: 200, body: x } # ok\n      id: a\n      # first\n      when:\n        methods:\n          - GET\n    # second\n    - rewrite: { addPrefix: /a }\n",
    );
}

#[test]
fn collections_over_several_lines_become_blocks() {
    check(
        "a: [ # first\n  x, # about x\n  # about y\n  y,\n  { b: 1,\n    c: 2 } ] # after\nd: {}\ne: {\n}\n",
        "a:   # first\n  - x # about x\n  # about y\n  - y\n  - b: 1\n    c: 2 # after\nd: {}\ne: {}\n",
    );
    let long = "x".repeat(60);
    check(&format!("a: [{long}, {long}]\n"), &format!("a:\n  - {long}\n  - {long}\n"));
    check("{a: [1, 2,], \"b\": [c: d]}\n", "{ a: [1, 2], b: [{ c: d }] }\n");
}

#[test]
fn quotes_only_where_they_are_needed() {
    check(
        "a: \"x\"\nb: 'y z'\nc: \"no\"\nd: \"1.5\"\ne: '0755'\nf: '\"'\ng: \"\\n\"\nh: \"/a/b\"\ni: \"2026-01-01\"\nj: \"\"\n\"k\": \"*\"\nl: 'it''s'\n",
        "a: x\nb: \"y z\"\nc: \"no\"\nd: \"1.5\"\ne: \"0755\"\nf: '\"'\ng: \"\\n\"\nh: /a/b\ni: \"2026-01-01\"\nj: \"\"\nk: \"*\"\nl: 'it''s'\n",
    );
}

#[test]
fn texts_over_several_lines_move_with_their_fields() {
    check(
        "a:\n     b: |  # keep\n       x\n\n         y   \n       # no comment\n     c: >-\n       z\n     # about d\n     d: \"one\n         two\n\n       three\" # end\n     e: plain\n         words\nf:\n- |\n   x\n-  y\n",
        "a:\n  b: |  # keep\n    x\n\n      y   \n    # no comment\n  c: >-\n    z\n  # about d\n  d: \"one\n    two\n\n    three\" # end\n  e: plain\n    words\nf:\n  - |\n    x\n  - y\n",
    );
}

#[test]
fn documents_are_separated_by_one_line() {
    check(
        "\n---\n\n# one\na: 1\n# below one\n\n\n---   # two\n\n\nb: 2\n\n# at the end\n\n\n",
        "---\n# one\na: 1\n# below one\n---   # two\nb: 2\n\n# at the end\n",
    );
    check("# only a comment\n", "# only a comment\n");
    check("", "");
    check("a: 1\r\n---\r\nb:  2\r\n", "a: 1\r\n---\r\nb: 2\r\n");
    check("\u{feff}a:   1\n", "\u{feff}a: 1\n");
}

#[test]
fn comments_stay_with_what_they_stand_at() {
    check(
        "a:\n   b:\n      - c: 1\n        # below c\n      # below the item\n   # below b\n# below a\nd:\n   # before e\n\n   e: 1\n\n   # before f\n   f:\n   # alone\n\n   g: 2\n",
        "a:\n  b:\n    - c: 1\n      # below c\n    # below the item\n  # below b\n# below a\nd:\n  # before e\n\n  e: 1\n\n  # before f\n  f:\n  # alone\n\n  g: 2\n",
    );
    check("a: # one\n  # two\n  1\nb: # three\n  c: 1\n", "# two\na: 1 # one\nb: # three\n  c: 1\n");
    check("a: 1            # x\nlonger: 2       # y\n", "a: 1            # x\nlonger: 2       # y\n");
}

#[test]
fn blank_lines_that_meet_become_one() {
    check("{\n  a: {\n    b: [1]\n\n  },\n\n  # why\n  c: 1\n}\n", "a:\n  b: [1]\n\n# why\nc: 1\n");
}

#[test]
fn what_is_unusual_is_left() {
    for text in
        ["a: &x 1\nb: *x\n", "a: !!str 1\n", "? a\n: b\n", "%YAML 1.2\n---\na: 1\n", "a: |2\n   x\n", "a: 1\n...\n"]
    {
        assert!(matches!(format(text, Notation::Yaml), Err(Refusal::Unusual(_))), "{text:?}");
    }
    assert!(matches!(format("a: [\n", Notation::Yaml), Err(Refusal::Invalid(_))));
}

#[test]
fn json_stays_json() {
    let text = "{\"kind\": \"Route\", \"metadata\": {\"name\": \"a\"}, \"apiVersion\": \"gw/v1\", \"spec\": {\"backend\": \"b\", \"hosts\": [\"c\"]}}";
    let expected = "{\n  \"apiVersion\": \"gw/v1\",\n  \"kind\": \"Route\",\n  \"metadata\": {\n    \"name\": \"a\"\n  },\n  \"spec\": {\n    \"hosts\": [\n      \"c\"\n    ],\n    \"backend\": \"b\"\n  }\n}\n";
    assert_eq!(format(text, Notation::Json).unwrap(), expected);
    assert!(format("{\"a\": 1} # why", Notation::Json).is_err());
}
