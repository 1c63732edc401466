//! Silence in the place of sound that is missing: frames of AAC (ISO/IEC 14496-3 §4.4) that the decoder of the sound itself
//! takes, behind the sound's own init section, so that nothing is set up anew where the one goes over into the other.
//!
//! A channel whose `max_sfb` is 0 has no spectrum: a frame of such channels takes a few bytes. An HE-AAC decoder gets
//! frames without an extension, which it brings to its rate as they are (§4.6.18.2.6).

use super::codec::asc;
use super::codec::bits::{BitReader, BitWriter};
use super::event::{Fragment, InitSection};
use super::fmp4::{FragmentBuilder, SampleFlags, SoundTrack};
use super::track::audio::scale;
use super::{FragmentBuf, TrackKind};
use crate::time::{MediaTime, TICKS_PER_SECOND, TimeRange};

/// Makes silence for one init section.
#[derive(Clone, Debug)]
pub struct Silence {
    track: SoundTrack,
    frame: Vec<u8>,
    /// Samples of a frame, and how many make a second.
    samples: i64,
    rate: i64,
}

impl Silence {
    /// For what goes with this init section; `None`: it is of a codec that there is no silence for.
    pub fn of(init: &InitSection) -> Option<Self> {
        let (track, specific) = SoundTrack::of(&init.data)?;
        let config = asc::read(&mut BitReader::new(&specific), Some(specific.len().checked_mul(8)?))?;
        let frame = frame(config.configuration)?;
        Some(Self { track, frame, samples: config.samples.into(), rate: config.sample_rate.into() })
    }

    /// Silence from the start of this range to its end, or up to a frame beyond.
    pub fn fill(&self, range: TimeRange) -> Vec<Fragment> {
        let timescale = i64::from(self.track.timescale);
        let first = scale(range.start.ticks(), timescale, TICKS_PER_SECOND);
        // Where a frame starts, in ticks of the track: counted from the first, so that no rounding adds up.
        let at =
            |n: i64| first.saturating_add(scale(n.saturating_mul(self.samples), timescale, self.rate.max(1)));
        let place = |ticks: i64| MediaTime::from_ticks(scale(ticks, TICKS_PER_SECOND, timescale));
        let (mut out, mut builder) = (Vec::new(), FragmentBuilder::default());
        let (mut n, mut from) = (0, first);
        while place(at(n)) < range.end {
            let duration = u32::try_from(at(n + 1).saturating_sub(at(n))).unwrap_or(0);
            builder.payload().extend_from_slice(&self.frame);
            builder.commit(duration, 0, SampleFlags::Sync);
            n += 1;
            if builder.is_full() || place(at(n)) >= range.end {
                let shown = TimeRange { start: place(from), end: place(at(n)) };
                let decoded = from.saturating_add(self.track.media_time);
                out.extend(self.seal(&mut builder, shown, decoded));
                from = at(n);
            }
        }
        out
    }

    fn seal(&self, builder: &mut FragmentBuilder, range: TimeRange, decoded: i64) -> Option<Fragment> {
        let data: FragmentBuf = builder.seal(self.track.id, 1, u64::try_from(decoded).ok()?)?;
        Some(Fragment {
            track: TrackKind::Audio,
            range,
            decoded: range,
            last_frame: MediaTime::ZERO,
            starts_with_key_frame: true,
            data,
        })
    }
}

/// A `raw_data_block` (§4.4.2.1) of silent channels, by the channel configuration (§1.6.3.5, table 1.19).
fn frame(configuration: u32) -> Option<Vec<u8>> {
    let elements: &[u32] = match configuration {
        1 => &[SINGLE],
        2 => &[PAIR],
        3 => &[SINGLE, PAIR],
        4 => &[SINGLE, PAIR, SINGLE],
        5 => &[SINGLE, PAIR, PAIR],
        6 => &[SINGLE, PAIR, PAIR, LOW],
        7 => &[SINGLE, PAIR, PAIR, PAIR, LOW],
        _ => return None,
    };
    let mut out = BitWriter::default();
    for (i, element) in elements.iter().enumerate() {
        out.put(*element, 3);
        // Elements of a kind are told apart by their number.
        let before = elements.iter().take(i).filter(|other| *other == element).count();
        out.put(u32::try_from(before).ok()?, 4);
        if *element == PAIR {
            out.put(0, 1); // no common window
            channel(&mut out);
        }
        channel(&mut out);
    }
    out.put(END, 3);
    Some(out.into_bytes())
}

/// An `individual_channel_stream` (§4.4.2.3): a gain; a long window without bands and without prediction; and neither
/// pulses, noise shaping nor gain control.
fn channel(out: &mut BitWriter) {
    out.put(0, 8 + 11 + 3);
}

// `id_syn_ele` (§4.4.2.1, table 4.85).
const SINGLE: u32 = 0;
const PAIR: u32 = 1;
const LOW: u32 = 3;
const END: u32 = 7;
