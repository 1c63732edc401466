//! Play info in the form of Tencent VOD's `getplayinfo/v2`: streams in `videoInfo`, the rest beside it. Marks on the
//! timeline are in milliseconds and their texts percent-encoded; other times are in seconds.
//!
//! A file may have a multivariant playlist, single renditions (playlists and files) and what was uploaded, in this
//! order. Of the renditions those of the quality that `playerInfo` names as the default come first, and of these the
//! playlists. Streams are never encrypted.

use serde_json::Value;

use crate::playlist::percent_decoded;
use crate::secret::Url;

use super::fields::{
    Streams, address, either, integer, is_filled, items, key_frames, kind_of, name, preview, seconds, sprite,
    text,
};
use super::{PlayInfo, PlayInfoError, PlaySource, Protected, StreamKind};

pub(super) fn read(answer: &Value, video: &Value, base: &Url) -> Result<PlayInfo, PlayInfoError> {
    let basic = video.get("basicInfo");
    let source = video.get("sourceVideo");
    let duration = |of: Option<&Value>| of.and_then(|v| v.get("duration")).and_then(seconds);
    let sources = sources(answer, video, base)?;
    let sheets = items(answer.get("imageSpriteInfo").and_then(|info| info.get("imageSpriteList")));
    let mut key_frames = key_frames(
        answer.get("keyFrameDescInfo").and_then(|info| info.get("keyFrameDescList")),
        "timeOffset",
        1000.0,
    );
    for frame in &mut key_frames {
        frame.content = percent_decoded(&frame.content.replace("+", " "));
    }
    Ok(PlayInfo {
        preview: preview([video.get("exper"), answer.get("exper")], &sources, base),
        sources,
        name: name(basic),
        duration: duration(basic).or_else(|| duration(source)),
        poster: answer.get("coverInfo").and_then(|cover| address(cover.get("coverUrl")?, base)),
        // Of several sheets the last one is the newest.
        sprite: sheets.iter().rev().find_map(|sheet| sprite(sheet, base)),
        key_frames,
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
    let root = either(video, ["masterPlayList", "masterPlaylist"]);
    if let Some(root) = root.filter(|root| is_filled(root)) {
        add(root, StreamKind::Hls, "videoInfo.masterPlayList.url");
    }
    let preferred = default_definitions(answer);
    for rank in [(true, true), (true, false), (false, true), (false, false)] {
        for rendition in items(video.get("transcodeList")).iter().filter(|r| is_filled(r)) {
            let definition = rendition.get("definition").and_then(integer);
            let url = rendition.get("url").and_then(|u| address(u, base));
            let kind = url.and_then(|url| kind_of(&url, None, StreamKind::File));
            let is_preferred = definition.is_some_and(|definition| preferred.contains(&definition));
            if rank == (is_preferred, kind == Some(StreamKind::Hls)) {
                add(rendition, StreamKind::File, "videoInfo.transcodeList[].url");
            }
        }
    }
    if let Some(source) = video.get("sourceVideo").filter(|source| is_filled(source)) {
        add(source, StreamKind::File, "videoInfo.sourceVideo.url");
    }
    streams.finish("videoInfo.masterPlayList")
}

/// The definitions (numbers of transcoding templates) of the quality that players begin with.
fn default_definitions(answer: &Value) -> Vec<i64> {
    let player = answer.get("playerInfo");
    let default = player.and_then(|p| p.get("defaultVideoClassification")).and_then(text);
    let qualities = items(player.and_then(|p| p.get("videoClassification")));
    let quality = qualities.iter().find(|q| default.is_some() && q.get("id").and_then(text) == default);
    items(quality.and_then(|q| q.get("definitionList"))).iter().filter_map(integer).collect()
}
