//! The scenarios, one module a subject. Each is played on a stage of its own.

mod access;
mod adaptation;
mod demo;
mod embed;
mod harness;
mod packagers;
mod play_info;
mod playback;
mod player;
mod recovery;
mod renditions;
mod renewal;
mod report;
mod resilience;
mod secrets;
mod seeking;
mod streaming;
