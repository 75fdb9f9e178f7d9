//! Tests of the signatures, with published vectors.

use super::*;

const SVIX_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a valid instant")
}

fn svix_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ] {
        headers.insert(name, value.parse().expect("a header"));
    }
    headers
}

#[test]
fn the_published_vector_of_svix_is_accepted_while_it_is_fresh() {
    let body = br#"{"test": 2432232314}"#;
    let check = |now, body: &[u8]| svix(SVIX_SECRET, &svix_headers(), body, at(now));
    assert_eq!(check(1_614_265_330 + 300, body), Ok(()));
    assert_eq!(check(1_614_265_330 + 301, body), Err(VerifyError::TooOld));
    assert_eq!(check(1_614_265_330, b"{}"), Err(VerifyError::WrongSignature));
    assert_eq!(svix(SVIX_SECRET, &HeaderMap::new(), body, at(0)), Err(VerifyError::NotSigned));
}

#[test]
fn a_timestamped_hmac_must_fit_the_body_the_key_and_the_time() {
    // HMAC-SHA256 of "1700000000.{}" under the key "secret".
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any key");
    mac.update(b"1700000000.{}");
    let hex: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let check = |key: &[u8], stamp, body: &[u8], signature: &str| {
        timestamped_hmac(key, stamp, body, signature, at(1_700_000_010))
    };
    assert_eq!(check(b"secret", "1700000000", b"{}", &hex), Ok(()));
    assert_eq!(check(b"other", "1700000000", b"{}", &hex), Err(VerifyError::WrongSignature));
    assert_eq!(check(b"secret", "1700000000", b"[]", &hex), Err(VerifyError::WrongSignature));
    assert_eq!(check(b"secret", "1700000001", b"{}", &hex), Err(VerifyError::WrongSignature));
    assert_eq!(check(b"secret", "1600000000", b"{}", &hex), Err(VerifyError::TooOld));
    assert_eq!(check(b"secret", "1700000000", b"{}", "é0"), Err(VerifyError::WrongSignature));
    assert_eq!(check(b"", "1700000000", b"{}", &hex), Err(VerifyError::NoSecret));
}

#[test]
fn an_empty_secret_lets_nobody_in() {
    assert_eq!(same("", ""), Err(VerifyError::WrongSignature));
    assert_eq!(same("a", "a"), Ok(()));
}
