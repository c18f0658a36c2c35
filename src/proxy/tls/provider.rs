//! The cryptography of TLS: aws-lc-rs, with the exchange of keys that also withstands quantum computers first.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};

/// Suites with forward secrecy and authenticated encryption, as rustls has no others; groups in the order of preference.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    Arc::new(CryptoProvider { kx_groups, ..default_provider() })
});

/// The cryptography of both sides.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}
