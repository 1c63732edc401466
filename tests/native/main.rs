//! Integration tests on the host machine, in one binary.

mod media;
