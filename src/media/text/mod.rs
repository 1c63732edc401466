//! Timed text: WebVTT segments, and the closed captions that travel in the video. Both come out as
//! [`MediaEvent::Cue`](super::MediaEvent::Cue), in WebVTT's terms.

mod cea;
mod webvtt;

pub use cea::{CaptionFacts, Captions};
pub(super) use webvtt::WebVttReader;
