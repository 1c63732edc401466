//! Caption data of one picture after another: what the standards say of codes and windows.

use cloud_player::media::{CaptionFacts, Captions, MediaEvent, TextTrack};
use cloud_player::time::MediaTime;

use super::cues;
use super::stream::sei;

/// One picture after another at 30 a second; each takes what it is given.
struct Feed {
    captions: Captions,
    out: Vec<MediaEvent>,
    frame: i64,
}

impl Feed {
    fn new() -> Self {
        Self { captions: Captions::default(), out: Vec::new(), frame: 0 }
    }

    fn picture(&mut self, constructs: &[[u8; 3]]) {
        let time = MediaTime::from_ticks(self.frame * 3000);
        self.captions.picture(time, time, &mut self.out);
        self.captions.sei(&sei(constructs));
        self.frame += 1;
    }

    /// A caption channel packet with one block of service 1, in one picture.
    fn packet(&mut self, block: &[u8]) {
        let size = block.len() + 2;
        let mut bytes =
            vec![u8::try_from(size.div_ceil(2)).unwrap(), 0x20 | u8::try_from(block.len()).unwrap()];
        bytes.extend(block);
        bytes.resize(size.next_multiple_of(2), 0);
        let kind = |i| if i == 0 { 0xff } else { 0xfe };
        let constructs: Vec<_> =
            bytes.chunks(2).enumerate().map(|(i, pair)| [kind(i), pair[0], pair[1]]).collect();
        self.picture(&constructs);
    }

    fn cues(mut self, track: TextTrack) -> Vec<(i64, i64, String, String)> {
        self.captions.flush(MediaTime::from_ticks(3000), &mut self.out);
        let frame = |time: MediaTime| time.ticks() / 3000;
        cues(&self.out, track)
            .into_iter()
            .map(|cue| (frame(cue.range.start), frame(cue.range.end), cue.settings, cue.text))
            .collect()
    }
}

const DEFINE_0: [u8; 7] = [0x98, 0x18, 0xc6, 0x32, 0x71, 0x1f, 0x11];

#[test]
fn windows_of_digital_captions() {
    let mut feed = Feed::new();
    // Hidden, bottom centre, two rows of 32; then shown, replaced by another, which is toggled and deleted.
    feed.packet(&[&DEFINE_0[..], b"\x92\x00\x02one", b"\x90\x05\x80", b"\x0dtwo\x10\x39"].concat());
    feed.packet(&[0x89, 0x01]);
    feed.packet(b"\x99\x38\x00\x00\x02\x1f\x19\x97\x00\x00\x02\x00\x91\x2a\x00\x2athr\x08ee&");
    feed.packet(&[0x8a, 0x01]);
    feed.packet(&[0x8b, 0x03]);
    feed.packet(&[0x8c, 0xff]);
    feed.packet(&[0x89, 0xff]);
    let bottom = "line:70%,end position:50%,center align:start size:60%";
    let text = "\u{a0}\u{a0}one\n<i>two™</i>";
    let top = "line:0%,start position:0%,line-left align:center";
    assert_eq!(
        feed.cues(TextTrack::Cea708(1)),
        [
            (1, 3, bottom.into(), text.into()),
            (2, 4, top.into(), "thee&amp;".into()),
            (4, 5, bottom.into(), text.into()),
        ]
    );
}

#[test]
fn digital_captions_scroll() {
    let mut feed = Feed::new();
    feed.packet(&[&[0x98, 0x38], &DEFINE_0[2..], b"a\x0db"].concat());
    for _ in 0..20 {
        feed.packet(b"");
    }
    feed.packet(b"\x0dc\x0e");
    feed.packet(b"d");
    let texts: Vec<_> =
        feed.cues(TextTrack::Cea708(1)).into_iter().map(|cue| (cue.0, cue.1, cue.3)).collect();
    // What is written soon after is there at once.
    let want = [(0, 21, "a\nb"), (21, 23, "b\nd")];
    assert_eq!(texts, want.map(|(start, end, text)| (start, end, text.to_owned())));
}

fn odd(byte: u8) -> u8 {
    if byte.count_ones().is_multiple_of(2) { byte | 0x80 } else { byte }
}

/// Codes that are sent once, twice or three times; damaged bytes; and a stream that has no parity at all.
#[test]
fn pairs_of_line_21() {
    let run = |pairs: &[[u8; 2]], parity: bool, track| {
        let mut feed = Feed::new();
        for pair in pairs {
            let pair = if parity {
                pair.map(|b| if b & 0x80 == 0 { odd(b) } else { odd(b & 0x7f) ^ 0x80 })
            } else {
                *pair
            };
            feed.picture(&[[if track > 2 { 0xfd } else { 0xfc }, pair[0], pair[1]]]);
        }
        feed.cues(TextTrack::Cea608(track)).into_iter().map(|cue| cue.3).collect::<Vec<_>>()
    };
    let (load, address, show) = ([0x14, 0x20], [0x14, 0x70], [0x14, 0x2f]);
    let backspace = [0x14, 0x21];
    for parity in [true, false] {
        let once = [load, address, *b"ab", backspace, show, [0, 0]];
        assert_eq!(run(&once, parity, 1), ["a"]);
        let twice = [load, load, address, address, *b"ab", backspace, backspace, show, show, [0, 0]];
        assert_eq!(run(&twice, parity, 1), ["a"]);
        let thrice = [load, address, *b"ab", backspace, backspace, backspace, *b"c\0", show, [0, 0]];
        assert_eq!(run(&thrice, parity, 1), ["c"]);
        // Channel 2 in between.
        let two =
            [load, address, [0x1c, 0x20], [0x1c, 0x70], *b"xy", load, *b"ab", [0x1c, 0x2f], show, [0, 0]];
        assert_eq!((run(&two, parity, 1), run(&two, parity, 2)), (vec!["ab".into()], vec!["xy".into()]));
        // A program's name in between is not for the screen.
        let other = [load, address, *b"ab", [0x01, 0x03], *b"No", *b"pe", [0x0f, 0x1d], show, [0, 0]];
        assert_eq!(run(&other, parity, 3), ["ab"]);
    }
    // Bit 7 marks what arrives with wrong parity.
    let damaged =
        [load, address, [b'a', b'b' | 0x80], [b'c' | 0x80, b'd'], [0x14, 0x21 | 0x80], *b"ef", show, [0, 0]];
    assert_eq!(run(&damaged, true, 1), ["a█ef"]);
    // Text that belongs to what was before is not shown.
    assert_eq!(run(&[*b"ab", address, *b"cd", show, load, address, *b"ef", show, [0, 0]], true, 1), ["ef"]);
}

#[test]
fn few_bytes_do_not_make_endless_cues() {
    let mut captions = Captions::default();
    let mut out = Vec::new();
    captions.begin_segment();
    let mut feed = Feed { captions, out: Vec::new(), frame: 0 };
    for window in 0..8 {
        feed.packet(&[&[0x98 + window, 0x38], &DEFINE_0[2..], &[b'&'; 22]].concat());
        feed.packet(&[b'&'; 31]);
    }
    for _ in 0..20_000 {
        feed.packet(&[0x8b, 0xff]);
    }
    let facts = feed.captions.end_segment(&mut out);
    assert!(facts.dropped > 10_000, "{facts:?}");
    let bytes: usize =
        feed.out.iter().map(|e| if let MediaEvent::Cue(cue) = e { cue.text.len() } else { 0 }).sum();
    assert!(bytes <= 1 << 20 && feed.out.len() <= 8192, "{bytes} {}", feed.out.len());
    feed.captions.begin_segment();
    assert_eq!(feed.captions.end_segment(&mut out), CaptionFacts::default());
}
