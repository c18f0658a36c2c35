//! What both sides of the gateway do with bytes of HTTP/1 (RFC 9112): buffers, the framing of bodies in and out, and the
//! fields that belong to a connection. It knows neither clients nor upstreams, and no route.

mod buffers;
mod decode;
mod field;
mod sender;
mod trailers;

pub use buffers::{Buffers, Desk, Input, Size};
pub use decode::{DecodeError, Decoder, Piece, crlf_only};
pub use field::{Kind, decimal, kind, take_field};
pub use sender::{Framing, SendError, Sender, Sending, push_decimal};
pub use trailers::{Direction, drop_forbidden, harmless_only};
