//! The shape of a `Test`: names of its own for its cases, and one end for each request.

use crate::compiler::manifest::test::TestSpec;
use crate::compiler::object::Object;
use crate::compiler::shape::{several, unique};
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
}
