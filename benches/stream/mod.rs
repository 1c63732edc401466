//! The streams that the media path is measured on: consecutive 1080p segments of four seconds, H.264 and AAC in MPEG-TS,
//! made by ffmpeg. Shared by `media.rs` and by `cargo xtask bench media`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Segments of the stream.
pub(crate) const SEGMENTS: usize = 4;
/// Seconds that a segment has.
pub(crate) const SECONDS: u32 = 4;

/// How much a second of the stream has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rate {
    /// 2.5 MB a segment.
    Usual,
    /// 8 Mbit/s.
    #[allow(dead_code, reason = "not everybody who shares this wants it")]
    Heavy,
}

/// The segments' files, in `folder`; made once.
///
/// # Errors
/// What to tell the person at the terminal.
pub(crate) fn make(folder: &Path, rate: Rate) -> Result<Vec<PathBuf>, String> {
    let files = |folder: &Path| (0..SEGMENTS).map(|i| folder.join(format!("{i}.ts"))).collect::<Vec<_>>();
    let stamp = folder.join("made-by");
    if fs::read_to_string(&stamp).is_ok_and(|made_by| made_by == recipe(rate)) {
        return Ok(files(folder));
    }
    // Elsewhere, so that a half-made stream is never taken for a whole one.
    let unfinished = folder.with_extension("unfinished");
    let failed = |error: std::io::Error| format!("{}: {error}", unfinished.display());
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished).map_err(failed)?;
    println!("making the stream to measure with, once: ffmpeg, about half a minute");
    let status = Command::new("ffmpeg")
        .args(recipe(rate).split_whitespace())
        .arg(unfinished.join("%d.ts"))
        .arg(unfinished.join("index.m3u8"))
        .status()
        .map_err(|error| format!("ffmpeg is needed and did not start: {error}"))?;
    if !status.success() || !files(&unfinished).iter().all(|file| file.is_file()) {
        return Err(format!("ffmpeg did not make the stream: {status}"));
    }
    fs::write(unfinished.join("made-by"), recipe(rate)).map_err(failed)?;
    let _ = fs::remove_dir_all(folder);
    fs::rename(&unfinished, folder).map_err(failed)?;
    Ok(files(folder))
}

/// Noise over the picture keeps the encoder at its rate; GOPs of two seconds and B-frames are what courses have.
fn recipe(rate: Rate) -> String {
    let (usual, most, noise) = match rate {
        Rate::Usual => (4850, 5200, 12),
        Rate::Heavy => (7800, 8400, 20),
    };
    format!(
        "-v error -nostdin -y -f lavfi -i testsrc2=s=1920x1080:r=25,noise=alls={noise}:allf=t,format=yuv420p \
         -f lavfi -i sine=440:r=48000 -t {} -c:v libx264 -preset veryfast -profile:v high -level 4.0 \
         -b:v {usual}k -maxrate {most}k -bufsize {most}k -g 50 -keyint_min 50 -sc_threshold 0 -flags +cgop -bf 3 \
         -c:a aac -b:a 128k -ac 2 -f hls -hls_time {SECONDS} -hls_list_size 0 -hls_segment_filename",
        SEGMENTS as u32 * SECONDS
    )
}
