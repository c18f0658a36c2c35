//! `requestHeaders`: edits the header fields that are sent upstream.

use crate::pipeline::exchange::{Exchange, Step};
use crate::pipeline::header_edits::HeaderEdits;
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};

/// The compiled plugin.
pub struct RequestHeaders(HeaderEdits);

impl PluginType for RequestHeaders {
    type Config = HeaderEdits;

    fn compile(config: &HeaderEdits, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        config.check(context).then(|| Box::new(Self(config.clone())) as _)
    }
}

impl Plugin for RequestHeaders {
    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        self.0.apply(exchange, |exchange| &mut exchange.request.fields);
        Step::Continue
    }
}
