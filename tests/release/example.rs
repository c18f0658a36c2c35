//! The example of releases for a fleet: its README, line by line. What a command is shown to print is what it prints, but for digests
//! and times.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::client::{Answer, ask};
use crate::support::command::{Done, gw_command};
use crate::support::{Gateway, Options, folder_with, wait_until};
use crate::world::copy_folder;

const EXAMPLE: &str = "examples/releases";

/// What is typed, and what is shown below it.
struct Step {
    typed: String,
    shown: Vec<String>,
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (line.strip_prefix("$ "), inside) {
            _ if line.starts_with("```") => inside = !inside,
            (Some(typed), true) => steps.push(Step { typed: typed.to_owned(), shown: Vec::new() }),
            (None, true) => steps.last_mut().unwrap().shown.push(line.to_owned()),
            (_, false) => {}
        }
    }
    steps
}

/// Words, without what differs from run to run: digests, keys and times.
fn plain(line: &str) -> String {
    let is_digest = |word: &str| word.len() >= 12 && word.chars().all(|c| c.is_ascii_hexdigit());
    let is_time = |word: &str| word.starts_with("20") && word.ends_with('Z');
    let words = line.split_whitespace().map(|word| {
        let bare = word.trim_matches(|c: char| "(),.:".contains(c));
        if is_digest(bare) || is_time(bare) || bare.starts_with("ed25519:") { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A node as the README starts it, on ports that the system chooses.
fn node(folder: &Path, typed: &str) -> Gateway {
    let words = typed.trim_end_matches(" &").split(' ').skip_while(|word| *word != "--store");
    let mut arguments: Vec<String> = words.map(str::to_owned).collect();
    let address = arguments.iter().position(|word| word == "--status-address").unwrap();
    "127.0.0.1:0".clone_into(&mut arguments[address + 1]);
    arguments.extend(["--poll", "50ms"].map(str::to_owned));
    let through = ["env", "-C", folder.to_str().unwrap()].map(str::to_owned).to_vec();
    let node =
        Gateway::start_in(folder_with(&[]), &Options { arguments, through, environment: vec![("PORT", "0".into())] });
    node.log.wait_for("a release is in force");
    node
}

/// What a node answers to `curl ADDRESS`, whose port says which node and which listener is meant.
fn curl(nodes: &[Gateway], typed: &str) -> Answer {
    let (port, path) = typed.trim_start_matches("curl localhost:").split_once('/').unwrap_or((&typed[15..], ""));
    let port: usize = port.parse().unwrap();
    let (node, listener) = (&nodes[(port - 1) % 10], if port < 9000 { "http" } else { "status" });
    ask(node.address(listener), format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

#[test]
fn the_readme_shows_what_happens() {
    let folder = folder_with(&[]);
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE).join("gateway.d"), &folder.join("gateway.d"));
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE).join("README.md")).unwrap();
    let mut nodes = Vec::new();
    let run = |command: &mut Command| {
        let output = command.current_dir(&folder).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    };
    for Step { typed, shown } in steps(&readme) {
        let shows = |text: &str| {
            let lines: Vec<String> = text.lines().map(plain).collect();
            // how many are behind at the first look is a matter of time
            let missing =
                shown.iter().filter(|line| !line.contains(" behind")).find(|line| !lines.contains(&plain(line)));
            missing.map_or(Ok(()), |line| Err(format!("`{typed}` does not print `{line}`, but\n{text}")))
        };
        let words = typed.split(' ').collect::<Vec<_>>();
        match words[0] {
            "cd" => {}
            "gw" if words[1] == "status" => wait_until(&typed, || {
                let done = run(gw_command().args(&words[1..]));
                shows(&(done.out + &done.err)).ok()
            }),
            "gw" => {
                let done = run(gw_command().args(&words[1..]));
                shows(&(done.out + &done.err)).unwrap();
            }
            "curl" => wait_until(&typed, || shows(&curl(&nodes, &typed).text()).ok()),
            word if word.starts_with("PORT=") => nodes.push(node(&folder, &typed)),
            _ => assert_eq!(run(Command::new("sh").args(["-c", &typed])).code, 0, "{typed}"),
        }
    }
    assert_eq!(nodes.len(), 2);
    drop(nodes);
    fs::remove_dir_all(folder).unwrap();
}
