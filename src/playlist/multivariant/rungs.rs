//! Rungs: what adaptation chooses among.
//!
//! Variants that differ only in where they are (redundant streams, RFC 8216bis §4.4.6.2; pathways, §7) are
//! one rung with fallbacks.

use std::collections::BTreeMap;

use super::{Multivariant, Variant};

/// One quality of the presentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Index of the variant to use.
    pub variant: usize,
    /// Indices of the variants to use in its place when it fails, in order.
    pub fallbacks: Vec<usize>,
    /// Peak bit rate, bits a second.
    pub bandwidth: Option<u64>,
    /// Whether there is no video in it ([`Variant::is_audio_only`]).
    pub audio_only: bool,
}

impl Multivariant {
    /// The rungs, lowest first: by bandwidth, then by picture size, then as the playlist has them. A rung of unknown bandwidth comes before the
    /// others and is never merged with another.
    pub fn rungs(&self) -> Vec<Rung> {
        let mut rungs: Vec<Rung> = Vec::new();
        let mut known: BTreeMap<Quality<'_>, usize> = BTreeMap::new();
        for (variant, v) in self.variants.iter().enumerate() {
            if let Some(quality) = Quality::of(v) {
                let at = *known.entry(quality).or_insert(rungs.len());
                if let Some(rung) = rungs.get_mut(at) {
                    rung.fallbacks.push(variant);
                    continue;
                }
            }
            let audio_only = v.is_audio_only();
            rungs.push(Rung { variant, fallbacks: Vec::new(), bandwidth: v.bandwidth, audio_only });
        }
        rungs.sort_unstable_by_key(|rung| {
            let size = self.variants.get(rung.variant).and_then(|v| v.resolution);
            (rung.bandwidth, size.map(|(width, height)| u64::from(width) * u64::from(height)), rung.variant)
        });
        rungs
    }

    /// The rungs that can be played, lowest first: all with pictures, or all sound alone. Variants in an unsupported codec (by
    /// the first part of its RFC 6381 name) are left out, unless nothing else is left.
    pub fn playable_rungs(&self, unsupported_codecs: &[String]) -> Vec<Rung> {
        let takes = |variant: &Variant| {
            let name = |codec: &str| codec.split('.').next().unwrap_or_default().to_ascii_lowercase();
            !variant.codecs.iter().any(|codec| unsupported_codecs.contains(&name(codec)))
        };
        let is_taken = |rung: &Rung| self.variants.get(rung.variant).is_some_and(takes);
        let mut found = self.rungs();
        // Sound alone is no way to play a video whose pictures are not taken.
        let all_sound = found.iter().all(|rung| rung.audio_only);
        if found.iter().any(|rung| is_taken(rung) && (all_sound || !rung.audio_only)) {
            found.retain(is_taken);
        }
        // Sound without picture is no rung of a video.
        if !found.iter().all(|rung| rung.audio_only) {
            found.retain(|rung| !rung.audio_only);
        }
        found
    }
}

/// What makes two variants the same to a viewer.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Quality<'a> {
    bandwidth: u64,
    resolution: Option<(u32, u32)>,
    frame_rate: Option<u64>,
    codecs: &'a [String],
    supplemental_codecs: &'a [String],
    video_range: Option<&'a str>,
    hdcp_level: Option<String>,
    video_layout: Option<&'a str>,
}

impl<'a> Quality<'a> {
    fn of(v: &'a Variant) -> Option<Self> {
        Some(Self {
            bandwidth: v.bandwidth?,
            resolution: v.resolution,
            frame_rate: v.frame_rate.map(f64::to_bits),
            codecs: &v.codecs,
            supplemental_codecs: &v.supplemental_codecs,
            video_range: v.video_range.as_deref(),
            hdcp_level: v.hdcp_level.as_ref().map(ToString::to_string),
            video_layout: v.video_layout.as_deref(),
        })
    }
}
