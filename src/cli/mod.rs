//! The commands of the native command line, one file each.

pub mod inspect;
