//! Texts in, documents and problems out.

use std::fmt::Write;

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use serde_json::json;

use super::{CODES, Document, Node, Value, decode, parse};
use crate::diagnostic::{Diagnostics, SourceId, SourceMap, Span};

fn read(text: &str) -> (Vec<Document>, Diagnostics) {
    parse(SourceId(0), text)
}

/// Each problem as `code line:column "marked text" message`, further places indented below it.
fn shown(text: &str) -> String {
    let (_, problems) = read(text);
    let mut sources = SourceMap::default();
    sources.add("a.yaml", text);
    let mut out = String::new();
    for problem in &problems {
        for (i, label) in problem.labels.iter().enumerate() {
            let at = sources.position(label.span);
            let marked = sources.slice(label.span);
            match i {
                0 => writeln!(out, "{} {}:{} {marked:?} {}", problem.code.id, at.line, at.column, problem.message),
                _ => writeln!(out, "  {}:{} {marked:?} {}", at.line, at.column, label.message),
            }
            .unwrap();
        }
    }
    out
}

/// The text after all fixes are applied.
fn fixed(text: &str) -> String {
    let (_, problems) = read(text);
    let mut out = text.to_owned();
    let mut edits: Vec<_> = problems.iter().filter_map(|p| p.fix.as_ref()).flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| edit.span);
    for edit in edits.into_iter().rev() {
        out.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
    }
    out
}

fn json_of(text: &str) -> Vec<serde_json::Value> {
    let (documents, problems) = read(text);
    assert!(problems.is_empty(), "{text:?}: {problems:?}");
    assert!(documents.iter().all(|document| document.complete), "{text:?}");
    documents.iter().map(|document| document.root.to_json()).collect()
}

/// What the places that the pointers lead to hold, as `key|value`.
fn places(text: &str, pointers: &[&str]) -> Vec<String> {
    let (documents, _) = read(text);
    let slice = |span: Span| text[span.start as usize..span.end as usize].to_owned();
    pointers
        .iter()
        .map(|pointer| {
            let place = documents[0].root.place(pointer).unwrap_or_else(|| panic!("{pointer} in {text:?}"));
            format!("{}|{}", place.key.map(slice).unwrap_or_default(), slice(place.value))
        })
        .collect()
}

#[test]
fn texts_become_values() {
    for (text, expected) in [
        (
            "a: 1\nb: [true, ~, 1.5, x, \"y\\n\", 'it''s']\n",
            json!([{"a": 1, "b": [true, null, 1.5, "x", "y\n", "it's"]}]),
        ),
        (
            "a: no\nb: 0755\nc: 1_000\nd: 0o17\ne: 0x1f\n",
            json!([{"a": "no", "b": "0755", "c": "1_000", "d": 15, "e": 31}]),
        ),
        ("a:\nb: ''\nc: ~\n", json!([{"a": null, "b": "", "c": null}])),
        ("a: |\n  x\n\n   y\nb: >-\n  x\n  y\n", json!([{"a": "x\n\n y\n", "b": "x y"}])),
        ("a:\n- 1\n- - 2\n  - 3\n-\n", json!([{"a": [1, [2, 3], null]}])),
        ("{\n\t\"a\": [\"\\ud83d\\ude00\\/\", -1e3]\n}\n", json!([{"a": ["😀/", -1000.0]}])),
        ("1: a\ntrue: b\n'x y': c\n? d\n: e\n", json!([{"1": "a", "true": "b", "x y": "c", "d": "e"}])),
        (
            "a: !!str 1\nb: !!int '2'\nc: ! 3\nd: !!float 4\ne: !!seq []\nf: ! {}\n",
            json!([{"a": "1", "b": 2, "c": "3", "d": 4.0, "e": [], "f": {}}]),
        ),
        (
            "a: &x {b: [1]}\nc: *x\nd: &y k\ne: *y\n&z f: *z\n",
            json!([{"a": {"b": [1]}, "c": {"b": [1]}, "d": "k", "e": "k", "f": "f"}]),
        ),
        ("---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n", json!([{"a": 1}, {"b": 2}])),
        ("\u{feff}a: 1\n---\nnull\n", json!([{"a": 1}, null])),
        ("%YAML 1.2\n---\na: [b: 1, c]\n", json!([{"a": [{"b": 1}, "c"]}])),
        ("", json!([])),
        ("# nothing\n\n", json!([])),
        ("---\n...\n", json!([])),
        ("just a word", json!(["just a word"])),
    ] {
        assert_eq!(json!(json_of(text)), expected, "{text:?}");
    }
}

#[test]
fn places_are_bytes_of_the_text() {
    let text = "é: [ü, \"ß\", {k: , 'q': z}]\r\nb:\r\n  - 日本: |\r\n      foo\r\n\r\n  - x: a b\r\n";
    assert_eq!(
        places(text, &["/é", "/é/0", "/é/1", "/é/2", "/é/2/k", "/é/2/q", "/b/0/日本", "/b/0", "/b/1/x", "/b"]),
        [
            "é|[ü, \"ß\", {k: , 'q': z}]",
            "|ü",
            "|\"ß\"",
            "|{k: , 'q': z}",
            "k|",
            "'q'|z",
            "日本||\r\n      foo",
            "|日本: |\r\n      foo",
            "x|a b",
            "b|- 日本: |\r\n      foo\r\n\r\n  - x: a b",
        ]
    );
    let text =
        "\u{feff}b:\n- 1\n-\n- -2\nc: # | no\n  d: e  # f\n\n# g\nh: &i !!str >-  # j\n\n  k\n  l\n\nm: *i\nn:\n";
    assert_eq!(
        places(text, &["", "/b", "/b/1", "/b/2", "/c", "/h", "/m", "/n"]),
        [
            format!("|{}", text.trim_start_matches('\u{feff}').trim_end()).as_str(),
            "b|- 1\n-\n- -2",
            "|",
            "|-2",
            "c|d: e",
            "h|>-  # j\n\n  k\n  l",
            "m|*i",
            "n|",
        ]
    );
}

#[test]
fn a_missing_value_stands_after_its_colon() {
    let (documents, _) = read("a:\n  b:\n  c: 1\n");
    assert_eq!(documents[0].root.pointer("/a/b").unwrap().span, Span::new(SourceId(0), 7, 7));
    assert_eq!(documents[0].root.pointer("/a").unwrap().span, Span::new(SourceId(0), 5, 14));
}

#[test]
fn what_is_inside_a_copy_keeps_its_place() {
    let text = "a: &x { b: 1 }\nc: *x\n";
    assert_eq!(places(text, &["/a", "/c", "/c/b"]), ["a|{ b: 1 }", "c|*x", "b|1"]);
}

#[test]
fn later_documents_have_places_in_the_file() {
    let text = "a: 1\n---\nb: 2\n";
    let (documents, _) = read(text);
    assert_eq!(documents[1].root.place("/b").unwrap().value, Span::new(SourceId(0), 12, 13));
}

#[test]
fn pointers_follow_rfc_6901() {
    let (documents, _) = read("a/b: { m~n: [x] }\n'': 1\n'0': 2\n");
    let root = &documents[0].root;
    let string = |pointer: &str| root.pointer(pointer).and_then(Node::as_str).map(str::to_owned);
    assert_eq!(string("/a~1b/m~0n/0"), Some("x".to_owned()));
    assert_eq!(root.pointer("/").map(|node| &node.value), Some(&Value::Integer(1)));
    assert_eq!(root.pointer("/0").map(|node| &node.value), Some(&Value::Integer(2)));
    assert_eq!(root.pointer("").map(Node::kind_name), Some("an object"));
    for missing in ["a", "/a", "/a~1b/m~0n/1", "/a~1b/m~0n/x", "/a~1b/m~0n/0/y"] {
        assert_eq!(root.place(missing), None, "{missing}");
    }
}

#[test]
fn problems_say_what_and_where() {
    for (text, expected) in PROBLEMS {
        assert_eq!(shown(text).trim_end(), *expected, "{text:?}");
    }
}

#[test]
fn fixes_mend() {
    for (text, expected) in [
        ("a:\n\tb: 1\n", "a:\n  b: 1\n"),
        ("a:\n  b: x\n\tc: 2\n", "a:\n  b: x\n  c: 2\n"),
        ("hosts: [*.x.example, y]\n", "hosts: [\"*.x.example\", y]\n"),
        ("a: \"[0-9]+\\.png\"\n", "a: \"[0-9]+\\\\.png\"\n"),
        ("a:1\nb: 2\n", "a: 1\nb: 2\n"),
    ] {
        assert_eq!(fixed(text), expected);
        assert_eq!(shown(expected), "", "{expected:?}");
    }
}

#[test]
fn a_broken_document_keeps_what_came_before() {
    let (documents, problems) = read("kind: Route\nmetadata: { name: shop }\nspec: [a, \"b\n---\nkind: Backend\n");
    assert_eq!(problems.len(), 1);
    assert_eq!(documents.iter().map(|document| document.complete).collect::<Vec<_>>(), [false, true]);
    assert_eq!(documents[0].root.to_json(), json!({"kind": "Route", "metadata": {"name": "shop"}, "spec": ["a"]}));
    assert_eq!(documents[1].root.to_json(), json!({"kind": "Backend"}));
}

#[test]
fn of_equal_keys_the_first_is_kept() {
    for count in [2, 40] {
        let mut text: String = (0..count).fold(String::new(), |text, i| format!("{text}k{i}: {i}\n"));
        text.push_str("k1: again\nk0: again\nk1: again\n");
        let (documents, problems) = read(&text);
        assert_eq!(problems.len(), 3);
        assert!(documents[0].complete);
        let Value::Mapping(entries) = &documents[0].root.value else { panic!("a mapping") };
        assert_eq!(entries.len(), count);
        assert_eq!(documents[0].root.get("k1").map(|node| &node.value), Some(&Value::Integer(1)));
    }
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::Sequence(items) => items.iter().map(count).sum(),
        Value::Mapping(entries) => entries.iter().map(|entry| count(&entry.value)).sum(),
        _ => 0,
    }
}

#[test]
fn a_bomb_of_aliases_stays_small() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for i in 1..60 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
        writeln!(text, "a{i}: &a{i} [{aliases}]").unwrap();
    }
    let (documents, problems) = read(&text);
    assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["GW1005"]);
    assert!(!documents[0].complete);
    assert!(count(&documents[0].root) < 12_000);
}

#[test]
fn deep_nesting_is_refused() {
    let block: String = (0..1000).flat_map(|i| [" ".repeat(i), "a:\n".to_owned()]).collect();
    let chained =
        (0..70).fold("a0: &a0 [x]\n".to_owned(), |text, i| format!("{text}a{}: &a{} [*a{i}]\n", i + 1, i + 1));
    for text in [
        "[".repeat(10_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
        "? ".repeat(10_000),
        block,
        chained,
        format!("a: {}1{}\n", "[".repeat(64), "]".repeat(64)),
    ] {
        let (documents, problems) = read(&format!("{text}\n---\nb: 1\n"));
        assert_eq!(documents.last().map(|document| document.root.to_json()), Some(json!({"b": 1})), "{text:.40}");
        let codes: Vec<_> = problems.iter().map(|problem| problem.code.id).collect();
        assert!(codes.contains(&"GW1006"), "{codes:?} {text:.40}");
    }
    assert_eq!(shown(&format!("a: {}1{}\n", "[".repeat(63), "]".repeat(63))), "");
}

#[test]
fn a_large_file_is_not_read() {
    assert_eq!(shown(&"#\n".repeat(9 << 20)), "GW1006 1:1 \"\" the file is larger than 16 MiB\n");
}

#[test]
fn bytes_that_are_no_text_are_reported_where_they_are() {
    assert_eq!(shown(&decode(b"a: 1\nb: \xff\n")), "GW1007 2:4 \"\u{fffd}\" the file is not UTF-8\n");
    assert_eq!(shown(&decode(b"\xff\xfea\0")), "GW1007 1:1 \"\u{fffd}\" the file is not UTF-8\n");
}

#[test]
fn every_page_has_an_example_that_triggers_and_one_that_does_not() {
    let example = |page: &str, word: &str| {
        let start = page.find(&format!("```yaml {word}\n")).unwrap() + format!("```yaml {word}\n").len();
        page[start..].split("```").next().unwrap().to_owned()
    };
    for code in CODES {
        assert!(code.page.starts_with(&format!("# {}: {}\n", code.id, code.name)));
        let (_, problems) = read(&example(code.page, "wrong"));
        assert!(problems.iter().any(|problem| problem.code == *code), "{}", code.id);
        assert_eq!(shown(&example(code.page, "right")), "", "{}", code.id);
    }
}

/// Whether every place is one, and holds the places of what is inside.
fn is_placed(node: &Node, text: &str) -> bool {
    let inside = |child: Span| child.start >= node.span.start && child.end <= node.span.end;
    let children: Vec<&Node> = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        Value::Mapping(entries) if entries.iter().all(|entry| inside(entry.key_span)) => {
            entries.iter().map(|entry| &entry.value).collect()
        }
        Value::Mapping(_) => return false,
        _ => Vec::new(),
    };
    text.get(node.span.start as usize..node.span.end as usize).is_some()
        && children.iter().all(|child| inside(child.span) && is_placed(child, text))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_to_its_end(text in "[ab:\\-? \n\t\\[\\]{},\"'#|>%@!é.1\\\\]{0,60}") {
        let (documents, problems) = read(&text);
        for document in &documents {
            prop_assert!(is_placed(&document.root, &text), "{text:?} {document:?}");
        }
        for label in problems.iter().flat_map(|problem| &problem.labels) {
            prop_assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{text:?} {label:?}");
        }
    }

    #[test]
    fn json_is_yaml(numbers in proptest::collection::vec(any::<f64>(), 0..4), text in any::<String>(), integer in any::<i64>()) {
        let finite: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        let text = text.replace('\u{fffd}', "");
        let value = json!({"numbers": finite, "text": text, "integer": integer, "empty": {}, "none": null});
        let (documents, problems) = read(&serde_json::to_string_pretty(&value).unwrap());
        prop_assert!(problems.is_empty(), "{problems:?}");
        prop_assert_eq!(documents[0].root.to_json(), value);
    }
}

const PROBLEMS: &[(&str, &str)] = &[
    ("a: [1, 2\nb: 3\n", "GW1001 2:1 \"b\" `,` or `]` is expected\n  1:4 \"[\" this `[` is still open"),
    ("a: [1,\n  2\n", "GW1001 1:4 \"[\" `[` is never closed"),
    ("a: \"foo\nb: 1\n", "GW1001 1:4 \"\\\"\" a quote is never closed"),
    ("a: 'foo\n---\nb: 1\n", "GW1001 1:4 \"'\" a quote is never closed"),
    ("a: b: c\n", "GW1001 1:5 \":\" a second `: ` on one line"),
    ("a\nb: 1\n", "GW1001 1:1 \"a\" `:` is missing after a key"),
    ("a: 1\n  b: 2\n", "GW1001 2:3 \"b\" this line is indented deeper than the one above, which already has a value"),
    ("a:\n  b: 1\n c: 2\n", "GW1001 3:2 \"c: 2\" the indentation fits none of the lines above"),
    ("a:\n\tb: 1\n", "GW1011 2:1 \"\\t\" a line is indented with a tab"),
    ("a:\n  - x\n\t- y\n", "GW1011 3:1 \"\\t\" a line is indented with a tab"),
    ("a: 1\n\tx\n", "GW1011 2:1 \"\\t\" a line is indented with a tab"),
    ("a: |\n\tx\n", "GW1011 2:1 \"\\t\" a line is indented with a tab"),
    ("a: 1\nfoo\nb: 2\n", "GW1001 2:1 \"foo\" `:` is missing after a key"),
    ("a: @foo\n", "GW1001 1:4 \"@\" a value without quotes cannot begin with `@`"),
    ("a: %foo\n", "GW1001 1:4 \"%\" a value without quotes cannot begin with `%`"),
    ("%foo\na: 1\n", "GW1001 2:1 \"a: 1\" the document ended above"),
    ("a: *x y\n", "GW1010 1:4 \"*x\" no anchor is named `x`\nGW1001 1:7 \"y\" unexpected text after a value"),
    ("a: !foo bar\n", "GW1004 1:4 \"!foo\" the tag `!foo` is not part of the manifest language"),
    ("a: !x!y 1\n", "GW1004 1:4 \"!x!y\" the tag `!x!y` is not part of the manifest language"),
    ("a:b\nc: 1\n", "GW1001 1:2 \":\" a space is missing after `:`"),
    ("a: [1, 2}}\n", "GW1001 1:4 \"[\" `[` is closed by `}`"),
    ("a: \"é\\q\"\n", "GW1001 1:6 \"\\\\q\" `\"…\"` has no such escape"),
    ("a: \"x\" y\n", "GW1001 1:8 \"y\" there is text after the closing quote"),
    ("a: 'it's'\n", "GW1001 1:8 \"s\" there is text after the closing quote"),
    ("- a\nb: 1\n", "GW1001 2:1 \"b: 1\" `- ` is expected in a list"),
    ("a: ]\n", "GW1001 1:4 \"]\" a bracket closes nothing"),
    ("a: |\n  x\n y\n", "GW1001 3:2 \"y\" the indentation fits none of the lines above"),
    ("a: \"x\n---\ny\"\n", "GW1001 1:4 \"\\\"\" a quote is never closed"),
    ("a: 1\n...\ngarbage: 2\n... x\n", "GW1001 4:5 \"x\" invalid content after document end marker"),
    ("a: \u{7}x\n", "GW1001 1:4 \"\\u{7}\" a control character, U+0007"),
    (
        "hosts: *foo.example\nx: [*.foo]\n",
        "GW1010 1:8 \"*foo.example\" no anchor is named `foo.example`\nGW1010 2:5 \"*.foo\" no anchor is named `.foo`",
    ),
    ("a: &x\n  b: *x\n", "GW1010 2:6 \"*x\" the alias `*x` stands inside the value that it names"),
    ("a: -\n", "GW1001 1:4 \"-\" a list cannot begin on the line of its key"),
    ("a: 1\n- b\n", "GW1001 2:1 \"- b\" a list item stands where a key is expected"),
    ("a: >2x\n", "GW1001 1:4 \">2x\" a text that begins with `|` or `>` stands on the lines below"),
    ("a: { b: {{ .x }} }\n", "GW1009 1:10 \"{ .x }\" a key is a text, not a list, an object or an alias"),
    ("a: {x: 1} y\n", "GW1001 1:11 \"y\" unexpected text after a value"),
    ("{a: 1}\nb: 2", "GW1001 2:1 \"b: 2\" the document ended above"),
    ("a: \"x\": 1\n", "GW1001 1:7 \":\" a second `: ` on one line"),
    ("a: { to: ${path.x} }\n", "GW1001 1:10 \"${\" a value with `${…}` needs quotes here"),
    ("a: [${path.x}]\n", "GW1001 1:5 \"${\" a value with `${…}` needs quotes here"),
    ("a: 1\nb: 2\na: 3\n", "GW1002 3:1 \"a\" the key `a` is written twice\n  1:1 \"a\" first written here"),
    (
        "{a: 1, 'a': 2, \"a\": 3}\n",
        "GW1002 1:8 \"'a'\" the key `a` is written twice\n  1:2 \"a\" first written here\nGW1002 1:16 \"\\\"a\\\"\" the key `a` is written twice\n  1:2 \"a\" first written here",
    ),
    ("a: { <<: {x: 1}, y: 2 }\n", "GW1003 1:6 \"<<\" merge keys are not part of the manifest language"),
    ("'<<': 1\n", ""),
    ("? [a]\n: 1\n", "GW1009 1:3 \"[a]\" a key is a text, not a list, an object or an alias"),
    (": 1\n", "GW1009 1:1 \"\" a key is missing"),
    ("{ : 1}\n", "GW1009 1:3 \"\" a key is missing"),
    (
        "*x : 1\n",
        "GW1009 1:1 \"*x\" a key is a text, not a list, an object or an alias\nGW1010 1:1 \"*x\" no anchor is named `x`",
    ),
    (
        "a: .nan\nb: [-.inf]\nc: 99999999999999999999\n",
        "GW1008 1:4 \".nan\" a number is finite: infinity and not-a-number have no place in a manifest\nGW1008 2:5 \"-.inf\" a number is finite: infinity and not-a-number have no place in a manifest\nGW1008 3:4 \"99999999999999999999\" an integer has at most 64 bits",
    ),
    (
        "a: !!int x\nb: !!map []\nc: !!omap []\n",
        "GW1004 1:4 \"!!int\" the value is not what its tag `!!int` says\nGW1004 2:4 \"!!map\" the value is not what its tag `!!map` says\nGW1004 3:4 \"!!omap\" the tag `!!omap` is not part of the manifest language",
    ),
    ("- a: 1\n  b\n  c: 2\n", "GW1001 2:3 \"b\" `:` is missing after a key"),
    ("a: [,]\n", "GW1001 1:5 \",\" `,` or `]` is expected\n  1:4 \"[\" this `[` is still open"),
    ("a: 1 # x\n  b: 2\n", "GW1001 1:6 \"# x\" a text cannot go on after a comment"),
    ("a: \"x\\\n\ty\\u00e9\\xzz\"\n", "GW1001 1:4 \"\\\"x\\\\\" a numeric escape stands for no character"),
    ("a:\n  b: http://x: 1\n", "GW1001 2:14 \":\" a second `: ` on one line"),
    ("a: {b: 1, c: \"x}\n", "GW1001 1:14 \"\\\"\" a quote is never closed"),
    ("a: {\n  b: 1\n  c: 2\n}\n", "GW1001 3:3 \"c\" `,` or `}` is expected\n  1:4 \"{\" this `{` is still open"),
    ("a: \"${x}\" and\n", "GW1001 1:11 \"a\" there is text after the closing quote"),
    ("spec:\n  hosts: [a]\n   match: []\n", "GW1001 3:4 \"match: []\" the indentation fits none of the lines above"),
    (
        "a: &x 1\nb: *x\nc: *y\n---\nd: *x\n",
        "GW1010 3:4 \"*y\" no anchor is named `y`\nGW1010 5:4 \"*x\" no anchor is named `x`",
    ),
    ("\u{feff}a: *x\n", "GW1010 1:4 \"*x\" no anchor is named `x`"),
];

#[test]
fn places_never_end_before_they_begin() {
    let text = "spec:\r  plugins:\n   \r\r\r\r\rmax-age=60\" } }\n  backend: site\n";
    let (documents, problems) = parse(SourceId(0), text);
    let labels = problems.iter().flat_map(|problem| problem.labels.iter().map(|label| label.span));
    let spans: Vec<_> = labels.chain(documents.iter().map(|document| document.root.span)).collect();
    assert!(!spans.is_empty() && spans.iter().all(|span| span.start <= span.end && span.end as usize <= text.len()));
}
