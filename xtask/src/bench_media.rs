//! `cargo xtask bench media`: the media path in WebAssembly beside those of hls.js and mux.js, in Node and in a dedicated
//! worker of Chromium, all in one run and in turns.
//!
//! What runs is in `benches/micro/`; the peers come from npm, at the versions of its `package.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use crate::build;
use crate::project::Project;
use crate::setup::{self, CHROMIUM, FFMPEG, WASM};
use crate::sh::{self, Context, Error, Result, say};

#[path = "../../benches/stream/mod.rs"]
mod stream;

use stream::Rate;

/// Measure decryption and transmuxing in WebAssembly beside hls.js and mux.js, and the memory that it takes
///
/// On 1080p segments of 2.5 MB, in Node and in a Chromium worker. Fails if clear MPEG-TS to fragmented MP4 is not 1.5
/// times as fast as hls.js's transmuxer and 4 times as fast as mux.js's, if somebody's samples are missing, or if
/// streaming takes 16 MB of wasm memory.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rounds in which everybody takes a turn
    #[arg(long, default_value_t = 15)]
    rounds: u32,
    /// Hours of media at 8 Mbit/s to stream through, for the memory that it takes
    #[arg(long, default_value_t = 2.0)]
    hours: f64,
}

/// What was measured in one place.
#[derive(Debug, Deserialize)]
struct Place {
    samples: BTreeMap<String, Samples>,
    table: BTreeMap<String, Speed>,
    stream: Streamed,
}

/// Samples that a contender put out.
#[derive(Debug, Deserialize)]
struct Samples {
    video: u64,
    audio: u64,
}

/// MB/s.
#[derive(Debug, Deserialize)]
struct Speed {
    /// Median.
    mbps: f64,
    best: f64,
    /// The first time that it ran.
    first: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Streamed {
    hours: f64,
    bytes_in: f64,
    ms: f64,
    memory: Memory,
}

/// Bytes of wasm memory, which never shrinks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    first: f64,
    at_a_tenth: f64,
    last: f64,
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    setup::tools(project, &[CHROMIUM, FFMPEG])?;
    let folder = prepare(project)?;
    let out = folder.join("out");
    module(project, &out)?;
    project.cmd("node").dir(&folder).arg("bundle.mjs").arg(&folder).arg(&out).run("bench-media-bundle")?;

    let media =
        |rate, name: &str| stream::make(&project.target.join("tmp").join(name), rate).map_err(Error::Failed);
    let usual = media(Rate::Usual, "bench-media")?;
    let frames: u64 = usual.iter().map(|file| frames(project, file)).sum::<Result<u64>>()?;
    let work = json!({
        "segments": usual,
        "heavy": media(Rate::Heavy, "bench-media-heavy")?,
        "seconds": stream::SECONDS,
        "rounds": args.rounds,
        "hours": args.hours,
        "chromium": sh::which("chromium"),
    });
    let json =
        project.cmd("node").dir(&folder).arg("run.mjs").arg(&out).arg(work.to_string()).run("bench-media")?;
    let places: BTreeMap<String, Place> =
        serde_json::from_str(&json).context(|| "what run.mjs measured".to_owned())?;
    let mut complaints = Vec::new();
    for (name, place) in &places {
        print(name, place);
        complaints.extend(place.complaints(name, frames));
    }
    let file = folder.join("last.json");
    fs::write(&file, json).context(|| format!("write {}", file.display()))?;
    say(format_args!("every figure: {}", project.shown(&file)));
    if complaints.is_empty() { Ok(()) } else { Err(Error::Failed(complaints.join("\n"))) }
}

/// Copies the drivers where packages may be installed beside them, and installs the peers.
fn prepare(project: &Project) -> Result<PathBuf> {
    setup::node(project)?;
    let folder = project.target.join("micro");
    fs::create_dir_all(&folder).context(|| format!("create {}", folder.display()))?;
    let from = project.root.join("benches/micro");
    for entry in fs::read_dir(&from).context(|| format!("read {}", from.display()))? {
        let path = entry.context(|| format!("read {}", from.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "mjs" || extension == "json")
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, folder.join(name)).context(|| format!("copy {}", path.display()))?;
        }
    }
    setup::packages(project, &folder)?;
    Ok(folder)
}

/// Builds the media path as the product's module is built.
pub(crate) fn module(project: &Project, out: &Path) -> Result<()> {
    setup::wasm_target(project)?;
    let arguments = ["build", "--package", PACKAGE, "--lib", "--target", WASM, "--profile", build::PROFILE];
    project.cargo().args(arguments).run("bench-media-build")?;
    let input = project.target.join(WASM).join(build::PROFILE).join("cloud_player_micro.wasm");
    build::bind(project, &input, &out.join("pkg"), "micro")
}

/// Video frames of a segment, as ffprobe counts them.
fn frames(project: &Project, file: &Path) -> Result<u64> {
    let arguments = ["-v", "error", "-select_streams", "v", "-count_packets", "-of", "csv=p=0"];
    let entries = ["-show_entries", "stream=nb_read_packets"];
    let text = project.cmd("ffprobe").args(arguments).args(entries).arg(file).read()?;
    let digits = text.lines().next().unwrap_or_default().trim_end_matches(',');
    digits
        .parse()
        .map_err(|_| Error::Failed(format!("ffprobe counted {text:?} frames in {}", file.display())))
}

fn print(name: &str, place: &Place) {
    println!();
    println!("{name}, MB/s{:>41}{:>8}{:>8}", "median", "best", "first");
    for (what, speed) in &place.table {
        println!("{what:<42}{:>8.0}{:>8.0}{:>8.0}", speed.mbps, speed.best, speed.first);
    }
    for (what, ratio) in place.ratios() {
        println!("{what:<42}{ratio:>8.2}");
    }
    let Streamed { hours, bytes_in, ms, memory } = &place.stream;
    println!(
        "{hours} h, {:.1} GB in {:.0} s: wasm memory {:.2} MB after a round, {:.2} after a tenth, {:.2} at the end",
        bytes_in / 1e9,
        ms / 1e3,
        memory.first / MB,
        memory.at_a_tenth / MB,
        memory.last / MB,
    );
    if let (Some(copy), Some(transmux), Some(decrypt), Some(both)) = (
        place.seconds("copy in: ours"),
        place.seconds("transmux: ours"),
        place.seconds("decrypt: ours"),
        place.seconds("decrypt, transmux: ours"),
    ) {
        let share = |part: f64| 100.0 * part / both;
        println!(
            "of decrypt and transmux together: copy into wasm {:.1} %, decrypt {:.1} %, transmux {:.1} %",
            share(copy),
            share(decrypt - copy),
            share(transmux - copy),
        );
    }
}

impl Place {
    /// Seconds for a megabyte.
    fn seconds(&self, what: &str) -> Option<f64> {
        self.table.get(what).map(|speed| 1.0 / speed.mbps)
    }

    /// How many times as fast as each peer.
    fn ratios(&self) -> Vec<(String, f64)> {
        let pairs = [
            ("transmux: ours", "transmux: hls.js"),
            ("transmux: ours", "transmux: mux.js"),
            ("decrypt, transmux: ours", "decrypt, transmux: hls.js, WebCrypto"),
            ("decrypt, transmux: ours", "decrypt, transmux: hls.js, its own AES"),
        ];
        let ratio = |(ours, peer): (&str, &str)| {
            Some((format!("ours / {peer}"), self.seconds(peer)? / self.seconds(ours)?))
        };
        pairs.into_iter().filter_map(ratio).collect()
    }

    fn complaints(&self, name: &str, frames: u64) -> Vec<String> {
        let mut complaints = Vec::new();
        let ratios: BTreeMap<String, f64> = self.ratios().into_iter().collect();
        for (peer, least) in [("ours / transmux: hls.js", 1.5), ("ours / transmux: mux.js", 4.0)] {
            match ratios.get(peer) {
                Some(ratio) if *ratio >= least => {}
                ratio => {
                    complaints.push(format!("{name}: {peer} is {ratio:?} and should be {least} at least"))
                }
            }
        }
        let audio = self.samples.get("ours").map_or(0, |samples| samples.audio);
        for (who, samples) in &self.samples {
            // hls.js fills a gap where a segment's sound does not reach the next one's.
            if samples.video != frames || samples.audio.abs_diff(audio) > 2 || audio == 0 {
                complaints.push(format!("{name}: {who} made {samples:?} of {frames} frames of video"));
            }
        }
        if self.stream.memory.last >= 16.0 * MB {
            complaints.push(format!("{name}: {:.1} MB of wasm memory", self.stream.memory.last / MB));
        }
        complaints
    }
}

const PACKAGE: &str = "cloud-player-micro";
const MB: f64 = 1024.0 * 1024.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(hlsjs: f64, frames: u64, memory: f64) -> Place {
        let speed = |mbps: f64| json!({ "mbps": mbps, "best": mbps, "first": mbps });
        serde_json::from_value(json!({
            "samples": { "ours": { "video": frames, "audio": 9 }, "hls.js": { "video": 100, "audio": 10 } },
            "table": {
                "transmux: ours": speed(900.0), "transmux: hls.js": speed(hlsjs), "transmux: mux.js": speed(100.0),
            },
            "stream": {
                "hours": 2, "bytesIn": 1, "ms": 1, "memory": { "first": 1, "atATenth": 1, "last": memory },
            },
        }))
        .unwrap()
    }

    #[test]
    fn what_is_too_slow_incomplete_or_large_is_complained_of() {
        assert_eq!(place(450.0, 100, 1e6).complaints("x", 100), Vec::<String>::new());
        assert_eq!(place(700.0, 100, 1e6).complaints("x", 100).len(), 1);
        assert_eq!(place(450.0, 99, 1e6).complaints("x", 100).len(), 1);
        assert_eq!(place(450.0, 100, 17e6).complaints("x", 100).len(), 1);
    }
}
