//! What an unquoted word means: the core schema of YAML 1.2 (section 10.3.2), with one difference.
//!
//! An integer with a leading zero, such as `0755`, is a string: YAML 1.1 read it as octal, 1.2 reads it as
//! decimal, and its author may mean either or a text.

use std::borrow::Cow;

use granit_parser::{ScalarStyle, Tag};

use crate::compiler::syntax::node::Value;

/// Why a scalar has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is infinite or not a number, which JSON lacks.
    NotFinite,
    /// It is an integer beyond 64 bits.
    TooLong,
    /// Its tag is none of the core schema.
    CustomTag,
    /// It isn't what its tag says.
    WrongTag,
}

/// The value of a scalar.
pub(super) fn typed(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Refusal> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { resolve(text) } else { Ok(Value::String(text.into())) };
    };
    match core_tag(tag).ok_or(Refusal::CustomTag)? {
        "str" | "!" => Ok(Value::String(text.into())),
        core => match resolve(text)? {
            #[expect(clippy::cast_precision_loss, reason = "its author asked for a float")]
            Value::Integer(value) if core == "float" => Ok(Value::Float(value as f64)),
            value if is_of(&value, core) => Ok(value),
            _ => Err(Refusal::WrongTag),
        },
    }
}

/// The name of a tag of the core schema, or `!`, which only says that the word is not to be typed.
pub(super) fn core_tag(tag: &Tag) -> Option<&str> {
    if tag.original_handle().is_empty() && tag.suffix() == "!" { Some("!") } else { tag.core_suffix() }
}

/// The value of an unquoted word.
pub(super) fn resolve(word: Cow<'_, str>) -> Result<Value, Refusal> {
    match &*word {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        text => number(text).unwrap_or_else(|| Ok(Value::String(word.into()))),
    }
}

/// The number a word is, if it is one.
fn number(word: &str) -> Option<Result<Value, Refusal>> {
    if !matches!(word.as_bytes().first()?, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return None;
    }
    if let Some(digits) = word.strip_prefix("0x") {
        return integer(digits, 16);
    }
    if let Some(digits) = word.strip_prefix("0o") {
        return integer(digits, 8);
    }
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    if are_digits(unsigned) {
        let leading_zero = unsigned.len() > 1 && unsigned.starts_with('0');
        return (!leading_zero).then(|| word.parse().map(Value::Integer).map_err(|_| Refusal::TooLong));
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(word, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(Refusal::NotFinite));
    }
    is_decimal(unsigned).then(|| match word.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Value::Float(value)),
        _ => Err(Refusal::NotFinite),
    })
}

fn integer(digits: &str, radix: u32) -> Option<Result<Value, Refusal>> {
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    valid.then(|| i64::from_str_radix(digits, radix).map(Value::Integer).map_err(|_| Refusal::TooLong))
}

/// Whether a text is `1.5`, `1.`, `.5` or any of these or `1` with an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.is_empty() || are_digits(part);
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|e| are_digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_of(value: &Value, core_tag: &str) -> bool {
    match value {
        Value::Null => core_tag == "null",
        Value::Bool(_) => core_tag == "bool",
        Value::Integer(_) => core_tag == "int",
        Value::Float(_) => core_tag == "float",
        Value::String(_) | Value::Sequence(_) | Value::Mapping(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, resolve};
    use crate::compiler::syntax::node::Value;

    #[test]
    fn what_looks_like_another_type_is_a_string() {
        for word in [
            "no",
            "yes",
            "on",
            "off",
            "nul",
            "tRue",
            "0755",
            "-01",
            "1_000",
            "0b1",
            "0x",
            "0xg",
            "0x+1",
            "-0x1",
            "0o8",
            "1.2.3",
            "1e",
            "e1",
            ".",
            "-",
            "+",
            "-.",
            ".e1",
            "1:30",
            "10s",
            "inf",
            "nan",
            "-.nan",
            "2026-01-01",
        ] {
            assert_eq!(resolve(word.into()), Ok(Value::String(word.into())), "{word}");
        }
    }

    #[test]
    fn words_mean_what_the_core_schema_says() {
        for (word, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("NULL", Value::Null),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("0", Value::Integer(0)),
            ("-0", Value::Integer(0)),
            ("+12", Value::Integer(12)),
            ("-12", Value::Integer(-12)),
            ("0o17", Value::Integer(15)),
            ("0x1F", Value::Integer(31)),
            ("9223372036854775807", Value::Integer(i64::MAX)),
            ("-9223372036854775808", Value::Integer(i64::MIN)),
            ("1.", Value::Float(1.0)),
            (".5", Value::Float(0.5)),
            ("-.5", Value::Float(-0.5)),
            ("+1.5e-3", Value::Float(0.0015)),
            ("1e3", Value::Float(1000.0)),
            ("007.5", Value::Float(7.5)),
        ] {
            assert_eq!(resolve(word.into()), Ok(value), "{word}");
        }
    }

    #[test]
    fn numbers_without_a_value_are_refused() {
        for word in [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999"] {
            assert_eq!(resolve(word.into()), Err(Refusal::NotFinite), "{word}");
        }
        for word in ["9223372036854775808", "0xffffffffffffffff"] {
            assert_eq!(resolve(word.into()), Err(Refusal::TooLong), "{word}");
        }
    }
}
