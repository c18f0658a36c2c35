//! A plan as JSON, for programs: the same that a saved plan holds.

use crate::deploy::plan::{Format, Look, Plan};

/// The format.
pub(super) const FORMAT: Format = Format { name: "json", render };

fn render(plan: &Plan, _: &Look) -> String {
    // Nothing in a plan is a map whose keys are no strings, so this cannot fail.
    serde_json::to_string_pretty(plan).unwrap_or_default() + "\n"
}
