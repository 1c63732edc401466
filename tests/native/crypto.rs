//! Decryption of whole segments, judged by OpenSSL and by Wycheproof's vectors.

use std::path::{Path, PathBuf};
use std::process::Command;

use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};
use cloud_player::playlist::{Limits, Source, Variables, parse_media};
use cloud_player::secret::Url;

use crate::playlist::corpora::corpora;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn decrypt(
    method: SegmentMethod,
    key: &ContentKey,
    iv: &Iv,
    bytes: &[u8],
    size: usize,
) -> Result<Vec<u8>, CryptoError> {
    let mut decryptor = Decryptor::new(method, key, iv)?;
    let mut clear = Vec::new();
    let mut sink = |bytes: &[u8]| -> Result<(), CryptoError> {
        clear.extend_from_slice(bytes);
        Ok(())
    };
    for chunk in bytes.to_vec().chunks_mut(size) {
        decryptor.push(chunk, &mut sink)?;
    }
    decryptor.finish(&mut sink)?;
    Ok(clear)
}

fn dir() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crypto");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn openssl(cipher: &str, key: &str, iv: &str, clear: &[u8]) -> Vec<u8> {
    let name = format!("{cipher}-{iv}-{}", clear.len());
    let (from, to) = (dir().join(format!("{name}.clear")), dir().join(format!("{name}.enc")));
    std::fs::write(&from, clear).unwrap();
    let mut command = Command::new("openssl");
    command.args(["enc", cipher, "-K", key, "-iv", iv, "-in"]).arg(&from).arg("-out").arg(&to);
    let output = command.output().unwrap_or_else(|e| panic!("openssl is needed and did not start: {e}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(to).unwrap()
}

#[test]
fn what_openssl_encrypts_is_decrypted() {
    let methods = [
        (SegmentMethod::Aes128, "-aes-128-cbc"),
        (SegmentMethod::Aes256, "-aes-256-cbc"),
        (SegmentMethod::Aes256Ctr, "-aes-256-ctr"),
    ];
    // The last counter carries from its low into its high half, and over its end, within the message.
    for iv in ["00000000000000000000000000000005", "fffffffffffffffffffffffffffffff0"] {
        for (method, cipher) in methods {
            let digits = &KEY[..2 * method.key_length()];
            let key = ContentKey::from_hex(digits).unwrap();
            for length in [1, 15, 16, 17, 255, 256, 257, 70_000] {
                let clear: Vec<u8> = (0..length).map(|i: u32| (i.wrapping_mul(i) >> 3) as u8).collect();
                let bytes = openssl(cipher, digits, iv, &clear);
                for size in [1, 15, 16, 17, 250, 4096, usize::MAX] {
                    let got = decrypt(method, &key, &Iv::from_hex(iv).unwrap(), &bytes, size);
                    assert!(got.as_ref() == Ok(&clear), "{cipher}, {length} bytes in chunks of {size}");
                }
            }
        }
    }
}

#[test]
fn wycheproofs_vectors() {
    let Some(folder) = corpora() else { return };
    let text = std::fs::read(folder.join("crypto/aes_cbc_pkcs5_test.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let hex = |value: &serde_json::Value| -> Vec<u8> {
        let digits = value.as_str().unwrap();
        (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
    };
    let (mut valid, mut invalid) = (0, 0);
    for group in json["testGroups"].as_array().unwrap() {
        let method = match group["keySize"].as_u64().unwrap() {
            128 => SegmentMethod::Aes128,
            256 => SegmentMethod::Aes256,
            _ => continue,
        };
        for test in group["tests"].as_array().unwrap() {
            let key = ContentKey::from_bytes(&hex(&test["key"])).unwrap();
            let iv = Iv::from_bytes(hex(&test["iv"]).try_into().unwrap());
            for size in [1, 7, 16, usize::MAX] {
                let got = decrypt(method, &key, &iv, &hex(&test["ct"]), size);
                match test["result"].as_str().unwrap() {
                    "valid" => {
                        assert_eq!(got, Ok(hex(&test["msg"])), "{test}");
                        valid += 1;
                    }
                    "invalid" => {
                        assert!(got.is_err(), "{test}");
                        invalid += 1;
                    }
                    other => panic!("{other}"),
                }
            }
        }
    }
    println!("{valid} valid, {invalid} invalid");
    assert!(valid > 100 && invalid > 100, "{valid} valid, {invalid} invalid");
}

/// A byte range is a message of its own: its own IV (here the same for all), its own padding, nothing of the range
/// before it.
#[test]
fn byte_ranges_are_encrypted_one_by_one() {
    let Some(folder) = corpora() else { return };
    let folder = folder.join("gen/aes-openssl");
    let text = std::fs::read(folder.join("byterange-enc.m3u8")).unwrap();
    let base = Url::new("https://h.example/byterange-enc.m3u8");
    let source = Source { base: &base, variables: &Variables::default(), limits: Limits::default() };
    let playlist = parse_media(&text, &source).unwrap();
    let resource = std::fs::read(folder.join("allr.ts")).unwrap();
    let key = ContentKey::from_bytes(&std::fs::read(folder.join("k1.key")).unwrap()).unwrap();
    assert_eq!(playlist.segments.len(), 4);
    for (i, segment) in playlist.segments.iter().enumerate() {
        let range = segment.byte_range.unwrap();
        let (start, end) = (usize::try_from(range.offset).unwrap(), usize::try_from(range.end()).unwrap());
        let iv = Iv::from_bytes(segment.keys[0].iv_for(segment.sequence));
        let clear = decrypt(SegmentMethod::Aes128, &key, &iv, &resource[start..end], 1000).unwrap();
        assert!(clear == std::fs::read(folder.join(format!("clear{i}.ts"))).unwrap(), "segment {i}");
    }
}
