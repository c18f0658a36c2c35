//! The examples pass their own tests.

use crate::support::command::gw_command;

#[test]
fn examples_pass_their_tests() {
    for (example, said) in [("static-sites", "7 cases, all passed"), ("swagger-ui", "4 cases, all passed")] {
        let done = gw_command().args(["test", &format!("examples/{example}")]).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success() && out.contains(said), "{example}: {out}{err}");
    }
}
