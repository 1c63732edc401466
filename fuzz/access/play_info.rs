//! What must hold of any bytes that are read as play info.
//!
//! Used twice: by the fuzz target, and by the ordinary tests, which replay the corpus.

use cloud_player::access::play_info::{Class, PlayInfo, PlayInfoError, parse};
use cloud_player::secret::Url;
use cloud_player::time::MediaTime;

pub(crate) fn play_info(bytes: &[u8]) {
    let base = Url::new("https://h.example/getplayinfo/v4/1500/38?psign=SIGNED");
    let read = parse(bytes, &base);
    assert!(parse(bytes, &base) == read, "the same answer twice");
    match read {
        Ok(info) => usable(&info),
        Err(error) => refused(error),
    }
}

fn usable(info: &PlayInfo) {
    assert!((1..=16).contains(&info.sources.len()), "{} sources", info.sources.len());
    for source in &info.sources {
        assert!(source.url.expose().contains(':'), "no absolute address");
        let _ = info.token_of(source);
    }
    assert!(
        info.key_frames.len() <= 1_000 && info.key_frames.iter().all(|frame| frame.at >= MediaTime::ZERO)
    );
    assert!(info.sprite.as_ref().is_none_or(|s| s.images.len() <= 1_000));
    assert!(info.duration.is_none_or(|d| d >= MediaTime::ZERO));
    assert!(info.preview.is_none_or(|p| p >= MediaTime::ZERO));
    assert!(info.server_time.is_none_or(|t| t >= 0) && info.token_expiry.is_none_or(|t| t >= 0));
    assert!(!format!("{info:?}").contains("SIGNED"));
}

fn refused(error: PlayInfoError) {
    assert!(error.code().starts_with("play_info_"));
    assert_eq!(error.is_retryable(), error.class() == Class::Retry);
    assert!(!error.to_string().is_empty());
}
