//! A first look at a value by the rules of its schema. Its "yes" is certain; its "no" only sends the value to the library, which tells what is
//! wrong. So a gateway whose manifests are right never makes the library's validators, which take several times as long and as
//! much memory as the table does.
//!
//! Draft-07, as far as our own schemas use it. A keyword that is not known here is a "no", which is slow and never wrong.

use std::collections::HashSet;

use regex::Regex;
use serde_json::{Map, Value as Json};

use crate::value::FORMATS;

/// Whether the value is certainly valid.
pub(super) fn accepts(schema: &Json, value: &Json) -> bool {
    match schema {
        Json::Bool(all) => *all,
        Json::Object(keywords) => {
            keywords.iter().all(|(keyword, argument)| holds(keyword, argument, keywords, value).unwrap_or_default())
        }
        _ => false,
    }
}

/// Whether what one keyword asks for holds; `None` where that is left to the library.
fn holds(keyword: &str, argument: &Json, beside: &Map<String, Json>, value: &Json) -> Option<bool> {
    Some(match keyword {
        "type" => has_type(value, argument.as_str()?),
        "enum" => argument.as_array()?.contains(value),
        "properties" => {
            let fields = argument.as_object()?;
            value.as_object()?.iter().all(|(name, field)| fields.get(name).is_none_or(|schema| accepts(schema, field)))
        }
        "required" => {
            let fields = value.as_object()?;
            argument.as_array()?.iter().all(|name| name.as_str().is_some_and(|name| fields.contains_key(name)))
        }
        "additionalProperties" => {
            let known = beside.get("properties").and_then(Json::as_object);
            let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
            value.as_object()?.iter().all(|(name, field)| is_known(name) || accepts(argument, field))
        }
        "propertyNames" => value.as_object()?.keys().all(|name| accepts(argument, &Json::from(name.as_str()))),
        "items" => value.as_array()?.iter().all(|item| accepts(argument, item)),
        "uniqueItems" => argument == &Json::Bool(true) && are_different(value.as_array()?),
        "format" => {
            let format = FORMATS.iter().find(|format| argument == format.name)?;
            (format.check)(value.as_str()?).is_ok()
        }
        // the few patterns of our own are names of variables, which the library would read in the same way
        "pattern" => Regex::new(argument.as_str()?).ok()?.is_match(value.as_str()?),
        "minimum" => value.as_i64()? >= argument.as_i64()?,
        "maximum" => value.as_i64()? <= argument.as_i64()?,
        "minItems" => value.as_array()?.len() >= size(argument)?,
        "maxItems" => value.as_array()?.len() <= size(argument)?,
        "minProperties" => value.as_object()?.len() >= size(argument)?,
        "not" => {
            let (fields, together) = (value.as_object()?, argument.get("required")?.as_array()?);
            together.iter().any(|name| name.as_str().is_some_and(|name| !fields.contains_key(name)))
        }
        "minLength" => value.as_str()?.chars().count() >= size(argument)?,
        "maxLength" => value.as_str()?.chars().count() <= size(argument)?,
        other => says_nothing(other),
    })
}

/// Whether a keyword says nothing of what is valid.
fn says_nothing(keyword: &str) -> bool {
    keyword.starts_with("x-gw-")
}

/// Fractions are left to the library: `1.0` is an integer to JSON Schema, and the same as `1`.
fn has_type(value: &Json, name: &str) -> bool {
    match value {
        Json::Bool(_) => name == "boolean",
        Json::Number(number) => number.is_i64() && matches!(name, "integer" | "number"),
        Json::String(_) => name == "string",
        Json::Array(_) => name == "array",
        Json::Object(_) => name == "object",
        Json::Null => name == "null",
    }
}

/// Whether no two are the same; lists of objects are short, or the library's work.
fn are_different(items: &[Json]) -> bool {
    const SHORT: usize = 32;
    let texts: Option<HashSet<&str>> = items.iter().map(Json::as_str).collect();
    match texts {
        Some(texts) => texts.len() == items.len(),
        None => items.len() <= SHORT && items.iter().enumerate().all(|(at, item)| !items[..at].contains(item)),
    }
}

fn size(argument: &Json) -> Option<usize> {
    argument.as_u64().and_then(|size| size.try_into().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop, proptest};
    use serde_json::json;

    use super::*;
    use crate::compiler::check::Validators;
    use crate::compiler::manifest::kind;
    use crate::compiler::reference::{Example, examples};

    /// All places of a value, in the order of their paths.
    fn places(value: &Json) -> Vec<String> {
        fn walk(value: &Json, path: &str, out: &mut Vec<String>) {
            out.push(path.to_owned());
            for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                walk(item, &format!("{path}/{at}"), out);
            }
            for (name, field) in value.as_object().into_iter().flatten() {
                walk(field, &format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        let mut out = Vec::new();
        walk(value, "", &mut out);
        out
    }

    /// Damages a value at one place: it becomes another value, gets a field or an entry more, or loses one.
    fn damage(value: &mut Json, place: prop::sample::Index, how: usize, odd: &Json) {
        let places = places(value);
        let Some(value) = value.pointer_mut(&places[place.index(places.len())]) else { return };
        match (how, &mut *value) {
            (0, Json::Object(fields)) => fields.extend([("odd".to_owned(), odd.clone())]),
            (1, Json::Object(fields)) => drop(fields.shift_remove(&fields.keys().next().cloned().unwrap_or_default())),
            (0, Json::Array(items)) => items.push(odd.clone()),
            (1, Json::Array(items)) => items.extend(items.first().cloned()),
            (2, Json::Array(items)) => drop(items.pop()),
            _ => *value = odd.clone(),
        }
    }

    fn odd() -> impl proptest::strategy::Strategy<Value = Json> {
        let values = [
            json!(null),
            json!(true),
            json!(0),
            json!(1),
            json!(-1),
            json!(1.0),
            json!(0.5),
            json!(70_000),
            json!(u64::MAX),
            json!(""),
            json!("a"),
            json!("a.example"),
            json!("/a"),
            json!("10s"),
            json!("${path.id}"),
            json!("x".repeat(5000)),
            json!([]),
            json!([1, 1.0]),
            json!(["a", "a"]),
            json!({}),
            json!({ "a": "b" }),
            json!({ "name": "a" }),
        ];
        prop::sample::select(values.to_vec())
    }

    #[test]
    fn what_is_right_needs_no_library() {
        let validators = Validators::new();
        for example in examples() {
            let kind = kind(example.manifest["kind"].as_str().unwrap()).unwrap();
            let rules = &validators.of(kind).rules;
            assert!(accepts(rules, &example.manifest), "{} has a keyword that is not known", example.of);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn a_yes_is_never_wrong(
            which in any::<prop::sample::Index>(),
            damages in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, odd()), 0..3),
        ) {
            thread_local!(static WORLD: (Validators, Vec<Example>) = (Validators::new(), examples()));
            WORLD.with(|(validators, examples)| {
                let mut manifest = examples[which.index(examples.len())].manifest.clone();
                let checker = validators.of(kind(manifest["kind"].as_str().unwrap()).unwrap());
                for (place, how, odd) in &damages {
                    damage(&mut manifest, *place, *how, odd);
                }
                let certain = accepts(&checker.rules, &manifest);
                assert!(!certain || checker.validator().is_valid(&manifest), "{manifest:#}");
            });
        }
    }
}
