//! Writes the header of a fragment anew: the samples that stay, with their entries as they were.

use super::atom::Fields;
use super::moof::Moof;
use super::movie::Movie;
use super::place::Place;
use super::traf::{BASE_DATA_OFFSET, DATA_OFFSET, DEFAULT_BASE_IS_MOOF, FIRST_FLAGS, Run, Traf};
use crate::media::fmp4::boxes::{boxed, full_box, put32, put64};

/// The `moof` with decode times of 64 bits, offsets from its own start, and without the samples that do not stay.
pub(super) fn rewrite(data: &[u8], moof: &Moof, movie: &Movie, places: &[Place]) -> Vec<u8> {
    let mut out = Vec::with_capacity(moof.length.saturating_add(64));
    // Where offsets are to be written, and how far into the old fragment what they point to is.
    let mut offsets = Vec::new();
    boxed(&mut out, b"moof", |out| {
        full_box(out, b"mfhd", 0, 0, |out| put32(out, moof.sequence));
        for (traf, place) in moof.trafs.iter().zip(places) {
            if place.head < traf.samples.len() && movie.tracks.get(traf.track).is_some() {
                boxed(out, b"traf", |out| write_traf(out, data, traf, place, &mut offsets));
            }
        }
    });
    let grown = out.len() as i64 - moof.length as i64;
    for (at, place) in offsets {
        let offset = i32::try_from(place.saturating_add(grown)).unwrap_or(0);
        super::atom::put(&mut out, at, &offset.to_be_bytes());
    }
    out
}

fn write_traf(out: &mut Vec<u8>, data: &[u8], traf: &Traf, place: &Place, offsets: &mut Vec<(usize, i64)>) {
    let mut fields = traf.tfhd.fields(data);
    fields.take(if traf.flags & BASE_DATA_OFFSET != 0 { 16 } else { 8 });
    full_box(out, b"tfhd", 0, traf.flags & !BASE_DATA_OFFSET | DEFAULT_BASE_IS_MOOF, |out| {
        put32(out, traf.track_id);
        out.extend_from_slice(fields.0);
    });
    full_box(out, b"tfdt", 1, 0, |out| put64(out, u64::try_from(place.decode_time).unwrap_or(0)));
    if place.head == 0 {
        // What is said of each sample, by others than this, still fits them.
        for atom in traf.atom.children(data) {
            if !matches!(&atom.kind, b"tfhd" | b"tfdt" | b"trun") && !traf.auxiliary.atoms.contains(&atom) {
                out.extend_from_slice(data.get(atom.range()).unwrap_or_default());
            }
        }
    }
    for run in &traf.runs {
        let gone = place.head.saturating_sub(run.samples.start);
        let count = run.samples.len().saturating_sub(gone);
        if count > 0 {
            write_run(out, data, traf, run, (gone, count), offsets);
        }
    }
}

fn write_run(
    out: &mut Vec<u8>,
    data: &[u8],
    traf: &Traf,
    run: &Run,
    (gone, count): (usize, usize),
    offsets: &mut Vec<(usize, i64)>,
) {
    let mut entries = Fields(data.get(run.entries..run.atom.body.end).unwrap_or_default());
    entries.take(run.entry_size().saturating_mul(gone));
    let kept =
        traf.samples.get(run.samples.clone()).and_then(|samples| samples.get(..gone)).unwrap_or_default();
    let skipped: i64 = kept.iter().map(|sample| i64::from(sample.size)).sum();
    let mut flags = run.flags | DATA_OFFSET;
    if gone > 0 {
        flags &= !FIRST_FLAGS;
    }
    full_box(out, b"trun", run.version, flags, |out| {
        put32(out, u32::try_from(count).unwrap_or(0));
        offsets.push((out.len(), (run.data.start as i64).saturating_add(skipped)));
        put32(out, 0);
        if flags & FIRST_FLAGS != 0 {
            put32(out, run.first_flags);
        }
        out.extend_from_slice(entries.take(run.entry_size().saturating_mul(count)).unwrap_or_default());
    });
}
