//! The private key of a log on this machine: a file with PKCS#8 as PEM, for its owner alone.

use std::io::{self, Read, Write};
use std::path::Path;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use sequencer::sync_above;
use sha2::{Digest, Sha256};
use sqlite::open_private;

/// The longest key file, in bytes; one has some 120.
const MOST_BYTES: u64 = 16 << 10;

/// Characters of a line of PEM.
const LINE: usize = 64;

/// What PEM calls PKCS#8.
const LABEL: &str = "PRIVATE KEY";

/// The origin of a log that was given none. Stored. Never rename.
const WITHOUT_NAME: &str = "product-ledger.invalid";

/// A new key as PKCS#8.
pub(super) fn generate() -> Result<Vec<u8>, Unspecified> {
    // Version 1, which every tool reads.
    Ok(Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())?.as_ref().to_vec())
}

/// The name of a log whose operator gave it none: nobody has this domain (RFC 2606), and no other key this name.
pub(super) fn origin_of(pkcs8: &[u8]) -> Result<String, aws_lc_rs::error::KeyRejected> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8)?;
    let digest = Sha256::digest(pair.public_key().as_ref());
    Ok(format!("{WITHOUT_NAME}/{}", hex::encode(&digest[..8])))
}

/// Reads a key file; the outer error says that it cannot be read, none that it is not there.
pub(super) fn read(path: &Path) -> io::Result<Option<Result<Vec<u8>, String>>> {
    // Also a dangling link is there.
    if std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let mut text = Vec::new();
    let file = open_private(path, false).map_err(io::Error::other)?;
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    let key = PrivatePkcs8KeyDer::from_pem_slice(&text);
    Ok(Some(key.map(|key| key.secret_pkcs8_der().to_vec()).map_err(|error| error.to_string())))
}

/// Writes a key file, durably, whole or not at all.
pub(super) fn write(path: &Path, pkcs8: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("key.new");
    let mut file = open_private(&temporary, true).map_err(io::Error::other)?;
    file.set_len(0)?;
    file.write_all(pem(pkcs8).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_above(path)
}

fn pem(pkcs8: &[u8]) -> String {
    let encoded = STANDARD.encode(pkcs8);
    let lines = encoded.as_bytes().chunks(LINE).map(String::from_utf8_lossy);
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {LABEL}-----\n{body}\n-----END {LABEL}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_has_one_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.key");
        assert!(read(&path).unwrap().is_none());
        let key = generate().unwrap();
        write(&path, &key).unwrap();
        assert_eq!(read(&path).unwrap(), Some(Ok(key.clone())));
        let names = [origin_of(&key), origin_of(&key), origin_of(&generate().unwrap())].map(Result::unwrap);
        assert_eq!(names[0], names[1]);
        assert_ne!(names[0], names[2]);
        let id = names[0].strip_prefix("product-ledger.invalid/").unwrap();
        assert!(id.len() == 16 && id.bytes().all(|digit| b"0123456789abcdef".contains(&digit)), "{id}");
        assert!(origin_of(b"no key").is_err());
    }

    #[test]
    fn what_is_no_key_is_told_from_a_missing_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.key");
        let cut_off = format!("-----BEGIN {LABEL}-----\n");
        let certificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        for text in ["", "no key", &cut_off, certificate] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read(&path), Ok(Some(Err(_)))), "{text:?}");
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert!(read(&path).is_err());
    }
}
