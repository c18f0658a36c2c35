//! `gw usage`: shows what keys have used of their quotas, as a running gateway counts it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::net::Blocking;

/// The most bytes of an answer that are read.
const ANSWER: u64 = 16 << 20;

/// Arguments of `gw usage`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The address of the gateway's status listener.
    #[arg(long, env = "GW_STATUS_ADDRESS", value_name = "ADDRESS", default_value = "127.0.0.1:9900")]
    status_address: SocketAddr,
    /// How it is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    let done = usage(&arguments, output);
    output.verdict(done)
}

fn usage(arguments: &Arguments, output: &mut Output) -> Result<Exit, String> {
    let address = arguments.status_address;
    let request = Request::get(format!("http://{address}/usage")).body(Bytes::new()).map_err(text)?;
    let answer = Blocking::new().map_err(text)?.send(request, ANSWER);
    let answer = answer.map_err(|error| format!("no gateway answers at {address}: {error}"))?;
    if !answer.status.is_success() {
        return Err(format!("{address} answered with {}: is it the status listener of a gateway?", answer.status));
    }
    let usage: Value = serde_json::from_slice(&answer.body).map_err(text)?;
    output.show(arguments.output, || human(&usage), || usage.clone());
    Ok(Exit::Ok)
}

/// One line for each quota of each key, then one for each plan.
fn human(usage: &Value) -> String {
    let mut out = String::new();
    let (none, word) = (Vec::new(), |value: &Value| value.as_str().unwrap_or("-").to_owned());
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    let _ = writeln!(out, "counted {}", word(&usage["counted"]));
    for key in usage["keys"].as_array().unwrap_or(&none) {
        for quota in list(&key["quotas"]) {
            let (name, id, plan) = (word(&key["name"]), word(&key["key"]), word(&key["plan"]));
            let (used, limit, per) = (&quota["used"], &quota["limit"], word(&quota["per"]));
            let _ = writeln!(
                out,
                "{name} ({id}, plan {plan}): {used} of {limit} this {per}, until {}",
                word(&quota["until"])
            );
        }
    }
    if usage["keys"].as_array().is_none_or(Vec::is_empty) {
        out.push_str("no key has used a quota\n");
    }
    for plan in usage["plans"].as_array().unwrap_or(&none) {
        let (allowed, refused) = (&plan["decisions"]["allowed"], &plan["decisions"]["refused"]);
        let _ = writeln!(out, "plan {}: {allowed} allowed, {refused} refused since the start", word(&plan["plan"]));
    }
    if usage["truncated"].as_bool().unwrap_or_default() {
        out.push_str("there are more keys than are shown\n");
    }
    out
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
