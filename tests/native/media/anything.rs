//! Damage of any kind: no panic, and still nothing depends on chunks.

use proptest::prelude::*;

use super::*;

fn damaged_stream() -> Vec<u8> {
    let stream = Stream::new("anything", &["-s", "64x48", "-crf", "40", "-bf", "2", "-t", "4"]);
    stream.segments[0].clone()
}

/// Runs to the end or an error, the same for two chunkings.
fn survives(bytes: &[u8], size: usize) {
    let once = transmux(&[bytes.to_vec(), bytes.to_vec()], usize::MAX);
    let again = transmux(&[bytes.to_vec(), bytes.to_vec()], size);
    assert!(again == once, "chunks of {size}: {:?} and not {:?}", again.map(|r| r.1), once.map(|r| r.1));
}

#[test]
fn damaged_streams_neither_panic_nor_depend_on_chunks() {
    let good = damaged_stream();
    let runner = |config: ProptestConfig| proptest::test_runner::TestRunner::new(config);
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60);
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    runner(config.clone())
        .run(&(flips, 1..2000_usize), |(flips, size)| {
            let mut bytes = good.clone();
            for (at, value) in flips {
                *at.get_mut(&mut bytes) = value;
            }
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
    // Pieces cut out, doubled and put in another order.
    let pieces = prop::collection::vec((any::<prop::sample::Index>(), 1..5000_usize), 1..20);
    runner(config.clone())
        .run(&(pieces, 1..2000_usize), |(pieces, size)| {
            let bytes: Vec<u8> = pieces
                .iter()
                .flat_map(|(at, length)| good[at.index(good.len())..].iter().take(*length).copied())
                .collect();
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
    // Packets with random content under the right PIDs.
    let packets = prop::collection::vec((0..6_usize, prop::collection::vec(any::<u8>(), 185)), 5..40);
    runner(config)
        .run(&(packets, 1..2000_usize), |(packets, size)| {
            let mut bytes = good[..188 * 3].to_vec();
            for (pid, content) in packets {
                let pid: u16 = [0, 0x1000, VIDEO_PID, AUDIO_PID, 0x11, 0x200][pid];
                bytes.extend([0x47, (pid >> 8) as u8 | content[0] & 0x40, pid as u8]);
                bytes.extend(content);
            }
            survives(&bytes, size);
            Ok(())
        })
        .unwrap();
}
