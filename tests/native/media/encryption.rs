//! Decryption and transmuxing together, on what openssl encrypted.

use cloud_player::crypto::{ContentKey, CryptoError, Decryptor, Iv, SegmentMethod};

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

enum Failed {
    Crypto(CryptoError),
    Media(MediaError),
}

impl From<CryptoError> for Failed {
    fn from(error: CryptoError) -> Self {
        Self::Crypto(error)
    }
}

fn encrypt(clear: &Path, encrypted: &Path, iv: &str) {
    let mut command = Command::new("openssl");
    command.args(["enc", "-aes-128-cbc", "-K", KEY, "-iv", iv, "-in"]).arg(clear).arg("-out").arg(encrypted);
    run(&mut command);
}

/// Decrypts and transmuxes one segment chunk by chunk.
fn play_encrypted(bytes: &[u8], key: &str, iv: Iv, size: usize) -> Result<Vec<MediaEvent>, Failed> {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    let mut decryptor = Decryptor::new(SegmentMethod::Aes128, &ContentKey::from_hex(key).unwrap(), &iv)?;
    transmuxer.begin_segment(segment_start(None));
    for chunk in bytes.to_vec().chunks_mut(size) {
        decryptor.push(chunk, |clear| transmuxer.push(clear, &mut out).map_err(Failed::Media))?;
    }
    decryptor.finish(|clear| transmuxer.push(clear, &mut out).map_err(Failed::Media))?;
    transmuxer.end_segment(&mut out).map_err(Failed::Media)?;
    transmuxer.flush(&mut out);
    Ok(out)
}

#[test]
fn an_encrypted_segment_streams() {
    let stream = Stream::usual("encrypted");
    let (clear, encrypted) = (stream.dir.join("0.ts"), stream.dir.join("0.enc"));
    encrypt(&clear, &encrypted, "0000000000000000ffffffffffffffff");
    let bytes = std::fs::read(&encrypted).unwrap();
    let (whole, _) = transmux(&stream.segments[..1], usize::MAX).unwrap();
    for size in [1, 15, 16, 17, 1000, 65_536] {
        let Ok(events) = play_encrypted(&bytes, KEY, Iv::from_sequence(u64::MAX), size) else {
            panic!("chunks of {size}");
        };
        assert!(events == whole, "chunks of {size}");
    }

    // The wrong key shows at the first bytes, or at the latest in the padding.
    let wrong = "ff0102030405060708090a0b0c0d0e0f";
    match play_encrypted(&bytes, wrong, Iv::from_sequence(u64::MAX), 65_536) {
        Err(Failed::Media(error)) => assert!(error.starts_with_noise(), "{error}"),
        Err(Failed::Crypto(error)) => assert_eq!(error, CryptoError::BadPadding),
        Ok(_) => panic!("the wrong key played"),
    }
    // The wrong IV costs the first packet. Here it says the service's name; if it is the PAT, nothing plays.
    let Ok(events) = play_encrypted(&bytes, KEY, Iv::from_sequence(1), 65_536) else {
        panic!("the wrong IV");
    };
    assert!(events == whole);
    let (clear, encrypted) = (stream.dir.join("pat.ts"), stream.dir.join("pat.enc"));
    std::fs::write(&clear, &stream.segments[0][188..188 * 300]).unwrap();
    encrypt(&clear, &encrypted, "00");
    match play_encrypted(&std::fs::read(&encrypted).unwrap(), KEY, Iv::from_sequence(1), 65_536) {
        Err(Failed::Media(error)) => assert!(error.starts_with_noise(), "{error}"),
        _ => panic!("played without a PAT"),
    }
}
