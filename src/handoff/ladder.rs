//! The rungs of a multivariant playlist, each of which the native component can be handed alone.

use crate::access::{expiry, signature_of};
use crate::engine::RungInfo;
use crate::playlist::{Multivariant, RenditionType};
use crate::secret::Url;

use super::io::Fixed;

/// The rungs, lowest first. Never empty.
#[derive(Debug)]
pub(super) struct Ladder {
    rungs: Vec<Rung>,
}

#[derive(Debug)]
struct Rung {
    info: RungInfo,
    url: Url,
}

impl Ladder {
    /// The rungs, and why none may be chosen, if that is so; `url` makes the address of a media playlist. `None`: there is nothing
    /// to play.
    pub(super) fn of(
        playlist: &Multivariant,
        unsupported_codecs: &[String],
        url: impl Fn(&Url) -> Url,
    ) -> Option<(Self, Option<Fixed>)> {
        let variants = playlist.playable_rungs(unsupported_codecs);
        let variants: Vec<_> =
            variants.iter().filter_map(|rung| playlist.variants.get(rung.variant)).collect();
        // A rendition with an address of its own is in no media playlist of a rung.
        let is_apart = |kind: RenditionType, group: &Option<String>| {
            group.as_ref().is_some_and(|group| playlist.group(&kind, group).any(|one| one.uri.is_some()))
        };
        let apart = variants
            .iter()
            .any(|v| is_apart(RenditionType::Audio, &v.audio) || is_apart(RenditionType::Video, &v.video));
        let rungs: Vec<_> =
            variants.iter().map(|v| Rung { info: RungInfo::of(v), url: url(&v.uri) }).collect();
        let fixed = match rungs.len() {
            0 => return None,
            _ if apart => Some(Fixed::Renditions),
            1 => Some(Fixed::Single),
            _ => None,
        };
        Some((Self { rungs }, fixed))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rungs.len()
    }

    /// The declared rate of a rung in bits per second, 0 when unknown.
    pub(super) fn bandwidth(&self, rung: usize) -> u64 {
        self.rungs.get(rung).map_or(0, |rung| rung.info.bandwidth)
    }

    /// The address of a rung's media playlist, as it was made.
    pub(super) fn url(&self, rung: usize) -> Option<&Url> {
        self.rungs.get(rung).map(|rung| &rung.url)
    }

    /// Whether the playlist has signed the addresses itself, so that a new signature on its own is not one on theirs.
    pub(super) fn is_signed(&self) -> bool {
        self.rungs.iter().any(|rung| signature_of(&rung.url).is_some() || expiry(&rung.url).is_some())
    }

    /// As the page sees them.
    pub(super) fn infos(&self) -> Vec<RungInfo> {
        self.rungs.iter().map(|rung| rung.info.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn of_bandwidths(list: &[u64]) -> Self {
        let rung = |&bandwidth: &u64| Rung {
            info: RungInfo { bandwidth, width: 0, height: 0, frame_rate: 0.0, codecs: String::new() },
            url: Url::default(),
        };
        Self { rungs: list.iter().map(rung).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::{Limits, Source, Variables, parse_multivariant};

    fn ladder(text: &str) -> Option<(Ladder, Option<Fixed>)> {
        let base = Url::new("http://h/d/m.m3u8");
        let variables = Variables::default();
        let source = Source { base: &base, variables: &variables, limits: Limits::default() };
        Ladder::of(&parse_multivariant(text.as_bytes(), &source).unwrap(), &["hvc1".into()], Url::clone)
    }

    #[test]
    fn rungs_are_handed_out_alone_unless_something_belongs_to_them() {
        let two = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nb.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5\na.m3u8\n";
        let (found, fixed) = ladder(two).unwrap();
        assert_eq!((found.len(), found.bandwidth(0), fixed), (2, 5, None));
        assert_eq!(found.url(1).unwrap().expose(), "http://h/d/b.m3u8");

        let apart = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"x.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nb.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5,AUDIO=\"a\"\na.m3u8\n";
        assert_eq!(ladder(apart).unwrap().1, Some(Fixed::Renditions));
        let within = apart.replace(",URI=\"x.m3u8\"", "");
        assert_eq!(ladder(&within).unwrap().1, None);

        let one = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"hvc1.1.6\"\nb.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=5,CODECS=\"avc1.4d401f\"\na.m3u8\n";
        let (found, fixed) = ladder(one).unwrap();
        assert_eq!((found.bandwidth(0), fixed), (5, Some(Fixed::Single)));
        assert!(
            ladder(
                "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\"\n"
            )
            .is_none()
        );
    }
}
