//! What must hold of any bytes that are read as a WebVTT segment: nothing depends on their pieces, and the cues are
//! those that the standard's algorithm finds, which is written out here step by step on the whole text.
//!
//! Used twice: by the fuzz target, and by the ordinary tests, which replay the corpus.

use cloud_player::media::{Anchor, Cue, Cut, MediaError, MediaEvent, SegmentFacts, SegmentStart, Transmuxer};
use cloud_player::time::MediaTime;

/// The first byte says how large pieces are, the second where the segment is.
pub(crate) fn webvtt(data: &[u8]) {
    let [size, place, bytes @ ..] = data else { return };
    let start = MediaTime::from_ticks(i64::from(place >> 1) * 45_000);
    let anchor = match place & 1 {
        0 => Anchor::At(start),
        _ => Anchor::Offset { offset: -start.ticks(), expected: MediaTime::ZERO },
    };
    let whole = read(bytes, bytes.len().max(1), anchor);
    assert_eq!(whole, read(bytes, usize::from(*size).max(1), anchor), "it depends on the pieces");
    let Ok((cues, facts)) = whole else {
        let text = decode(bytes);
        return assert!(text.is_empty() || !has_signature(&text), "refused: {text}");
    };
    assert_eq!(facts.cues as usize, cues.len());
    assert!(cues.iter().all(|cue| cue.range.start >= MediaTime::ZERO));
    if *place == 0 && has_signature(&decode(bytes)) {
        // Cue times are presentation times.
        let found: Vec<_> = cues
            .into_iter()
            .map(|cue| (cue.id, cue.range.start.ticks(), cue.range.end.ticks(), cue.settings, cue.text))
            .collect();
        assert_eq!(found, parse(&decode(bytes)));
    }
}

type Read = Result<(Vec<Cue>, SegmentFacts), MediaError>;

fn read(bytes: &[u8], size: usize, anchor: Anchor) -> Read {
    let (mut transmuxer, mut out) = (Transmuxer::new(), Vec::new());
    transmuxer.begin_segment(SegmentStart { anchor, discontinuity: false, cut: Cut::default() });
    for piece in bytes.chunks(size) {
        transmuxer.push(piece, &mut out)?;
    }
    let facts = transmuxer.end_segment(&mut out)?;
    transmuxer.flush(&mut out);
    let cue = |event| if let MediaEvent::Cue(cue) = event { Some(cue) } else { None };
    Ok((out.into_iter().filter_map(cue).collect(), facts))
}

/// WebVTT §6.1, steps 1 and 2.
fn decode(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.strip_prefix('\u{feff}')
        .unwrap_or(&text)
        .replace('\0', "\u{fffd}")
        .replace("\r\n", "\n")
        .replace('\r', "\n")
}

fn has_signature(text: &str) -> bool {
    text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']))
}

type Found = (String, i64, i64, String, String);

/// The parser algorithm, from the signature on; its names for its variables.
fn parse(text: &str) -> Vec<Found> {
    let input: Vec<char> = text.chars().collect();
    let mut position = 0;
    let line = |position: &mut usize| -> String {
        let start = *position;
        while *position < input.len() && input[*position] != '\n' {
            *position += 1;
        }
        input[start..*position].iter().collect()
    };
    line(&mut position);
    if position >= input.len() {
        return Vec::new();
    }
    position += 1;
    if position >= input.len() {
        return Vec::new();
    }
    let mut cues = Vec::new();
    let mut block = |position: &mut usize, in_header: bool| {
        let (mut line_count, mut previous, mut buffer) = (0, *position, String::new());
        let (mut seen_arrow, mut cue) = (false, None);
        loop {
            let line = line(position);
            line_count += 1;
            let seen_eof = *position >= input.len();
            if !seen_eof {
                *position += 1;
            }
            if line.contains("-->") {
                if !in_header && (line_count == 1 || line_count == 2 && !seen_arrow) {
                    seen_arrow = true;
                    previous = *position;
                    if let Some((start, end, settings)) = timings(&line) {
                        cue = Some((buffer, start, end, settings));
                        buffer = String::new();
                    }
                } else {
                    *position = previous;
                    break;
                }
            } else if line.is_empty() {
                break;
            } else {
                if !buffer.is_empty() {
                    buffer.push('\n');
                }
                buffer.push_str(&line);
                previous = *position;
            }
            if seen_eof {
                break;
            }
        }
        if let Some((id, start, end, settings)) = cue {
            cues.push((id, start, end, settings, buffer));
        }
    };
    if input[position] == '\n' {
        position += 1;
    } else {
        block(&mut position, true);
    }
    loop {
        while position < input.len() && input[position] == '\n' {
            position += 1;
        }
        if position >= input.len() {
            break;
        }
        block(&mut position, false);
    }
    cues
}

/// "Collect WebVTT cue timings and settings".
fn timings(line: &str) -> Option<(i64, i64, String)> {
    let input: Vec<char> = line.chars().collect();
    let mut position = 0;
    let skip = |position: &mut usize| {
        while input.get(*position).is_some_and(char::is_ascii_whitespace) {
            *position += 1;
        }
    };
    skip(&mut position);
    let start = timestamp(&input, &mut position)?;
    skip(&mut position);
    for arrow in "-->".chars() {
        if input.get(position) != Some(&arrow) {
            return None;
        }
        position += 1;
    }
    skip(&mut position);
    let end = timestamp(&input, &mut position)?;
    let rest: String = input[position..].iter().collect();
    Some((start, end, rest.trim_matches(|c: char| c.is_ascii_whitespace()).to_owned()))
}

/// "Collect a WebVTT timestamp", in ticks.
fn timestamp(input: &[char], position: &mut usize) -> Option<i64> {
    let digits = |position: &mut usize| {
        let start = *position;
        while input.get(*position).is_some_and(char::is_ascii_digit) {
            *position += 1;
        }
        let text: String = input[start..*position].iter().collect();
        (text.len(), text.parse::<u128>().unwrap_or(if text.is_empty() { 0 } else { u128::MAX }))
    };
    let (length, mut value_1) = digits(position);
    if length == 0 {
        return None;
    }
    let most_significant_is_hours = length != 2 || value_1 > 59;
    if input.get(*position) != Some(&':') {
        return None;
    }
    *position += 1;
    let (length, mut value_2) = digits(position);
    if length != 2 {
        return None;
    }
    let value_3;
    if most_significant_is_hours || input.get(*position) == Some(&':') {
        if input.get(*position) != Some(&':') {
            return None;
        }
        *position += 1;
        let (length, value) = digits(position);
        if length != 2 {
            return None;
        }
        value_3 = value;
    } else {
        (value_3, value_2, value_1) = (value_2, value_1, 0);
    }
    if input.get(*position) != Some(&'.') {
        return None;
    }
    *position += 1;
    let (length, value_4) = digits(position);
    if length != 3 || value_2 > 59 || value_3 > 59 {
        return None;
    }
    let millis = value_1.saturating_mul(3600).saturating_add(value_2 * 60 + value_3).saturating_mul(1000);
    let ticks = millis.saturating_add(value_4).saturating_mul(90);
    Some(i64::try_from(ticks).unwrap_or(i64::MAX).min(i64::MAX >> 1))
}
