//! `cloud-player-origin`: the reference origin from the command line.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use cloud_player_origin::package::{Recipe, Special};
use cloud_player_origin::{Config, Error, Origin};
use tokio::signal;

/// Serves protected course video: play info, tokens, keys, playlists, segments and telemetry.
///
/// Secrets come from CLOUD_PLAYER_ORIGIN_SECRET and CLOUD_PLAYER_ADMIN_TOKEN; those not set are made at start.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8300")]
    listen: SocketAddr,
    /// The directory served at /.
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,
    /// Where encoded media is kept. Without it nothing is encoded, and `lesson` shows the sample.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// The ready-made sample ladder.
    #[arg(long, value_name = "DIR")]
    sample: Option<PathBuf>,
    /// The telemetry database. Without it telemetry is kept in memory.
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// Life of the URLs in play info, in seconds.
    #[arg(long, value_name = "SECONDS")]
    url_ttl: Option<i64>,
    /// Life of the DRM token in play info, in seconds.
    #[arg(long, value_name = "SECONDS")]
    token_ttl: Option<i64>,
    /// An asset whose play info needs a psign. May be repeated.
    #[arg(long, value_name = "ASSET")]
    require_psign: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Encodes a ladder with ffmpeg, in the place of what is in the directory.
    Package {
        #[arg(long)]
        preset: Preset,
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Preset {
    Sample,
    Lesson,
    Splice,
    Tracks,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Stopping drops the work, which takes a running ffmpeg and its half-made directory with it.
    let outcome = tokio::select! {
        outcome = run(arguments) => outcome,
        () = stopped() => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Error> {
    if let Some(Command::Package { preset, out }) = arguments.command {
        let recipe = match preset {
            Preset::Sample => Recipe::sample(),
            Preset::Lesson => Recipe::lesson(),
            Preset::Splice => return Ok(Special::Splice.make(&out, &say).await?),
            Preset::Tracks => return Ok(Special::Tracks.make(&out, &say).await?),
        };
        return Ok(recipe.make(&out, &say).await?);
    }
    let origin = Origin::bind_with(configured(arguments), &say).await?;
    say(&format!("origin: http://{}/", origin.addr()));
    say(&format!("files to play: {}", origin.assets().join(", ")));
    say(&format!("sessions and their quality: http://{}/telemetry", origin.addr()));
    if std::env::var_os("CLOUD_PLAYER_ADMIN_TOKEN").is_none() {
        say("/admin is closed: set CLOUD_PLAYER_ADMIN_TOKEN to use it");
    }
    say("Ctrl-C stops");
    std::future::pending::<()>().await;
    Ok(())
}

/// Ctrl-C, or where there is such a thing, a request to terminate.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Without a signal handler the system's own way of ending us remains.
    let _ = signal::ctrl_c().await;
}

fn configured(arguments: Arguments) -> Config {
    let base = Config::from_env();
    let mut assets = base.assets.clone();
    for asset in assets.iter_mut().filter(|asset| arguments.require_psign.contains(&asset.id)) {
        asset.psign = true;
    }
    Config {
        listen: arguments.listen,
        www: arguments.www,
        cache: arguments.cache,
        sample: arguments.sample.unwrap_or(base.sample),
        db: arguments.db,
        url_ttl_s: arguments.url_ttl.unwrap_or(base.url_ttl_s),
        token_ttl_s: arguments.token_ttl.unwrap_or(base.token_ttl_s),
        assets,
        ..Config::from_env()
    }
}

fn say(line: &str) {
    // Whoever started us may have closed the stream; that is no reason to stop.
    let _ = writeln!(io::stderr(), "{line}");
}
