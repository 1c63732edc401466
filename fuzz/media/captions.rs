//! What must hold of any caption data in any SEI messages: cues are in the presentation and can be read, their number
//! is bounded, and the order in which pictures are decoded does not matter.
//!
//! Used twice: by the fuzz target, and by the ordinary tests, which replay the corpus.

use cloud_player::media::{Captions, Cue, MediaEvent};
use cloud_player::time::MediaTime;

/// The first byte chooses between raw SEI payloads and caption data that is packed into sound ones. The rest is
/// pictures: a byte that says what comes (how many constructs or bytes, and whether the segment ends), and that.
pub(crate) fn captions(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let pictures = pictures(rest);
    if kind & 1 == 0 {
        let payloads: Vec<_> =
            pictures.iter().map(|p| Picture { payload: p.payload.clone(), ..*p }).collect();
        feed(&payloads, false);
        return;
    }
    let packed: Vec<_> = pictures.iter().map(|p| Picture { payload: pack(&p.payload), ..*p }).collect();
    feed(&packed, false);
    let endless: Vec<_> = packed.iter().map(|p| Picture { event: 0, payload: p.payload.clone() }).collect();
    assert_eq!(feed(&endless, false), feed(&endless, true), "it depends on the decoding order");
}

#[derive(Debug)]
struct Picture {
    /// 1: a segment ends before it; 2: it is abandoned; 3: time jumps back.
    event: u8,
    payload: Vec<u8>,
}

fn pictures(mut rest: &[u8]) -> Vec<Picture> {
    let mut all = Vec::new();
    while let Some((&what, behind)) = rest.split_first() {
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(what & 0x1f)));
        let event = if what >> 5 < 4 { what >> 5 } else { 0 };
        all.push(Picture { event, payload: payload.to_vec() });
        rest = behind;
    }
    all
}

/// Bytes as pairs of the kind that the first of them says.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let Some((&first, rest)) = bytes.split_first() else { return Vec::new() };
    let mut constructs = Vec::new();
    for (i, pair) in rest.chunks(2).enumerate() {
        let kind = match first & 3 {
            3 if i > 0 => 2,
            kind => kind,
        };
        constructs.extend([0xfc | kind, pair[0], pair.get(1).copied().unwrap_or(0)]);
    }
    let mut message = b"\xb5\x00\x31GA94\x03".to_vec();
    message.extend([0x40 | u8::try_from(constructs.len() / 3).unwrap(), 0xff]);
    message.extend(constructs);
    let mut payload = vec![4, u8::try_from(message.len()).unwrap()];
    let mut zeros = 0;
    for byte in message {
        if zeros >= 2 && byte <= 3 {
            payload.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

/// All cues, those that touch and are the same joined, in order of their start.
fn feed(pictures: &[Picture], reordered: bool) -> Vec<Cue> {
    let (mut captions, mut out, mut cues) = (Captions::default(), Vec::new(), Vec::new());
    captions.begin_segment();
    let mut shift = 0;
    // In threes: the last of them is decoded first.
    for decoded in 0..pictures.len() {
        let three = decoded / 3 * 3;
        let shown = match decoded % 3 {
            _ if !reordered || three + 3 > pictures.len() => decoded,
            0 => three + 2,
            i => three + i - 1,
        };
        let Picture { event, payload } = &pictures[shown];
        match event {
            1 => {
                let facts = captions.end_segment(&mut out);
                assert!(facts.cues <= 8192);
                captions.begin_segment();
            }
            2 => {
                captions.abandon();
                captions.begin_segment();
            }
            3 => shift = decoded as i64 * 3000,
            _ => {}
        }
        let ticks = |i: usize| i as i64 * 3000 - shift;
        let (pts, dts) = (ticks(shown), if reordered { ticks(decoded) - 3000 } else { ticks(decoded) });
        captions.picture(MediaTime::from_ticks(pts), MediaTime::from_ticks(dts), &mut out);
        captions.sei(payload);
        take(&mut out, &mut cues);
    }
    captions.flush(MediaTime::from_ticks(3000), &mut out);
    take(&mut out, &mut cues);
    cues.sort_by(|a: &Cue, b| {
        (a.range.start, a.track, &a.settings).cmp(&(b.range.start, b.track, &b.settings))
    });
    cues
}

fn take(out: &mut Vec<MediaEvent>, cues: &mut Vec<Cue>) {
    for event in out.drain(..) {
        let MediaEvent::Cue(cue) = event else { panic!("{event:?}") };
        assert!(MediaTime::ZERO <= cue.range.start && cue.range.start < cue.range.end, "{cue:?}");
        readable(&cue.text);
        cues.push(cue);
    }
}

/// Tags are nested, lines have something in them, and nothing else is left to escape.
fn readable(text: &str) {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&', '>']) {
        let (_, tag) = rest.split_at(at);
        let end = tag.find(['>', ';']).unwrap() + 1;
        match &tag[..end] {
            tag @ ("<i>" | "<u>") => open.push(tag.replace('<', "</")),
            tag @ ("</i>" | "</u>") => assert_eq!(open.pop().as_deref(), Some(tag)),
            "&amp;" | "&lt;" | "&gt;" => {}
            other => panic!("{other} in {text}"),
        }
        rest = &tag[end..];
    }
    assert!(open.is_empty() && !text.is_empty(), "{text}");
    assert!(text.lines().all(|line| !line.trim_matches(' ').is_empty()), "{text:?}");
}
