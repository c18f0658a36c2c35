//! The shape of a `Test`: names of its own for cases and statements, one end for each request, one thing that each statement says.

use crate::compiler::manifest::test::{Always, TestSpec};
use crate::compiler::object::Object;
use crate::compiler::shape::{exactly_one, several, unique};
use crate::diagnostic::Diagnostics;

pub(super) fn test(object: &Object, spec: &TestSpec, out: &mut Diagnostics) {
    unique(object, spec.cases.iter().map(|case| case.name.as_str()), "/spec/cases", "name", out);
    for (i, case) in spec.cases.iter().enumerate() {
        let expect = &case.expect;
        let ends = [
            ("noRoute", expect.no_route),
            ("backend", expect.backend.is_some()),
            ("rejectedBy", expect.rejected_by.is_some()),
        ];
        let mut named: Vec<&str> = ends.iter().filter(|(_, named)| *named).map(|(name, _)| *name).collect();
        if expect.no_route && expect.route.is_some() {
            named.push("route");
        }
        if named.len() > 1 {
            several(object, &format!("/spec/cases/{i}/expect"), &named, "the end of a request is", out);
        }
    }
    let names = spec.statements.iter().map(|statement| statement.name.as_str());
    unique(object, names, "/spec/statements", "name", out);
    for (i, statement) in spec.statements.iter().enumerate() {
        let pointer = format!("/spec/statements/{i}/expect");
        exactly_one(object, &pointer, &statement.expect.named(), &Always::ALL, "what a statement expects is", out);
    }
}
