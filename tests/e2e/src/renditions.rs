//! A stream whose pictures come with two renditions of the sound, each a tone of its own, and with subtitles: ffmpeg
//! makes it, once, and every stage serves it under `/renditions/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Hertz of the sound in English, which is the default, and of that in French.
pub const TONES: [u32; 2] = [440, 880];
/// Seconds.
pub const LENGTH: u32 = 20;
/// Seconds of the pictures whose sound is no longer than that.
pub const LONG: u32 = 60;

/// When the lines of the subtitles are shown, in seconds, and what they say. The first is shown over the border of two
/// segments.
pub const CUES: [(f64, f64, &str); 3] = [
    (3.0, 5.0, "Hello, <i>you</i>"),
    (7.0, 8.0, "line one\nline two"),
    (12.0, 18.0, "A long line at the top"),
];

/// Makes the stream, if it is not there yet.
///
/// # Panics
/// If that cannot be done.
pub fn make() {
    let folder = folder();
    if folder.join("master.m3u8").is_file() {
        return;
    }
    fs::create_dir_all(&folder).expect("a folder for the stream");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(&folder).args(["-v", "error", "-nostdin", "-y"]);
    let [english, french] = TONES;
    for input in
        ["testsrc2=s=320x180:r=25", &*format!("sine={english}:r=48000"), &*format!("sine={french}:r=44100")]
    {
        ffmpeg.args(["-f", "lavfi", "-t", &LENGTH.to_string(), "-i", input]);
    }
    let outputs = [
        ("0", "v", "-c:v libx264 -preset ultrafast -bf 0 -g 50 -sc_threshold 0"),
        ("1", "en", "-c:a aac -b:a 64k"),
        ("2", "fr", "-c:a aac -b:a 64k"),
    ];
    for (input, name, codec) in outputs {
        ffmpeg.args(["-map", input]).args(codec.split(' '));
        ffmpeg.args("-f hls -hls_time 4 -hls_playlist_type vod -hls_segment_filename".split(' '));
        ffmpeg.args([format!("{name}%d.ts"), format!("{name}.m3u8")]);
    }
    let output = ffmpeg.output().expect("ffmpeg is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    subtitles(&folder);
    // Last: it says that all is there.
    write(&folder, "master.m3u8", MASTER.as_bytes());
}

/// Makes pictures of a minute, and lets the sound in English be all the sound that they have: `silent.m3u8` in the same
/// folder, if it is not there yet.
///
/// # Panics
/// If that cannot be done.
pub fn make_silent() {
    make();
    let folder = folder();
    if folder.join("silent.m3u8").is_file() {
        return;
    }
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(&folder).args(["-v", "error", "-nostdin", "-y", "-f", "lavfi"]);
    ffmpeg.args(["-t", &LONG.to_string(), "-i", "testsrc2=s=320x180:r=25"]);
    ffmpeg.args("-c:v libx264 -preset ultrafast -bf 0 -g 50 -sc_threshold 0 -f hls -hls_time 4".split(' '));
    ffmpeg.args("-hls_playlist_type vod -hls_segment_filename long%d.ts long.m3u8".split(' '));
    let output = ffmpeg.output().expect("ffmpeg is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let is_kept = |line: &&str| !line.contains("\"fr\"") && !line.contains("SUBTITLES,");
    let master = MASTER.replace("v.m3u8", "long.m3u8").replace(",SUBTITLES=\"t\"", "");
    let master: Vec<&str> = master.lines().filter(is_kept).collect();
    write(&folder, "silent.m3u8", master.join("\n").as_bytes());
}

/// Makes a file of a minute that a browser plays by itself, `legacy.mp4` in the same folder, if it is not there yet.
///
/// # Panics
/// If that cannot be done.
pub fn make_file() {
    let file = folder().join("legacy.mp4");
    if file.is_file() {
        return;
    }
    fs::create_dir_all(folder()).expect("a folder for the file");
    let unfinished = folder().join("unfinished.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25"]);
    ffmpeg
        .args("-t 60 -c:v libx264 -preset ultrafast -g 50 -movflags +faststart".split(' '))
        .arg(&unfinished);
    let output = ffmpeg.output().expect("ffmpeg is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::rename(unfinished, file).expect("the file is there");
}

/// The subtitles in segments as long as those of the pictures, with the cues that are shown during each.
fn subtitles(folder: &Path) {
    let first = first_stamp(&folder.join("v0.ts"));
    let mut playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n".to_owned();
    for n in 0..LENGTH / 4 {
        let mut text = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{first},LOCAL:00:00:00.000\n");
        let (from, to) = (f64::from(n * 4), f64::from(n * 4 + 4));
        for (start, end, line) in CUES.into_iter().filter(|(start, end, _)| *start < to && *end > from) {
            let settings = if line.ends_with("top") { " line:0 align:start" } else { "" };
            text += &format!("\n00:{start:06.3} --> 00:{end:06.3}{settings}\n{line}\n");
        }
        write(folder, &format!("de{n}.vtt"), text.as_bytes());
        playlist += &format!("#EXTINF:4,\nde{n}.vtt\n");
    }
    write(folder, "de.m3u8", format!("{playlist}#EXT-X-ENDLIST\n").as_bytes());
}

/// The first time stamp, in ticks.
fn first_stamp(file: &Path) -> u64 {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "packet=pts", "-read_intervals", "%+#1", "-of", "csv=p=0"]);
    let output = ffprobe.arg(file).output().expect("ffprobe is needed").stdout;
    let text = String::from_utf8_lossy(&output);
    let number = text.split([',', '\n']).next().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no time stamp in {}: {text}", file.display()))
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// Where it is kept.
pub(crate) fn folder() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/renditions").into()
}

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"1\",URI=\"en.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Français\",LANGUAGE=\"fr\",AUTOSELECT=YES,CHANNELS=\"1\",URI=\"fr.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"t\",NAME=\"Deutsch\",LANGUAGE=\"de\",AUTOSELECT=YES,URI=\"de.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS=\"avc1.42c00d,mp4a.40.2\",AUDIO=\"a\",SUBTITLES=\"t\"\nv.m3u8\n";
