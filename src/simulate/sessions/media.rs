//! What sessions play: two minutes of a small picture and a tone, made once by ffmpeg, which must be on the path.
//!
//! All rungs show the same; what makes a rung heavier is padding that players skip (null packets, `free` boxes), so
//! that a session costs little and the rungs still weigh on the network what they say.

use std::io;
use std::path::Path;
use std::process::Command;

/// Seconds in a piece.
pub(super) const PIECE: u64 = 2;
/// Pieces of every stream.
pub(super) const PIECES: usize = 60;
/// Bytes of a piece of each rung, at least.
pub(super) const WEIGHTS: [usize; 4] = [16_000, 32_000, 64_000, 120_000];

/// What a playlist is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Pictures and sound in one transport stream.
    Muxed,
    /// Pictures alone.
    Pictures,
    /// Sound alone.
    Sound,
    /// Pictures and sound in fragmented MP4, behind an init section.
    Fragmented,
}

/// All of it.
#[derive(Debug)]
pub struct Media {
    muxed: Vec<Vec<u8>>,
    pictures: Vec<Vec<u8>>,
    sound: Vec<Vec<u8>>,
    fragmented: Vec<Vec<u8>>,
    pub(super) init: Vec<u8>,
}

impl Media {
    /// Has ffmpeg make it in a folder of its own, which is gone afterwards.
    ///
    /// # Errors
    /// What the folder or ffmpeg fail with.
    pub fn make(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let media = Self::make_in(folder);
        let _ = std::fs::remove_dir_all(folder);
        media
    }

    fn make_in(folder: &Path) -> io::Result<Self> {
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.current_dir(folder);
        let mut add = |text: &str| {
            ffmpeg.args(text.split(' '));
        };
        add("-v error -nostdin -y -f lavfi -i testsrc2=s=64x36:r=10 -f lavfi -i sine=r=48000");
        for (name, extension, maps) in [
            ("muxed", "ts", "-map 0:v -map 1:a"),
            ("pictures", "ts", "-map 0:v"),
            ("sound", "ts", "-map 1:a"),
            ("fragmented", "m4s", "-map 0:v -map 1:a"),
        ] {
            add(maps);
            add("-t 120 -c:v libx264 -preset ultrafast -g 20 -sc_threshold 0 -c:a aac -b:a 16k");
            add("-f hls -hls_time 2 -hls_list_size 0");
            if name == "fragmented" {
                add("-hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4");
            }
            add(&format!("-hls_segment_filename {name}%d.{extension} {name}.m3u8"));
        }
        let status = ffmpeg.status();
        let status = status.map_err(|error| io::Error::new(error.kind(), format!("ffmpeg: {error}")))?;
        if !status.success() {
            return Err(io::Error::other("ffmpeg could not make the media"));
        }
        let read = |name: String| std::fs::read(folder.join(name));
        let all = |name: &str, extension: &str| {
            (0..PIECES).map(|n| read(format!("{name}{n}.{extension}"))).collect::<io::Result<_>>()
        };
        Ok(Self {
            muxed: all("muxed", "ts")?,
            pictures: all("pictures", "ts")?,
            sound: all("sound", "ts")?,
            fragmented: all("fragmented", "m4s")?,
            init: read("init.mp4".into())?,
        })
    }

    /// A segment of `pieces` pieces, padded to the weight of its rung.
    pub(super) fn segment(&self, stream: Stream, rung: usize, first: usize, pieces: usize) -> Vec<u8> {
        let all = match stream {
            Stream::Muxed => &self.muxed,
            Stream::Pictures => &self.pictures,
            Stream::Sound => &self.sound,
            Stream::Fragmented => &self.fragmented,
        };
        let mut out = Vec::with_capacity(pieces * WEIGHTS[rung]);
        for piece in &all[first..first + pieces] {
            out.extend_from_slice(piece);
            let lacks = WEIGHTS[rung].saturating_sub(piece.len());
            match stream {
                Stream::Sound => {}
                Stream::Muxed | Stream::Pictures => {
                    for _ in 0..lacks / 188 {
                        out.extend_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
                        out.resize(out.len() + 184, 0xff);
                    }
                }
                Stream::Fragmented if lacks >= 8 => {
                    out.extend_from_slice(&u32::try_from(lacks).unwrap().to_be_bytes());
                    out.extend_from_slice(b"free");
                    out.resize(out.len() + lacks - 8, 0);
                }
                Stream::Fragmented => {}
            }
        }
        out
    }
}
