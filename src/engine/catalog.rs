//! What there is to play: the rungs, and the media playlist of each as far as it is known.

use crate::abr;
use crate::playlist::{MediaPlaylist, Multivariant, Segment, Variant};
use crate::secret::Url;
use crate::time::MediaTime;

use super::io::RungInfo;

/// The rungs of a source, lowest first. Never empty.
#[derive(Debug)]
pub(crate) struct Catalog {
    rungs: Vec<Rung>,
    ladder: Vec<abr::Rung>,
}

/// A rung and where its media playlist stands.
#[derive(Debug)]
pub(crate) struct Rung {
    pub(crate) info: RungInfo,
    /// The address of its media playlist, tokens and signatures included.
    pub(crate) url: Url,
    pub(crate) media: Option<Media>,
    /// It failed for good.
    dead: bool,
}

/// A media playlist at hand.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) playlist: MediaPlaylist,
    /// The address that it came from, which its segments' URLs inherit from.
    pub(crate) url: Url,
}

impl Catalog {
    /// The rungs of a multivariant playlist; `url` makes a variant's request address. `None` when there is nothing
    /// to play in it.
    pub(crate) fn of_multivariant(playlist: &Multivariant, url: impl Fn(&Variant) -> Url) -> Option<Self> {
        let found = playlist.rungs();
        let all_audio = found.iter().all(|rung| rung.audio_only);
        let rungs: Vec<_> = found
            .into_iter()
            // Sound without picture is no rung of a video.
            .filter(|rung| !rung.audio_only || all_audio)
            .filter_map(|rung| playlist.variants.get(rung.variant))
            .map(|variant| Rung { info: info(variant), url: url(variant), media: None, dead: false })
            .collect();
        Self::new(rungs)
    }

    /// The only rung of a media playlist that came where a multivariant one could have been.
    pub(crate) fn of_media(url: Url, playlist: MediaPlaylist) -> Option<Self> {
        let info = RungInfo { bandwidth: 0, width: 0, height: 0, frame_rate: 0.0, codecs: String::new() };
        Self::new(vec![Rung { info, url: url.clone(), media: Some(Media { playlist, url }), dead: false }])
    }

    fn new(rungs: Vec<Rung>) -> Option<Self> {
        let ladder = rungs.iter().map(|r| abr::Rung { bandwidth: r.info.bandwidth }).collect();
        (!rungs.is_empty()).then_some(Self { rungs, ladder })
    }

    /// The rungs as rules see them.
    pub(crate) fn ladder(&self) -> &[abr::Rung] {
        &self.ladder
    }

    /// The rungs as the page sees them.
    pub(crate) fn infos(&self) -> Vec<RungInfo> {
        self.rungs.iter().map(|r| r.info.clone()).collect()
    }

    /// A rung.
    pub(crate) fn rung(&self, index: usize) -> Option<&Rung> {
        self.rungs.get(index)
    }

    /// The rung to use for `wanted`: itself, or if it failed for good the nearest one below that did not, or above.
    pub(crate) fn usable(&self, wanted: usize) -> usize {
        let alive = |i: &usize| self.rungs.get(*i).is_some_and(|r| !r.dead);
        let top = self.rungs.len().saturating_sub(1);
        let wanted = wanted.min(top);
        (0..=wanted).rev().find(alive).or_else(|| (wanted..=top).find(alive)).unwrap_or(wanted)
    }

    /// Takes a rung out of use. `false` if it was the last one.
    pub(crate) fn bury(&mut self, index: usize) -> bool {
        if let Some(rung) = self.rungs.get_mut(index) {
            rung.dead = true;
        }
        self.rungs.iter().any(|r| !r.dead)
    }

    /// Any media playlist that is at hand.
    pub(crate) fn any_media(&self) -> Option<&Media> {
        self.rungs.iter().find_map(|r| r.media.as_ref())
    }

    /// Stores a media playlist.
    pub(crate) fn set_media(&mut self, index: usize, media: Media) {
        if let Some(rung) = self.rungs.get_mut(index) {
            rung.media = Some(media);
        }
    }

    /// A rung's media playlist, if it is at hand.
    pub(crate) fn media(&self, index: usize) -> Option<&Media> {
        self.rungs.get(index)?.media.as_ref()
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

const SLACK: MediaTime = MediaTime::from_millis(60);

fn info(variant: &Variant) -> RungInfo {
    let (width, height) = variant.resolution.unwrap_or_default();
    RungInfo {
        bandwidth: variant.bandwidth.or(variant.average_bandwidth).unwrap_or(0),
        width,
        height,
        frame_rate: variant.frame_rate.unwrap_or(0.0),
        codecs: variant.codecs.join(","),
    }
}
