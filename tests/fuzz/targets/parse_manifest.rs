//! Any bytes as a manifest. Oracle: no panic, every place lies inside the text, and reading again finds the same.
#![no_main]

use gw::compiler::syntax::{Node, Value, decode, parse};
use gw::diagnostic::{SourceMap, Span};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = decode(bytes);
    let mut sources = SourceMap::default();
    let id = sources.add("fuzz.yaml", text.clone());
    let (documents, problems) = parse(id, &text);
    let inside = |span: Span| assert!(span.start <= span.end && span.end as usize <= text.len(), "{span:?} in {}", text.len());
    problems.iter().flat_map(|problem| &problem.labels).for_each(|label| inside(label.span));
    documents.iter().for_each(|document| walk(&document.root, &inside));
    let (again, problems_again) = parse(id, &text);
    assert_eq!(documents.len(), again.len());
    assert_eq!(problems.len(), problems_again.len());
    documents.iter().zip(&again).for_each(|(a, b)| assert_eq!(a.root.to_json(), b.root.to_json()));
});

fn walk(node: &Node, inside: &impl Fn(Span)) {
    inside(node.span);
    match &node.value {
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, inside)),
        Value::Mapping(entries) => {
            for entry in entries {
                inside(entry.key_span);
                walk(&entry.value, inside);
            }
        }
        _ => {}
    }
}
