//! The file server that every backend with files shares: which file answers, conditional and range requests (RFC 9110, 13 and 14),
//! precompressed variants. Where files come from is not its business.

mod archive;
mod conditional;
mod listing;
mod media;
mod range;
mod request;
mod rules;
mod site;

pub use archive::{ArchiveError, unpack};
pub(super) use conditional::{Verdict, evaluate};
pub(super) use listing::escaped;
pub use media::media_type;
pub(super) use range::{Ranges, requested};
pub use request::{Asked, asked, redirect_to_folder, status};
pub(super) use rules::site_config;
pub use rules::{CacheRule, Rules, clean_name, index_name, page_path};
pub use site::Site;
