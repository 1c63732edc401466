//! web host
