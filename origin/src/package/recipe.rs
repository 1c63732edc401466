//! What to encode: the picture, the sound and the rungs, and the ffmpeg arguments that follow from them.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{PackageError, ffmpeg};

/// A ladder to be made by ffmpeg. All rungs come from one picture, with closed groups of two seconds and segments
/// of four, so that they switch at any segment.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub(super) name: &'static str,
    pub(super) seconds: u32,
    /// An ffmpeg filter chain without inputs that makes 1920x1080 frames at [`FPS`].
    picture: String,
    /// x264 settings that trade time for size.
    speed: &'static [&'static str],
    pub(super) rungs: [Step; 4],
}

/// One rung of a recipe. Rates are in kbit/s.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
    video: u32,
    audio: u32,
    channels: u32,
    level: &'static str,
    profile: &'static str,
    /// The colour behind the rung's name in the picture.
    colour: &'static str,
}

impl Recipe {
    /// The small ladder that ships with the repository: 24 s, 60 to 330 kbit/s.
    pub fn sample() -> Self {
        Self {
            name: "sample",
            seconds: 24,
            picture: GRADIENT.to_owned(),
            speed: &["-preset", "medium"],
            rungs: rungs([60, 110, 200, 325], [32; 4], 1),
        }
    }

    /// A minute at the rates of a real course video: 0.5 to 4.5 Mbit/s.
    pub fn lesson() -> Self {
        // A test picture that wanders over the gradient, and grain that keeps the encoder from saving bits.
        let picture = format!(
            "testsrc2=s=960x540:r={FPS},format=yuv420p[inset];{GRADIENT}[ground];\
             [ground][inset]overlay=x=480:y='270+200*sin(t)',noise=alls=8:allf=t"
        );
        Self {
            name: "lesson",
            seconds: 60,
            picture,
            // As fast as x264 goes, but with the B-frames and the CABAC that a real encode would have.
            speed: &["-preset", "ultrafast", "-coder", "ac"],
            rungs: rungs([440, 1000, 2250, 4250], [64, 96, 128, 128], 2),
        }
    }

    /// The same, cut or stretched to so many seconds.
    #[must_use]
    pub fn lasting(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    /// The directory of this ladder below `cache`, made now if it is not there.
    ///
    /// # Errors
    /// See [`Recipe::make`].
    pub async fn ensure(
        &self,
        cache: &Path,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<PathBuf, PackageError> {
        let directory = cache.join(format!("{}-{}", self.name, self.key()));
        if !directory.join("master.m3u8").is_file() {
            self.make(&directory, progress).await?;
        }
        Ok(directory)
    }

    /// Makes the ladder in `directory`, in the place of what is there. It appears whole or not at all.
    ///
    /// # Errors
    /// ffmpeg is missing or fails, or files cannot be written.
    pub async fn make(&self, directory: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PackageError> {
        ffmpeg::make(self, directory, progress).await
    }

    /// The arguments that encode into `directory`, which has a directory for each rung.
    pub(super) fn arguments(&self, directory: &Path) -> Vec<String> {
        let mut arguments = words("-hide_banner -loglevel error -nostdin -y -progress pipe:1 -nostats");
        arguments.extend(["-filter_complex".to_owned(), self.graph()]);
        for (i, rung) in self.rungs.iter().enumerate() {
            let Step { video, audio, channels, level, profile, name, .. } = rung;
            let (peak, buffer, gop) = (video * 11 / 10, video * 3 / 2, FPS * GOP_S);
            arguments.extend(words(&format!("-map [v{i}] -map [a{i}] -t {} -c:v libx264", self.seconds)));
            arguments.extend(self.speed.iter().map(|&word| word.to_owned()));
            arguments.extend(words(&format!(
                "-profile:v {profile} -level {level} -pix_fmt yuv420p -bf 2 -flags +cgop+bitexact -sc_threshold 0 \
                 -g {gop} -keyint_min {gop} -b:v {video}k -maxrate {peak}k -bufsize {buffer}k \
                 -c:a aac -profile:a aac_low -b:a {audio}k -ac {channels} -ar 48000 \
                 -f hls -hls_time {SEGMENT_S} -hls_playlist_type vod -hls_flags independent_segments"
            )));
            let directory = directory.join(name);
            arguments.extend([
                "-hls_segment_filename".to_owned(),
                directory.join("%03d.ts").display().to_string(),
                directory.join("index.m3u8").display().to_string(),
            ]);
        }
        arguments.extend(words("-map [poster] -frames:v 1 -q:v 6"));
        arguments.push(directory.join("poster.jpg").display().to_string());
        arguments
    }

    /// Changes when anything about the outcome changes.
    fn key(&self) -> String {
        let hash = Sha256::digest(self.arguments(Path::new("")).join("\n"));
        hex::encode(hash).chars().take(16).collect()
    }

    fn graph(&self) -> String {
        let seconds = self.seconds;
        let mut graph = format!("{},trim=duration={seconds},split=5[r0][r1][r2][r3][still];", self.picture);
        for (i, Step { name, width, height, colour, .. }) in self.rungs.iter().enumerate() {
            graph += &format!(
                "[r{i}]scale={width}:{height}:flags=fast_bilinear,\
                 drawtext=text={name}:fontsize=h/5:fontcolor=white:x=(w-tw)/2:y=h*0.2:box=1:boxcolor={colour}@0.8:boxborderw={},\
                 drawtext=text='%{{pts\\:hms}}':fontsize=h/9:fontcolor=white:x=(w-tw)/2:y=h*0.52:box=1:boxcolor=black@0.6:boxborderw={},\
                 drawtext=text=o:fontsize=h/10:fontcolor=white:x='mod(t*w/6\\,w)':y=h*0.72[v{i}];",
                height / 40,
                height / 80,
            );
        }
        graph += "[still]scale=640:360[poster];";
        // A tone that beats, so that a gap or a jump is heard.
        graph
            + &format!(
                "sine=f=330:r=48000:d={seconds},volume='0.25+0.2*sin(2*PI*t)':eval=frame,asplit=4[a0][a1][a2][a3]"
            )
    }
}

/// Frames a second.
pub(super) const FPS: u32 = 25;
const GOP_S: u32 = 2;
const SEGMENT_S: u32 = 4;
const GRADIENT: &str =
    "gradients=s=480x270:r=25:speed=0.012:seed=7:nb_colors=4,scale=1920:1080:flags=bilinear,format=yuv420p";

fn rungs(video: [u32; 4], audio: [u32; 4], channels: u32) -> [Step; 4] {
    let [v0, v1, v2, v3] = video;
    let [a0, a1, a2, a3] = audio;
    let rung = |name, (width, height), level, profile, colour, video, audio| Step {
        name,
        width,
        height,
        video,
        audio,
        channels,
        level,
        profile,
        colour,
    };
    [
        rung("360p", (640, 360), "3.0", "main", "0x1565c0", v0, a0),
        rung("480p", (854, 480), "3.1", "main", "0x2e7d32", v1, a1),
        rung("720p", (1280, 720), "3.1", "high", "0xef6c00", v2, a2),
        rung("1080p", (1920, 1080), "4.0", "high", "0xc62828", v3, a3),
    ]
}

pub(super) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
