//! Play info in the form of Tencent VOD's `getplayinfo/v2`: streams in `videoInfo`, the rest beside it. Marks on the
//! timeline are in milliseconds and their texts percent-encoded; other times are in seconds.
//!
//! A file may have a multivariant playlist, single renditions (playlists and files) and what was uploaded, in this
//! order. Of the renditions those of the quality that `playerInfo` names as the default come first, and of these the
//! playlists. Streams are never encrypted.

use serde_json::Value;

use crate::playlist::percent_decoded;
use crate::secret::Url;
use crate::time::MediaTime;

use super::fields::{
    Streams, address, first, integer, items, key_frames, kind_of, preview, seconds, sprite, text,
};
use super::{KeyFrame, MAX_SOURCES, PlayInfo, PlayInfoError, PlaySource, Protected, StreamKind};

pub(super) fn read(answer: &Value, video: &Value, base: &Url) -> Result<PlayInfo, PlayInfoError> {
    let basic = video.get("basicInfo");
    let source = video.get("sourceVideo");
    let duration = |of: Option<&Value>| of.and_then(|v| v.get("duration")).and_then(seconds);
    let sources = sources(answer, video, base)?;
    Ok(PlayInfo {
        preview: preview(
            [video.get("exper"), answer.get("exper")],
            sources.iter().map(|s| &s.url).chain([base]),
        ),
        sources,
        name: basic.and_then(|b| first(b, ["name", "Name"], text)).map(str::to_owned),
        duration: duration(basic).or_else(|| duration(source)),
        poster: answer
            .get("coverInfo")
            .and_then(|cover| address(cover.get("coverUrl")?, base))
            .map(|u| u.expose().to_owned()),
        // Of several sheets the last one is the newest.
        sprite: items(answer.get("imageSpriteInfo").and_then(|info| info.get("imageSpriteList")))
            .filter_map(|sheet| sprite(sheet, base))
            .last(),
        key_frames: key_frames(
            answer.get("keyFrameDescInfo").and_then(|info| info.get("keyFrameDescList")),
            |frame| {
                let at = seconds(frame.get("timeOffset")?)?;
                let content = frame.get("content").and_then(text).unwrap_or_default();
                let content = percent_decoded(&content.replace('+', " "));
                Some(KeyFrame { at: MediaTime::from_secs(at.as_secs() / 1000.0), content })
            },
        ),
        ..PlayInfo::default()
    })
}

fn sources(answer: &Value, video: &Value, base: &Url) -> Result<Vec<PlaySource>, PlayInfoError> {
    let mut streams = Streams::default();
    let mut add = |stream: &Value, otherwise, field| {
        let url = stream.get("url").and_then(|u| address(u, base));
        let kind = url.as_ref().and_then(|url| kind_of(url, None, otherwise));
        streams.add(url, kind, Protected::None, None, field);
    };
    let whole = |part: &&Value| part.as_object().is_some_and(|fields| !fields.is_empty());
    let root = ["masterPlayList", "masterPlaylist"].iter().filter_map(|name| video.get(name)).find(whole);
    if let Some(root) = root {
        add(root, StreamKind::Hls, "videoInfo.masterPlayList.url");
    }
    let preferred = default_definitions(answer);
    let mut renditions: Vec<_> = items(video.get("transcodeList")).filter(whole).take(MAX_SOURCES).collect();
    renditions.sort_by_key(|rendition| {
        let definition = rendition.get("definition").and_then(integer);
        let url = rendition.get("url").and_then(|u| address(u, base));
        let kind = url.and_then(|url| kind_of(&url, None, StreamKind::File));
        (!definition.is_some_and(|d| preferred.contains(&d)), kind != Some(StreamKind::Hls))
    });
    for rendition in renditions {
        add(rendition, StreamKind::File, "videoInfo.transcodeList[].url");
    }
    if let Some(source) = video.get("sourceVideo").filter(whole) {
        add(source, StreamKind::File, "videoInfo.sourceVideo.url");
    }
    streams.finish("videoInfo.masterPlayList")
}

/// The definitions (numbers of transcoding templates) of the quality that players begin with.
fn default_definitions(answer: &Value) -> Vec<i64> {
    let player = answer.get("playerInfo");
    let default = player.and_then(|p| p.get("defaultVideoClassification")).and_then(text);
    items(player.and_then(|p| p.get("videoClassification")))
        .filter(|quality| default.is_some() && quality.get("id").and_then(text) == default)
        .flat_map(|quality| items(quality.get("definitionList")).filter_map(integer))
        .take(MAX_SOURCES)
        .collect()
}
