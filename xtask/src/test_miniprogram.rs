//! The mini-program component: its types, and its tests in Node against the reference origin.

use crate::project::{PRODUCT, Project};
use crate::setup;
use crate::sh::{Error, Result};

/// Checks the component with the types of the platform's interfaces, then runs it, with the built module, in the
/// simulator of mini-programs. A test that is skipped is a failure: none has a reason to be.
pub(crate) fn run(project: &Project) -> Result<String> {
    setup::node(project)?;
    let folder = project.root.join("tests/miniprogram");
    project.cmd("npm").dir(&folder).args(["ci", "--no-audit", "--no-fund"]).run("npm-miniprogram")?;
    project.cmd("npm").dir(&folder).args(["run", "types"]).run("types-miniprogram")?;
    project.cargo().arg("build").args(PRODUCT).args(["--bin", ORIGIN]).run("build-origin")?;
    let origin = project.target.join("debug").join(ORIGIN);
    let npm = project.cmd("npm").dir(&folder).args(["test"]).env("CLOUD_PLAYER_ORIGIN", origin);
    let output = npm.run("miniprogram")?;
    let (passed, left_out) =
        (counted(&output, "# pass "), counted(&output, "# skipped ") + counted(&output, "# todo "));
    match (passed, left_out) {
        (0, _) => Err(Error::Failed("no test ran".to_owned())),
        (_, 0) => Ok(format!("{passed} tests")),
        _ => Err(Error::Failed(format!("{left_out} tests were skipped"))),
    }
}

/// A number of Node's summary.
fn counted(output: &str, what: &str) -> u64 {
    let line = output.lines().rev().find_map(|line| line.trim().strip_prefix(what));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

const ORIGIN: &str = "cloud-player-origin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read() {
        let output = "TAP version 13\nok 1 - a\n# tests 9\n# pass 7\n# fail 0\n# skipped 2\n";
        assert_eq!(counted(output, "# pass "), 7);
        assert_eq!(counted(output, "# skipped "), 2);
        assert_eq!(counted(output, "# todo "), 0);
    }
}
