//! Tests of the signatures, against vectors computed elsewhere.

use super::*;

#[test]
fn svix_signs_as_its_published_vector_says() {
    let signer = Signer::Svix("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let headers = signer.headers(
        "",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn the_hmac_covers_the_timestamp_and_the_body() {
    // RFC 4231, case 2, with the data split at a full stop that belongs to neither part.
    let digest = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
    assert_eq!(hex(&digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let signed = Signer::Hmac("key".to_owned()).headers("", "", 17, b"{}");
    assert_eq!(signed[0], ("x-timestamp", "17".to_owned()));
    assert_eq!(signed[1].1, hex(&hmac_sha256(b"key", &[b"17.{}"])));
}

#[test]
fn a_form_is_signed_as_the_vendor_publishes_it() {
    let signer = Signer::Form("12345".to_owned());
    let body = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
        &Caller=%2B14158675309";
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2#rc=5";
    let signed = signer.headers(url, "", 0, body);
    assert_eq!(signed, [("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=".to_owned())]);
}
