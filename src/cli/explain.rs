//! `gw explain`: says what a request gets, and why.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::cli::Exit;
use crate::cli::output::{Layout, Output};
use crate::deploy::explain::{Asked, explain, human};
use crate::deploy::load::compile_folder;
use crate::diagnostic::render;

/// Arguments of `gw explain`.
#[derive(clap::Args)]
#[command(override_usage = "gw explain [OPTIONS] [METHOD] <URL>")]
pub struct Arguments {
    /// The method, `GET` if it is left out, and the URL; or a path on `localhost`.
    #[arg(value_names = ["METHOD", "URL"], num_args = 1..=2, required = true)]
    request: Vec<String>,
    /// A header field of the request, such as `x-tenant: acme`.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The address of the client.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    ip: IpAddr,
    /// The folder of manifests.
    #[arg(long, value_name = "DIR", default_value = "gateway.d")]
    dir: PathBuf,
    /// The environment, by the name of its `Environment`.
    #[arg(long, env = "GW_ENV", value_name = "NAME")]
    env: Option<String>,
    /// The listener that the request comes in by. The default is the one with the port of the URL, else the first that
    /// speaks its scheme.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// How the explanation is shown.
    #[arg(long, short, value_name = "FORMAT", default_value = "human")]
    output: Layout,
}

pub fn run(arguments: Arguments, output: &mut Output) -> Exit {
    match explained(arguments, output) {
        Ok(text) => {
            output.data(&text);
            Exit::Ok
        }
        Err(message) => {
            output.note(&message);
            Exit::Error
        }
    }
}

fn explained(arguments: Arguments, output: &Output) -> Result<String, String> {
    let error = |error: &dyn std::fmt::Display| format!("error: {error}\n");
    let (method, url) = match arguments.request.as_slice() {
        [method, url] => (method.as_str(), url),
        [url, ..] => ("GET", url),
        [] => return Err(error(&"a URL is missing")),
    };
    let mut asked = Asked::new(method, url, &arguments.headers, arguments.ip).map_err(|e| error(&e))?;
    asked.listener = arguments.listener;
    let compiled = compile_folder(&arguments.dir, arguments.env.as_deref()).map_err(|e| error(&e))?;
    let Some(table) = &compiled.table else {
        let (sources, diagnostics) = (&compiled.sources, &compiled.diagnostics);
        let report = render::Report { sources, diagnostics, style: output.log_style };
        return Err((render::FORMATS[0].render)(&report));
    };
    let explanation = explain(&compiled, table, &asked).map_err(|e| error(&e))?;
    match arguments.output {
        Layout::Human => Ok(human(&explanation)),
        Layout::Json => serde_json::to_string_pretty(&explanation).map(|json| json + "\n").map_err(|e| error(&e)),
    }
}
