//! What a fresh machine lacks: found, installed where that is ours to do, else named exactly.

use crate::project::Project;
use crate::sh::{self, Error, Result, say};

/// A program that a task calls, and the Debian package that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const CHROMIUM: Tool = Tool { program: "chromium", package: "chromium" };
pub(crate) const CHROMEDRIVER: Tool = Tool { program: "chromedriver", package: "chromium-driver" };
pub(crate) const FFMPEG: Tool = Tool { program: "ffmpeg", package: "ffmpeg" };
pub(crate) const FFPROBE: Tool = Tool { program: "ffprobe", package: "ffmpeg" };
pub(crate) const OPENSSL: Tool = Tool { program: "openssl", package: "openssl" };
pub(crate) const PYTHON: Tool = Tool { program: "python3", package: "python3" };
pub(crate) const PIP: Tool = Tool { program: "pip3", package: "python3-pip" };

/// Makes sure that these programs can be called. Installs the missing ones by apt when root, otherwise fails
/// with the command to type.
pub(crate) fn tools(project: &Project, tools: &[Tool]) -> Result<()> {
    let missing = |tool: &&Tool| sh::which(tool.program).is_none();
    let mut packages: Vec<_> = tools.iter().filter(missing).map(|tool| tool.package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let install = ["install", "-y", "--no-install-recommends"];
    let root = project.cmd("id").arg("-u").read().is_ok_and(|id| id == "0");
    if !root || sh::which("apt-get").is_none() {
        let list = packages.join(" ");
        return Err(Error::Failed(format!(
            "these programs are missing; install them (Debian, Ubuntu: `sudo apt-get {} {list}`): {}",
            install.join(" "),
            tools.iter().filter(missing).map(|tool| tool.program).collect::<Vec<_>>().join(", "),
        )));
    }
    say(format_args!("installing {} by apt", packages.join(", ")));
    let apt = || project.cmd("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().arg("update").run("apt-update")?;
    apt().args(install).args(&packages).run("apt-install")?;
    match tools.iter().find(missing) {
        None => Ok(()),
        Some(tool) => Err(Error::Failed(format!(
            "{} is still missing after installing the package {}",
            tool.program, tool.package
        ))),
    }
}

/// Makes sure of Node and npm, which are not ours to install.
pub(crate) fn node(project: &Project) -> Result<()> {
    let version = project.cmd("node").arg("--version").read().unwrap_or_default();
    let major: Option<u32> = version.strip_prefix('v').and_then(|v| v.split('.').next()?.parse().ok());
    match major {
        Some(major) if major >= NODE_MAJOR && sh::which("npm").is_some() => Ok(()),
        Some(major) if major >= NODE_MAJOR => {
            Err(Error::Failed("npm is missing; it comes with Node".to_owned()))
        }
        Some(_) => Err(Error::Failed(format!("Node {NODE_MAJOR} or later is needed, this is {version}"))),
        None => Err(Error::Failed(format!("Node {NODE_MAJOR} or later is needed and `node` does not run"))),
    }
}

/// Makes sure that the standard library for wasm32 is there.
pub(crate) fn wasm_target(project: &Project) -> Result<()> {
    let libdir = project.cmd("rustc").args(["--print", "target-libdir", "--target", WASM]).read()?;
    if std::path::Path::new(&libdir).is_dir() {
        return Ok(());
    }
    if sh::which("rustup").is_none() {
        return Err(Error::Failed(format!(
            "this Rust has no {WASM} target, and there is no rustup to add it"
        )));
    }
    project.cmd("rustup").args(["target", "add", WASM]).run("rustup-target").map(drop)
}

/// Makes sure of a cargo subcommand that is a rustup component.
pub(crate) fn component(project: &Project, name: &str) -> Result<()> {
    let subcommand = if name == "rustfmt" { "fmt" } else { name };
    if project.cargo().args([subcommand, "--version"]).read().is_ok() {
        return Ok(());
    }
    if sh::which("rustup").is_none() {
        return Err(Error::Failed(format!(
            "cargo {subcommand} is missing, and there is no rustup to add {name}"
        )));
    }
    project.cmd("rustup").args(["component", "add", name]).run("rustup-component").map(drop)
}

pub(crate) const WASM: &str = "wasm32-unknown-unknown";
const NODE_MAJOR: u32 = 20;
