//! The samples of a fragment, one by one: for tools, not for playing.

use super::moof::Moof;
use super::movie::{Movie, Track};
use super::place::shown;
use crate::media::{Format, MediaError, TrackKind};

/// A sample of a fragment, as its header describes it. Times are in ticks of the track, with its edit list applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleFacts {
    /// Of which track.
    pub track: TrackKind,
    /// Ticks a second.
    pub timescale: u32,
    /// When it is shown.
    pub pts: i64,
    /// When it is decoded.
    pub dts: i64,
    /// Ticks that it lasts.
    pub duration: u32,
    /// Bytes.
    pub size: u32,
    /// It decodes without others.
    pub key: bool,
}

/// A track of an init section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFacts {
    /// Video or audio.
    pub kind: TrackKind,
    /// RFC 6381: `avc1.64001f`, `mp4a.40.2`.
    pub codec: String,
    /// What it shows or sounds like.
    pub format: Format,
}

/// Lists the tracks of an init section, video first.
pub fn list_tracks(init: &[u8]) -> Result<Vec<TrackFacts>, MediaError> {
    let (movie, _) = Movie::parse(init, 0)?;
    let facts = |track: Track| TrackFacts { kind: track.kind, codec: track.codec, format: track.format };
    Ok(movie.tracks.into_iter().map(facts).collect())
}

/// Lists the samples of a fragment (`moof` first) with the help of its init section.
pub fn list_samples(init: &[u8], fragment: &[u8]) -> Result<Vec<SampleFacts>, MediaError> {
    let (movie, _) = Movie::parse(init, 0)?;
    let size = fragment.first_chunk::<4>().map_or(0, |size| u32::from_be_bytes(*size));
    let header = fragment.get(..usize::try_from(size).unwrap_or(0)).unwrap_or_default();
    let moof = Moof::parse(header, &movie, 0)?;
    let mut samples = Vec::new();
    for traf in &moof.trafs {
        let Some(track) = movie.tracks.get(traf.track) else { continue };
        let mut dts = traf.tfdt.as_ref().map_or(0, |tfdt| tfdt.time);
        for sample in &traf.samples {
            samples.push(SampleFacts {
                track: track.kind,
                timescale: track.timescale,
                pts: shown(sample, track, dts),
                dts: dts.saturating_sub(track.media_time),
                duration: sample.duration,
                size: sample.size,
                key: sample.is_sync(),
            });
            dts = dts.saturating_add(i64::from(sample.duration));
        }
    }
    Ok(samples)
}
