//! Where things are in this checkout.

use std::env;
use std::path::{Path, PathBuf};

use crate::sh::{Cmd, Error, Result};

/// The checkout that xtask works on.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder; everything xtask makes and may lose is in here too.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Finds the checkout from where cargo says this package is, so that it works from any folder inside.
    pub(crate) fn find() -> Result<Self> {
        let package = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = package
            .parent()
            .map(Path::to_owned)
            .ok_or_else(|| Error::Failed("xtask is not inside a workspace".to_owned()))?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Ok(Self { target: root.join(target), root })
    }

    /// The folder that pages are served from.
    pub(crate) fn www(&self) -> PathBuf {
        self.root.join("www")
    }

    /// A path as it is shown: from the root of the checkout where it lies inside.
    pub(crate) fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }

    /// A command that runs at the root of the checkout and logs under the target folder.
    pub(crate) fn cmd(&self, program: impl Into<std::ffi::OsString>) -> Cmd {
        Cmd::new(program, &self.root, &self.target.join("xtask/logs"))
    }

    /// The cargo that runs this program.
    pub(crate) fn cargo(&self) -> Cmd {
        self.cmd(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }
}

/// What cargo builds natively apart from this program, the command line included. Always this same choice: with
/// another one, cargo would settle on other features of shared dependencies and build them again.
pub(crate) const PRODUCT: [&str; 5] = ["--workspace", "--exclude", "xtask", "--features", CLI];

/// The feature that brings the command line.
pub(crate) const CLI: &str = "cloud-player/cli";
