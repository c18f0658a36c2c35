//! Clients that both planes need for calls beside the traffic, such as asking a store for a release: limits are built in, and no
//! redirect is followed. Requests of clients go through `proxy::upstream`, which is made for many of them.

mod client;
mod s3;

pub use client::{Answer, Blocking, Client, Download, NetError};
pub use s3::{S3Address, S3AddressError, S3Bucket, S3Credentials};
