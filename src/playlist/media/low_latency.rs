//! The tags of low-latency playlists and delta updates (RFC 8216bis §4.4.3.8, §4.4.4.9, §4.4.5).

use core::time::Duration;
use std::sync::Arc;

use super::parse::{Reader, bounded};
use super::{HintKind, Part, PreloadHint, RenditionReport, ServerControl};
use crate::playlist::PlaylistError;
use crate::playlist::attributes::attributes;
use crate::playlist::context::{Context, Place};

impl Reader<'_, '_, '_> {
    /// EXT-X-PART (§4.4.4.9).
    pub(super) fn part(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        self.check_segments(at.line, self.parts)?;
        let (mut uri, mut range, mut nanos, mut independent, mut gap) = (None, None, None, false, false);
        for a in attributes(list) {
            match a.name {
                "URI" => uri = self.cx.uri(at, &a)?,
                "DURATION" => nanos = self.cx.nanos(at, &a),
                "INDEPENDENT" => independent = self.cx.yes(at, &a),
                "GAP" => gap = self.cx.yes(at, &a),
                "BYTERANGE" => {
                    let text = self.cx.text(at, &a);
                    range = self.range(at, &text);
                }
                _ => {}
            }
        }
        let Some(uri) = uri else {
            self.cx.warn(at, "URI is missing");
            return Ok(());
        };
        if nanos.is_none() {
            self.cx.warn(at, "DURATION is missing");
        }
        let byte_range =
            range.and_then(|(length, offset)| bounded(length, offset.or(self.part_end).unwrap_or(0)));
        self.part_end = byte_range.map(|range| range.end());
        self.parts += 1;
        self.next.parts.push(Part { uri, byte_range, independent, gap, nanos: nanos.unwrap_or(0) });
        Ok(())
    }

    /// EXT-X-SERVER-CONTROL (§4.4.3.8).
    pub(super) fn server_control(&mut self, at: Place, list: &str) {
        let mut control = ServerControl::default();
        for a in attributes(list) {
            let mut duration = || self.cx.nanos(at, &a).map(Duration::from_nanos);
            match a.name {
                "CAN-SKIP-UNTIL" => control.can_skip_until = duration(),
                "HOLD-BACK" => control.hold_back = duration(),
                "PART-HOLD-BACK" => control.part_hold_back = duration(),
                "CAN-BLOCK-RELOAD" => control.can_block_reload = self.cx.yes(at, &a),
                "CAN-SKIP-DATERANGES" => control.can_skip_date_ranges = self.cx.yes(at, &a),
                _ => {}
            }
        }
        self.out.server_control = Some(control);
    }

    /// EXT-X-PRELOAD-HINT (§4.4.5.3).
    pub(super) fn preload_hint(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let (mut kind, mut uri, mut offset, mut length) = (None, None, 0, None);
        for a in attributes(list) {
            match a.name {
                "TYPE" if a.is("PART") => kind = Some(HintKind::Part),
                "TYPE" if a.is("MAP") => kind = Some(HintKind::Map),
                "URI" => uri = self.cx.uri(at, &a)?,
                "BYTERANGE-START" => offset = self.cx.integer(at, &a).unwrap_or(0),
                "BYTERANGE-LENGTH" => length = self.cx.integer(at, &a),
                _ => {}
            }
        }
        match (kind, uri) {
            (Some(kind), Some(uri)) => {
                Context::check(
                    at.line,
                    self.out.preload_hints.len(),
                    self.cx.limits.max_entries,
                    "preload hints",
                )?;
                self.out.preload_hints.push(PreloadHint { kind, uri, offset, length });
            }
            _ => self.cx.warn(at, "TYPE or URI is missing"),
        }
        Ok(())
    }

    /// EXT-X-RENDITION-REPORT (§4.4.5.4).
    pub(super) fn rendition_report(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let (mut uri, mut last_msn, mut last_part) = (None, None, None);
        for a in attributes(list) {
            match a.name {
                "URI" => uri = self.cx.uri(at, &a)?,
                "LAST-MSN" => last_msn = self.cx.integer(at, &a),
                "LAST-PART" => last_part = self.cx.integer(at, &a).and_then(|n| u32::try_from(n).ok()),
                _ => {}
            }
        }
        let Some(uri) = uri else {
            self.cx.warn(at, "URI is missing");
            return Ok(());
        };
        Context::check(
            at.line,
            self.out.rendition_reports.len(),
            self.cx.limits.max_entries,
            "rendition reports",
        )?;
        self.out.rendition_reports.push(RenditionReport { uri, last_msn, last_part });
        Ok(())
    }

    /// EXT-X-SKIP (§4.4.5.2). With the previous playlist at hand, reading goes on as if the skipped lines had
    /// been read.
    pub(super) fn skip(&mut self, at: Place, list: &str) -> Result<(), PlaylistError> {
        let mut skipped = 0;
        for a in attributes(list) {
            match a.name {
                "SKIPPED-SEGMENTS" => skipped = self.cx.integer(at, &a).unwrap_or(0),
                "RECENTLY-REMOVED-DATERANGES" => {
                    let ids = self.cx.string(at, &a)?;
                    let ids = ids.split('\t').filter(|id| !id.is_empty()).map(str::to_owned);
                    self.out.removed_date_ranges = ids.take(self.cx.limits.max_entries).collect();
                }
                _ => {}
            }
        }
        let limit = self.cx.limits.max_segments;
        if usize::try_from(skipped).map_or(true, |n| n > limit) {
            return Err(PlaylistError::TooLarge { line: at.line, what: "segments", limit });
        }
        if !self.out.segments.is_empty() {
            self.cx.warn(at, "must come before the first segment");
            return Ok(());
        }
        self.out.skipped = skipped;
        let (Some(previous), Some(back)) = (self.previous, skipped.checked_sub(1)) else { return Ok(()) };
        let first = self.out.media_sequence;
        let last = first.checked_add(back).and_then(|sequence| previous.segment(sequence));
        let (Some(_), Some(last)) = (previous.segment(first), last) else {
            return Err(PlaylistError::DeltaMismatch { line: at.line });
        };
        self.skip_at = Some((at.line, first, self.out.discontinuity_sequence));
        self.skipped = Some(last);
        self.keys = Arc::clone(&last.keys);
        self.map = last.map.clone();
        self.bitrate = last.bitrate;
        self.discontinuities = last.discontinuity_sequence.saturating_sub(self.out.discontinuity_sequence);
        self.clock = last.start_nanos.saturating_add(last.nanos);
        self.date = last.program_date_time.map(|date| (date, last.start_nanos));
        Ok(())
    }
}
