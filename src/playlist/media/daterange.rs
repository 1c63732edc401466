//! Date ranges (EXT-X-DATERANGE, RFC 8216bis §4.4.5.1).

use core::time::Duration;

use crate::playlist::attributes::{Attribute, attributes};
use crate::playlist::context::{Context, Place};
use crate::playlist::{DateTime, PlaylistError, value};

/// A stretch of wall-clock time with something to be known about it: an advertisement, a programme.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DateRange {
    /// Names the range within the playlist.
    pub id: String,
    /// Ranges of one class mean the same sort of thing.
    pub class: Option<String>,
    /// When it begins.
    pub start: Option<DateTime>,
    /// PRE, POST, ONCE: when to trigger it, instead of by its start.
    pub cue: Vec<String>,
    /// When it ends.
    pub end: Option<DateTime>,
    /// How long it is.
    pub duration: Option<Duration>,
    /// How long it is expected to be.
    pub planned_duration: Option<Duration>,
    /// It ends where the next of its class begins.
    pub end_on_next: bool,
    /// SCTE-35 splice_info_section of the command.
    pub scte35_cmd: Option<Vec<u8>>,
    /// The same, for a splice out.
    pub scte35_out: Option<Vec<u8>>,
    /// The same, for a splice in.
    pub scte35_in: Option<Vec<u8>>,
    /// Attributes `X-…`, in order.
    pub client: Vec<(String, ClientValue)>,
}

/// The value of a client-defined attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientValue {
    /// A quoted string.
    Text(String),
    /// A hexadecimal-sequence.
    Bytes(Vec<u8>),
    /// A decimal-floating-point number.
    Number(f64),
}

impl DateRange {
    /// Reads one tag.
    pub(super) fn read(cx: &mut Context<'_>, at: Place, list: &str) -> Result<Self, PlaylistError> {
        let mut range = Self::default();
        for a in attributes(list) {
            match a.name {
                "ID" => range.id = cx.string(at, &a)?,
                "CLASS" => range.class = Some(cx.string(at, &a)?),
                "START-DATE" => range.start = date(cx, at, &a),
                "END-DATE" => range.end = date(cx, at, &a),
                "CUE" => range.cue = cx.list(at, &a)?,
                "DURATION" => range.duration = cx.nanos(at, &a).map(Duration::from_nanos),
                "PLANNED-DURATION" => range.planned_duration = cx.nanos(at, &a).map(Duration::from_nanos),
                "END-ON-NEXT" => range.end_on_next = cx.yes(at, &a),
                "SCTE35-CMD" => range.scte35_cmd = cx.hex(at, &a),
                "SCTE35-OUT" => range.scte35_out = cx.hex(at, &a),
                "SCTE35-IN" => range.scte35_in = cx.hex(at, &a),
                name if name.starts_with("X-") && range.client.len() < MAX_CLIENT_ATTRIBUTES => {
                    let value = client_value(cx, at, &a)?;
                    range.client.push((name.to_owned(), value));
                }
                _ => {}
            }
        }
        if range.id.is_empty() {
            cx.warn(at, "ID is missing");
        }
        Ok(range)
    }

    /// Takes over what a later tag of the same id adds or changes.
    pub(super) fn merge(&mut self, other: Self) {
        self.class = other.class.or(self.class.take());
        self.start = other.start.or(self.start);
        self.end = other.end.or(self.end);
        self.duration = other.duration.or(self.duration);
        self.planned_duration = other.planned_duration.or(self.planned_duration);
        self.end_on_next |= other.end_on_next;
        self.scte35_cmd = other.scte35_cmd.or(self.scte35_cmd.take());
        self.scte35_out = other.scte35_out.or(self.scte35_out.take());
        self.scte35_in = other.scte35_in.or(self.scte35_in.take());
        if !other.cue.is_empty() {
            self.cue = other.cue;
        }
        for (name, value) in other.client {
            if let Some((_, known)) = self.client.iter_mut().find(|(known, _)| *known == name) {
                *known = value;
            } else if self.client.len() < MAX_CLIENT_ATTRIBUTES {
                self.client.push((name, value));
            }
        }
    }
}

/// Keeps merging from being quadratic in hostile text.
const MAX_CLIENT_ATTRIBUTES: usize = 64;

fn date(cx: &mut Context<'_>, at: Place, a: &Attribute<'_>) -> Option<DateTime> {
    let date = DateTime::parse(&cx.text(at, a));
    if date.is_none() {
        cx.warn(at, "a date must be as in RFC 3339");
    }
    date
}

fn client_value(cx: &mut Context<'_>, at: Place, a: &Attribute<'_>) -> Result<ClientValue, PlaylistError> {
    if !a.quoted && a.value.starts_with("0x") {
        if let Some(bytes) = cx.hex(at, a) {
            return Ok(ClientValue::Bytes(bytes));
        }
    } else if !a.quoted
        && let Some(number) = value::float(a.value).filter(|n| n.whole)
    {
        return Ok(ClientValue::Number(number.value));
    }
    cx.string(at, a).map(ClientValue::Text)
}
