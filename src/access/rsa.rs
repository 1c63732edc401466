//! RSA encryption (RFC 8017 §7.2.1, RSAES-PKCS1-v1_5) of a short message under a public key that the page's
//! configuration gives.
//!
//! Only what that takes: no private key ever comes here, and what is encrypted is made up for one playback, so neither
//! blinding nor constant time is needed. A key has 1024 to 4096 bits and an exponent of up to 32, which bounds the
//! work: at most 63 products, each of at most 128 times 256 steps, and 4096 doublings.

use core::fmt;

use zeroize::Zeroizing;

use super::base64;

mod der;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The modulus in 32-bit limbs, the lowest first.
    modulus: Vec<u32>,
    /// Bytes in the modulus.
    bytes: usize,
    exponent: u32,
}

/// Why something is no public key to encrypt under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Neither PEM nor DER, nor the Base64 of the latter; or not of a public key.
    #[error("the public key is neither SubjectPublicKeyInfo nor RSAPublicKey in PEM or DER")]
    Malformed,
    /// It has no place on a page.
    #[error("this is a private key: a player has no use for it, and no page may have it")]
    Private,
    /// A key of another algorithm.
    #[error("the public key is not one of RSA")]
    NotRsa,
    /// Too short to be safe, or longer than any in use.
    #[error("an RSA key has {MIN_BITS} to {MAX_BITS} bits here, this has {bits}")]
    Size {
        /// Bits in the modulus.
        bits: usize,
    },
    /// Even, one or larger than 32 bits.
    #[error("the exponent of an RSA key is odd, larger than 1 and has at most 32 bits")]
    Exponent,
}

impl PublicKeyError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "public_key_malformed",
            Self::Private => "public_key_private",
            Self::NotRsa => "public_key_not_rsa",
            Self::Size { .. } => "public_key_size",
            Self::Exponent => "public_key_exponent",
        }
    }
}

impl PublicKey {
    /// Reads PEM (`BEGIN PUBLIC KEY`, `BEGIN RSA PUBLIC KEY`), DER, or DER in Base64 without more.
    pub fn parse(key: &[u8]) -> Result<Self, PublicKeyError> {
        if key.len() > MAX_INPUT {
            return Err(PublicKeyError::Malformed);
        }
        if key.first() == Some(&der::SEQUENCE) {
            // An ASCII `0`, too, which no Base64 of a key begins with.
            return Self::from_der(key);
        }
        let text = core::str::from_utf8(key).map_err(|_| PublicKeyError::Malformed)?;
        if text.contains("PRIVATE KEY") {
            return Err(PublicKeyError::Private);
        }
        let body: String = text.lines().filter(|line| !line.trim().starts_with("-----")).collect();
        Self::from_der(&base64::decode(&body).ok_or(PublicKeyError::Malformed)?)
    }

    fn from_der(key: &[u8]) -> Result<Self, PublicKeyError> {
        let (modulus, exponent) = der::public_key(key)?;
        let bits = bit_length(modulus);
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(PublicKeyError::Size { bits });
        }
        // The product of two odd primes.
        if modulus.last().is_none_or(|low| low % 2 == 0) {
            return Err(PublicKeyError::Malformed);
        }
        if bit_length(exponent) > 32 {
            return Err(PublicKeyError::Exponent);
        }
        let exponent = exponent.iter().fold(0, |value: u32, byte| value << 8 | u32::from(*byte));
        if exponent < 3 || exponent % 2 == 0 {
            return Err(PublicKeyError::Exponent);
        }
        Ok(Self { modulus: limbs(modulus), bytes: modulus.len(), exponent })
    }

    /// Encrypts a message, padded with bytes of `padding`, none of which is zero.
    ///
    /// The message has at most 32 bytes, which leaves the shortest key 93 bytes of padding (8 are the least that the
    /// standard takes); of a longer one only these are encrypted.
    pub(super) fn encrypt(&self, message: &[u8], padding: &mut impl Iterator<Item = u8>) -> Vec<u8> {
        let message = message.get(..MAX_MESSAGE).unwrap_or(message);
        let length = self.bytes.saturating_sub(message.len() + 3);
        let mut block = Zeroizing::new(Vec::with_capacity(self.bytes));
        block.extend([0, 2]);
        block.extend(padding.chain(core::iter::repeat(1)).take(length));
        block.push(0);
        block.extend_from_slice(message);
        let value = Zeroizing::new(limbs(&block));
        let power = self.power(&value);
        let bytes: Vec<u8> = power.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        bytes.get(bytes.len().saturating_sub(self.bytes)..).unwrap_or_default().to_vec()
    }

    /// `value` to the exponent, modulo the modulus. `value` is less than that and has as many limbs.
    ///
    /// With R = 2^(32 × limbs), every number is kept as its product with R, which is what [`Self::product`] needs.
    fn power(&self, value: &[u32]) -> Vec<u32> {
        let mut base = Zeroizing::new(value.to_vec());
        for _ in 0..32 * self.modulus.len() {
            let carry = double(&mut base);
            self.reduce(&mut base, carry);
        }
        let mut power = Zeroizing::new(base.to_vec());
        for bit in (0..self.exponent.ilog2()).rev() {
            power = self.product(&power, &power);
            if self.exponent >> bit & 1 == 1 {
                power = self.product(&power, &base);
            }
        }
        let mut one = vec![0; self.modulus.len()];
        if let Some(low) = one.first_mut() {
            *low = 1;
        }
        self.product(&power, &one).to_vec()
    }

    /// `a × b / R` modulo the modulus (Montgomery's product): for every limb of `a`, such a multiple of the modulus is
    /// added that the lowest limb is zero, and falls away.
    fn product(&self, a: &[u32], b: &[u32]) -> Zeroizing<Vec<u32>> {
        let inverse = negative_inverse(self.modulus.first().copied().unwrap_or(1));
        let mut sum = Zeroizing::new(vec![0; self.modulus.len()]);
        let mut top = 0_u64;
        for limb in a {
            top += add_product(&mut sum, *limb, b);
            let low = sum.first().copied().unwrap_or_default();
            top += add_product(&mut sum, low.wrapping_mul(inverse), &self.modulus);
            sum.rotate_left(1);
            if let Some(high) = sum.last_mut() {
                *high = top as u32;
            }
            top >>= 32;
        }
        self.reduce(&mut sum, top != 0);
        sum
    }

    /// Takes the modulus off a number that is less than twice as large; `carry` is its highest bit.
    fn reduce(&self, number: &mut [u32], carry: bool) {
        if !carry && number.iter().rev().lt(self.modulus.iter().rev()) {
            return;
        }
        let mut borrow = false;
        for (limb, other) in number.iter_mut().zip(&self.modulus) {
            let (less, first) = limb.overflowing_sub(*other);
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            (*limb, borrow) = (less, first || second);
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(RSA, {} bytes)", self.bytes)
    }
}

/// Doubles a number; says whether it has outgrown its limbs.
fn double(number: &mut [u32]) -> bool {
    number.iter_mut().fold(false, |carry, limb| {
        let high = *limb >> 31 == 1;
        *limb = *limb << 1 | u32::from(carry);
        high
    })
}

/// Adds `factor × other` to a number of as many limbs; what does not fit is returned.
fn add_product(number: &mut [u32], factor: u32, other: &[u32]) -> u64 {
    number.iter_mut().zip(other).fold(0, |carry, (limb, other)| {
        // At most (2^32 - 1) + (2^32 - 1)² + (2^32 - 1) = 2^64 - 1.
        let sum = u64::from(*limb) + u64::from(factor) * u64::from(*other) + carry;
        *limb = sum as u32;
        sum >> 32
    })
}

/// What gives -1 with an odd number modulo 2^32. Each round doubles the number of right bits, of which three are right
/// from the start.
fn negative_inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

fn limbs(big_endian: &[u8]) -> Vec<u32> {
    let limb = |bytes: &[u8]| bytes.iter().fold(0, |limb: u32, byte| limb << 8 | u32::from(*byte));
    big_endian.rchunks(4).map(limb).collect()
}

/// Of a number without leading zeros.
fn bit_length(big_endian: &[u8]) -> usize {
    let high = big_endian.first().map_or(0, |byte| byte.leading_zeros() as usize);
    (8 * big_endian.len()).saturating_sub(high)
}

const MIN_BITS: usize = 1024;
const MAX_BITS: usize = 4096;
/// Bytes in the longest modulus.
pub(super) const MAX_BYTES: usize = MAX_BITS / 8;
/// Bytes in the longest message.
const MAX_MESSAGE: usize = 32;
/// A key of 4096 bits has 736 bytes in PEM.
const MAX_INPUT: usize = 8 << 10;

#[cfg(test)]
mod tests;
