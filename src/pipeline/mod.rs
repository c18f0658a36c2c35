//! What a plugin and a backend are, and the request in flight that they work on.
//!
//! No hyper type, socket or table is known here: `proxy` makes an [`exchange::Exchange`] and keeps the rest beside it.

pub mod head;
