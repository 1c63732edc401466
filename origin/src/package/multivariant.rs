//! Writing the multivariant playlist from what was really encoded: rates from the sizes of segments, CODECS from
//! the first sequence parameter set.

use std::path::Path;

use tokio::fs;

use super::PackageError;
use super::line::{Line, lines};
use super::recipe::{FPS, Recipe};

pub(super) async fn write(recipe: &Recipe, directory: &Path) -> Result<(), PackageError> {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    for rung in &recipe.rungs {
        let rung_directory = directory.join(rung.name);
        let Measured { peak, average, codec } = measure(&rung_directory).await?;
        let codec = codec.ok_or_else(|| PackageError::media(rung_directory, "no H.264 in it"))?;
        text += &format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},RESOLUTION={}x{},\
             FRAME-RATE={FPS}.000,CODECS=\"{codec},mp4a.40.2\"\n{}/index.m3u8\n",
            rung.width, rung.height, rung.name
        );
    }
    let path = directory.join("master.m3u8");
    fs::write(&path, text).await.map_err(PackageError::file(path))
}

pub(super) struct Measured {
    /// Bits a second of the densest segment, and of all, padding of encryption included.
    pub(super) peak: u64,
    pub(super) average: u64,
    /// Of the pictures, if there are any.
    pub(super) codec: Option<String>,
}

pub(super) async fn measure(directory: &Path) -> Result<Measured, PackageError> {
    let playlist = directory.join("index.m3u8");
    let text = fs::read_to_string(&playlist).await.map_err(PackageError::file(&playlist))?;
    let (mut seconds, mut all_seconds, mut all_bits, mut peak) = (0.0, 0.0, 0.0, 0.0_f64);
    let mut codec: Option<Option<String>> = None;
    for line in lines(&text) {
        match line {
            Line::Duration(duration, _) => seconds = duration,
            Line::Uri(uri) => {
                let path = directory.join(uri);
                let bytes = fs::read(&path).await.map_err(PackageError::file(&path))?;
                codec.get_or_insert_with(|| avc_codec(&bytes));
                let bits = (bytes.len() / 16 + 1) as f64 * 128.0;
                peak = peak.max(bits / seconds);
                all_bits += bits;
                all_seconds += seconds;
            }
            Line::Tag(_) => {}
        }
    }
    let codec = codec.ok_or_else(|| PackageError::media(playlist, "no segments"))?;
    Ok(Measured { peak: peak.ceil() as u64, average: (all_bits / all_seconds).ceil() as u64, codec })
}

/// `avc1.PPCCLL` (RFC 6381): profile, constraints and level of the first sequence parameter set (ISO 14496-10
/// 7.3.2.1). It stands in the first packet of the first video PES packet, so it is not split.
fn avc_codec(ts: &[u8]) -> Option<String> {
    ts.windows(7).find_map(|window| match window {
        [0, 0, 1, nal, profile, constraints, level] if nal & 0x1f == 7 => {
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        _ => None,
    })
}
