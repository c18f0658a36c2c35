//! What a plugin and a backend are, and the request in flight that they work on.
//!
//! No hyper type, socket or table is known here: `proxy` makes an [`exchange::Exchange`] and keeps the rest beside it.

pub mod assets;
pub mod auth;
pub mod backend;
pub mod background;
pub mod body;
pub mod caller;
pub mod certificate;
pub mod coding;
pub mod condition;
pub mod exchange;
pub mod forwarding;
pub mod head;
pub mod header_edits;
pub mod html;
pub mod keys;
pub mod limits;
pub mod notes;
pub mod plan;
pub mod plugin;
pub mod preflight;
pub mod ready;
pub mod recent;
pub mod retries;
pub mod secrets;
pub mod signing;
pub mod split;
pub mod state;
pub mod timeouts;
pub mod trace;
pub mod upstream;
pub mod version;
pub mod when;
