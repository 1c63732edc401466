//! `probe`: what is in media segments, as JSON, by the player's own path.
//!
//! Times are those of the input, in 90 kHz ticks: unwrapped, where they have 33 bits. Other tools check us by this form,
//! so the fields named in it stay; more may come.

use std::io::Write;
use std::path::Path;

use clap::Args;
use cloud_player::media::{
    Format, InitSection, Losses, MediaEvent, SampleFacts, SegmentFacts, TrackKind, list_samples, list_tracks,
};
use cloud_player::time::{MediaTime, TICKS_PER_SECOND};
use serde_json::{Map, Value, json};

use super::Failure;
use super::feed::Feed;
use super::segments::Source;

#[derive(Args)]
pub(crate) struct Probe {
    #[command(flatten)]
    source: Source,
}

/// What was found of one kind of track.
#[derive(Default)]
struct Track {
    codec: String,
    format: Option<Format>,
    samples: u64,
    key_frames: u64,
    /// First and last, in the order of decoding.
    first: Option<(i64, i64)>,
    last: Option<(i64, i64)>,
    /// The least and the greatest time that one is shown at.
    start: Option<i64>,
    end: Option<i64>,
}

/// What was found.
#[derive(Default)]
struct Found {
    video: Track,
    audio: Track,
    inits: Vec<InitSection>,
    cues: u64,
    metadata: u64,
    /// Streams in a codec that does not play.
    unsupported: Vec<Value>,
}

impl Probe {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let inputs = self.source.inputs()?;
        let mut feed = Feed::new(MediaTime::from_secs(START), self.source.chunk);
        let (mut found, mut events, mut losses) = (Found::default(), Vec::new(), Map::new());
        let mut bytes = 0_u64;
        let mut offset = 0;
        for input in &inputs {
            let facts = feed.segment(input, &mut events)?;
            bytes = bytes.saturating_add(facts.length);
            offset = facts.offset.unwrap_or(offset);
            add_losses(&mut losses, &facts);
            found.take(&mut events, offset, &input.resource.path)?;
        }
        feed.finish(&mut events);
        found.take(&mut events, offset, Path::new("the last sample"))?;
        let tracks: Vec<Value> = [(TrackKind::Video, &found.video), (TrackKind::Audio, &found.audio)]
            .into_iter()
            .filter(|(_, track)| track.format.is_some() || track.samples > 0)
            .map(|(kind, track)| track.to_json(kind))
            .collect();
        let report = json!({
            "container": feed.container(),
            "segments": inputs.len(),
            "bytes": bytes,
            "timescale": TICKS_PER_SECOND,
            "tracks": tracks,
            "cues": found.cues,
            "metadata": found.metadata,
            "unsupported": found.unsupported,
            "losses": losses,
        });
        let mut out = std::io::stdout().lock();
        writeln!(out, "{report:#}").map_err(|error| Failure::file(Path::new("standard output"), &error))
    }
}

impl Found {
    fn take(&mut self, events: &mut Vec<MediaEvent>, offset: i64, path: &Path) -> Result<(), Failure> {
        for event in events.drain(..) {
            match event {
                MediaEvent::Init(init) => {
                    let tracks = list_tracks(&init.data).map_err(|error| Failure::media(path, &error))?;
                    for facts in tracks {
                        let track =
                            if facts.kind == TrackKind::Video { &mut self.video } else { &mut self.audio };
                        track.codec = facts.codec;
                        track.format = Some(facts.format);
                    }
                    self.inits.retain(|old| old.track != init.track);
                    self.inits.push(init);
                }
                MediaEvent::Fragment(fragment) => {
                    let Some(init) = self.inits.iter().find(|init| init.track == fragment.track) else {
                        continue;
                    };
                    let samples = list_samples(&init.data, fragment.data.bytes())
                        .map_err(|error| Failure::media(path, &error))?;
                    for sample in samples {
                        let track =
                            if sample.track == TrackKind::Video { &mut self.video } else { &mut self.audio };
                        track.add(&sample, offset);
                    }
                }
                MediaEvent::Cue(_) => self.cues = self.cues.saturating_add(1),
                MediaEvent::Metadata(_) => self.metadata = self.metadata.saturating_add(1),
                MediaEvent::Unsupported { track, stream_type } => {
                    self.unsupported.push(json!({ "type": track, "stream_type": stream_type }));
                }
                MediaEvent::Tracks { .. } | MediaEvent::Timeline { .. } => {}
            }
        }
        Ok(())
    }
}

impl Track {
    fn add(&mut self, sample: &SampleFacts, offset: i64) {
        let rate = i128::from(sample.timescale.max(1));
        let ticks = |time: i64| {
            let scaled = (i128::from(time) * i128::from(TICKS_PER_SECOND) + rate / 2).div_euclid(rate);
            i64::try_from(scaled).unwrap_or(i64::MAX).saturating_sub(offset)
        };
        let (pts, dts) = (ticks(sample.pts), ticks(sample.dts));
        self.samples = self.samples.saturating_add(1);
        self.key_frames = self.key_frames.saturating_add(u64::from(sample.key));
        self.first.get_or_insert((pts, dts));
        self.last = Some((pts, dts));
        self.start = Some(self.start.map_or(pts, |start| start.min(pts)));
        self.end = Some(self.end.map_or(pts, |end| end.max(pts)));
    }

    fn to_json(&self, kind: TrackKind) -> Value {
        let mut value = json!({
            "kind": kind,
            "codec": self.codec,
            "samples": self.samples,
            "key_frames": self.key_frames,
            "first_pts": self.start,
            "last_pts": self.end,
            "first_dts": self.first.map(|(_, dts)| dts),
            "last_dts": self.last.map(|(_, dts)| dts),
        });
        let mut put = |name: &str, number: u32| {
            if let Some(object) = value.as_object_mut() {
                object.insert(name.to_owned(), number.into());
            }
        };
        match self.format {
            Some(Format::Video { width, height }) => {
                put("width", width);
                put("height", height);
            }
            Some(Format::Audio { sample_rate, channels }) => {
                put("sample_rate", sample_rate);
                put("channels", channels.into());
            }
            None => {}
        }
        value
    }
}

/// Sums the losses of all segments, by name.
fn add_losses(sums: &mut Map<String, Value>, facts: &SegmentFacts) {
    let losses: &Losses = &facts.losses;
    let Ok(Value::Object(losses)) = serde_json::to_value(losses) else { return };
    for (name, count) in losses {
        let sum = sums.entry(name).or_insert(json!(0));
        *sum = json!(sum.as_u64().unwrap_or(0).saturating_add(count.as_u64().unwrap_or(0)));
    }
}

/// Where the first time stamp goes, in seconds: far enough from zero that nothing is lost there.
const START: f64 = 1000.0;
