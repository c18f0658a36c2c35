//! Releases: which bundle is in force, said and signed by who may say it, and numbered so that nothing old can come back unnoticed.

mod asker;
pub mod canary;
pub mod fleet;
mod follower;
mod kept;
pub mod key;
pub mod receipt;
mod refusal;
mod releases;
mod rollback;
pub mod show;
mod signed;
#[cfg(test)]
mod tests;
pub mod traffic;
pub mod trial;
mod wait;

pub use asker::Terms;
pub use canary::{Canary, Content, Identity};
pub use follower::ReleaseFollower;
pub use kept::{Kept, KeptError, Taken};
pub use key::{PublicKey, SigningKey};
pub use refusal::Refusal;
pub use releases::{Current, Purpose, ReleaseError, Releases};
pub use rollback::Target;
pub use signed::{Release, Statement, Trust};
pub use wait::wait;
