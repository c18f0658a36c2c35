//! The manual of the command line, in Markdown, from what clap knows.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::cli::command;

/// The manual.
pub fn manual() -> String {
    let mut out = String::from(INTRODUCTION);
    for command in command().get_subcommands_mut() {
        sections(command, "", &mut out);
    }
    out
}

const INTRODUCTION: &str = "\
# Commands

Data goes to standard output, logs and progress to standard error. Colours are used on a terminal, unless `NO_COLOR` is set.

| exit code | meaning |
|---|---|
| 0 | all is well; warnings are allowed |
| 1 | an error, a wrong command line included |
| 2 | there are changes, only with `plan --detailed-exitcode` |
| 3 | blocked: a policy is broken, a test that fails, `--deny-warnings`, a saved plan that is stale, a plan that removes most routes, a canary that was taken back |
| 4 | a release is published, and the nodes did not come along in time |
";

/// A command, or those that it is made of.
fn sections(command: &mut Command, of: &str, out: &mut String) {
    let name = format!("{of}{}", command.get_name());
    if !command.has_subcommands() {
        return section(command, &name, out);
    }
    for part in command.get_subcommands_mut() {
        sections(part, &format!("{name} "), out);
    }
}

// Writing into a string cannot fail: the results of `write!` hold nothing.
fn section(command: &mut Command, name: &str, out: &mut String) {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let (_, arguments) = usage.split_once(command.get_name()).unwrap_or_default();
    let _ = write!(out, "\n## gw {name}\n\n{about}.\n\n```\ngw {name}{arguments}\n```\n");
    let arguments: Vec<&Arg> = command.get_arguments().filter(|arg| arg.get_id() != "help").collect();
    if !arguments.is_empty() {
        out.push_str("\n| argument | default | meaning |\n|---|---|---|\n");
    }
    for argument in arguments {
        row(argument, out);
    }
}

fn row(argument: &Arg, out: &mut String) {
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")).collect();
    let values = if argument.get_action().takes_values() { values.join(" ") } else { String::new() };
    let flags =
        [argument.get_short().map(|short| format!("-{short}")), argument.get_long().map(|long| format!("--{long}"))];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    let name = [flags.join(", "), values].join(" ");
    let default: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if argument.get_action().takes_values() && !choices.is_empty() {
        let _ = write!(help, ". One of {}", choices.join(", "));
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(help, ". Environment: `{}`", variable.to_string_lossy());
    }
    let _ = writeln!(
        out,
        "| `{}` | {} | {}. |",
        name.trim(),
        default.join(" "),
        help.replace('|', "\\|").trim_end_matches('.')
    );
}
