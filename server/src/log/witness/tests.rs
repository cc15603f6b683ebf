//! What a witness answers is judged by its bytes.

use super::*;

#[test]
fn a_witness_is_a_url_and_a_key_of_one() {
    let key = "witness.example/w+6ff1c2ab+BP1sYkYUmqXLWN6cTJYPKpCGZ6tBpWcBGBXHbVF8yiqM";
    for wrong in ["", "http://127.0.0.1", "ftp://127.0.0.1 key", &format!("{key} http://127.0.0.1")] {
        assert!(wrong.parse::<WitnessAddress>().is_err(), "{wrong}");
    }
    let of_log = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let error = format!("http://127.0.0.1 {of_log}").parse::<WitnessAddress>().unwrap_err();
    assert!(error.to_string().contains("type 4"), "{error}");
}
