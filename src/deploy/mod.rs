//! How tables come to be: reading folders, watching them, and putting what compiles in force.

pub mod explain;
pub mod follow;
pub mod graph;
pub mod load;
pub mod replay;
pub mod secrets;
pub mod starter;
pub mod test;
pub mod watch;
