//! Who calls, where that decides which route a request gets: its `auth` is asked before the route is chosen.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use crate::pipeline::auth::{Call, Finding, first_found};
use crate::pipeline::caller::Caller;
use crate::proxy::timer::Deadline;
use crate::table::route::CompiledRoute;
use crate::table::router::Outcome;

/// What an `Auth` found of a credential.
pub type Verified = (Arc<str>, Finding);

/// Asks the `auth` of the route that a request meets if its caller is one that it is for. `find` finds the route again for a caller that
/// is known; whoever is not stays with this route, whose `auth` says so.
pub async fn meet<'t>(
    route: &CompiledRoute,
    call: &Call<'_>,
    deadline: &Deadline,
    find: impl Fn((&str, &Caller)) -> Outcome<'t>,
) -> (Option<Outcome<'t>>, Option<Verified>) {
    let Some((auths, names)) = route.guarding() else { return (None, None) };
    let Some((name, found)) = first_found(auths, call) else { return (None, None) };
    let found = wait(found, deadline).await;
    let outcome = match &found {
        Finding::Accepted(accepted) => Some(find((names, &accepted.caller))),
        Finding::Absent | Finding::Refused(_) | Finding::Pending(_) => None,
    };
    (outcome, Some((name, found)))
}

/// Waits for whoever has to be asked, as long as the request has time. After that it is not known, and the `auth` waits no longer.
async fn wait(found: Finding, deadline: &Deadline) -> Finding {
    let mut found = found;
    while let Finding::Pending(mut pending) = found {
        let next = poll_fn(|cx| match pending.as_mut().poll(cx) {
            Poll::Ready(next) => Poll::Ready(Some(next)),
            Poll::Pending => deadline.poll_expired(cx).map(|()| None),
        })
        .await;
        match next {
            Some(next) => found = next,
            None => return Finding::Pending(pending),
        }
    }
    found
}
