//! Clients that both planes need for calls beside the traffic, such as asking a store for a release: limits are built in, and no
//! redirect is followed. Requests of clients go through `proxy::upstream`, which is made for many of them.

mod client;

pub use client::{Answer, Blocking, Client, NetError};
