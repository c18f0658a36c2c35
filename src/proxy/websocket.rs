//! The handshake of a WebSocket with a server upstream (RFC 6455, 4) for a client that has none: HTTP/2 opens one without
//! (RFC 8441).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What a server joins to the key, to show that it knows what is asked of it.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The key for 128 random bits. It keeps caches from answering, and is no secret.
pub fn key(random: u128) -> Vec<u8> {
    base64(&random.to_le_bytes())
}

/// What a server answers to a key.
pub fn accept(key: &[u8]) -> Vec<u8> {
    base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat()).as_ref())
}

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|three| {
            let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(three.get(i).copied().unwrap_or(0)));
            let letters = [18, 12, 6, 0].into_iter().map(move |shift| LETTERS[bits >> shift & 63]);
            letters.take(three.len() + 1).chain(std::iter::repeat_n(b'=', 3 - three.len()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{accept, base64, key};

    #[test]
    fn a_key_has_one_answer() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(key(0), b"AAAAAAAAAAAAAAAAAAAAAA==");
    }

    #[test]
    fn base64_ends_in_its_padding() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes());
        }
    }
}
