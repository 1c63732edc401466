use proptest::prelude::*;

use super::*;

/// Of 1024 bits; its private half is nowhere.
const PEM: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDd0D/bKGgaMXMBACXKDBBF5bN1
+kTvRK5sQJ+wUkt8IUPzY0tvv2Wz0b/NHVqh1+bGorCxxCx+G86/hS1oLqzou8++
ZhcarNn4uFUQcd3SLfBhCGJ3+qIQDP2C94qo23xuRaLc6nVw8CoBImAoOKuq59Cr
OiHlRVUfMDnHBA3dFQIDAQAB
-----END PUBLIC KEY-----
";

/// A key of another algorithm: elliptic curve P-256.
const EC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdGqA+V4zeczz/jDaLhBpOaZ77i0/
AOx5443tQ3GEMXkXO8q3Cmw1jXovIKUJ2zmro3m4/29vEOK1XWXYyBpoUg==
-----END PUBLIC KEY-----
";

fn der() -> Vec<u8> {
    let body: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    base64::decode(&body).unwrap()
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(contents);
    out
}

/// An `RSAPublicKey` of these numbers.
fn key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x02, modulus), tlv(0x02, exponent)].concat())
}

/// An odd number of so many bits, as DER has it.
fn odd(bits: usize) -> Vec<u8> {
    let mut number = vec![0xff; bits.div_ceil(8)];
    number[0] = 0xff >> (7 - (bits - 1) % 8);
    if number[0] >= 0x80 {
        number.insert(0, 0);
    }
    number
}

#[test]
fn a_key_from_outside_is_read() {
    let read = PublicKey::parse(PEM.as_bytes()).unwrap();
    assert_eq!((read.bytes, read.modulus.len(), read.exponent), (128, 32, 65_537));
    assert_eq!(PublicKey::parse(&der()), Ok(read));
}

#[test]
fn other_keys_are_refused_by_name() {
    use PublicKeyError::*;
    let three = [3];
    for (key, wanted, code) in [
        (EC.as_bytes().to_vec(), NotRsa, "public_key_not_rsa"),
        (key(&odd(1023), &three), Size { bits: 1023 }, "public_key_size"),
        (key(&odd(4097), &three), Size { bits: 4097 }, "public_key_size"),
        (key(&odd(1024), &[1]), Exponent, "public_key_exponent"),
        (key(&odd(1024), &[4]), Exponent, "public_key_exponent"),
        (key(&odd(1024), &[1, 0, 0, 0, 1]), Exponent, "public_key_exponent"),
        (key(&[0], &three), Private, "public_key_private"),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----".to_vec(), Private, "public_key_private"),
        (Vec::new(), Malformed, "public_key_malformed"),
        (vec![b'A'; MAX_INPUT + 1], Malformed, "public_key_malformed"),
        (vec![0xff; 300], Malformed, "public_key_malformed"),
        (b"-----BEGIN PUBLIC KEY-----\n%%%\n".to_vec(), Malformed, "public_key_malformed"),
    ] {
        let error = PublicKey::parse(&key).unwrap_err();
        assert_eq!((error, error.code()), (wanted, code));
        assert!(!error.to_string().is_empty());
    }
    for bits in [1024, 1025, 1031, 4095, 4096] {
        let read = PublicKey::parse(&key(&odd(bits), &[0, 0xff, 0xff, 0xff, 0xff]));
        assert_eq!(read.unwrap().bytes, bits.div_ceil(8), "{bits}");
    }
}

#[test]
fn what_is_not_quite_a_key_is_refused() {
    let mut even = odd(1024);
    *even.last_mut().unwrap() = 0xfe;
    let negative = &odd(1024)[1..];
    let long_zero = [&[0][..], &odd(1024)].concat();
    let inside = [tlv(2, &odd(1024)), tlv(2, &[3])].concat();
    for (what, bytes) in [
        ("an even modulus", key(&even, &[3])),
        ("a negative modulus", key(negative, &[3])),
        ("a zero too many", key(&long_zero, &[3])),
        ("a negative exponent", key(&odd(1024), &[0x83])),
        ("an exponent of nothing", key(&odd(1024), &[])),
        ("no exponent", tlv(0x30, &tlv(2, &odd(1024)))),
        ("a third number", tlv(0x30, &[&inside[..], &tlv(2, &[3])].concat())),
        ("something behind it", [key(&odd(1024), &[3]), vec![0]].concat()),
        ("a length too long by a byte", [&[0x30, 0x83, 0][..], &key(&odd(1024), &[3])[2..]].concat()),
        ("an indefinite length", [&[0x30, 0x80][..], &inside, &[0, 0]].concat()),
        ("no bit string", tlv(0x30, &tlv(0x30, &tlv(6, b"*")))),
    ] {
        assert_eq!(PublicKey::parse(&bytes), Err(PublicKeyError::Malformed), "{what}");
    }
    // A bit string that ends within a byte.
    let mut bytes = der();
    let at = bytes.windows(3).position(|w| w == [0x03, 0x81, 0x8d]).unwrap() + 3;
    assert_eq!(core::mem::replace(&mut bytes[at], 1), 0);
    assert_eq!(PublicKey::parse(&bytes), Err(PublicKeyError::Malformed));
}

#[test]
fn an_inverse_is_one() {
    for odd in [1_u32, 3, 5, 7, 0xffff_ffff, 0x8000_0001, 65_537, 0xdead_beef] {
        assert_eq!(odd.wrapping_mul(negative_inverse(odd)), u32::MAX, "{odd}");
    }
}

/// As numbers that a machine has show: 2^17 and so on, modulo 2^61 - 1.
#[test]
fn powers_of_small_numbers() {
    let modulus = (1_u128 << 61) - 1;
    let limbs = |n: u128| vec![n as u32, (n >> 32) as u32];
    for (base, exponent) in
        [(2_u128, 17_u32), (3, 3), (12_345_678_901_234, 65_537), (modulus - 1, u32::MAX), (0, 3)]
    {
        let key = PublicKey { modulus: limbs(modulus), bytes: 8, exponent };
        let (mut wanted, mut square, mut rest) = (1, base, exponent);
        while rest > 0 {
            if rest % 2 == 1 {
                wanted = wanted * square % modulus;
            }
            (square, rest) = (square * square % modulus, rest / 2);
        }
        assert_eq!(key.power(&limbs(base)), limbs(wanted), "{base}^{exponent}");
    }
}

proptest! {
    #[test]
    fn no_key_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = PublicKey::parse(&bytes);
        let _ = PublicKey::parse(&tlv(0x30, &bytes));
    }

    #[test]
    fn no_damage_to_a_key_panics(at in 0_usize..162, byte in any::<u8>(), end in 0_usize..163, pem in any::<bool>()) {
        let mut bytes = if pem { PEM.as_bytes().to_vec() } else { der() };
        bytes[at] = byte;
        bytes.truncate(bytes.len() - end / 80);
        if let Ok(key) = PublicKey::parse(&bytes) {
            let message = [b'0'; MAX_MESSAGE];
            prop_assert_eq!(key.encrypt(&message, &mut core::iter::empty()).len(), key.bytes);
        }
    }

    /// The result is below the modulus, whatever that is.
    #[test]
    fn a_power_is_below_its_modulus(low in any::<u64>(), high in 1_u64.., base in any::<u128>(), exponent in 3_u32..) {
        let modulus = u128::from(high) << 64 | u128::from(low | 1);
        let limbs = |n: u128| (0..4).map(|i| (n >> (32 * i)) as u32).collect::<Vec<_>>();
        let key = PublicKey { modulus: limbs(modulus), bytes: 16, exponent };
        let power = key.power(&limbs(base % modulus));
        let power = power.iter().rev().fold(0, |n: u128, limb| n << 32 | u128::from(*limb));
        prop_assert!(power < modulus);
    }
}
