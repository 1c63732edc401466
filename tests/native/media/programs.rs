//! Program tables: in several packets, in several sections, damaged, and changing while the stream plays.

use super::packets::*;
use super::*;

/// The PES packets of a stream made by ffmpeg, with tables of our own before them.
struct Media {
    stream: Stream,
    pes: Vec<Piece>,
    whole: Vec<MediaEvent>,
}

const MAP_PID: u16 = 0x1000;
const BOTH: [(u8, u16, &[u8]); 2] = [(0x1b, VIDEO_PID, &[]), (0x0f, AUDIO_PID, &[])];

impl Media {
    fn new(name: &str, arguments: &[&str]) -> Self {
        let stream = Stream::new(name, &[&["-s", "160x90", "-bf", "2", "-t", "4"], arguments].concat());
        let pes = take_apart(&stream.segments[0], &[VIDEO_PID, AUDIO_PID]);
        let pes = pes.into_iter().filter(|piece| matches!(piece, Piece::Pes(..))).collect();
        let (whole, _) = transmux(&stream.segments[..1], usize::MAX).unwrap();
        Self { stream, pes, whole }
    }

    /// A stream that begins with what `tables` writes.
    fn behind(&self, tables: impl FnOnce(&mut Muxer)) -> Vec<u8> {
        let mut muxer = Muxer::default();
        tables(&mut muxer);
        write(&mut muxer, &self.pes, VIDEO_PID, AUDIO_PID);
        muxer.out
    }

    fn assert_whole(&self, stream: Vec<u8>, what: &str) {
        for size in [100, usize::MAX] {
            let (events, facts) =
                transmux(core::slice::from_ref(&stream), size).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert!(!facts[0].losses.any(), "{what}: {:?}", facts[0].losses);
            assert!(events == self.whole, "{what}, chunks of {size}");
        }
    }

    fn frames(&self, events: &[MediaEvent], kind: &str) -> usize {
        let path = self.stream.dir.join("frames.mp4");
        write_file(events, &path);
        probe(&path, kind).len()
    }
}

fn write(muxer: &mut Muxer, pes: &[Piece], video: u16, audio: u16) {
    for piece in pes {
        if let Piece::Pes(pid, bytes) = piece {
            muxer.unit(if *pid == VIDEO_PID { video } else { audio }, bytes, 184);
        }
    }
}

#[test]
fn tables_over_several_packets_and_sections() {
    let media = Media::new("tables", &[]);
    let map = pmt(1, 0, &BOTH);
    for room in [1, 2, 4, 9, 184] {
        let stream = media.behind(|m| {
            m.section(0, &pat(0, [0, 0], &[(0, 0x10), (1, MAP_PID)]), room);
            m.section(MAP_PID, &map, room);
        });
        media.assert_whole(stream, &format!("{room} bytes a packet"));
    }
    // Two sections in one packet, another table on the map's PID, and the map before the association.
    let other = section(0xc0, 7, 0, [0, 0], &[1, 2, 3]);
    let stream = media.behind(|m| {
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
        m.section(MAP_PID, &[other.clone(), map.clone()].concat(), 30);
    });
    media.assert_whole(stream, "another table");
    let stream = media.behind(|m| {
        m.section(MAP_PID, &map, 184);
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
    });
    let (events, _) = transmux(&[stream], usize::MAX).unwrap();
    assert_eq!(media.frames(&events, "v"), media.frames(&media.whole, "v"));
    // An association in two sections that come in turn: neither takes back what the other says.
    let stream = media.behind(|m| {
        for _ in 0..3 {
            m.section(0, &pat(0, [0, 1], &[(1, MAP_PID)]), 184);
            m.section(0, &pat(0, [1, 1], &[(2, 0x1001)]), 184);
            m.section(MAP_PID, &map, 184);
        }
    });
    media.assert_whole(stream, "two sections");
}

#[test]
fn damaged_tables_are_counted_and_not_believed() {
    let media = Media::new("damaged_tables", &[]);
    let association = pat(0, [0, 0], &[(1, MAP_PID)]);
    let mut wrong = pmt(1, 1, &[(0x1b, 0x1234, &[])]);
    wrong[14] ^= 0x10;
    let stream = media.behind(|m| {
        m.section(0, &association, 184);
        m.section(MAP_PID, &wrong, 184);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
        m.section(MAP_PID, &wrong, 184);
    });
    let (events, facts) = transmux(&[stream], usize::MAX).unwrap();
    assert_eq!(facts[0].losses.damaged_tables, 2);
    assert!(events == media.whole);
    let stream = media.behind(|m| {
        m.section(0, &association, 184);
        m.section(MAP_PID, &wrong, 184);
    });
    let error = transmux(&[stream], usize::MAX).unwrap_err();
    assert!(matches!(error, MediaError::NoProgram { damaged_tables: 1, .. }), "{error}");
    // A packet of a table is lost.
    let mut stream = media.behind(|m| {
        m.section(0, &association, 184);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 10);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 10);
    });
    stream.drain(188 * 2..188 * 3);
    let (events, facts) = transmux(&[stream], usize::MAX).unwrap();
    assert_eq!(facts[0].losses.damaged_tables, 1);
    assert!(events == media.whole);
}

#[test]
fn the_first_program_with_media_plays() {
    let media = Media::new("several_programs", &[]);
    let other = Media::new("other_program", &["-s", "64x48"]);
    let with = |tables: &dyn Fn(&mut Muxer)| {
        let mut muxer = Muxer::default();
        tables(&mut muxer);
        for (i, piece) in media.pes.iter().enumerate() {
            write(&mut muxer, core::slice::from_ref(piece), VIDEO_PID, AUDIO_PID);
            write(
                &mut muxer,
                &other.pes[i.min(other.pes.len())..][..usize::from(i < other.pes.len())],
                0x200,
                0x201,
            );
            if i % 20 == 0 {
                tables(&mut muxer);
            }
        }
        muxer.out
    };
    let second = pmt(2, 0, &[(0x1b, 0x200, &[]), (0x0f, 0x201, &[])]);
    // Each map has a PID of its own.
    let stream = with(&|m| {
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID), (2, 0x1001)]), 184);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
        m.section(0x1001, &second, 184);
    });
    media.assert_whole(stream, "two programs");
    // Both maps on one PID.
    let stream = with(&|m| {
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID), (2, MAP_PID)]), 184);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
        m.section(MAP_PID, &second, 184);
    });
    media.assert_whole(stream, "two programs on one PID");
    // The first has data only, the second's map never comes, the third has nothing that is supported.
    let stream = with(&|m| {
        m.section(0, &pat(0, [0, 0], &[(5, 0x1005), (6, 0x1006), (7, 0x1007), (1, MAP_PID)]), 184);
        m.section(0x1005, &pmt(5, 0, &[(0x06, 0x200, &[]), (0x86, 0x201, &[])]), 184);
        m.section(0x1007, &pmt(7, 0, &[(0x02, 0x200, &[])]), 184);
        m.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
    });
    media.assert_whole(stream, "programs without media");
}

#[test]
fn the_first_stream_of_a_kind_plays() {
    let media = Media::new("several_streams", &[]);
    let map = pmt(1, 0, &[BOTH[0], (0x1b, 0x200, &[]), (0x15, 0x202, &[]), BOTH[1], (0x0f, 0x201, &[])]);
    let stream = media.behind(|m| {
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
        m.section(MAP_PID, &map, 184);
        write(m, &media.pes[..10], 0x200, 0x201);
    });
    media.assert_whole(stream, "two of each");
    // A stream whose PID is that of its own map does not exist; the others play.
    let map = pmt(1, 0, &[(0x1b, MAP_PID, &[]), BOTH[1]]);
    let stream = media.behind(|m| {
        m.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
        m.section(MAP_PID, &map, 184);
    });
    let (events, _) = transmux(&[stream], usize::MAX).unwrap();
    assert!(fragments(&events, TrackKind::Video).is_empty());
}

#[test]
fn a_map_changes() {
    let media = Media::new("map_changes", &[]);
    let (first, rest) = media.pes.split_at(media.pes.len() / 2);
    // All PIDs move, the map's too, in the middle of a segment.
    let mut muxer = Muxer::default();
    muxer.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
    muxer.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
    write(&mut muxer, first, VIDEO_PID, AUDIO_PID);
    muxer.section(0, &pat(1, [0, 0], &[(1, 0x1100)]), 184);
    muxer.section(0x1100, &pmt(1, 1, &[(0x1b, 0x300, &[]), (0x0f, 0x301, &[])]), 184);
    write(&mut muxer, rest, 0x300, 0x301);
    media.assert_whole(muxer.out, "moved");
    // Audio goes and comes back.
    let mut muxer = Muxer::default();
    muxer.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
    for (version, pes, map) in
        [(0, first, &BOTH[..]), (1, &rest[..20], &BOTH[..1]), (2, &rest[20..], &BOTH[..])]
    {
        muxer.section(MAP_PID, &pmt(1, version, map), 184);
        write(&mut muxer, pes, VIDEO_PID, AUDIO_PID);
    }
    let (events, _) = transmux(&[muxer.out], usize::MAX).unwrap();
    let told: Vec<_> = events.iter().filter(|e| matches!(e, MediaEvent::Tracks { .. })).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(media.frames(&events, "v"), media.frames(&media.whole, "v"));
    // An empty map between two programs stops nothing.
    let mut muxer = Muxer::default();
    muxer.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
    muxer.section(MAP_PID, &pmt(1, 0, &BOTH), 184);
    write(&mut muxer, first, VIDEO_PID, AUDIO_PID);
    muxer.section(MAP_PID, &pmt(1, 1, &[]), 184);
    write(&mut muxer, rest, VIDEO_PID, AUDIO_PID);
    media.assert_whole(muxer.out, "an empty map");
}

#[test]
fn tables_may_come_as_an_init_section() {
    let media = Media::new("init_tables", &[]);
    let tables = media.stream.segments[0][188..3 * 188].to_vec();
    assert_eq!((pid(&tables), pid(&tables[188..])), (0, MAP_PID));
    let bare = |segment: &[u8]| {
        let tables = [packets_of(segment, 0), packets_of(segment, MAP_PID), packets_of(segment, 0x11)];
        without(segment, &tables.concat())
    };
    let (mut transmuxer, mut out, mut facts) = (Transmuxer::new(), Vec::new(), Vec::new());
    transmuxer.init_section(&tables, &mut out).unwrap();
    for segment in &media.stream.segments {
        let mut start = segment_start(facts.last());
        // A discontinuity forgets the tables of segments, not those of the init section.
        start.discontinuity = !facts.is_empty();
        transmuxer.begin_segment(start);
        transmuxer.push(&bare(segment), &mut out).unwrap();
        facts.push(transmuxer.end_segment(&mut out).unwrap());
    }
    transmuxer.flush(&mut out);
    assert!(facts.iter().all(|facts| !facts.losses.any()), "{facts:?}");
    let (whole, _) = transmux(&media.stream.segments, usize::MAX).unwrap();
    assert_eq!(media.frames(&out, "v"), media.frames(&whole, "v"));
    assert_eq!(transmux(&[bare(&media.stream.segments[0])], 999).unwrap_err().code(), "no_program");
}

#[test]
fn an_unsupported_stream_is_reported_and_the_rest_plays() {
    let media = Media::new("unsupported", &[]);
    let with = |map: &[(u8, u16, &[u8])]| {
        media.behind(|m| {
            m.section(0, &pat(0, [0, 0], &[(1, MAP_PID)]), 184);
            m.section(MAP_PID, &pmt(1, 0, map), 184);
        })
    };
    for (map, track, stream_type, other) in [
        ([(0x02, VIDEO_PID, &[][..]), BOTH[1]], TrackKind::Video, 0x02, "a"),
        ([BOTH[0], (0x1c, AUDIO_PID, &[])], TrackKind::Audio, 0x1c, "v"),
    ] {
        let (events, facts) = transmux(&[with(&map)], usize::MAX).unwrap();
        let told: Vec<_> = events.iter().filter(|e| matches!(e, MediaEvent::Unsupported { .. })).collect();
        assert_eq!(told, [&MediaEvent::Unsupported { track, stream_type }]);
        assert!(fragments(&events, track).is_empty());
        assert_eq!(media.frames(&events, other), media.frames(&media.whole, other));
        assert!(!facts[0].losses.any());
    }
    let error = transmux(&[with(&[(0x02, VIDEO_PID, &[]), (0x1c, AUDIO_PID, &[])])], usize::MAX).unwrap_err();
    assert!(matches!(error, MediaError::UnsupportedCodec { stream_type: 0x02, .. }), "{error}");
}
