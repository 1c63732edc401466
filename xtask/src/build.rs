//! `cargo xtask build`: `www/pkg/`, the WebAssembly module and its JavaScript glue.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::miniprogram;
use crate::project::Project;
use crate::setup::{self, WASM};
use crate::sh::{Context, Error, Result, say};
use crate::size;

/// Build the WebAssembly modules, for pages into www/pkg and for mini-programs, and print their sizes
///
/// Adds the wasm32 target if it is missing, compiles with the `wasm` profile, runs wasm-bindgen (linked in) and
/// wasm-opt (the npm package `binaryen`, installed under target/tools), and prints the sizes of all that ships to
/// a page or in a mini-program beside the limits in www/size-budget.json. What has not changed is not built again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fail if a size is over its budget, instead of warning
    #[arg(long)]
    pub(crate) strict: bool,
}

pub(crate) fn run(project: &Project, args: &Args) -> Result<()> {
    let begun = Instant::now();
    module(project)?;
    miniprogram::module(project)?;
    miniprogram::lay_out(project)?;
    let complaints = size::report(project)?;
    for complaint in &complaints {
        say(format_args!("size: {complaint}"));
    }
    if args.strict && !complaints.is_empty() {
        return Err(Error::Failed("the sizes are not within www/size-budget.json".to_owned()));
    }
    say(format_args!("www/pkg is ready, {:.1} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// Builds the module alone. Quick when nothing has changed.
pub(crate) fn module(project: &Project) -> Result<()> {
    setup::wasm_target(project)?;
    setup::node(project)?;
    project
        .cargo()
        .args(["build", "--package", "cloud-player", "--lib", "--target", WASM, "--profile", PROFILE])
        .run("build-wasm")?;

    let input = project.target.join(WASM).join(PROFILE).join("cloud_player.wasm");
    let pkg = project.www().join("pkg");
    let output = pkg.join("cloud_player_bg.wasm");
    let stamp = project.target.join("xtask/pkg.stamp");
    let fingerprint = fingerprint(&input)?;
    if output.is_file() && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == fingerprint) {
        say(format_args!("{} is up to date", project.shown(&pkg)));
        return Ok(());
    }

    bind(project, &input, &pkg, "cloud_player")?;
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).context(|| format!("create {}", folder.display()))?;
    }
    fs::write(&stamp, fingerprint).context(|| format!("write {}", stamp.display()))
}

/// Makes the glue and the optimised module of a compiled one, `NAME.js` and `NAME_bg.wasm`, in a folder that is emptied.
pub(crate) fn bind(project: &Project, input: &Path, pkg: &Path, name: &str) -> Result<()> {
    let wasm_opt = binaryen(project, "wasm-opt")?;
    say("wasm-bindgen --target web");
    if pkg.exists() {
        fs::remove_dir_all(pkg).context(|| format!("empty {}", pkg.display()))?;
    }
    let bindgen: [&std::ffi::OsStr; 8] = [
        "wasm-bindgen".as_ref(),
        input.as_os_str(),
        "--target".as_ref(),
        "web".as_ref(),
        "--out-name".as_ref(),
        name.as_ref(),
        "--out-dir".as_ref(),
        pkg.as_os_str(),
    ];
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(bindgen)
        .map_err(|error| Error::Failed(format!("wasm-bindgen: {error:?}")))?;

    let output = pkg.join(format!("{name}_bg.wasm"));
    let optimised = output.with_extension("opt");
    project.cmd(wasm_opt).arg(&output).args(WASM_OPT).arg("-o").arg(&optimised).run("wasm-opt")?;
    fs::rename(&optimised, &output).context(|| format!("replace {}", output.display()))
}

/// Names everything that goes into `www/pkg`: the compiled module and how it is processed.
fn fingerprint(input: &Path) -> Result<String> {
    let bytes = fs::read(input).context(|| format!("read {}", input.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    Ok(format!("{:016x} binaryen {BINARYEN} {}\n", hasher.finish(), WASM_OPT.join(" ")))
}

/// The path of a program of binaryen, installing it if this version is not there yet.
pub(crate) fn binaryen(project: &Project, program: &str) -> Result<PathBuf> {
    let tools = project.target.join("tools").join(format!("binaryen-{BINARYEN}"));
    let program = tools.join("node_modules/.bin").join(program);
    if !program.exists() {
        fs::create_dir_all(&tools).context(|| format!("create {}", tools.display()))?;
        project
            .cmd("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(&tools)
            .arg(format!("binaryen@{BINARYEN}"))
            .run("npm-binaryen")?;
    }
    Ok(program)
}

/// The profile of everything that runs as WebAssembly.
pub(crate) const PROFILE: &str = "wasm";
/// The version of the npm package that wasm-opt comes from.
pub(crate) const BINARYEN: &str = "132.0.0";
/// How wasm-opt optimises, and the features of the wasm32 target that it may rely on.
const WASM_OPT: [&str; 10] = [
    "-O3",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-call-indirect-overlong",
    "--enable-sign-ext",
    "--strip-producers",
];
