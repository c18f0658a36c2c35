//! How tables come to be: reading folders, watching them, and putting what compiles in force.

pub mod api_key;
pub mod bisect;
pub mod bundle;
pub mod explain;
pub mod follow;
pub mod git;
pub mod graph;
pub mod load;
pub mod plan;
pub mod release;
pub mod replay;
pub mod secrets;
pub mod starter;
pub mod store;
pub mod test;
pub mod watch;
