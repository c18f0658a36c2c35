//! An explanation as text for people.

use std::fmt::Write as _;

use crate::deploy::explain::{Answer, Candidate, Does, Explanation, Routed, Sent, Verdict};

/// The explanation as text.
pub fn human(explanation: &Explanation) -> String {
    let mut out = String::new();
    let request = &explanation.request;
    let query = request.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    line(&mut out, "request", &format!("{} {}{}{query}", request.method, request.host, request.path));
    if let Some(method) = &request.announces {
        line(&mut out, "preflight", &format!("matched as the {method} that it announces"));
    }
    line(&mut out, "listener", &explanation.listener);
    match &explanation.outcome {
        Verdict::Refused { status, reason } => line(&mut out, "refused", &format!("{status}, {reason}")),
        Verdict::NotFound { status } => line(&mut out, "no route", &format!("{status}, {}", not_found(explanation))),
        Verdict::MethodNotAllowed { status, allow } => {
            line(&mut out, "no route", &format!("{status}, the path has routes for {}", allow.join(", ")));
        }
        Verdict::Routed(routed) => route(&mut out, explanation, routed),
    }
    candidates(&mut out, &explanation.candidates);
    out
}

fn line(out: &mut String, name: &str, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{name:<10}{text}");
}

fn not_found(explanation: &Explanation) -> String {
    match &explanation.hosts {
        None => format!("no route is for the host `{}`", explanation.request.host),
        Some(hosts) if hosts == "*" => "no route for any host matches".to_owned(),
        Some(hosts) => format!("no route for the hosts `{hosts}` matches, and others are not tried"),
    }
}

fn route(out: &mut String, explanation: &Explanation, routed: &Routed) {
    let hosts = explanation.hosts.as_deref().filter(|hosts| *hosts != "*").unwrap_or("any");
    line(out, "route", &format!("{} (host {hosts})", routed.route));
    for (name, value) in &routed.parameters {
        line(out, "", &format!("{name} = {}", value.as_str().unwrap_or_default()));
    }
    for (i, step) in routed.pipeline.iter().enumerate() {
        let id = if step.id == step.plugin { String::new() } else { format!(" ({})", step.id) };
        let name = if i == 0 { "plugins" } else { "" };
        line(out, name, &format!("{}{id}: {}", step.plugin, does(step.does)));
    }
    if !routed.split.is_empty() {
        let arms: Vec<String> = routed.split.iter().map(|arm| format!("{} {}", arm.backend, arm.weight)).collect();
        line(out, "split", &format!("by weight: {}", arms.join(", ")));
    }
    if let Some(mirror) = &routed.mirror {
        line(out, "mirror", mirror);
    }
    if let Some(backend) = &routed.backend {
        line(out, "backend", &format!("{backend}, as {}", routed.upstream_path));
    }
    if let Some(sent) = &routed.upstream {
        upstream(out, sent);
    }
    if let Some(given) = &routed.answer {
        answer(out, given);
    }
}

fn does(does: Does) -> &'static str {
    match does {
        Does::Runs => "runs",
        Does::Answers => "answers",
        Does::Asks => "asks over the network, which is not done here",
        Does::Skips => "does not run, its `when` does not hold",
        Does::NotReached => "is not reached",
    }
}

fn upstream(out: &mut String, sent: &Sent) {
    line(out, "targets", &sent.targets.join(", "));
    for (i, text) in sent.head.iter().enumerate() {
        line(out, if i == 0 { "sends" } else { "" }, text);
    }
}

fn answer(out: &mut String, answer: &Answer) {
    line(out, "answer", &answer.status.to_string());
    for (name, value) in &answer.headers {
        line(out, "", &format!("{name}: {value}"));
    }
}

fn candidates(out: &mut String, candidates: &[Candidate]) {
    for candidate in candidates {
        let place = candidate.place.as_ref();
        let place = place.map_or_else(String::new, |at| format!("{}:{}:{}: ", at.file, at.line, at.column));
        let sign = if candidate.chosen { '+' } else { '-' };
        let _ = write!(out, "\n{sign} {place}{} ({})\n    {}\n", candidate.route, candidate.path, candidate.reason);
    }
}
