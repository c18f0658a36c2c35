//! Pages of the ways of authenticating: answered before any route, on the hosts whose routes use them (`/.gw/auth/<name>/login`).

use std::sync::Arc;

use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::pipeline::auth::{Auth, Call};
use crate::pipeline::auth_pages::{PAGES, PageAnswer};
use crate::pipeline::exchange::Client;
use crate::pipeline::head::RequestHead;
use crate::proxy::account::Account;
use crate::proxy::core::Heads;
use crate::proxy::end::End;
use crate::proxy::handler::ClientRequest;
use crate::proxy::live::Generation;
use crate::proxy::request_body::client_body;
use crate::proxy::visit::Visit;
use crate::table::RouteTable;
use crate::table::router::Rule;

/// What is sent to a page is never longer: a token.
const MAX_BODY: u64 = 64 << 10;

/// A page that a request asks for.
pub struct Asked {
    auth: Arc<Auth>,
    page: String,
    client: Client,
    id: [u8; 32],
}

/// The page that a request asks for; none of an `Auth` that no route of the host uses.
pub fn find(generation: &Generation, listener: u16, head: &RequestHead, client: Client, id: [u8; 32]) -> Option<Asked> {
    let (name, page) = head.path.strip_prefix(PAGES)?.rsplit_once('/')?;
    let table = &generation.table;
    let auth = table.auths.iter().find(|auth| *auth.name == *name && auth.way.pages().is_some())?;
    let is_of_host = |rule: &&Rule| {
        let matches = rule.hosts.is_empty() || rule.hosts.iter().any(|host| host.matches(&head.host));
        matches && rule.listeners.contains(&listener)
    };
    let mut rules = table.router.rules().iter().filter(is_of_host);
    let is_used = rules.any(|rule| uses(table, rule.route, auth));
    is_used.then(|| Asked { auth: Arc::clone(auth), page: page.to_owned(), client, id })
}

fn uses(table: &RouteTable, route: u32, auth: &Arc<Auth>) -> bool {
    let steps = table.routes.get(route as usize).into_iter().flat_map(|route| &route.pipeline);
    steps.flat_map(|step| step.plugin.auths()).any(|own| Arc::ptr_eq(own, auth))
}

impl Asked {
    /// Its answer.
    pub async fn answer(
        self,
        visit: &Visit,
        generation: &Generation,
        request: ClientRequest,
        heads: &mut Heads,
        account: &mut Account,
    ) -> End {
        let answer = match read(visit, generation, request).await {
            Some(body) => self.ask(visit, generation, &heads.request, &body).await,
            None => PageAnswer::new(413),
        };
        heads.response.status = answer.status;
        for (name, value) in &answer.fields {
            heads.response.fields.add(name, value.as_bytes());
        }
        match answer.status {
            400.. => account.error(answer.status, answer.detail, "login", heads, &self.id),
            _ => End::empty(),
        }
    }

    async fn ask(&self, visit: &Visit, generation: &Generation, head: &RequestHead, body: &[u8]) -> PageAnswer {
        let (client, certificate) = (self.client, visit.connection.client_certificate());
        let call = Call { request: head, client, certificate, secrets: &generation.secrets };
        match self.auth.way.pages() {
            Some(pages) => pages.answer(&self.page, &call, body).await,
            None => PageAnswer::new(404),
        }
    }
}

/// What is sent to a page; `None` if it is too long, or doesn't come.
async fn read(visit: &Visit, generation: &Generation, request: ClientRequest) -> Option<BytesMut> {
    let mut content = BytesMut::new();
    let Some(incoming) = request.body else { return Some(content) };
    let idle = generation.table.settings.timeouts.header.get();
    let mut body = client_body(incoming, Some(MAX_BODY), visit, generation, idle);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        content.extend_from_slice(&data);
    }
    Some(content)
}
