//! The pages of the diagnostics: one, a list, or all in one text.

use std::fmt::Write as _;

use crate::compiler::codes::all;
use crate::diagnostic::Code;
use crate::value::did_you_mean::did_you_mean;

/// The code with this number or name, in any case.
///
/// # Errors
/// If there is none; says which one may be meant.
pub fn code(text: &str) -> Result<&'static Code, String> {
    let wanted = text.to_ascii_lowercase();
    let codes = all();
    if let Some(code) = codes.iter().find(|code| code.id.eq_ignore_ascii_case(&wanted) || code.name == wanted) {
        return Ok(code);
    }
    let near = did_you_mean(&wanted, codes.iter().map(|code| code.name));
    let hint = near.map_or_else(|| "`gw code` lists all".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(format!("there is no diagnostic `{}`, {hint}", text.escape_debug()))
}

/// All codes, a line each.
pub fn code_list() -> String {
    all()
        .iter()
        .fold(String::new(), |list, code| list + &format!("{}  {:<8} {}\n", code.id, code.severity.as_str(), code.name))
}

/// All pages in one text, in Markdown.
pub fn diagnostics() -> String {
    let mut out = String::from(
        "# Diagnostics\n\nEverything that `gw` may find wrong with manifests. `gw code GW1201` shows one of these pages.\n\n\
         | code | name | severity |\n|---|---|---|\n",
    );
    let codes = all();
    for code in &codes {
        let (id, name, severity) = (code.id, code.name, code.severity.as_str());
        // Writing into a string cannot fail.
        let _ = writeln!(out, "| [{id}](#{}-{name}) | {name} | {severity} |", id.to_ascii_lowercase());
    }
    for code in codes {
        let _ = write!(out, "\n#{}\n", code.page.trim_end());
    }
    out
}
