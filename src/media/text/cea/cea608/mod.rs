//! Line 21 captions (ANSI/CTA-608-E; 47 CFR 15.119): `field` takes the byte pairs of one field to its two channels,
//! `channel` is the display of one, `charset` has its characters.

mod channel;
mod charset;
mod field;

pub(super) use field::Field;
