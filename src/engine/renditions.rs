//! The renditions that accompany the rungs (EXT-X-MEDIA, RFC 8216bis §4.4.6.1): what there is, what the page is told of
//! it, and which one a choice stands for.
//!
//! Members of different groups that differ only in their encoding are one to the viewer (§4.4.6.1.1): they have the same
//! NAME and LANGUAGE. A choice is one of these, so it survives a change of the group.

use serde::Serialize;

use crate::media::TextTrack;
use crate::playlist::{ClosedCaptions, InstreamId, Multivariant, Rendition, RenditionType};
use crate::secret::Url;

use super::catalog::Stream;

/// A rendition of the sound as the page sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AudioInfo {
    /// NAME: for people.
    pub name: String,
    /// LANGUAGE, an RFC 5646 tag; empty when unknown.
    pub language: String,
    /// CHANNELS as written, of the first group that has it: a count, then what the coding is (`6`, `16/JOC`); empty when
    /// unknown.
    pub channels: String,
    /// DEFAULT: what plays unless something else is asked for.
    pub default: bool,
    /// AUTOSELECT: may be chosen by its language.
    pub autoselect: bool,
}

/// A rendition of the text as the page sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TextInfo {
    /// What it is.
    pub kind: TextKind,
    /// NAME: for people; of captions that no playlist announces, their INSTREAM-ID.
    pub name: String,
    /// LANGUAGE, an RFC 5646 tag; empty when unknown.
    pub language: String,
    /// DEFAULT: shown unless something else is asked for.
    pub default: bool,
    /// AUTOSELECT: may be chosen by its language.
    pub autoselect: bool,
    /// FORCED: only what is needed for understanding, such as signs and foreign speech.
    pub forced: bool,
}

/// What text is for, in the words of HTML's `TextTrack.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// Translation, for who hears but does not understand.
    Subtitles,
    /// All that is heard, for who does not hear.
    Captions,
}

/// The renditions of the sound.
#[derive(Debug, Default)]
pub(crate) struct Sounds {
    infos: Vec<AudioInfo>,
    list: Vec<Sound>,
    /// What the viewer chose.
    chosen: Option<usize>,
    /// What suits the languages that the page prefers.
    preferred: Option<usize>,
    /// What comes with the rungs cannot be played apart from their pictures.
    inseparable: bool,
}

/// A member of a group.
#[derive(Debug)]
struct Sound {
    group: String,
    /// Index of its info.
    info: usize,
    /// Its media; `None`: it comes with the rungs.
    stream: Option<Stream>,
}

/// The renditions of the text.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    tracks: Vec<Text>,
    streams: Vec<Stream>,
    /// The playlist says which captions the rungs have, or that there are none.
    captions_known: bool,
}

#[derive(Debug)]
struct Text {
    info: TextInfo,
    source: TextSource,
}

/// Where text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextSource {
    /// Media playlists, as indices of streams: the first that works.
    Playlists(Vec<usize>),
    /// The pictures.
    InBand(TextTrack),
}

impl Sounds {
    /// The renditions of these groups; `url` makes the request address of a media playlist.
    pub(crate) fn of(playlist: &Multivariant, groups: &[&str], url: impl Fn(&Url) -> Url) -> Self {
        let mut sounds = Self::default();
        let of_groups =
            |r: &&Rendition| r.kind == RenditionType::Audio && groups.contains(&r.group_id.as_str());
        for rendition in playlist.renditions.iter().filter(of_groups) {
            let language = rendition.language.clone().unwrap_or_default();
            let known = sounds.infos.iter().position(|i| i.name == rendition.name && i.language == language);
            let info = known.unwrap_or_else(|| {
                sounds.infos.push(AudioInfo {
                    name: rendition.name.clone(),
                    language,
                    channels: rendition.channels.clone().unwrap_or_default(),
                    default: rendition.default,
                    autoselect: rendition.autoselect || rendition.default,
                });
                sounds.infos.len() - 1
            });
            let stream = rendition.uri.as_ref().map(|uri| Stream::at(url(uri)));
            sounds.list.push(Sound { group: rendition.group_id.clone(), info, stream });
        }
        sounds
    }

    /// As the page sees them.
    pub(crate) fn infos(&self) -> &[AudioInfo] {
        &self.infos
    }

    /// Prefers what suits the first of these languages that something suits.
    pub(crate) fn prefer(&mut self, languages: &[String]) {
        let infos = &self.infos;
        self.preferred = best(languages, infos.len(), |i| {
            let info = infos.get(i)?;
            Some((info.language.as_str(), u8::from(info.default) + u8::from(info.autoselect)))
        });
    }

    /// Chooses one, or leaves the choice to the languages and the author; the result is what was chosen before.
    pub(crate) fn choose(&mut self, info: Option<usize>) -> Option<usize> {
        core::mem::replace(&mut self.chosen, info.filter(|i| *i < self.infos.len()))
    }

    /// What comes with the rungs cannot be had without their pictures: it takes the place of nothing.
    pub(crate) fn inseparable(&mut self) {
        self.inseparable = true;
    }

    /// The member of a group to play: what was chosen, what suits the languages, the author's default, one that may be
    /// chosen without the viewer, or the first; of those that work.
    pub(crate) fn of_group(&self, group: &str) -> Option<usize> {
        let rank = |info: usize| {
            let of_author = self.infos.get(info).map_or(0, |i| u8::from(i.default) + u8::from(i.autoselect));
            (self.chosen == Some(info), self.preferred == Some(info), of_author)
        };
        let of_group = self.list.iter().enumerate().filter(|(_, s)| s.group == group && self.works(s));
        // Of equals the first.
        of_group.rev().max_by_key(|(_, sound)| rank(sound.info)).map(|(index, _)| index)
    }

    /// Index of the info of a member.
    pub(crate) fn info_of(&self, index: usize) -> Option<usize> {
        self.list.get(index).map(|sound| sound.info)
    }

    /// A member's media; `None` where it comes with the rungs.
    pub(crate) fn stream(&self, index: usize) -> Option<&Stream> {
        self.list.get(index)?.stream.as_ref()
    }

    /// All media.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Stream> + Clone {
        self.list.iter().filter_map(|sound| sound.stream.as_ref())
    }

    /// A member's media, to change how it stands.
    pub(crate) fn stream_mut(&mut self, index: usize) -> Option<&mut Stream> {
        self.list.get_mut(index)?.stream.as_mut()
    }

    /// All media.
    pub(crate) fn streams_mut(&mut self) -> impl Iterator<Item = (usize, &mut Stream)> {
        self.list.iter_mut().enumerate().filter_map(|(i, sound)| Some((i, sound.stream.as_mut()?)))
    }

    /// Whether another member of its group can take the place of one.
    pub(crate) fn has_other(&self, index: usize) -> bool {
        let Some(sound) = self.list.get(index) else { return false };
        let mut others = self.list.iter().enumerate().filter(|(i, s)| *i != index && s.group == sound.group);
        others.any(|(_, other)| self.works(other))
    }

    fn works(&self, sound: &Sound) -> bool {
        sound.stream.as_ref().map_or(!self.inseparable, |stream| !stream.rests())
    }
}

impl Texts {
    /// The renditions of the groups that variants name; `url` makes the request address of a media playlist.
    pub(crate) fn of(playlist: &Multivariant, url: impl Fn(&Url) -> Url) -> Self {
        let mut texts = Self::default();
        let variants = &playlist.variants;
        for rendition in &playlist.renditions {
            let group = &rendition.group_id;
            match (&rendition.kind, &rendition.uri) {
                (RenditionType::Subtitles, Some(uri))
                    if variants.iter().any(|v| v.subtitles.as_ref() == Some(group)) =>
                {
                    texts.streams.push(Stream::at(url(uri)));
                    let stream = texts.streams.len() - 1;
                    let info = text_info(rendition);
                    let known = texts.tracks.iter_mut().find(|track| track.info == info);
                    match known.map(|track| &mut track.source) {
                        Some(TextSource::Playlists(streams)) => streams.push(stream),
                        _ => texts.tracks.push(Text { info, source: TextSource::Playlists(vec![stream]) }),
                    }
                }
                (RenditionType::ClosedCaptions, _) => {
                    let is_group = |v: &Option<ClosedCaptions>| matches!(v, Some(ClosedCaptions::GroupId(id)) if id == group);
                    if !variants.iter().any(|v| is_group(&v.closed_captions)) {
                        continue;
                    }
                    texts.captions_known = true;
                    let track = match rendition.instream_id {
                        Some(InstreamId::CC(channel)) => TextTrack::Cea608(channel),
                        Some(InstreamId::Service(service)) => TextTrack::Cea708(service),
                        _ => continue,
                    };
                    let source = TextSource::InBand(track);
                    if texts.tracks.iter().all(|t| t.source != source) {
                        texts.tracks.push(Text { info: text_info(rendition), source });
                    }
                }
                _ => {}
            }
        }
        let none = |v: &Option<ClosedCaptions>| matches!(v, Some(ClosedCaptions::None));
        texts.captions_known |= variants.iter().any(|v| none(&v.closed_captions));
        texts
    }

    /// As the page sees them.
    pub(crate) fn infos(&self) -> Vec<TextInfo> {
        self.tracks.iter().map(|track| track.info.clone()).collect()
    }

    /// Where one comes from.
    pub(crate) fn source(&self, track: usize) -> Option<&TextSource> {
        self.tracks.get(track).map(|track| &track.source)
    }

    /// The track of captions in the pictures; `None`: the page does not know of it.
    pub(crate) fn in_band(&self, track: TextTrack) -> Option<usize> {
        self.tracks.iter().position(|t| t.source == TextSource::InBand(track))
    }

    /// Captions were seen that no playlist announces. `false`: they are not wanted, because the playlist says which there
    /// are.
    pub(crate) fn discover(&mut self, track: TextTrack) -> bool {
        let name = match track {
            TextTrack::Cea608(channel) => format!("CC{channel}"),
            TextTrack::Cea708(service) => format!("SERVICE{service}"),
            TextTrack::WebVtt => return false,
        };
        if self.captions_known {
            return false;
        }
        let info = TextInfo {
            kind: TextKind::Captions,
            name,
            language: String::new(),
            default: false,
            autoselect: false,
            forced: false,
        };
        self.tracks.push(Text { info, source: TextSource::InBand(track) });
        true
    }

    /// What is shown where the viewer has not chosen: what suits the first of the page's languages that something suits;
    /// else the author's default (§4.4.6.1: to be played in the absence of another choice); else what is needed for
    /// understanding, in the language that is heard.
    pub(crate) fn automatic(&self, languages: &[String], heard: Option<&str>) -> Option<usize> {
        let track = |i: usize| self.tracks.get(i).map(|track| &track.info);
        let wanted = |i: usize| {
            let info = track(i).filter(|info| !info.forced)?;
            Some((info.language.as_str(), u8::from(info.default) + u8::from(info.autoselect)))
        };
        let by_language = best(languages, self.tracks.len(), wanted);
        let by_author = || self.tracks.iter().position(|t| t.info.default && !t.info.forced);
        let forced = || {
            let heard = [heard?.to_owned()];
            let forced = |i: usize| Some((track(i).filter(|info| info.forced)?.language.as_str(), 0));
            best(&heard, self.tracks.len(), forced)
        };
        by_language.or_else(by_author).or_else(forced)
    }

    /// The media of a stream.
    pub(crate) fn stream(&self, index: usize) -> Option<&Stream> {
        self.streams.get(index)
    }

    /// The media of a stream, to change how it stands.
    pub(crate) fn stream_mut(&mut self, index: usize) -> Option<&mut Stream> {
        self.streams.get_mut(index)
    }

    /// All media.
    pub(crate) fn streams_mut(&mut self) -> impl Iterator<Item = (usize, &mut Stream)> {
        self.streams.iter_mut().enumerate()
    }

    /// The stream that a track is loaded from.
    pub(crate) fn stream_of(&self, track: usize) -> Option<usize> {
        let TextSource::Playlists(streams) = self.source(track)? else { return None };
        streams.iter().copied().find(|i| self.streams.get(*i).is_some_and(|stream| !stream.rests()))
    }

    /// What failed is tried again: the viewer asks for it.
    pub(crate) fn revive(&mut self, track: usize) {
        let Some(TextSource::Playlists(streams)) = self.tracks.get(track).map(|track| &track.source) else {
            return;
        };
        for index in streams {
            if let Some(stream) = self.streams.get_mut(*index) {
                stream.standing.prove();
            }
        }
    }
}

fn text_info(rendition: &Rendition) -> TextInfo {
    let for_the_deaf = |tag: &String| {
        matches!(
            tag.as_str(),
            "public.accessibility.transcribes-spoken-dialog"
                | "public.accessibility.describes-music-and-sound"
        )
    };
    let captions =
        rendition.kind == RenditionType::ClosedCaptions || rendition.characteristics.iter().any(for_the_deaf);
    TextInfo {
        kind: if captions { TextKind::Captions } else { TextKind::Subtitles },
        name: rendition.name.clone(),
        language: rendition.language.clone().unwrap_or_default(),
        default: rendition.default,
        autoselect: rendition.autoselect || rendition.default,
        forced: rendition.forced,
    }
}

/// The candidate in the first of `languages` that one is in; of several the one of the highest rank, of equals the first.
/// `of` gives a candidate's language and rank.
fn best<'a>(
    languages: &[String],
    count: usize,
    of: impl Fn(usize) -> Option<(&'a str, u8)>,
) -> Option<usize> {
    languages.iter().find_map(|wanted| {
        let fit = |i: usize| {
            let (language, rank) = of(i)?;
            Some((suits(wanted, language)?, rank))
        };
        (0..count).rev().filter_map(|i| Some((fit(i)?, i))).max_by_key(|(fit, _)| *fit).map(|(_, i)| i)
    })
}

/// How well a language tag suits a wanted one: the more of its subtags are the wanted ones the better, and none may
/// differ while both have one (`en` suits `en-GB` and `en-GB` suits `en`, `en-US` does not suit `en-GB`).
fn suits(wanted: &str, language: &str) -> Option<usize> {
    let mut same = 0;
    for (wanted, has) in wanted.split('-').zip(language.split('-')) {
        if !wanted.eq_ignore_ascii_case(has) {
            return None;
        }
        same += 1;
    }
    (!wanted.is_empty() && !language.is_empty()).then_some(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_suits_its_prefixes_and_what_it_is_a_prefix_of() {
        assert_eq!(suits("en", "en-GB"), Some(1));
        assert_eq!(suits("en-gb", "EN-GB"), Some(2));
        assert_eq!(suits("zh-Hant-TW", "zh-Hant"), Some(2));
        assert_eq!(suits("en-GB", "en-US"), None);
        assert_eq!(suits("en", "eng"), None);
        assert_eq!(suits("en", ""), None);
    }

    #[test]
    fn languages_are_taken_in_their_order_and_what_suits_best_in_each() {
        let tracks = [("en", 0), ("de", 0), ("de-AT", 0), ("de", 2)];
        let choose = |languages: &[&str]| {
            let languages: Vec<_> = languages.iter().map(|&l| l.to_owned()).collect();
            best(&languages, tracks.len(), |i| tracks.get(i).copied())
        };
        assert_eq!(choose(&["fr", "de"]), Some(3), "the author's default among equals");
        assert_eq!(choose(&["de-AT"]), Some(2), "all of the tag before a part of it");
        assert_eq!(choose(&["de-CH", "en"]), Some(3), "a prefix of the first before all of the second");
        assert_eq!(choose(&["fr"]), None);
        assert_eq!(choose(&[]), None);
    }
}
