//! The scalar types of the manifest language: each knows its text, its JSON Schema and its meaning.
//!
//! A value that exists is a valid one. Every type names its `format` in the schema, so that a manifest with
//! ten bad scalars gets ten diagnostics: see [`FORMATS`].

pub mod did_you_mean;
pub mod method;
pub mod name;
mod scalar;

pub use scalar::{Format, Scalar, ScalarError};

/// The scalar formats, one line each; `compiler::check` looks a schema's `format` up here.
pub const FORMATS: &[Format] =
    &[Format::of::<method::Method>(), Format::of::<name::Name>(), Format::of::<name::AssetPath>()];
