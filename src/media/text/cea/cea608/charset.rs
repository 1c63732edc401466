//! Characters (CTA-608-E §6.4.2, tables 5 to 11).

/// A basic character: ASCII, with accents in place of what English captions do without.
pub(super) fn basic(byte: u8) -> char {
    match byte {
        0x2a => 'á',
        0x5c => 'é',
        0x5e => 'í',
        0x5f => 'ó',
        0x60 => 'ú',
        0x7b => 'ç',
        0x7c => '÷',
        0x7d => 'Ñ',
        0x7e => 'ñ',
        0x7f => '█',
        other => char::from(other),
    }
}

/// A special character, by the low four bits of its second byte.
pub(super) fn special(second: u8) -> char {
    pick(SPECIAL, second & 0x0f)
}

/// An extended character: of the Spanish and French table, or of the Portuguese, German and Danish one, by the low
/// five bits of its second byte.
pub(super) fn extended(german: bool, second: u8) -> char {
    pick(if german { GERMAN } else { FRENCH }, second & 0x1f)
}

fn pick(table: &str, index: u8) -> char {
    table.chars().nth(index.into()).unwrap_or('█')
}

/// The tenth is the transparent space.
const SPECIAL: &str = "®°½¿™¢£♪à èâêîôû";
const FRENCH: &str = "ÁÉÓÚÜü‘¡*'—©℠•“”ÀÂÇÈÊËëÎÏïÔÙùÛ«»";
const GERMAN: &str = "ÃãÍÌìÒòÕõ{}\\^_|~ÄäÖöß¥¤│ÅåØø┌┐└┘";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_size() {
        let sizes = [SPECIAL, FRENCH, GERMAN].map(|table| table.chars().count());
        assert_eq!(sizes, [16, 32, 32]);
        assert_eq!((special(0x37), extended(false, 0x3f), extended(true, 0x34)), ('♪', '»', 'ß'));
    }
}
