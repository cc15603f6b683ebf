//! Wrong settings of authentication end the program at its start, with one line and exit code 2.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::issuer::{AUDIENCE, ISSUER, Key, OTHER_RSA, Site, key_set};
use crate::scenario::{printed, program};

fn serve(jwks: &str) -> Command {
    let mut command = program();
    command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--auth-jwks", jwks]);
    command.args(["--auth-issuer", ISSUER, "--auth-audience", AUDIENCE]);
    command
}

fn refused(jwks: &str, part: &str) {
    let output = serve(jwks).output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--auth-jwks") && text.contains(part), "{part} in {text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
}

#[test]
fn the_three_settings_belong_together() {
    let settings = [("--auth-jwks", "jwks.json"), ("--auth-issuer", ISSUER), ("--auth-audience", AUDIENCE)];
    let without = |leave_out: usize| settings.into_iter().enumerate().filter(move |(n, _)| *n != leave_out);
    let alone = settings.into_iter().map(|one| vec![one]);
    let pairs = (0..3).map(|n| without(n).map(|(_, one)| one).collect());
    for given in alone.chain(pairs) {
        let mut command = program();
        command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
        command.args(given.iter().flat_map(|(name, value)| [name, value]));
        let output = command.output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for (name, _) in settings.iter().filter(|one| !given.contains(one)) {
            assert!(text.contains(name), "{name} in {text}");
        }
    }
    for empty in ["--auth-jwks", "--auth-issuer", "--auth-audience"] {
        let mut command = program();
        command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
        for (name, value) in settings {
            command.args([name, if name == empty { "" } else { value }]);
        }
        assert_eq!(command.output().unwrap().status.code(), Some(2), "{empty} is empty");
    }
}

#[test]
fn a_file_without_usable_keys_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    refused("no-such-file.json", "no-such-file.json");
    refused("/", "cannot be read");
    refused("/dev/zero", "larger than");
    let changed = |changes: Value| {
        let mut key = OTHER_RSA.jwk();
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({"keys": [key]}).to_string()
    };
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": "k"});
    for (text, part) in [
        (String::new(), "not a JSON Web Key Set"),
        ("{}".into(), "not a JSON Web Key Set"),
        (OTHER_RSA.jwk().to_string(), "not a JSON Web Key Set"),
        (json!({"keys": []}).to_string(), "it has no keys"),
        (json!({"keys": [secret]}).to_string(), "its only key cannot be used"),
        (changed(json!({"use": "enc"})), "its only key cannot be used"),
        (changed(json!({"alg": "RS512"})), "its only key cannot be used"),
    ] {
        std::fs::write(path, text).unwrap();
        refused(path, part);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_usable_keys_is_named() {
    let site = Site::publishing(&[&Key::ed("k")]).await;
    for (status, body, part) in [
        (503, String::new(), "answers 503"),
        (302, String::new(), "answers 302"),
        (200, "<html>".to_owned(), "not a JSON Web Key Set"),
        (200, json!({"keys": []}).to_string(), "it has no keys"),
        (200, key_set(&[&Key::ed("k")]) + &" ".repeat(300_000), "larger than"),
    ] {
        site.answer(status, &body);
        refused(&site.url, part);
    }
    refused("http://127.0.0.1:9/jwks.json", "cannot be fetched");
    refused("http://issuer.example.com/jwks.json", "plain http");
    refused("https://", "not a URL");
}

#[test]
fn with_authentication_other_addresses_than_loopback_are_served() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_set(&[&Key::ed("k")])).unwrap();
    let mut command = program();
    command.args(["serve", "--in-memory", "--listen", "0.0.0.0:0", "--auth-issuer", ISSUER]);
    command.args(["--auth-audience", AUDIENCE, "--auth-jwks"]).arg(file.path());
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(line.starts_with("Listening on http://0.0.0.0:"), "{line}");
}
