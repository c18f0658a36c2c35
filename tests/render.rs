//! Each output format over one sample, compared with `tests/render/<format>.txt`.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::path::Path;

use gw::diagnostic::render::{FORMATS, Report, Style, find};
use gw::diagnostic::{Code, Diagnostic, Diagnostics, Label, Severity, SourceId, SourceMap, Span};
use serde_json::Value;

static UNKNOWN_FIELD: Code = Code {
    id: "GW1003",
    name: "unknown-field",
    severity: Severity::Error,
    page: "# unknown-field\n\nA field that its object doesn't have.\nIt is probably misspelt.\n\n```yaml wrong\nbakend: shop\n```\n",
};
static DUPLICATE_NAME: Code = Code {
    id: "GW2001",
    name: "duplicate-name",
    severity: Severity::Error,
    page: "# duplicate-name\n\nTwo objects of one kind have the same name.\n",
};
static UNREACHABLE: Code = Code {
    id: "GW3007",
    name: "unreachable-route",
    severity: Severity::Warning,
    page: "# unreachable-route\n\nNo request gets to the route.\n",
};
static NO_ENVIRONMENT: Code = Code {
    id: "GW4000",
    name: "no-environment",
    severity: Severity::Note,
    page: "# no-environment\n\nThe manifests are compiled as they are.\n",
};

const SHOP: &str = "\
apiVersion: gw/v1
kind: Route
metadata:
  name: shop
spec:
  hosts: [\"bücher.example\"] # ← Bücher
  bakend: shop
  match:
    - path: /a
      method: GET
    - path: /b
";
const COPY: &str = "\
kind: Route
metadata: { name: shop } # 100% <copied> & \"pasted\"
spec:
\thosts: []\u{1b}[31m";

/// Two errors with a fix, a place in another file, a place over several lines, and a note without a place.
fn sample() -> (SourceMap, Diagnostics) {
    let mut sources = SourceMap::default();
    let shop = sources.add("./gateway.d/shop.yaml", SHOP);
    let copy = sources.add("gateway.d/copy of shop, 1.yaml", COPY);
    sources.add("gateway.d/fine.yaml", "kind: Gateway\n");
    let in_shop = |text| place(shop, SHOP, text);
    let in_copy = |text| place(copy, COPY, text);

    let mut diagnostics = Diagnostics::default();
    diagnostics.push(
        Diagnostic::new(&UNKNOWN_FIELD, "unknown field `bakend`")
            .at(in_shop("bakend"), "not a field of `Route`")
            .help("did you mean `backend`?")
            .fix("rename it to `backend`", in_shop("bakend"), "backend")
            .of("default/Route/shop"),
    );
    diagnostics.push(
        Diagnostic::new(&UNREACHABLE, "`bücher.example` gets no request")
            .at(in_shop("bücher.example"), "this host")
            .at(in_shop("- path: /a\n      method: GET\n    - path: /b\n"), "none of these matches it")
            .of("default/Route/shop"),
    );
    diagnostics.push(
        Diagnostic::new(&DUPLICATE_NAME, "there are two routes `shop`")
            .at(in_copy("shop"), "also called `shop`")
            .at(in_shop("shop"), "the first one")
            .help("give one of them another name, or another namespace: `metadata.namespace`"),
    );
    diagnostics.push(Diagnostic::new(&UNKNOWN_FIELD, "`backend` is missing").at(in_copy("").to(end(copy, COPY)), ""));
    diagnostics.push(Diagnostic::new(&NO_ENVIRONMENT, "no environment is chosen").help("say `--env prod`"));
    (sources, diagnostics)
}

/// The first place of a text; of an empty one, the end.
fn place(source: SourceId, whole: &str, text: &str) -> Span {
    if text.is_empty() {
        return end(source, whole);
    }
    let start = whole.find(text).unwrap();
    Span::new(source, u32::try_from(start).unwrap(), u32::try_from(start + text.len()).unwrap())
}

fn end(source: SourceId, whole: &str) -> Span {
    let end = u32::try_from(whole.len()).unwrap();
    Span::new(source, end, end)
}

fn render(format: &str, sources: &SourceMap, diagnostics: &Diagnostics) -> String {
    let style = Style { color: false, width: 100 };
    (find(format).unwrap().render)(&Report { sources, diagnostics, style })
}

#[test]
fn each_format_shows_the_sample() {
    let (sources, diagnostics) = sample();
    let update = std::env::var_os("UPDATE").is_some();
    for format in FORMATS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/render/{}.txt", format.name));
        // Otherwise each release would change a golden file.
        let actual = render(format.name, &sources, &diagnostics).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(actual == expected, "{} differs; run with UPDATE=1 and read the diff. Now:\n{actual}", file.display());
    }
}

#[test]
fn colours_change_no_character() {
    let (sources, diagnostics) = sample();
    let style = Style { color: true, width: 100 };
    let coloured = (find("human").unwrap().render)(&Report { sources: &sources, diagnostics: &diagnostics, style });
    assert!(coloured.contains("\u{1b}[31;1merror[GW1003]"), "{coloured}");
    let mut plain = String::new();
    for (n, piece) in coloured.split("\u{1b}[").enumerate() {
        plain.push_str(if n == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, render("human", &sources, &diagnostics));
}

#[test]
fn nothing_wrong_is_said_too() {
    let mut sources = SourceMap::default();
    sources.add("a.yaml", "");
    assert_eq!(render("human", &sources, &Diagnostics::default()), "no problems in 1 file\n");
    assert_eq!(render("github", &sources, &Diagnostics::default()), "", "an annotation on each good run is noise");
}

#[test]
fn a_terminal_may_have_any_width() {
    let (sources, diagnostics) = sample();
    for width in [0, 1, 7, 9, 40, usize::MAX] {
        let style = Style { color: false, width };
        let human = (find("human").unwrap().render)(&Report { sources: &sources, diagnostics: &diagnostics, style });
        assert!(human.contains("[gateway.d/shop.yaml:7:3]"), "{width}: {human}");
    }
}

#[test]
fn an_annotation_ends_where_its_text_does() {
    let mut sources = SourceMap::default();
    let source = sources.add("a.yaml", "a: |\n  é\n\nb: 1\n");
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(Diagnostic::new(&UNREACHABLE, "odd").at(Span::new(source, 0, 11), ""));
    diagnostics
        .push(Diagnostic::new(&UNREACHABLE, "odd").at(Span::new(source, 7, 11), "").at(Span::new(source, 11, 12), ""));
    let expected = "\
::warning file=a.yaml,line=1,endLine=2,title=GW3007 unreachable-route::odd
::warning file=a.yaml,line=2,endLine=2,col=3,endColumn=4,title=GW3007 unreachable-route::odd%0Aa.yaml:4:1
::notice title=gw::2 warnings in 1 file
";
    assert_eq!(render("github", &sources, &diagnostics), expected);
}

/// More errors and warnings than are shown, the warnings first.
fn many() -> (SourceMap, Diagnostics) {
    let mut sources = SourceMap::default();
    let source = sources.add("a.yaml", "a: 1\n".repeat(10_000));
    let mut diagnostics = Diagnostics::default();
    for n in 0..10_000 {
        let code = if n < 9_960 { &UNREACHABLE } else { &UNKNOWN_FIELD };
        diagnostics.push(Diagnostic::new(code, format!("problem {n}")).at(Span::new(source, n * 5, n * 5 + 1), ""));
    }
    (sources, diagnostics)
}

#[test]
fn the_worst_of_many_are_shown_and_all_are_counted() {
    let (sources, diagnostics) = many();
    let human = render("human", &sources, &diagnostics);
    assert_eq!(human.matches("problem 9").count(), 41, "problem 9 and the 40 errors");
    assert!(human.ends_with("… and 9950 more problems\n\n40 errors, 9960 warnings in 1 file\n"), "{human}");

    let github = render("github", &sources, &diagnostics);
    let lines = |start| github.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("::error "), lines("::warning "), lines("::notice ")), (10, 10, 1));

    let json: Value = serde_json::from_str(&render("json", &sources, &diagnostics)).unwrap();
    assert_eq!(json["diagnostics"].as_array().unwrap().len(), 10_000);
}

#[test]
fn people_see_only_the_part_of_a_text_that_matters() {
    let mut sources = SourceMap::default();
    let wide = format!("{{\"é\": \"{}\", \"bakend\": \"{}\"}}", "x".repeat(9_000), "é".repeat(9_000));
    let tall = "a:\n".repeat(500);
    let (wide_id, tall_id) = (sources.add("wide.json", wide.as_str()), sources.add("tall.yaml", tall.as_str()));
    let mut diagnostics = Diagnostics::default();
    let whole = Span::new(tall_id, 0, u32::try_from(tall.len()).unwrap());
    let wrong = Diagnostic::new(&UNKNOWN_FIELD, "unknown field").at(place(wide_id, &wide, "bakend"), "this");
    diagnostics
        .push(wrong.at(whole, "in all of it").at(end(wide_id, &wide), "and here").at(place(wide_id, &wide, "é"), ""));
    let human = render("human", &sources, &diagnostics);
    assert!(human.contains("[wide.json:1:9012]") && human.contains("bakend"), "{human}");
    assert!(human.contains("[tall.yaml:1:1]") && human.contains("in all of it"), "{human}");
    assert!(human.contains("[wide.json:1:18024]") && human.contains("and here"), "{human}");
    assert!(human.len() < 4_000, "{human}");
}

/// Places that no stage should make must not bring a renderer down: a panic would hide all the problems.
#[test]
fn no_place_brings_a_renderer_down() {
    let texts = ["", "\n", "é", "a: é\r\nb: 2\r", "\t\u{1b}[2J\n\u{202e}x\n\n", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj"];
    for text in texts {
        let mut sources = SourceMap::default();
        let ids = [sources.add("a.yaml", text), sources.add("b.yaml", text)];
        for start in 0..12 {
            for len in 0..24 {
                let mut diagnostics = Diagnostics::default();
                let mut diagnostic = Diagnostic::new(&UNREACHABLE, "odd");
                diagnostic.labels = ids
                    .into_iter()
                    .chain(ids)
                    .zip([0, 1, 3, 0])
                    .map(|(id, by)| Label { span: Span::new(id, start + by, start + len), message: "here".into() })
                    .collect();
                diagnostics.push(diagnostic);
                for format in FORMATS {
                    let shown = render(format.name, &sources, &diagnostics);
                    assert!(!shown.contains(['\u{1b}', '\u{202e}']) || format.name == "json", "{shown}");
                    assert!(!shown.contains("Failed to read"), "{shown}");
                }
            }
        }
    }
}

#[test]
fn sarif_has_what_its_readers_require() {
    let (sources, diagnostics) = sample();
    let sarif: Value = serde_json::from_str(&render("sarif", &sources, &diagnostics)).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].is_string());
    let run = &sarif["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "gw");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["/id", "/name", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"]
        {
            assert!(rule.pointer(text).is_some_and(Value::is_string), "{text} in {rule}");
        }
    }
    for result in run["results"].as_array().unwrap() {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(result.pointer("/message/text").is_some_and(Value::is_string));
        assert!(result.pointer("/partialFingerprints/primaryLocationLineHash").is_some_and(Value::is_string));
        let uri = result.pointer("/locations/0/physicalLocation/artifactLocation/uri").unwrap().as_str().unwrap();
        assert!(!uri.contains([' ', ':']) && !uri.starts_with(['/', '.']), "{uri}");
    }
}

#[test]
fn a_fingerprint_survives_a_new_line_above() {
    let prints = |above: &str| {
        let text = format!("{above}bakend: shop\nbakend: shop\n");
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", text.as_str());
        let mut diagnostics = Diagnostics::default();
        for _ in 0..2 {
            let at = place(source, &text, "bakend");
            diagnostics.push(Diagnostic::new(&UNKNOWN_FIELD, "unknown field").at(at, "").of("default/Route/shop"));
        }
        let sarif: Value = serde_json::from_str(&render("sarif", &sources, &diagnostics)).unwrap();
        [0, 1].map(|n| sarif["runs"][0]["results"][n]["partialFingerprints"].clone())
    };
    let before = prints("");
    assert_eq!(before, prints("# new\n"));
    assert_ne!(before[0], before[1], "two alike in one object are two");
}
