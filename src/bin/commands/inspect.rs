//! `inspect`: a playlist's model as JSON.
//!
//! Other tools check us by this form, so the fields named in it stay; more may come. URLs are shown whole,
//! tokens included: it is the one place meant for a person who already has the file.

use core::time::Duration;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Number, Value, json};

use super::Failure;
use cloud_player::playlist::{
    self, ByteRange, ClosedCaptions, HintKind, Key, Limits, MediaPlaylist, Method, Multivariant, Part,
    Playlist, PlaylistType, Rendition, Segment, Variant, Warning,
};
use cloud_player::secret::Url;

/// Print a playlist as JSON.
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The playlist.
    file: PathBuf,
    /// The URL it came from; without one, URIs are shown as written.
    #[arg(long, default_value = "")]
    base: String,
}

impl Inspect {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let bytes = std::fs::read(&self.file).map_err(|error| Failure::file(&self.file, &error))?;
        let playlist = playlist::parse(&bytes, &Url::new(&*self.base), &Limits::default())
            .map_err(|error| Failure::playlist(&self.file, &error))?;
        print(&playlist).map_err(|error| Failure::file(Path::new("standard output"), &error))
    }
}

fn print(playlist: &Playlist) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    match playlist {
        Playlist::Multivariant(playlist) => serde_json::to_writer(&mut out, &multivariant(playlist))?,
        Playlist::Media(playlist) => serde_json::to_writer(&mut out, &Media(playlist))?,
    }
    writeln!(out)?;
    out.flush()
}

/// A media playlist, its segments written one by one: there may be hundreds of thousands.
struct Media<'a>(&'a MediaPlaylist);

impl Serialize for Media<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in media(self.0) {
            map.serialize_entry(&name, &value)?;
        }
        map.serialize_entry("segments", &Segments(&self.0.segments))?;
        map.end()
    }
}

struct Segments<'a>(&'a [Segment]);

impl Serialize for Segments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(segment))
    }
}

/// All but the segments.
fn media(p: &MediaPlaylist) -> Map<String, Value> {
    let control = p.server_control.as_ref().map(|c| {
        json!({
            "can_block_reload": c.can_block_reload,
            "can_skip_until": c.can_skip_until.map(seconds),
            "can_skip_dateranges": c.can_skip_date_ranges,
            "hold_back": c.hold_back.map(seconds),
            "part_hold_back": c.part_hold_back.map(seconds),
        })
    });
    let hints = p.preload_hints.iter().map(|h| {
        let kind = match h.kind {
            HintKind::Part => "PART",
            HintKind::Map => "MAP",
        };
        json!({"type": kind, "uri": h.uri.expose(), "byte_range_start": h.offset, "byte_range_length": h.length})
    });
    let reports = p
        .rendition_reports
        .iter()
        .map(|r| json!({"uri": r.uri.expose(), "last_msn": r.last_msn, "last_part": r.last_part}));
    let Value::Object(media) = json!({
        "kind": "media",
        "version": p.version,
        "target_duration": p.declared_target_duration.map(seconds),
        "media_sequence": p.media_sequence,
        "discontinuity_sequence": p.discontinuity_sequence,
        "ended": p.ended,
        "type": p.playlist_type.map(|t| match t {
            PlaylistType::Vod => "VOD",
            PlaylistType::Event => "EVENT",
        }),
        "i_frames_only": p.i_frames_only,
        "independent_segments": p.independent_segments,
        "start": p.start.map(|s| json!({"time_offset": s.offset.as_secs(), "precise": s.precise})),
        "part_target": p.part_target.map(seconds),
        "server_control": control,
        "trailing_parts": p.tail.parts.iter().map(part).collect::<Vec<_>>(),
        "preload_hints": hints.collect::<Vec<_>>(),
        "rendition_reports": reports.collect::<Vec<_>>(),
        "skipped": p.skipped,
        "removed_dateranges": p.removed_date_ranges,
        "dateranges": p.date_ranges.iter().map(date_range).collect::<Vec<_>>(),
        "warnings": warnings(&p.warnings),
    }) else {
        return Map::new();
    };
    media
}

fn segment(s: &Segment) -> Value {
    let map = s.map.as_ref().map(|m| {
        json!({
            "uri": m.uri.expose(),
            "byte_range": m.byte_range.map(byte_range),
            "keys": m.keys.iter().map(key).collect::<Vec<_>>(),
        })
    });
    json!({
        "uri": s.uri.expose(),
        "duration": s.extinf().map(seconds),
        "title": s.title.as_deref(),
        "sequence": s.sequence,
        "discontinuity": s.discontinuity,
        "discontinuity_sequence": s.discontinuity_sequence,
        "byte_range": s.byte_range.map(byte_range),
        "keys": s.keys.iter().map(key).collect::<Vec<_>>(),
        "map": map,
        "program_date_time": s.program_date_time.map(|date| date.to_string()),
        "gap": s.gap,
        "bitrate": s.bitrate,
        "parts": s.parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn part(p: &Part) -> Value {
    json!({
        "uri": p.uri.expose(),
        "duration": seconds(p.duration()),
        "independent": p.independent,
        "byte_range": p.byte_range.map(byte_range),
        "gap": p.gap,
    })
}

fn key(k: &Key) -> Value {
    json!({
        "method": k.method.name(),
        "uri": k.uri.as_ref().map(Url::expose),
        "iv": k.iv.map(|iv| hex(&iv)),
        "keyformat": k.keyformat,
        "keyformatversions": k.keyformat_versions,
    })
}

fn date_range(d: &playlist::DateRange) -> Value {
    let client: Map<String, Value> = d
        .client
        .iter()
        .map(|(name, value)| {
            let value = match value {
                playlist::ClientValue::Text(text) => json!(text),
                playlist::ClientValue::Bytes(bytes) => json!(format!("0x{}", hex(bytes))),
                playlist::ClientValue::Number(number) => json!(number),
            };
            (name.clone(), value)
        })
        .collect();
    json!({
        "id": d.id,
        "class": d.class,
        "start_date": d.start.map(|date| date.to_string()),
        "end_date": d.end.map(|date| date.to_string()),
        "duration": d.duration.map(seconds),
        "planned_duration": d.planned_duration.map(seconds),
        "end_on_next": d.end_on_next,
        "cue": d.cue,
        "scte35_cmd": d.scte35_cmd.as_deref().map(hex),
        "scte35_out": d.scte35_out.as_deref().map(hex),
        "scte35_in": d.scte35_in.as_deref().map(hex),
        "client": client,
    })
}

fn multivariant(p: &Multivariant) -> Value {
    let session_data = p.session_data.iter().map(|d| {
        json!({
            "data_id": d.data_id,
            "value": d.value,
            "uri": d.uri.as_ref().map(Url::expose),
            "format": if d.raw { "RAW" } else { "JSON" },
            "language": d.language,
        })
    });
    let steering = p
        .content_steering
        .as_ref()
        .map(|c| json!({"server_uri": c.server_uri.expose(), "pathway_id": c.pathway_id}));
    json!({
        "kind": "multivariant",
        "version": p.version,
        "independent_segments": p.independent_segments,
        "start": p.start.map(|s| json!({"time_offset": s.offset.as_secs(), "precise": s.precise})),
        "variants": p.variants.iter().map(variant).collect::<Vec<_>>(),
        "i_frame_variants": p.i_frame_variants.iter().map(variant).collect::<Vec<_>>(),
        "renditions": p.renditions.iter().map(rendition).collect::<Vec<_>>(),
        "session_keys": p.session_keys.iter().filter(|k| k.method != Method::None).map(key).collect::<Vec<_>>(),
        "session_data": session_data.collect::<Vec<_>>(),
        "content_steering": steering,
        "rungs": p.rungs().iter().map(|r| json!({
            "variant": r.variant,
            "fallbacks": r.fallbacks,
            "bandwidth": r.bandwidth,
            "audio_only": r.audio_only,
        })).collect::<Vec<_>>(),
        "warnings": warnings(&p.warnings),
    })
}

fn variant(v: &Variant) -> Value {
    let captions = v.closed_captions.as_ref().map(|c| match c {
        ClosedCaptions::None => "NONE",
        ClosedCaptions::GroupId(group) | ClosedCaptions::Other(group) => group,
    });
    json!({
        "uri": v.uri.expose(),
        "bandwidth": v.bandwidth,
        "average_bandwidth": v.average_bandwidth,
        "score": v.score,
        "codecs": v.codecs,
        "supplemental_codecs": v.supplemental_codecs,
        "width": v.resolution.map(|(width, _)| width),
        "height": v.resolution.map(|(_, height)| height),
        "frame_rate": v.frame_rate,
        "hdcp_level": v.hdcp_level.as_ref().map(ToString::to_string),
        "allowed_cpc": v.allowed_cpc,
        "video_range": v.video_range,
        "req_video_layout": v.video_layout,
        "stable_variant_id": v.stable_variant_id,
        "pathway_id": v.pathway_id,
        "audio": v.audio,
        "video": v.video,
        "subtitles": v.subtitles,
        "closed_captions": captions,
    })
}

fn rendition(r: &Rendition) -> Value {
    json!({
        "type": r.kind.to_string(),
        "group_id": r.group_id,
        "name": r.name,
        "language": r.language,
        "assoc_language": r.assoc_language,
        "uri": r.uri.as_ref().map(Url::expose),
        "default": r.default,
        "autoselect": r.autoselect,
        "forced": r.forced,
        "instream_id": r.instream_id.as_ref().map(ToString::to_string),
        "characteristics": r.characteristics,
        "channels": r.channels,
        "bit_depth": r.bit_depth,
        "sample_rate": r.sample_rate,
        "stable_rendition_id": r.stable_rendition_id,
    })
}

fn byte_range(range: ByteRange) -> Value {
    json!({"offset": range.offset, "length": range.length})
}

fn warnings(warnings: &[Warning]) -> Value {
    warnings.iter().map(|w| json!({"line": w.line, "text": w.text})).collect()
}

/// A whole number without a fraction, so that 6 stays 6.
fn seconds(duration: Duration) -> Value {
    if duration.subsec_nanos() == 0 {
        return Value::from(duration.as_secs());
    }
    Number::from_f64(duration.as_secs_f64()).map_or(Value::Null, Value::Number)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
