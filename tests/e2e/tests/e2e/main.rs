//! The scenarios, one module a subject.

mod harness;
