//! Any text as a folder of one manifest. Oracle: no panic in any stage or renderer, the same digest and the same report when
//! compiled twice, and fixes that apply.
#![no_main]

use gw::compiler::{Compiled, SourceFile, compile, parse};
use gw::diagnostic::fix;
use gw::diagnostic::render::{FORMATS, Report, Style};
use gw::pipeline::assets::Assets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (once, twice) = (compiled(bytes), compiled(bytes));
    let digest = |compiled: &Compiled| compiled.table.as_ref().map(|table| table.digest);
    assert_eq!(digest(&once), digest(&twice));
    for format in FORMATS {
        assert_eq!(render(&once, format.render), render(&twice, format.render));
    }
    let _ = fix::apply(&once.sources, &once.diagnostics);
});

fn compiled(bytes: &[u8]) -> Compiled {
    let name = "fuzz.yaml".to_owned();
    compile(parse(vec![SourceFile { path: name.clone(), shown: name, bytes: bytes.to_vec() }]), &Assets::new())
}

fn render(compiled: &Compiled, render: fn(&Report<'_>) -> String) -> String {
    render(&Report { sources: &compiled.sources, diagnostics: &compiled.diagnostics, style: Style { color: false, width: 80 } })
}
