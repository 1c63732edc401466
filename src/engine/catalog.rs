//! What there is to play: the rungs, the renditions that go with them, and the media playlist of each as far as it is
//! known.

use core::time::Duration;
use std::collections::VecDeque;

use crate::abr;
use crate::access::same_origin;
use crate::playlist::{self, MediaPlaylist, Multivariant, Refresh, Segment, Start, Variables, Variant};
use crate::secret::Url;
use crate::time::{MediaTime, Timestamp};

use super::io::RungInfo;
use super::lane::LaneId;
use super::renditions::{Sounds, Texts};
use super::standing::Standing;

/// The rungs of a source, lowest first. Never empty.
#[derive(Debug)]
pub(crate) struct Catalog {
    rungs: Vec<Rung>,
    ladder: Vec<abr::Rung>,
    /// How long a segment is, by the media playlist that came last.
    segment: MediaTime,
    /// The renditions of the sound.
    pub(crate) sounds: Sounds,
    /// The renditions of the text.
    pub(crate) texts: Texts,
    /// EXT-X-START of the multivariant playlist.
    pub(crate) start: Option<Start>,
    /// What media playlists may import.
    variables: Variables,
}

/// A rung.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) info: RungInfo,
    /// Declared average rate in bits per second, 0 when unknown.
    average: u64,
    stream: Stream,
    /// The group of renditions that its sound is in.
    audio: Option<String>,
    /// Where else it is (redundant streams, RFC 8216bis §4.4.6.2), the one to go to next first.
    elsewhere: VecDeque<Place>,
}

/// Another address of a rung.
#[derive(Debug)]
struct Place {
    url: Url,
    audio: Option<String>,
    standing: Standing,
}

/// Where a media playlist is, and how it stands.
#[derive(Debug)]
pub(crate) struct Stream {
    /// The address of the media playlist, tokens and signatures included.
    pub(crate) url: Url,
    pub(crate) media: Option<Media>,
    /// When the last load of it began.
    pub(crate) asked: Timestamp,
    /// When it came for the first time, when a load last brought something new, and when it was last known to be as it is.
    pub(crate) came: Timestamp,
    pub(crate) changed: Timestamp,
    pub(crate) got: Timestamp,
    /// What the last load brought.
    pub(crate) news: Refresh,
    /// The next load must bring the whole playlist: an update did not fit what is known.
    pub(crate) whole: bool,
    /// How often its server began anew; and whether the last time was told by another playlist, and this one may yet show it.
    pub(crate) restarts: u32,
    pub(crate) may_show: bool,
    /// Whether it has failed, and for how long it is left alone.
    pub(crate) standing: Standing,
}

/// A media playlist at hand.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) playlist: MediaPlaylist,
    /// The address that it came from, which its segments' URLs inherit from.
    pub(crate) url: Url,
}

impl Catalog {
    /// The rungs of a multivariant playlist; `url` makes the request address of a media playlist. `None` when there is
    /// nothing to play in it. Variants in an unsupported codec are left out, unless nothing else is left.
    pub(crate) fn of_multivariant(
        playlist: &Multivariant,
        unsupported_codecs: &[String],
        url: impl Fn(&Url) -> Url,
    ) -> Option<Self> {
        let found = playlist.playable_rungs(unsupported_codecs);
        let all_audio = found.iter().all(|rung| rung.audio_only);
        // Where all is sound, the rungs themselves are it.
        let audio = |variant: &Variant| variant.audio.clone().filter(|_| !all_audio);
        let elsewhere = |rung: &playlist::Rung| {
            let variants = rung.fallbacks.iter().filter_map(|at| playlist.variants.get(*at));
            let standing = Standing::default();
            variants.map(|v| Place { url: url(&v.uri), audio: audio(v), standing }).collect()
        };
        let rungs: Vec<_> = found
            .iter()
            .filter_map(|rung| Some((rung, playlist.variants.get(rung.variant)?)))
            .map(|(rung, variant)| Rung {
                info: RungInfo::of(variant),
                average: variant.average_bandwidth.unwrap_or(0),
                stream: Stream::at(url(&variant.uri)),
                audio: audio(variant),
                elsewhere: elsewhere(rung),
            })
            .collect();
        let groups: Vec<_> = rungs.iter().filter_map(|rung| rung.audio.as_deref()).collect();
        let sounds = Sounds::of(playlist, &groups, &url);
        let (start, variables) = (playlist.start, playlist.variables.clone());
        Some(Self { sounds, texts: Texts::of(playlist, &url), start, variables, ..Self::new(rungs)? })
    }

    /// The only rung of a media playlist that came where a multivariant one could have been.
    pub(crate) fn of_media(now: Timestamp, url: Url, playlist: MediaPlaylist) -> Option<Self> {
        let info = RungInfo { bandwidth: 0, width: 0, height: 0, frame_rate: 0.0, codecs: String::new() };
        let mut stream = Stream::at(url.clone());
        stream.media = Some(Media { playlist, url });
        (stream.asked, stream.changed, stream.got) = (now, now, now);
        let elsewhere = VecDeque::new();
        Self::new(vec![Rung { info, average: 0, stream, audio: None, elsewhere }])
    }

    fn new(rungs: Vec<Rung>) -> Option<Self> {
        let of = |r: &Rung| abr::Rung { bandwidth: r.info.bandwidth, average: r.average };
        let ladder = rungs.iter().map(of).collect();
        let (start, variables) = (None, Variables::default());
        (!rungs.is_empty()).then_some(Self {
            rungs,
            ladder,
            segment: USUAL_SEGMENT,
            sounds: Sounds::default(),
            texts: Texts::default(),
            start,
            variables,
        })
    }

    /// The rungs as rules see them.
    pub(crate) fn ladder(&self) -> &[abr::Rung] {
        &self.ladder
    }

    /// How long a segment of a rung is, mostly.
    pub(crate) fn segment_length(&self) -> MediaTime {
        self.segment
    }

    /// The rungs as the page sees them.
    pub(crate) fn infos(&self) -> Vec<RungInfo> {
        self.rungs.iter().map(|r| r.info.clone()).collect()
    }

    /// Width and height of each rung; 0 where they are not known.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (u32, u32)> {
        self.rungs.iter().map(|r| (r.info.width, r.info.height))
    }

    /// A rung.
    pub(crate) fn rung(&self, index: usize) -> Option<&Rung> {
        self.rungs.get(index)
    }

    /// The rendition that a rung's sound comes from; `None`: it comes with the rung itself.
    pub(crate) fn sound_of(&self, rung: usize) -> Option<usize> {
        let member = self.sounds.of_group(self.rungs.get(rung)?.audio.as_ref()?)?;
        self.sounds.stream(member).map(|_| member)
    }

    /// Which of the renditions that the page knows a rung's sound is; `None`: it knows of none.
    pub(crate) fn audio_of(&self, rung: usize) -> Option<usize> {
        let member = self.sounds.of_group(self.rungs.get(rung)?.audio.as_ref()?)?;
        self.sounds.info_of(member)
    }

    /// The rung to use for `wanted` at a place: itself, or if it is left alone the nearest one below that is not, or
    /// above; or where all are, one that failed elsewhere.
    pub(crate) fn usable(&self, wanted: usize, place: MediaTime) -> usize {
        let top = self.rungs.len().saturating_sub(1);
        let wanted = wanted.min(top);
        let nearest = |is: &dyn Fn(&Stream) -> bool| {
            let is = |i: &usize| self.rungs.get(*i).is_some_and(|r| is(&r.stream));
            (0..=wanted).rev().find(is).or_else(|| (wanted..=top).find(is))
        };
        let found = nearest(&|stream| !stream.rests());
        found.or_else(|| nearest(&|stream| stream.standing.may_do_at(place))).unwrap_or(wanted)
    }

    /// Whether another rung, or another rendition of the group, can take the place of one there.
    pub(crate) fn has_other(&self, lane: LaneId, index: usize, place: MediaTime) -> bool {
        let does = |stream: &Stream| !stream.rests() || stream.standing.may_do_at(place);
        match lane {
            LaneId::Main => self.rungs.iter().enumerate().any(|(i, r)| i != index && does(&r.stream)),
            LaneId::Audio => self.sounds.has_other(index),
            LaneId::Text => false,
        }
    }

    /// Leaves a rung or a rendition alone for a while: it failed there.
    pub(crate) fn bury(&mut self, now: Timestamp, lane: LaneId, index: usize, place: Option<MediaTime>) {
        if let Some(stream) = self.stream_mut(lane, index) {
            stream.standing.fail(now, place);
        }
    }

    /// Whether a rung is at another address as well, which is not left alone.
    pub(crate) fn is_elsewhere(&self, rung: usize) -> bool {
        self.rungs.get(rung).is_some_and(|r| r.elsewhere.iter().any(|place| !place.standing.rests()))
    }

    /// Goes to another address of a rung; `false`: there is none.
    pub(crate) fn go_elsewhere(&mut self, now: Timestamp, rung: usize) -> bool {
        let Some(rung) = self.rungs.get_mut(rung) else { return false };
        let Some(next) = rung.elsewhere.iter().position(|place| !place.standing.rests()) else {
            return false;
        };
        let Some(Place { url, audio, standing }) = rung.elsewhere.remove(next) else { return false };
        let restarts = rung.stream.restarts;
        let left = core::mem::replace(&mut rung.stream, Stream { standing, restarts, ..Stream::at(url) });
        let audio = core::mem::replace(&mut rung.audio, audio);
        let mut standing = left.standing;
        standing.fail(now, None);
        rung.elsewhere.push_back(Place { url: left.url, audio, standing });
        true
    }

    /// The rungs that are at the same server as this address.
    pub(crate) fn rungs_beside(&self, url: &Url) -> Vec<usize> {
        let beside = self.rungs.iter().enumerate().filter(|(_, r)| same_origin(&r.stream.url, url));
        beside.map(|(i, _)| i).collect()
    }

    /// Lets go of what was left alone for long enough.
    pub(crate) fn forgive(&mut self, now: Timestamp) {
        let rungs = self.rungs.iter_mut();
        let rungs = rungs.flat_map(|r| {
            let elsewhere = r.elsewhere.iter_mut().map(|place| &mut place.standing);
            core::iter::once(&mut r.stream.standing).chain(elsewhere)
        });
        rungs.for_each(|standing| standing.forgive(now));
        let streams = self.sounds.streams_mut().chain(self.texts.streams_mut());
        streams.for_each(|(_, stream)| stream.standing.forgive(now));
    }

    /// Any rung's media playlist that is at hand.
    pub(crate) fn any_media(&self) -> Option<&Media> {
        self.rungs.iter().find_map(|r| r.stream.media.as_ref())
    }

    /// How often the server has begun anew, as far as any playlist has shown, and of those that have shown as much the one to
    /// put a new one beside, with when it was known to be so: what was loaded last, of this rung, of another, or of a
    /// rendition, whose playlist may come long before the first of the rungs.
    fn reference(&self, rung: Option<usize>) -> (u32, Option<(&Media, Timestamp)>) {
        let first = rung.and_then(|rung| self.rungs.get(rung)).map(|rung| &rung.stream);
        let rungs = self.rungs.iter().map(|rung| &rung.stream);
        let sounds = self.sounds.streams();
        let all = || first.into_iter().chain(rungs.clone()).chain(sounds.clone());
        let restarts = all().map(|stream| stream.restarts).max().unwrap_or(0);
        let as_new = all().filter(|stream| stream.restarts == restarts);
        let known = as_new.filter_map(|stream| Some((stream.media.as_ref()?, stream.got)));
        (restarts, known.reduce(|newest, other| if other.1 > newest.1 { other } else { newest }))
    }

    /// A media playlist that comes for the first time, put on the timeline of those that are known.
    pub(crate) fn put_beside_others(
        &mut self,
        now: Timestamp,
        at_rung: Option<usize>,
        (lane, index): (LaneId, usize),
        mut playlist: MediaPlaylist,
    ) -> MediaPlaylist {
        let (restarts, reference) = self.reference(at_rung);
        if let Some((Media { playlist: known, .. }, got)) = reference
            // Also beside what has ended meanwhile, for the window had moved by then.
            && (playlist.is_live() || known.is_live() || known.window().start > MediaTime::ZERO)
        {
            playlist.align_to(known, now.since(got));
        }
        if let Some(stream) = self.stream_mut(lane, index) {
            (stream.restarts, stream.came, stream.may_show) = (restarts, now, false);
        }
        playlist
    }

    /// Segments are about so long, by the media playlist that came last.
    pub(crate) fn learn_segment(&mut self, playlist: &MediaPlaylist) {
        self.segment = usual_length(playlist).unwrap_or(self.segment);
    }

    /// The variables that media playlists may import.
    pub(crate) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// A rung or a rendition, to change how it stands.
    pub(crate) fn stream_mut(&mut self, lane: LaneId, index: usize) -> Option<&mut Stream> {
        match lane {
            LaneId::Main => self.rungs.get_mut(index).map(|r| &mut r.stream),
            LaneId::Audio => self.sounds.stream_mut(index),
            LaneId::Text => self.texts.stream_mut(index),
        }
    }

    /// Forgets all media playlists but those in use: where the others lie was told by what is gone.
    pub(crate) fn forget_unused(&mut self, used: &[(LaneId, usize)]) {
        for (of, i, stream) in self.streams_mut() {
            if !used.contains(&(of, i)) {
                stream.media = None;
            }
        }
    }

    /// All rungs and renditions.
    pub(crate) fn streams_mut(&mut self) -> impl Iterator<Item = (LaneId, usize, &mut Stream)> {
        let mains = self.rungs.iter_mut().map(|r| &mut r.stream).enumerate();
        let mains = mains.map(|(i, s)| (LaneId::Main, i, s));
        let sounds = self.sounds.streams_mut().map(|(i, s)| (LaneId::Audio, i, s));
        let texts = self.texts.streams_mut().map(|(i, s)| (LaneId::Text, i, s));
        mains.chain(sounds).chain(texts)
    }

    /// Where their media playlists are, all that are named.
    pub(crate) fn addresses_mut(&mut self) -> impl Iterator<Item = &mut Url> {
        let mains = self.rungs.iter_mut().flat_map(|r| {
            core::iter::once(&mut r.stream.url).chain(r.elsewhere.iter_mut().map(|place| &mut place.url))
        });
        let sounds = self.sounds.streams_mut().map(|(_, s)| &mut s.url);
        let texts = self.texts.streams_mut().map(|(_, s)| &mut s.url);
        mains.chain(sounds).chain(texts)
    }

    /// Where the media playlist of a rung or a rendition is.
    pub(crate) fn stream(&self, lane: LaneId, index: usize) -> Option<&Stream> {
        match lane {
            LaneId::Main => self.rungs.get(index).map(|r| &r.stream),
            LaneId::Audio => self.sounds.stream(index),
            LaneId::Text => self.texts.stream(index),
        }
    }

    /// The media playlist of a rung or a rendition, if it is at hand.
    pub(crate) fn media(&self, lane: LaneId, index: usize) -> Option<&Media> {
        self.stream(lane, index)?.media.as_ref()
    }
}

impl Stream {
    /// Nothing is known of it but its address.
    pub(super) fn at(url: Url) -> Self {
        let (zero, news, standing) = (Timestamp::ZERO, Refresh::Unchanged, Standing::default());
        Self {
            url,
            media: None,
            asked: zero,
            came: zero,
            changed: zero,
            got: zero,
            news,
            whole: false,
            restarts: 0,
            may_show: false,
            standing,
        }
    }

    /// A load of the playlist brought this.
    pub(crate) fn heard(&mut self, now: Timestamp, news: Refresh) {
        (self.news, self.whole, self.got) = (news, false, now);
        if !matches!(news, Refresh::Unchanged | Refresh::Stale) {
            (self.changed, self.may_show) = (now, false);
        }
    }

    /// Whether it is left alone for now.
    pub(crate) fn rests(&self) -> bool {
        self.standing.rests()
    }

    /// Whether the playlist is at hand and, if it changes, not out of date.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.media.as_ref().is_some_and(|media| {
            let target = media.playlist.target_duration();
            !media.playlist.is_live() || now.since(self.got) <= (target + target / 2).max(MIN_FRESH)
        })
    }
}

impl Media {
    /// The segment to load in order to go on at `t`. A segment that ends within [`SLACK`] after `t` is behind it:
    /// rungs do not agree on their borders to the tick.
    pub(crate) fn segment_from(&self, t: MediaTime) -> Option<&Segment> {
        let index = self.playlist.segment_at(t)?;
        let segment = self.playlist.segments.get(index)?;
        if segment.end() - t <= SLACK && t > segment.start() {
            return self.playlist.segments.get(index + 1);
        }
        Some(segment)
    }
}

/// However short segments are said to be, a playlist is good for so long.
const MIN_FRESH: Duration = Duration::from_secs(1);
/// The mean length of a playlist's segments but for the last one, which is what is left over. The declared target
/// duration is only their upper bound.
fn usual_length(playlist: &MediaPlaylist) -> Option<MediaTime> {
    let whole = playlist.segments.split_last().map_or(&[][..], |(_, before)| before);
    let some = if whole.is_empty() { &playlist.segments[..] } else { whole };
    let (first, last) = (some.first()?, some.last()?);
    let mean = (last.end() - first.start()).ticks() / i64::try_from(some.len()).ok()?;
    (mean > 0).then_some(MediaTime::from_ticks(mean))
}

/// Until a media playlist says how long its segments are.
const USUAL_SEGMENT: MediaTime = MediaTime::from_millis(6000);
const SLACK: MediaTime = MediaTime::from_millis(60);

impl RungInfo {
    /// What a playlist says of a variant.
    pub(crate) fn of(variant: &Variant) -> Self {
        let (width, height) = variant.resolution.unwrap_or_default();
        Self {
            bandwidth: variant.bandwidth.or(variant.average_bandwidth).unwrap_or(0),
            width,
            height,
            frame_rate: variant.frame_rate.unwrap_or(0.0),
            codecs: variant.codecs.join(","),
        }
    }
}
