//! Behaviour of the core, natively: one binary, one module a subject.

mod play;
mod sample;
mod world;
