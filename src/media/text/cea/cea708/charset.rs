//! Characters (CTA-708-E §7.1): G0 is ASCII and G1 is Latin-1, each but for one; G2 and G3 are extensions.

pub(super) fn g0(byte: u8) -> char {
    if byte == 0x7f { '♪' } else { char::from(byte) }
}

/// What is not defined is shown as an underline (§7.1.4).
pub(super) fn g2(byte: u8) -> char {
    let known = G2.bytes.iter().position(|&known| known == byte);
    known.and_then(|i| G2.characters.chars().nth(i)).unwrap_or('_')
}

struct Table {
    bytes: &'static [u8],
    characters: &'static str,
}

/// The first two are the transparent space, and the one that does not break.
const G2: Table = Table {
    bytes: b"\x20\x21\x25\x2a\x2c\x30\x31\x32\x33\x34\x35\x39\x3a\x3c\x3d\x3f\x76\x77\x78\x79\x7a\x7b\x7c\x7d\x7e\x7f",
    characters: " \u{a0}…ŠŒ█‘’“”•™šœ℠Ÿ⅛⅜⅝⅞│┐└─┘┌",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_has_a_character_for_each_byte() {
        assert_eq!(G2.bytes.len(), G2.characters.chars().count());
        assert_eq!((g2(0x39), g2(0x7f), g2(0x40), g0(0x7f)), ('™', '┌', '_', '♪'));
    }
}
