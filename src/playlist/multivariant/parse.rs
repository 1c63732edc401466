//! Text to [`Multivariant`].

use super::{
    ClosedCaptions, ContentSteering, HdcpLevel, InstreamId, Multivariant, Rendition, RenditionType,
    SessionData, Variant,
};
use crate::playlist::attributes::{Attribute, attributes};
use crate::playlist::context::{Context, Place};
use crate::playlist::lines::{Content, Lines};
use crate::playlist::value::{self, Read};
use crate::playlist::{Kind, PlaylistError, Source};

pub(crate) fn parse(text: &str, source: &Source<'_>) -> Result<Multivariant, PlaylistError> {
    let mut reader =
        Reader { context: Context::new(source, text), out: Multivariant::default(), waiting: None };
    for line in Lines::new(text) {
        match line.content {
            Content::Tag { name, value } => reader.tag(line.number, name, value)?,
            Content::Uri(uri) => reader.uri(line.number, uri)?,
        }
        reader.context.check_expanded(line.number)?;
    }
    reader.no_uri_came();
    Ok(Multivariant { variables: reader.context.variables, warnings: reader.context.warnings, ..reader.out })
}

struct Reader<'a> {
    context: Context<'a>,
    out: Multivariant,
    /// A variant whose URI line has not come yet.
    waiting: Option<(Place, Variant)>,
}

impl Reader<'_> {
    fn tag(&mut self, line: u32, name: &str, value: &str) -> Result<(), PlaylistError> {
        let at = |tag| Place { line, tag };
        let limit = self.context.limits.max_entries;
        match name {
            "EXT-X-STREAM-INF" => {
                self.no_uri_came();
                let at = at("EXT-X-STREAM-INF");
                Context::check(line, self.out.variants.len(), limit, "variants")?;
                self.waiting = Some((at, self.variant(at, value)?));
            }
            "EXT-X-I-FRAME-STREAM-INF" => {
                let at = at("EXT-X-I-FRAME-STREAM-INF");
                Context::check(line, self.out.i_frame_variants.len(), limit, "variants")?;
                let variant = self.variant(at, value)?;
                if variant.uri.expose().is_empty() {
                    self.context.warn(at, "URI is missing");
                } else {
                    self.out.i_frame_variants.push(variant);
                }
            }
            "EXT-X-MEDIA" => {
                Context::check(line, self.out.renditions.len(), limit, "renditions")?;
                let rendition = self.rendition(at("EXT-X-MEDIA"), value)?;
                self.out.renditions.push(rendition);
            }
            "EXT-X-SESSION-DATA" => {
                Context::check(line, self.out.session_data.len(), limit, "session data")?;
                let data = self.session_data(at("EXT-X-SESSION-DATA"), value)?;
                self.out.session_data.push(data);
            }
            "EXT-X-SESSION-KEY" => {
                Context::check(line, self.out.session_keys.len(), limit, "session keys")?;
                let key = self.context.key(at("EXT-X-SESSION-KEY"), value)?;
                self.out.session_keys.push(key);
            }
            "EXT-X-CONTENT-STEERING" => self.content_steering(at("EXT-X-CONTENT-STEERING"), value)?,
            "EXT-X-DEFINE" => self.context.define(at("EXT-X-DEFINE"), value)?,
            "EXT-X-START" => self.out.start = self.context.start(at("EXT-X-START"), value),
            "EXT-X-INDEPENDENT-SEGMENTS" => self.out.independent_segments = true,
            "EXT-X-VERSION" => self.out.version = self.context.version(at("EXT-X-VERSION"), value),
            "EXTINF" | "EXT-X-PART" => return Err(PlaylistError::Mixed { line }),
            _ => self.context.other_tag(line, name, Kind::Multivariant),
        }
        Ok(())
    }

    fn uri(&mut self, line: u32, uri: &str) -> Result<(), PlaylistError> {
        match self.waiting.take() {
            Some((at, mut variant)) => {
                variant.uri = self.context.url(Place { line, ..at }, uri, None)?;
                self.out.variants.push(variant);
            }
            None => self.context.warn_text(line, "a URI without EXT-X-STREAM-INF".to_owned()),
        }
        Ok(())
    }

    fn no_uri_came(&mut self) {
        if let Some((at, _)) = self.waiting.take() {
            self.context.warn(at, "no URI line follows");
        }
    }

    fn variant(&mut self, at: Place, list: &str) -> Result<Variant, PlaylistError> {
        let cx = &mut self.context;
        let mut v = Variant::default();
        for a in attributes(list) {
            match a.name {
                "URI" => v.uri = cx.uri(at, &a)?.unwrap_or_default(),
                "BANDWIDTH" => v.bandwidth = cx.integer(at, &a),
                "AVERAGE-BANDWIDTH" => v.average_bandwidth = cx.integer(at, &a),
                "SCORE" => v.score = cx.float(at, &a),
                "CODECS" => v.codecs = cx.list(at, &a)?,
                "SUPPLEMENTAL-CODECS" => v.supplemental_codecs = cx.list(at, &a)?,
                "RESOLUTION" => v.resolution = cx.read(at, &a, value::resolution, "must be width x height"),
                "FRAME-RATE" => v.frame_rate = cx.float(at, &a),
                "HDCP-LEVEL" => v.hdcp_level = enumerated::<HdcpLevel>(&a),
                "ALLOWED-CPC" => v.allowed_cpc = Some(cx.string(at, &a)?),
                "VIDEO-RANGE" => v.video_range = Some(a.value.to_ascii_uppercase()),
                "REQ-VIDEO-LAYOUT" => v.video_layout = Some(cx.string(at, &a)?),
                "STABLE-VARIANT-ID" => v.stable_variant_id = Some(cx.string(at, &a)?),
                "PATHWAY-ID" => v.pathway_id = Some(cx.string(at, &a)?),
                "AUDIO" => v.audio = Some(cx.string(at, &a)?),
                "VIDEO" => v.video = Some(cx.string(at, &a)?),
                "SUBTITLES" => v.subtitles = Some(cx.string(at, &a)?),
                "CLOSED-CAPTIONS" => {
                    v.closed_captions = Some(match a.quoted {
                        false if a.is("NONE") => ClosedCaptions::None,
                        _ => ClosedCaptions::GroupId(cx.string(at, &a)?),
                    });
                }
                _ => {}
            }
        }
        if v.bandwidth.is_none() {
            cx.warn(at, "BANDWIDTH is missing");
        }
        Ok(v)
    }

    fn rendition(&mut self, at: Place, list: &str) -> Result<Rendition, PlaylistError> {
        let cx = &mut self.context;
        let mut r = Rendition::default();
        let mut kind = None;
        for a in attributes(list) {
            match a.name {
                "TYPE" => kind = enumerated::<RenditionType>(&a),
                "GROUP-ID" => r.group_id = cx.string(at, &a)?,
                "NAME" => r.name = cx.string(at, &a)?,
                "LANGUAGE" => r.language = Some(cx.string(at, &a)?),
                "ASSOC-LANGUAGE" => r.assoc_language = Some(cx.string(at, &a)?),
                "URI" => r.uri = cx.uri(at, &a)?,
                "DEFAULT" => r.default = cx.yes(at, &a),
                "AUTOSELECT" => r.autoselect = cx.yes(at, &a),
                "FORCED" => r.forced = cx.yes(at, &a),
                "INSTREAM-ID" => {
                    let read =
                        |text: &str| Some(Read { value: text.parse::<InstreamId>().ok()?, whole: true });
                    r.instream_id = cx.read(at, &a, read, "must be CC1 to CC4 or SERVICE1 to SERVICE63");
                }
                "CHARACTERISTICS" => r.characteristics = cx.list(at, &a)?,
                "CHANNELS" => r.channels = Some(cx.string(at, &a)?),
                "BIT-DEPTH" => r.bit_depth = cx.integer(at, &a),
                "SAMPLE-RATE" => r.sample_rate = cx.integer(at, &a),
                "STABLE-RENDITION-ID" => r.stable_rendition_id = Some(cx.string(at, &a)?),
                _ => {}
            }
        }
        for (missing, rule) in [
            (kind.is_none(), "TYPE is missing"),
            (r.group_id.is_empty(), "GROUP-ID is missing"),
            (r.name.is_empty(), "NAME is missing"),
        ] {
            if missing {
                cx.warn(at, rule);
            }
        }
        r.kind = kind.unwrap_or(RenditionType::Other(String::new()));
        Ok(r)
    }

    fn session_data(&mut self, at: Place, list: &str) -> Result<SessionData, PlaylistError> {
        let cx = &mut self.context;
        let mut data = SessionData::default();
        for a in attributes(list) {
            match a.name {
                "DATA-ID" => data.data_id = cx.string(at, &a)?,
                "VALUE" => data.value = Some(cx.string(at, &a)?),
                "URI" => data.uri = cx.uri(at, &a)?,
                "FORMAT" => data.raw = a.is("RAW"),
                "LANGUAGE" => data.language = Some(cx.string(at, &a)?),
                _ => {}
            }
        }
        if data.data_id.is_empty() || data.value.is_some() == data.uri.is_some() {
            cx.warn(at, "must have DATA-ID and either VALUE or URI");
        }
        Ok(data)
    }

    fn content_steering(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let cx = &mut self.context;
        let mut steering = ContentSteering::default();
        for a in attributes(list) {
            match a.name {
                "SERVER-URI" => steering.server_uri = cx.uri(at, &a)?.unwrap_or_default(),
                "PATHWAY-ID" => steering.pathway_id = Some(cx.string(at, &a)?),
                _ => {}
            }
        }
        if steering.server_uri.expose().is_empty() {
            cx.warn(at, "SERVER-URI is missing");
        } else {
            self.out.content_steering = Some(steering);
        }
        Ok(())
    }
}

/// An enumerated string in any case; the vocabularies keep what they do not know.
fn enumerated<T: core::str::FromStr>(attribute: &Attribute<'_>) -> Option<T> {
    if attribute.value.is_empty() {
        return None;
    }
    attribute.value.to_ascii_uppercase().parse().ok()
}
