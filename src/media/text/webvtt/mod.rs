//! WebVTT segments as HLS has them (RFC 8216bis §3.1.4): `parser` is the parser of the WebVTT standard, `time` reads
//! its times, `reader` puts cues on the presentation timeline.

mod parser;
mod reader;
mod time;

pub(in crate::media) use reader::WebVttReader;
