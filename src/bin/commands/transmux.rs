//! `transmux`: segments in, one fragmented MP4 file out, by the player's own path.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cloud_player::media::{SegmentFacts, TrackKind};
use cloud_player::time::MediaTime;

use super::Failure;
use super::feed::Feed;
use super::segments::Source;
use super::writer::Writer;

#[derive(Args)]
pub(crate) struct Transmux {
    #[command(flatten)]
    source: Source,
    /// Where the MP4 file goes
    #[arg(short, long)]
    output: PathBuf,
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
        let inputs = self.source.inputs()?;
        let only = self.track.map(|track| match track {
            Track::Video => TrackKind::Video,
            Track::Audio => TrackKind::Audio,
        });
        let output = |error: io::Error| Failure::file(&self.output, &error);
        let mut writer = Writer::new(BufWriter::new(File::create(&self.output).map_err(output)?), only);
        let mut feed = Feed::new(MediaTime::from_secs(self.start), self.source.chunk);
        let mut events = Vec::new();
        for input in &inputs {
            let facts = feed.segment(input, &mut events)?;
            report(&input.resource.path, &facts);
            writer.take(&mut events).map_err(output)?;
        }
        feed.finish(&mut events);
        writer.take(&mut events).map_err(output)?;
        if writer.finish().map_err(output)? {
            return Ok(());
        }
        Err(Failure::other(&self.output, "no_media", "the input has nothing of what was asked for"))
    }
}

fn report(input: &Path, facts: &SegmentFacts) {
    if facts.losses.any() {
        eprintln!("{}: {:?}", input.display(), facts.losses);
    }
}
