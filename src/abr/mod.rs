//! abr
