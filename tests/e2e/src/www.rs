//! What the origin serves in these tests: `www/` as it was built, the test pages, a probe in the worker, and streams of
//! independent packagers, and one with renditions, where they were made.
//!
//! The probe stands between the player and Media Source Extensions, so that what is appended, when and to what
//! kind of buffer is seen by the tests themselves and not told by the player.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::{packagers, renditions};

/// A copy of `www/` whose worker loads the probe first.
pub(crate) fn with_probe() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the pages");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../www");
    let prepare = || -> io::Result<()> {
        copy(&from, folder.path())?;
        let worker = folder.path().join("worker.js");
        if worker.is_file() {
            fs::rename(&worker, folder.path().join("worker-unprobed.js"))?;
            fs::write(&worker, "import './probe.js';\nimport './worker-unprobed.js';\n")?;
        }
        let packaged = packagers::folder();
        if packaged.is_dir() {
            std::os::unix::fs::symlink(packaged, folder.path().join("packagers"))?;
        }
        if renditions::folder().is_dir() {
            std::os::unix::fs::symlink(renditions::folder(), folder.path().join("renditions"))?;
        }
        for (name, text) in PAGES {
            fs::write(folder.path().join(name), text)?;
        }
        Ok(())
    };
    prepare().unwrap_or_else(|error| panic!("copy {}: {error}", from.display()));
    folder
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_name() == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

const PAGES: [(&str, &str); 3] = [
    ("probe.js", include_str!("../pages/probe.js")),
    ("e2e.html", include_str!("../pages/e2e.html")),
    ("strict.html", include_str!("../pages/strict.html")),
];
