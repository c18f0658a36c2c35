//! The documentation that is made from the program: the manual of the language and the pages of the diagnostics.

mod codes;
mod examples;
mod manifest;
mod manual;
mod words;

pub use codes::{code, code_list, diagnostics};
pub use examples::{Example, examples};
pub use manifest::{Written, manifest};
pub use manual::manual;
