//! Paths of requests, and the patterns that match them.
//!
//! Every request path goes through [`normalise()`] once, before it is matched and forwarded; the literal parts of
//! a pattern must already be in that form, so that both are compared byte by byte.

mod glob;
mod normalise;
mod prefix;
mod regex;
mod segment;
mod target;
mod template;

pub use glob::PathGlob;
pub use normalise::{PathError, normalise};
pub use prefix::PathPrefix;
pub use regex::PathRegex;
pub use segment::{Parameter, Segment, Shape, cut};
pub use target::AskedPath;
pub use template::PathTemplate;
