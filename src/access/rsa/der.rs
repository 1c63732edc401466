//! A public key in DER (ITU-T X.690): `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7, RFC 3279 §2.3.1) or `RSAPublicKey`
//! (RFC 8017 §A.1.1).

use super::PublicKeyError;

/// The modulus and the exponent, big-endian, without leading zeros.
pub(super) fn public_key(key: &[u8]) -> Result<(&[u8], &[u8]), PublicKeyError> {
    let inside = whole(key, SEQUENCE).ok_or(PublicKeyError::Malformed)?;
    match inside.first() {
        Some(&INTEGER) => rsa_public_key(inside),
        Some(&SEQUENCE) => {
            let mut rest = inside;
            let algorithm = element(&mut rest, SEQUENCE).ok_or(PublicKeyError::Malformed)?;
            let key = whole(rest, BIT_STRING).ok_or(PublicKeyError::Malformed)?;
            let mut parameters = algorithm;
            let object = element(&mut parameters, OBJECT_IDENTIFIER).ok_or(PublicKeyError::Malformed)?;
            if object != RSA_ENCRYPTION {
                return Err(PublicKeyError::NotRsa);
            }
            // NULL, which some leave out.
            if !matches!(parameters, [] | [0x05, 0x00]) {
                return Err(PublicKeyError::Malformed);
            }
            let [0, key @ ..] = key else { return Err(PublicKeyError::Malformed) };
            rsa_public_key(whole(key, SEQUENCE).ok_or(PublicKeyError::Malformed)?)
        }
        _ => Err(PublicKeyError::Malformed),
    }
}

fn rsa_public_key(inside: &[u8]) -> Result<(&[u8], &[u8]), PublicKeyError> {
    let mut rest = inside;
    let first = element(&mut rest, INTEGER).ok_or(PublicKeyError::Malformed)?;
    // `PrivateKeyInfo` and `RSAPrivateKey` begin with a version, zero, and go on.
    if first == [0] && !rest.is_empty() {
        return Err(PublicKeyError::Private);
    }
    let modulus = positive(first).ok_or(PublicKeyError::Malformed)?;
    let exponent = whole(rest, INTEGER).and_then(positive).ok_or(PublicKeyError::Malformed)?;
    Ok((modulus, exponent))
}

/// The contents of the element that is all there is.
fn whole(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut rest = bytes;
    element(&mut rest, tag).filter(|_| rest.is_empty())
}

/// Takes the next element, which has this tag and a length below 64 KiB in its shortest form, and gives its contents.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (length, behind) = match rest.strip_prefix(&[tag])? {
        [length @ 0..=0x7f, behind @ ..] => (usize::from(*length), behind),
        [0x81, length @ 0x80..=0xff, behind @ ..] => (usize::from(*length), behind),
        [0x82, high @ 1..=0xff, low, behind @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), behind),
        _ => return None,
    };
    let (contents, after) = behind.split_at_checked(length)?;
    *rest = after;
    Some(contents)
}

/// The bytes of an integer above zero, of which none is missing or too many.
fn positive(contents: &[u8]) -> Option<&[u8]> {
    match contents {
        [0, number @ ..] if number.first().is_some_and(|high| *high >= 0x80) => Some(number),
        [1..=0x7f, ..] => Some(contents),
        _ => None,
    }
}

pub(super) const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
