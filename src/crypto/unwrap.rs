//! Content keys that come wrapped: Tencent VOD's overlay of a key over the key.
//!
//! The page and the server agree on an overlay key and an overlay IV for one playback (the page made them up and sent
//! them along, encrypted, in the request for play info). The server answers a request for a key with the content key
//! in AES-128-CBC under them: one block, without padding.

use cloud_player_cipher::{CbcCipher, Chain};
use zeroize::Zeroizing;

use super::{BLOCK, ContentKey, CryptoError, Iv};

/// Takes the overlay off a key server's answer.
///
/// ```
/// use cloud_player::crypto::{ContentKey, CryptoError, Iv, unwrap_key};
///
/// let overlay = ContentKey::from_bytes(&[7; 16])?;
/// let key = unwrap_key(&[0; 16], &overlay, &Iv::from_bytes([9; 16]))?;
/// assert_eq!(key.length(), 16);
/// # Ok::<(), CryptoError>(())
/// ```
pub fn unwrap_key(answer: &[u8], overlay: &ContentKey, iv: &Iv) -> Result<ContentKey, CryptoError> {
    let wrapped = <[u8; BLOCK]>::try_from(answer)
        .map_err(|_| CryptoError::WrappedKeyLength { length: answer.len() })?;
    let mut block = Zeroizing::new(wrapped);
    CbcCipher::aes128(overlay.aes128()?).decrypt(
        &mut Chain::new(iv.as_bytes()),
        block.as_mut_slice(),
        BLOCK,
        BLOCK,
    );
    ContentKey::from_bytes(block.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first block of NIST SP 800-38A F.2.2, CBC-AES128.Decrypt.
    #[test]
    fn one_block_of_cbc_without_padding() {
        let overlay = ContentKey::from_hex("2b7e151628aed2a6abf7158809cf4f3c").unwrap();
        let iv = Iv::from_hex("0x000102030405060708090a0b0c0d0e0f").unwrap();
        let wrapped = 0x7649_abac_8119_b246_cee9_8e9b_12e9_197d_u128.to_be_bytes();
        let key = unwrap_key(&wrapped, &overlay, &iv).unwrap();
        assert_eq!(key, ContentKey::from_hex("6bc1bee22e409f96e93d7e117393172a").unwrap());
    }

    /// Made with `openssl enc -aes-128-cbc -nopad`.
    #[test]
    fn an_overlay_over_a_key() {
        let overlay = ContentKey::from_hex("0123456789abcdef0123456789abcdef").unwrap();
        let iv = Iv::from_hex("fedcba9876543210fedcba9876543210").unwrap();
        let answer = 0xcfd2_ffcb_be7f_3d14_d514_345a_b4ff_d095_u128.to_be_bytes();
        let key = unwrap_key(&answer, &overlay, &iv).unwrap();
        assert_eq!(key, ContentKey::from_hex("000102030405060708090a0b0c0d0e0f").unwrap());
    }

    #[test]
    fn what_is_no_wrapped_key() {
        let (overlay, iv) = (ContentKey::from_bytes(&[1; 16]).unwrap(), Iv::from_sequence(1));
        for length in [0, 15, 17, 32] {
            let error = unwrap_key(&vec![0; length], &overlay, &iv).unwrap_err();
            assert_eq!(error, CryptoError::WrappedKeyLength { length });
        }
        let long = ContentKey::from_bytes(&[1; 32]).unwrap();
        let error = unwrap_key(&[0; 16], &long, &iv).unwrap_err();
        assert_eq!(error, CryptoError::KeyMismatch { length: 32, needed: 16 });
    }
}
