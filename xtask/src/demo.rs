//! `cargo xtask demo`: the player in a page, against the reference origin on loopback.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::build;
use crate::project::{PRODUCT, Project};
use crate::sh::{Context, Error, Result, say};

/// Build everything, start the origin on loopback and print the address of the demo page
///
/// Stop it with Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port to listen on; without it 8300, or any free one if that is taken
    #[arg(long)]
    port: Option<u16>,
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let (stop, stopped) = mpsc::channel();
    // Ctrl-C reaches the origin as well, which ends by itself; SIGTERM reaches only us.
    ctrlc::set_handler(move || {
        // Fails only when this task has ended already.
        let _ = stop.send(());
    })
    .map_err(|error| Error::Failed(format!("cannot listen for Ctrl-C: {error}")))?;

    build::module(project)?;
    project.cargo().arg("build").args(PRODUCT).args(["--bin", ORIGIN]).run("build-origin")?;

    let address = address(args.port)?;
    let token = token();
    let cache = project.target.join("origin");
    fs::create_dir_all(&cache).context(|| format!("create {}", cache.display()))?;
    let program = project.target.join("debug").join(ORIGIN);
    say(format_args!("{ORIGIN} on {address}"));
    let mut origin = project
        .cmd(program)
        .args([
            "--listen".as_ref(),
            address.to_string().as_ref(),
            "--www".as_ref(),
            project.www().as_os_str(),
        ])
        .args([
            "--cache".as_ref(),
            cache.as_os_str(),
            "--db".as_ref(),
            cache.join("telemetry.db").as_os_str(),
        ])
        .env(ADMIN_TOKEN, &token)
        .spawn()?;

    let mut listening = false;
    loop {
        match stopped.recv_timeout(Duration::from_millis(100)) {
            Ok(()) => return stop_origin(project, &mut origin),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::Failed("the Ctrl-C handler is gone".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = exited(&mut origin)? {
            return Err(Error::Failed(format!("the origin ended by itself: {status}")));
        }
        if !listening && answers(address) {
            listening = true;
            println!();
            println!("   Open  http://{address}/#admin={token}");
            println!("   (the part after # lets the page shape the network; Ctrl-C stops the demo)");
            println!();
        }
    }
}

/// Whether the origin serves: it takes connections before its media is packaged, but answers none.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<[u8; 5]> {
        let wait = Duration::from_millis(500);
        let mut stream = TcpStream::connect_timeout(&address, wait)?;
        stream.set_read_timeout(Some(wait))?;
        stream.write_all(
            format!("HEAD / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
        )?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok(start)
    };
    ask().is_ok_and(|start| start == *b"HTTP/")
}

/// Lets the origin end by itself, then insists.
fn stop_origin(project: &Project, origin: &mut Child) -> Result<()> {
    println!();
    say("stopping");
    // The polite signal, which the standard library cannot send; a second one after Ctrl-C does no harm.
    let _ = project.cmd("kill").arg(origin.id().to_string()).read();
    let begun = Instant::now();
    while begun.elapsed() < GRACE {
        if exited(origin)?.is_some() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    origin.kill().context(|| "stop the origin".to_owned())?;
    origin.wait().map(drop).context(|| "stop the origin".to_owned())
}

fn exited(origin: &mut Child) -> Result<Option<ExitStatus>> {
    origin.try_wait().context(|| "wait for the origin".to_owned())
}

/// The loopback address to listen on.
fn address(port: Option<u16>) -> Result<SocketAddr> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let free = |port| TcpListener::bind(at(port)).and_then(|listener| listener.local_addr());
    match port {
        Some(port) => free(port).context(|| format!("port {port}")),
        None => free(DEFAULT_PORT).or_else(|_| free(0)).context(|| "a free port".to_owned()),
    }
}

/// A token that nobody can guess: the standard library seeds `RandomState` from the system's random source.
fn token() -> String {
    let word = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", word(), word())
}

const ORIGIN: &str = "cloud-player-origin";
const ADMIN_TOKEN: &str = "CLOUD_PLAYER_ADMIN_TOKEN";
const DEFAULT_PORT: u16 = 8300;
const GRACE: Duration = Duration::from_secs(5);
