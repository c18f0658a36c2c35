//! The settings of the node, over those of the manifests.

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use crate::acme::Acme;
use crate::cli::run::Arguments;
use crate::cli::run::source::STATE_DIR;
use crate::state;
use crate::table::RouteTable;
use crate::value::address::ListenAddress;

/// What the node itself says, over what the manifests say.
pub(super) struct Node {
    port: Option<u16>,
    status: Option<SocketAddr>,
    dev_certificates: bool,
    pub(super) acme: Acme,
    pub(super) counts: state::Node,
}

impl Node {
    /// The settings of a node; `takes_over` if it is about to take the place of another gateway.
    pub(super) fn of(arguments: &Arguments, takes_over: bool) -> Result<Self, String> {
        let (status, dev_certificates) = (arguments.status_address, arguments.dev_certificates);
        let acme = Acme::new(arguments.releases.state_dir());
        let folder = Some(arguments.releases.state_dir().unwrap_or(Path::new(STATE_DIR)).to_owned());
        let counts = state::Node { folder, takes_over };
        port().map(|port| Self { port, status, dev_certificates, acme, counts })
    }

    /// `PORT` replaces the port of the listener `http`, or of the only one, and binds all interfaces.
    ///
    /// # Errors
    /// If there are several listeners and none is called `http`, or a certificate is for development only and this node isn't, or one
    /// is ordered and this node has nowhere to keep it.
    pub(super) fn adapt(&self, table: &mut RouteTable) -> Result<(), String> {
        if let Some(status) = self.status {
            table.settings.status.address.0 = status;
        }
        let mut made = table.certificates.iter().filter(|(_, certificate)| certificate.is_self_signed());
        if let Some((name, _)) = made.next().filter(|_| !self.dev_certificates) {
            return Err(format!(
                "the certificate `{name}` is self-signed, for development only: give it `files`, or start with `--dev-certificates`"
            ));
        }
        self.acme.prepare(table)?;
        let Some(port) = self.port else { return Ok(()) };
        let listeners = &mut table.settings.listeners;
        let only = listeners.len() == 1;
        let Some(listener) = listeners.iter_mut().find(|listener| only || listener.name.as_str() == "http") else {
            return Err("`PORT` is set, and no listener is called `http`: name one so, or unset `PORT`".to_owned());
        };
        listener.address = ListenAddress::Ip(([0, 0, 0, 0], port).into());
        Ok(())
    }
}

fn port() -> Result<Option<u16>, String> {
    let Ok(text) = env::var("PORT") else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| format!("`PORT` is `{}`, which is no port: write a number such as 8080", text.escape_debug()))
}
