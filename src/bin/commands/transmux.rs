//! `transmux`: segments in, one fragmented MP4 file out, by the player's own path.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cloud_player::crypto::{ContentKey, Iv};
use cloud_player::media::{SegmentFacts, TrackKind};
use cloud_player::time::MediaTime;

use super::feed::Feed;
use super::writer::Writer;
use super::{Failure, parse_iv, parse_key, segments};

#[derive(Args)]
pub(crate) struct Transmux {
    /// Consecutive segments
    #[arg(required_unless_present = "playlist")]
    inputs: Vec<PathBuf>,
    /// A media playlist: its segments, init sections and keys are the input
    #[arg(long, conflicts_with_all = ["inputs", "key"])]
    playlist: Option<PathBuf>,
    /// Where the MP4 file goes
    #[arg(short, long)]
    output: PathBuf,
    /// The content key of segments encrypted with AES in CBC mode, 32 or 64 hexadecimal digits
    #[arg(long, value_parser = parse_key)]
    key: Option<ContentKey>,
    /// Their initialization vector, hexadecimal; without it the segments are numbered from 0
    #[arg(long, value_parser = parse_iv, requires = "key")]
    iv: Option<Iv>,
    /// Bytes to feed at a time; the output is the same for every number
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
    /// Write one track only
    #[arg(long)]
    track: Option<Track>,
    /// Where the first video time stamp goes, in seconds; what lies before 0 is lost, so leave room for audio that
    /// starts earlier
    #[arg(long, default_value_t = 10.0)]
    start: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Track {
    Video,
    Audio,
}

impl Transmux {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let inputs = match &self.playlist {
            Some(playlist) => segments::of_playlist(playlist)?,
            None => segments::of_files(&self.inputs, self.key.as_ref(), self.iv),
        };
        let only = self.track.map(|track| match track {
            Track::Video => TrackKind::Video,
            Track::Audio => TrackKind::Audio,
        });
        let output = |error: io::Error| Failure::file(&self.output, &error);
        let mut writer = Writer::new(BufWriter::new(File::create(&self.output).map_err(output)?), only);
        let mut feed = Feed::new(MediaTime::from_secs(self.start), self.chunk);
        let mut events = Vec::new();
        for input in &inputs {
            let facts = feed.segment(input, &mut events)?;
            report(&input.resource.path, &facts);
            writer.take(&mut events).map_err(output)?;
        }
        feed.finish(&mut events);
        writer.take(&mut events).map_err(output)?;
        writer.finish().map_err(output)
    }
}

fn report(input: &Path, facts: &SegmentFacts) {
    if facts.losses.any() {
        eprintln!("{}: {:?}", input.display(), facts.losses);
    }
}
