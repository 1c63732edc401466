//! Closed captions that travel in the video (CEA-608 and CEA-708): from SEI messages to cues.
//!
//! `sei` finds caption data, [`Captions`] brings it into presentation order, `cea608` and `cea708` are the two
//! decoders, `grid` makes WebVTT of what they display and `shown` makes cues of when.
//!
//! **When a cue comes out.** When what is shown changes; and at the end of a segment, as far as it is known to be
//! shown. It then goes on in another cue that starts where the first one ended and has the same text: nothing is held
//! back until a later segment arrives, and nothing flickers. Who shows cues may join two such.

mod cea608;
mod cea708;
mod grid;
mod sei;
mod shown;

use super::super::event::MediaEvent;
use crate::time::{MediaTime, TICKS_PER_SECOND};
use cea608::Field;
use cea708::Packets;
use shown::{Output, Tally};

/// Decodes the captions of one video stream.
///
/// Takes the SEI messages of pictures in decoding order:
///
/// ```text
/// (begin_segment (picture sei*)* end_segment)* flush
/// ```
///
/// It keeps its state over segments. As long as no captions come, it does nothing.
#[derive(Clone, Debug, Default)]
pub struct Captions {
    state: State,
    /// As it was when the segment began.
    saved: Option<Box<State>>,
    tally: Tally,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// There were captions.
    active: bool,
    /// The picture at hand: when it is shown.
    pts: i64,
    /// Decoding has come to here: what is to come is shown here or later. All that is shown before is decoded.
    now: i64,
    /// When the last picture is shown.
    last: i64,
    /// Caption data of pictures that are shown later, by when they are.
    held: Vec<Held>,
    fields: [Field; 2],
    packets: Packets,
}

/// The caption data of a picture.
#[derive(Clone, Debug)]
struct Held {
    pts: i64,
    constructs: Vec<[u8; 3]>,
}

/// What a segment had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptionFacts {
    /// Cues that came out.
    pub cues: u32,
    /// Cues that were too many or too large.
    pub dropped: u64,
}

impl Captions {
    /// The next picture is the first of a segment that continues the one before.
    pub fn begin_segment(&mut self) {
        self.tally = Tally::default();
        self.saved = self.state.active.then(|| Box::new(self.state.clone()));
    }

    /// A picture begins, to be shown at `pts` and decoded at `dts`.
    #[inline]
    pub fn picture(&mut self, pts: MediaTime, dts: MediaTime, out: &mut Vec<MediaEvent>) {
        let (pts, dts) = (pts.ticks(), dts.ticks());
        self.state.pts = pts;
        if self.state.active {
            self.state.proceed(pts, dts, &mut Output { out, tally: &mut self.tally });
        }
    }

    /// An SEI NAL unit of the picture at hand: what follows its header, as it is in the stream.
    pub fn sei(&mut self, payload: &[u8]) {
        let mut constructs = Vec::new();
        sei::cc_data(payload, |construct| {
            if constructs.len() < MAX_CONSTRUCTS {
                constructs.push(construct);
            }
        });
        if !constructs.is_empty() {
            self.state.hold(constructs);
        }
    }

    /// All of a picture at once: a sample of an `avc1` track, whose NAL units have lengths of `length_size` bytes.
    pub fn avc_sample(
        &mut self,
        sample: &[u8],
        length_size: usize,
        pts: MediaTime,
        dts: MediaTime,
        out: &mut Vec<MediaEvent>,
    ) {
        self.picture(pts, dts, out);
        let mut rest = sample;
        while let Some((length, behind)) = rest.split_at_checked(length_size).filter(|_| length_size > 0) {
            let length = length.iter().fold(0_usize, |n, &byte| n.saturating_mul(256) | usize::from(byte));
            let (nal, behind) = behind.split_at_checked(length).unwrap_or((behind, &[]));
            if let [0x06 | 0x26 | 0x46 | 0x66, payload @ ..] = nal {
                self.sei(payload);
            }
            rest = behind;
        }
    }

    /// The segment is complete.
    pub fn end_segment(&mut self, out: &mut Vec<MediaEvent>) -> CaptionFacts {
        if self.state.active {
            let now = self.state.now;
            self.state.cut(now, &mut Output { out, tally: &mut self.tally });
        }
        CaptionFacts { cues: self.tally.cues, dropped: self.tally.dropped }
    }

    /// The segment at hand will not be completed: all is again as it was before it.
    pub fn abandon(&mut self) {
        self.state = self.saved.take().map_or_else(State::default, |saved| *saved);
    }

    /// The stream is complete; its last picture lasts for `duration`.
    pub fn flush(&mut self, duration: MediaTime, out: &mut Vec<MediaEvent>) {
        let mut state = core::mem::take(&mut self.state);
        self.saved = None;
        if state.active {
            let out = &mut Output { out, tally: &mut self.tally };
            state.release(i64::MAX, out);
            state.cut(state.last.saturating_add(duration.ticks()), out);
        }
    }
}

impl State {
    /// Decoding has come to `dts`.
    fn proceed(&mut self, pts: i64, dts: i64, out: &mut Output<'_>) {
        if dts < self.now.saturating_sub(MAX_STEP_BACK) {
            // Time jumps back: what is held belongs to the time before, and what is shown goes on.
            self.release(i64::MAX, out);
            self.cut(self.last, out);
            self.fields.iter_mut().for_each(|field| field.rebase(pts));
            self.packets.rebase(pts);
            (self.now, self.last) = (dts, pts);
        }
        self.now = self.now.max(dts);
        self.last = self.last.max(pts);
        self.release(dts, out);
    }

    fn hold(&mut self, constructs: Vec<[u8; 3]>) {
        if !core::mem::replace(&mut self.active, true) {
            (self.now, self.last) = (i64::MIN, self.pts);
        }
        let at = self.held.partition_point(|held| held.pts <= self.pts);
        self.held.insert(at, Held { pts: self.pts, constructs });
    }

    /// Decodes what is shown until `until`, and what is too much to hold.
    fn release(&mut self, until: i64, out: &mut Output<'_>) {
        let due = self.held.partition_point(|held| held.pts <= until);
        let due = due.max(self.held.len().saturating_sub(MAX_HELD));
        let mut held = core::mem::take(&mut self.held);
        for Held { pts, constructs } in held.drain(..due.min(held.len())) {
            for [kind, first, second] in constructs {
                let pair = [first, second];
                match kind & 3 {
                    0 => self.fields[0].pair(0, pair, pts, out),
                    1 => self.fields[1].pair(1, pair, pts, out),
                    kind => self.packets.pair(kind == 3, pair, pts, out),
                }
            }
        }
        self.held = held;
    }

    /// Puts out what is shown, as far as it was shown until `now`.
    fn cut(&mut self, now: i64, out: &mut Output<'_>) {
        self.fields.iter_mut().for_each(|field| field.cut(now, out));
        self.packets.cut(now, out);
    }
}

/// Pictures whose captions are held. Decoders reorder 16 at most, which may come as fields.
const MAX_HELD: usize = 64;
/// Constructs of an SEI NAL unit that are taken: one message has 31 at most, and a picture has one message.
const MAX_CONSTRUCTS: usize = 4 * 31;
/// Ticks that a decoding time may go back without being a jump.
const MAX_STEP_BACK: i64 = TICKS_PER_SECOND;
