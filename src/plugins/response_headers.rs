//! `responseHeaders`: edits the header fields of the answer, also of one that the gateway itself makes.

use crate::pipeline::exchange::Exchange;
use crate::pipeline::header_edits::{HeaderEdits, Message};
use crate::pipeline::plugin::{CompileContext, Plugin, PluginType};

/// The compiled plugin.
pub struct ResponseHeaders(HeaderEdits);

impl PluginType for ResponseHeaders {
    type Config = HeaderEdits;

    fn compile(config: &HeaderEdits, context: &mut CompileContext<'_>) -> Option<Box<dyn Plugin>> {
        config.check(Message::Answer, context).then(|| Box::new(Self(config.clone())) as _)
    }
}

impl Plugin for ResponseHeaders {
    fn on_response(&self, exchange: &mut Exchange<'_>) {
        self.0.apply(exchange, |exchange| &mut exchange.response.fields);
    }
}
