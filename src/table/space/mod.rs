//! The decision engine: what a table does with all requests, and what another one does differently.
//!
//! It knows the rules of the router as sets of requests, follows the router's order and fall-through over all of them at once, and
//! gives an example for what it says. It is never asked about one request that came: that is the router's.

mod assumption;
mod atoms;
mod bytes;
mod certificates;
mod class;
mod compare;
mod decide;
mod guess;
mod hosts;
mod machine;
mod meaning;
mod merge;
mod methods;
mod outcome;
mod outline;
mod pair;
mod paths;
mod preflight;
mod request;
mod rules;
mod search;
mod shadow;
mod shadowers;
mod survey;
mod texts;
mod tree;
mod values;

pub use atoms::Atom;
pub use class::Class;
pub use compare::{Change, Difference, Risk, compare};
pub use hosts::Region;
pub use meaning::Facet;
pub use methods::MethodSet;
pub use outcome::{Authentication, Observed, Outcome, Routed, differences, observe};
pub use paths::PathSet;
pub use request::Request;
pub use shadow::{Shadow, Share, shadows};
pub use survey::{Runs, Scope, Survey, Treatment, survey, treatment};
pub use texts::Kind;
