use std::time::Duration;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use super::{Algorithm, Expected, Fault, KeySet, Origin, Token, VerifyingKey, is_token, scopes};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header, signed somehow.
fn token(header: &Json, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims));
    let signature = encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(signed: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, SECRET), signed).as_ref().to_vec()
}

fn verified(text: &str, keys: &[VerifyingKey]) -> Result<Json, Fault> {
    Token::read(text)?.verify(keys.iter())
}

fn secret() -> VerifyingKey {
    VerifyingKey::secret(None, SECRET).unwrap()
}

#[test]
fn what_is_signed_is_read() {
    let good = token(&json!({ "alg": "HS256", "typ": "JWT" }), r#"{"sub":"ada"}"#, hs256);
    assert_eq!(verified(&good, &[secret()]), Ok(json!({ "sub": "ada" })));
    assert!(is_token(good.as_bytes()) && !is_token(b"gw_a_b_c") && !is_token(b"a.b.c.d.e") && !is_token(b"a.b.c="));

    let (body, _) = good.rsplit_once('.').unwrap();
    let other = token(&json!({ "alg": "HS256" }), r#"{"sub":"eve"}"#, |_| hs256(body.as_bytes()));
    assert_eq!(verified(&other, &[secret()]), Err(Fault::Signature));
    for wrong in [
        format!("{body}."),
        format!("{good}="),
        format!("{good}A"),
        format!("{}.{}", body, encode(&hs256(body.as_bytes())[..16])),
        body.to_owned(),
        String::new(),
        "..".to_owned(),
    ] {
        assert!(verified(&wrong, &[secret()]).is_err(), "{wrong}");
    }
    for claims in ["[]", "7", "{", "\"ada\""] {
        assert_eq!(
            verified(&token(&json!({ "alg": "HS256" }), claims, hs256), &[secret()]),
            Err(Fault::Malformed),
            "{claims}"
        );
    }
}

#[test]
fn nothing_that_a_token_says_chooses_how_it_is_verified() {
    let key = json!({ "kty": "oct", "k": encode(SECRET) });
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "None" }),
        json!({ "alg": "hs256" }),
        json!({ "alg": "" }),
        json!({ "alg": ["HS256"] }),
        json!({ "alg": "HS256", "crit": ["exp"], "exp": 1 }),
        json!({ "alg": "HS256", "crit": [] }),
        json!({ "alg": "HS256", "crit": null }),
        json!({ "alg": "HS256", "b64": false }),
        json!({ "alg": "HS256", "kid": 7 }),
        json!({ "typ": "JWT" }),
    ] {
        assert_eq!(verified(&token(&header, "{}", hs256), &[secret()]), Err(Fault::Malformed), "{header}");
    }
    let twice = format!("{}.{}", encode(r#"{"alg":"HS256","alg":"none"}"#), encode("{}"));
    assert_eq!(verified(&format!("{twice}.{}", encode(hs256(twice.as_bytes()))), &[secret()]), Err(Fault::Malformed));
    let embedded = token(&json!({ "alg": "HS256", "jwk": key, "jku": "https://evil.example", "x5c": [] }), "{}", hs256);
    assert_eq!(verified(&embedded, &[VerifyingKey::secret(None, &[7; 32]).unwrap()]), Err(Fault::Signature));
}

#[test]
fn a_public_key_is_no_secret_and_an_algorithm_belongs_to_its_key() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": encode(&point[1..33]), "y": encode(&point[33..]) });
    let keys: Vec<_> =
        KeySet::read(json!({ "keys": [jwk] }).to_string().as_bytes(), Origin::Public).unwrap().into_keys().collect();
    let es256 = |signed: &[u8]| pair.sign(&SystemRandom::new(), signed).unwrap().as_ref().to_vec();
    assert!(verified(&token(&json!({ "alg": "ES256" }), "{}", es256), &keys).is_ok());
    assert!(verified(&token(&json!({ "alg": "ES256", "kid": "a" }), "{}", es256), &keys).is_ok());
    assert_eq!(verified(&token(&json!({ "alg": "ES256", "kid": "b" }), "{}", es256), &keys), Err(Fault::UnknownKey));
    for alg in ["HS256", "ES384", "RS256", "EdDSA", "PS256"] {
        let with_point = |signed: &[u8]| hmac::sign(&hmac::Key::new(HMAC_SHA256, &point), signed).as_ref().to_vec();
        for sign in [&es256 as &dyn Fn(&[u8]) -> Vec<u8>, &with_point] {
            assert!(verified(&token(&json!({ "alg": alg }), "{}", sign), &keys).is_err(), "{alg}");
        }
    }
    let zeroes = token(&json!({ "alg": "ES256" }), "{}", |_| vec![0; 64]);
    assert_eq!(verified(&zeroes, &keys), Err(Fault::Signature));
}

#[test]
fn sets_hold_what_can_verify() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = encode(pair.public_key());
    let ed = |more: Json| {
        let mut key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        key
    };
    let read = |keys: Json, origin| {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), origin).map(|set| set.into_keys().count())
    };
    let secret = json!({ "kty": "oct", "k": encode(SECRET) });
    let weak = json!({ "kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB" });
    let off = json!({ "kty": "EC", "crv": "P-256", "x": encode([1; 32]), "y": encode([1; 32]) });
    assert_eq!(read(json!([ed(json!({})), secret, weak, off, { "kty": "new" }]), Origin::Public), Ok(1));
    assert_eq!(read(json!([ed(json!({})), secret]), Origin::Private), Ok(2));
    for none in [
        json!([]),
        json!([ed(json!({ "use": "enc" }))]),
        json!([ed(json!({ "key_ops": ["sign"] }))]),
        json!([ed(json!({ "alg": "RS256" }))]),
        json!([ed(json!({ "alg": "RSA-OAEP" }))]),
        json!([secret]),
    ] {
        assert!(read(none.clone(), Origin::Public).is_err(), "{none}");
    }
    assert!(KeySet::read(b"<html>", Origin::Public).is_err());
    let keys: Vec<_> = KeySet::read(
        json!({ "keys": [ed(json!({ "alg": "EdDSA", "use": "sig" }))] }).to_string().as_bytes(),
        Origin::Public,
    )
    .unwrap()
    .into_keys()
    .collect();
    let sign = |signed: &[u8]| pair.sign(signed).as_ref().to_vec();
    assert!(verified(&token(&json!({ "alg": "EdDSA" }), "{}", sign), &keys).is_ok());
    assert!(VerifyingKey::secret(None, &SECRET[1..]).is_none(), "too short");
    assert!(!VerifyingKey::secret(None, SECRET).unwrap().narrowed(&[Algorithm::HS512]).may_be(None, Algorithm::HS256));
}

#[test]
fn claims_are_what_is_expected() {
    let expected = Expected {
        issuer: Some("https://id".into()),
        audiences: ["api".into(), "web".into()].into(),
        leeway: Duration::from_secs(10),
        may_last: false,
    };
    let good = json!({ "iss": "https://id", "aud": "api", "exp": 1000, "sub": "a" });
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        expected.check(&claims, 995.0)
    };
    assert_eq!(expected.check(&good, 1009.0), Ok(Some(1010.0)));
    assert_eq!(expected.check(&good, 1010.0), Err(Fault::Expired));
    assert!(
        with("aud", json!(["x", "web"])).is_ok()
            && with("nbf", json!(1004)).is_ok()
            && with("exp", json!(995.5)).is_ok()
    );
    for (name, value, fault) in [
        ("nbf", json!(1006), Fault::Early),
        ("iat", json!(2000), Fault::Early),
        ("exp", json!("1000"), Fault::Claim),
        ("exp", json!(null), Fault::Claim),
        ("exp", json!(-1), Fault::Expired),
        ("iss", json!("https://id/"), Fault::Issuer),
        ("iss", json!(["https://id"]), Fault::Issuer),
        ("aud", json!("API"), Fault::Audience),
        ("aud", json!([["api"]]), Fault::Audience),
        ("aud", json!(["api", 7]), Fault::Audience),
        ("aud", json!({ "api": true }), Fault::Audience),
        ("sub", json!(7), Fault::Claim),
    ] {
        assert_eq!(with(name, value.clone()), Err(fault), "{name} {value}");
    }
    assert_eq!(expected.check(&json!({ "iss": "https://id", "aud": "api" }), 0.0), Err(Fault::Claim), "no end");
    assert_eq!(Expected { may_last: true, ..Expected::default() }.check(&json!({}), 0.0), Ok(None));
}

#[test]
fn scopes_stand_where_issuers_put_them() {
    let of = |claims: Json| scopes(&claims).map(str::to_owned).collect::<Vec<_>>().join(",");
    assert_eq!(of(json!({ "scope": "read  write" })), "read,write");
    assert_eq!(of(json!({ "scp": ["read", "a b"] })), "read,a,b");
    assert_eq!(of(json!({ "scope": 7 })), "");
}
