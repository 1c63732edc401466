//! The other side is OpenSSL: it makes the keys and reads what was encrypted under them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::access::PublicKeyError;

/// A private key of OpenSSL's making, which is deleted when dropped.
struct PrivateKey(PathBuf);

impl PrivateKey {
    fn new(bits: u32, exponent: u32) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let file = format!("cloud-player-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(file);
        let (bits, exponent) = (format!("rsa_keygen_bits:{bits}"), format!("rsa_keygen_pubexp:{exponent}"));
        let words = ["genpkey", "-algorithm", "RSA", "-pkeyopt", &bits, "-pkeyopt", &exponent, "-out"];
        openssl(&[&words[..], &[path_text(&path)]].concat(), &[]);
        Self(path)
    }

    fn public(&self, form: &[&str]) -> Vec<u8> {
        openssl(&[&["rsa", "-in", path_text(&self.0)], form].concat(), &[])
    }

    fn decrypt(&self, digits: &str, padding: &str) -> Vec<u8> {
        let padding = format!("rsa_padding_mode:{padding}");
        let words = ["pkeyutl", "-decrypt", "-inkey", path_text(&self.0), "-pkeyopt", &padding];
        openssl(&words, &bytes(digits))
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn openssl(words: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("OPENSSL IS MISSING, and this test is nothing without it");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<_> = digits.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn seed(number: u8) -> Secret<[u8; LONG]> {
    Secret::new(core::array::from_fn(|i| number.wrapping_mul(31) ^ (i as u8).wrapping_mul(7)))
}

fn overlay(number: u8, key: &PublicKey) -> Overlay {
    Overlay::new(&seed(number), key, "1")
}

/// Overlays of many seeds, as OpenSSL reads them.
fn openssl_reads(key: &PrivateKey, seeds: u8) {
    let public = PublicKey::parse(&key.public(&["-pubout"])).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..seeds {
        let overlay = overlay(number, &public);
        let WrappedOverlay { key: wrapped_key, iv: wrapped_iv, key_id } = overlay.wrapped();
        assert_eq!(key_id, "1");
        let own_key = hex(overlay.key.expose());
        let own_iv = hex(overlay.iv.expose());
        for (wrapped, own) in [(wrapped_key, own_key), (wrapped_iv, own_iv)] {
            assert_eq!(own.len(), 32);
            assert_eq!(key.decrypt(wrapped, "pkcs1"), own.as_bytes(), "seed {number}");
            assert!(seen.insert(own.to_string()) && seen.insert(wrapped.clone()), "seed {number}");
        }
    }
}

#[test]
fn openssl_reads_fifty_overlays_under_1024_bits() {
    openssl_reads(&PrivateKey::new(1024, 65_537), 50);
}

#[test]
fn openssl_reads_fifty_overlays_under_2048_bits() {
    openssl_reads(&PrivateKey::new(2048, 65_537), 50);
}

#[test]
fn openssl_reads_fifty_overlays_under_4096_bits() {
    openssl_reads(&PrivateKey::new(4096, 65_537), 50);
}

/// Lengths that are no multiple of a byte or of a limb, and exponents with few bits, and many.
#[test]
fn openssl_reads_overlays_under_odd_keys() {
    for (bits, exponent) in [(1031, 3), (1056, 17), (2047, 4_294_967_291), (1049, 4_294_967_295)] {
        openssl_reads(&PrivateKey::new(bits, exponent), 5);
    }
}

#[test]
fn the_padding_is_as_the_standard_has_it() {
    let key = PrivateKey::new(1024, 65_537);
    let public = PublicKey::parse(&key.public(&["-pubout"])).unwrap();
    for number in 0..10 {
        let overlay = overlay(number, &public);
        let block = key.decrypt(&overlay.wrapped().key, "none");
        assert_eq!(block.len(), 128);
        assert_eq!(block[..2], [0, 2]);
        assert!(block[2..95].iter().all(|byte| *byte != 0), "seed {number}");
        assert!(block[2..95].windows(8).all(|run| run.iter().any(|byte| *byte != 1)), "seed {number}");
        assert_eq!(block[95], 0);
    }
}

#[test]
fn every_form_of_a_public_key_is_the_same_key() {
    let key = PrivateKey::new(1024, 65_537);
    let pem = key.public(&["-pubout"]);
    let public = PublicKey::parse(&pem).unwrap();
    let text = String::from_utf8(pem).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    for (form, bytes) in [
        ("SPKI DER", key.public(&["-pubout", "-outform", "DER"])),
        ("PKCS#1 PEM", key.public(&["-RSAPublicKey_out"])),
        ("PKCS#1 DER", key.public(&["-RSAPublicKey_out", "-outform", "DER"])),
        ("PEM with CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("PEM, indented", text.replace('\n', "\n    ").into_bytes()),
        ("Base64 in one line", base64.into_bytes()),
    ] {
        assert!(PublicKey::parse(&bytes) == Ok(public.clone()), "{form}");
    }
    for (form, bytes) in [
        ("PKCS#8 PEM", std::fs::read(&key.0).unwrap()),
        (
            "PKCS#8 DER",
            openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-in", path_text(&key.0)], &[]),
        ),
        ("PKCS#1 PEM", key.public(&["-traditional"])),
        ("PKCS#1 DER", key.public(&["-traditional", "-outform", "DER"])),
    ] {
        assert_eq!(PublicKey::parse(&bytes), Err(PublicKeyError::Private), "private, {form}");
    }
}

#[test]
fn an_overlay_comes_off() {
    let key = PrivateKey::new(1024, 65_537);
    let overlay = overlay(7, &PublicKey::parse(&key.public(&["-pubout"])).unwrap());
    let digits = |bytes| hex(bytes).to_string();
    let (own_key, own_iv) = (digits(overlay.key.expose()), digits(overlay.iv.expose()));
    let content = b"sixteen byte key";
    let words = ["enc", "-aes-128-cbc", "-nopad", "-K", &own_key, "-iv", &own_iv];
    let answer = openssl(&words, content);
    assert_eq!(overlay.unwrap(&answer), ContentKey::from_bytes(content));
    assert_eq!(overlay.unwrap(&answer[1..]), Err(CryptoError::WrappedKeyLength { length: 15 }));
    let shown = format!("{overlay:?}");
    assert!(!shown.contains(&own_key) && !shown.contains(&own_iv), "{shown}");
    for secret in [overlay.key.expose(), overlay.iv.expose()] {
        assert!(!shown.contains(&format!("{secret:?}")), "{shown}");
    }
}
