//! Small ladders for what a plain one does not have: a change of resolution in the middle, and sound and subtitles of
//! their own.

use std::path::Path;

use tokio::fs;

use super::ffmpeg::{Work, run};
use super::multivariant::{Measured, measure};
use super::recipe::{FPS, words};
use super::{MASTER, PackageError};

/// What is special about a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// One rung: eight seconds, a discontinuity, and eight seconds of another resolution and other time stamps.
    Splice,
    /// Two rungs of pictures alone, sound in English (a low tone) and French (a high one), English subtitles.
    Tracks,
}

impl Special {
    /// Makes the ladder in `directory`, in the place of what is there. It appears whole or not at all.
    ///
    /// # Errors
    /// ffmpeg is missing or fails, or files cannot be written.
    pub async fn make(self, directory: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PackageError> {
        let work = Work::beside(directory)?;
        match self {
            Self::Splice => splice(work.path(), progress).await?,
            Self::Tracks => tracks(work.path(), progress).await?,
        }
        work.publish(directory).await?;
        progress(&format!("packaged {self:?} in {}", directory.display()));
        Ok(())
    }
}

async fn splice(directory: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PackageError> {
    let rung = directory.join("mixed");
    make_directories(&[&rung]).await?;
    let mut arguments = words(QUIET);
    let graph = [
        picture(7, SPLICE_S, "[v0]", (640, 360), "0x1565c0"),
        picture(8, SPLICE_S, "[v1]", (854, 480), "0x2e7d32"),
        format!("sine=f=330:r=48000:d={SPLICE_S}[a0];sine=f=440:r=48000:d={SPLICE_S}[a1];"),
        poster(),
    ];
    arguments.extend(["-filter_complex".to_owned(), graph.concat()]);
    for (i, (part, level, rate, from_s)) in [("a", "3.0", 60, 10), ("b", "3.1", 90, 500)].iter().enumerate() {
        arguments.extend(words(&format!(
            "-map [v{i}] -map [a{i}] {} {AUDIO} {}",
            video(*rate, level),
            hls(*from_s)
        )));
        arguments.extend(outputs(&rung, &format!("{part}%03d.ts"), &format!("{part}.m3u8")));
    }
    finish(&mut arguments, directory);
    run(&arguments, "splice", 2 * SPLICE_S, progress).await?;

    let (first, second) = (rung.join("a.m3u8"), rung.join("b.m3u8"));
    let text = [read(&first).await?, read(&second).await?];
    let [before, after] = text.map(|text| text.replace("#EXT-X-ENDLIST\n", ""));
    let after = after.find("#EXTINF").and_then(|at| after.get(at..)).unwrap_or_default();
    write(&rung.join("index.m3u8"), format!("{before}#EXT-X-DISCONTINUITY\n{after}#EXT-X-ENDLIST\n")).await?;
    for part in [first, second] {
        fs::remove_file(&part).await.map_err(PackageError::file(part))?;
    }
    let Measured { peak, average, .. } = measure(&rung).await?;
    let master = format!(
        "{HEAD}#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},RESOLUTION=854x480,\
         FRAME-RATE={FPS}.000,CODECS=\"avc1.4d401f,mp4a.40.2\"\nmixed/index.m3u8\n"
    );
    write(&directory.join(MASTER), master).await
}

async fn tracks(directory: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PackageError> {
    let paths = ["360p", "480p", "en", "fr", "text-en"].map(|name| directory.join(name));
    make_directories(&paths.each_ref().map(AsRef::as_ref)).await?;
    let [low, high, english, french, subtitles] = &paths;
    // A frame that primes the decoder comes on top: the whole is not to need another segment for one more.
    let sound_s = f64::from(TRACKS_S) - 0.04;
    let graph = [
        picture(7, TRACKS_S, "[v0]", (640, 360), "0x1565c0"),
        picture(7, TRACKS_S, "[v1]", (854, 480), "0x2e7d32"),
        format!("sine=f=330:r=48000:d={sound_s}[a0];sine=f=660:r=48000:d={sound_s}[a1];"),
        poster(),
    ];
    let mut arguments = words(QUIET);
    arguments.extend(["-filter_complex".to_owned(), graph.concat()]);
    for (stream, codec, path) in [
        ("[v0]", video(60, "3.0"), low),
        ("[v1]", video(100, "3.1"), high),
        ("[a0]", AUDIO.to_owned(), english),
        ("[a1]", AUDIO.to_owned(), french),
    ] {
        arguments.extend(words(&format!("-map {stream} {codec} {}", hls(FROM_S))));
        arguments.extend(outputs(path, "%03d.ts", "index.m3u8"));
    }
    finish(&mut arguments, directory);
    run(&arguments, "tracks", TRACKS_S, progress).await?;
    write_subtitles(subtitles).await?;

    let mut master = HEAD.to_owned();
    for (language, name, directory, default) in
        [("en", "English", "en", "YES"), ("fr", "Français", "fr", "NO")]
    {
        master += &format!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",LANGUAGE=\"{language}\",NAME=\"{name}\",DEFAULT={default},\
             AUTOSELECT=YES,CHANNELS=\"1\",URI=\"{directory}/index.m3u8\"\n"
        );
    }
    master += "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"English\",DEFAULT=NO,AUTOSELECT=YES,\
               FORCED=NO,URI=\"text-en/index.m3u8\"\n";
    let sound = measure(english).await?;
    for (name, resolution, codec, path) in
        [("360p", "640x360", "avc1.4d401e", low), ("480p", "854x480", "avc1.4d401f", high)]
    {
        let pictures = measure(path).await?;
        master += &format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},RESOLUTION={resolution},FRAME-RATE={FPS}.000,\
             CODECS=\"{codec},mp4a.40.2\",AUDIO=\"sound\",SUBTITLES=\"text\"\n{name}/index.m3u8\n",
            pictures.peak + sound.peak,
            pictures.average + sound.average
        );
    }
    write(&directory.join(MASTER), master).await
}

/// A cue a second, two seconds' worth to a segment of four: the other two are the viewer's to read.
async fn write_subtitles(directory: &Path) -> Result<(), PackageError> {
    let mut playlist = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n\
                        #EXT-X-PLAYLIST-TYPE:VOD\n"
        .to_owned();
    for segment in 0..TRACKS_S / SEGMENT_S {
        let mut text = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n", FROM_S * 90_000);
        for second in segment * SEGMENT_S..segment * SEGMENT_S + 2 {
            text += &format!("\n00:00:{second:02}.000 --> 00:00:{:02}.000\nSecond {second}\n", second + 1);
        }
        write(&directory.join(format!("{segment:03}.vtt")), text).await?;
        playlist += &format!("#EXTINF:{SEGMENT_S}.000000,\n{segment:03}.vtt\n");
    }
    write(&directory.join("index.m3u8"), playlist + "#EXT-X-ENDLIST\n").await
}

/// A filter chain for so many seconds of a moving picture that tells its time.
fn picture(seed: u32, seconds: u32, out: &str, (width, height): (u32, u32), colour: &str) -> String {
    format!(
        "gradients=s=480x270:r={FPS}:speed=0.012:seed={seed}:nb_colors=4:d={seconds},\
         scale={width}:{height}:flags=bilinear,format=yuv420p,\
         drawtext=text={height}p:fontsize=h/5:fontcolor=white:x=(w-tw)/2:y=h*0.2:box=1:boxcolor={colour}@0.8,\
         drawtext=text='%{{pts\\:hms}}':fontsize=h/9:fontcolor=white:x=(w-tw)/2:y=h*0.52:box=1:boxcolor=black@0.6{out};"
    )
}

fn poster() -> String {
    format!("gradients=s=640x360:r={FPS}:seed=7:nb_colors=4:d=1,format=yuv420p[poster]")
}

fn video(rate: u32, level: &str) -> String {
    let gop = FPS * 2;
    format!(
        "-c:v libx264 -preset medium -profile:v main -level {level} -pix_fmt yuv420p -bf 2 -flags +cgop+bitexact \
         -sc_threshold 0 -g {gop} -keyint_min {gop} -b:v {rate}k -maxrate {}k -bufsize {}k",
        rate * 11 / 10,
        rate * 3 / 2
    )
}

/// Segments whose time stamps count from `from_s` seconds, for every output alike: left alone, ffmpeg moves each so that
/// its first decode time is 0.
fn hls(from_s: u32) -> String {
    format!(
        "-output_ts_offset {from_s} -avoid_negative_ts disabled -muxdelay 0 -muxpreload 0 \
         -f hls -hls_time {SEGMENT_S} -hls_playlist_type vod -hls_flags independent_segments"
    )
}

fn outputs(directory: &Path, segments: &str, playlist: &str) -> [String; 3] {
    let path = |name: &str| directory.join(name).display().to_string();
    ["-hls_segment_filename".to_owned(), path(segments), path(playlist)]
}

fn finish(arguments: &mut Vec<String>, directory: &Path) {
    arguments.extend(words("-map [poster] -frames:v 1 -q:v 6"));
    arguments.push(directory.join("poster.jpg").display().to_string());
}

async fn make_directories(paths: &[&Path]) -> Result<(), PackageError> {
    for path in paths {
        fs::create_dir_all(path).await.map_err(PackageError::file(*path))?;
    }
    Ok(())
}

async fn read(path: &Path) -> Result<String, PackageError> {
    fs::read_to_string(path).await.map_err(PackageError::file(path))
}

async fn write(path: &Path, text: String) -> Result<(), PackageError> {
    fs::write(path, text).await.map_err(PackageError::file(path))
}

const QUIET: &str = "-hide_banner -loglevel error -nostdin -y -progress pipe:1 -nostats";
const AUDIO: &str = "-c:a aac -profile:a aac_low -b:a 32k -ac 1 -ar 48000 -flags:a +bitexact";
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n";
const SEGMENT_S: u32 = 4;
const SPLICE_S: u32 = 8;
const TRACKS_S: u32 = 20;
const FROM_S: u32 = 10;
