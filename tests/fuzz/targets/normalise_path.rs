//! Any bytes as the path of a request. Oracle: what comes out is in normal form, and normalising it again changes nothing.
#![no_main]

use gw::value::path::normalise;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut once = String::new();
    if normalise(bytes, &mut once).is_err() {
        return;
    }
    assert!(once.starts_with('/') && !once.contains("//"), "{once}");
    assert!(once.split('/').all(|segment| segment != "." && segment != ".."), "{once}");
    assert!(once.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\' && byte != b'#' && byte != b'?'), "{once}");
    let lower = once.to_ascii_lowercase();
    assert!(["%2f", "%5c", "%00", "%2e"].iter().all(|escape| !lower.contains(escape)), "{once}");
    let mut twice = String::new();
    normalise(once.as_bytes(), &mut twice).expect("a normal path is accepted");
    assert_eq!(once, twice);
});
