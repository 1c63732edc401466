//! The module for mini-programs: `www/miniprogram/components/cloud-player-video/core.wasm`, and the same compressed.
//!
//! It runs where engines are old and where nothing of wasm-bindgen's glue does, so it is compiled without reference types and
//! multiple values, has no import, exports nothing but its memory and functions of numbers, and keeps to the first version of
//! WebAssembly. All of that is checked.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use serde::Deserialize;

use crate::build;
use crate::project::Project;
use crate::setup::{self, WASM};
use crate::sh::{Context, Error, Result, say};

/// Builds the module. Quick when nothing has changed.
pub(crate) fn module(project: &Project) -> Result<()> {
    setup::wasm_target(project)?;
    setup::node(project)?;
    let cargo = project.cargo().args(["build", "--package", "cloud-player", "--lib", "--target", WASM]);
    let cargo = cargo.args(["--profile", PROFILE, "--features", FEATURE]);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", RUSTFLAGS).run("build-miniprogram")?;

    let input = project.target.join(WASM).join(PROFILE).join("cloud_player.wasm");
    let folder = project.www().join(FOLDER);
    let output = folder.join("core.wasm");
    let stamp = project.target.join("xtask/miniprogram.stamp");
    let fingerprint = fingerprint(&input)?;
    let is_there = output.is_file() && output.with_extension("wasm.br").is_file();
    if is_there && fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == fingerprint) {
        say(format_args!("{} is up to date", project.shown(&output)));
        return Ok(());
    }
    optimise(project, &input, &output)?;
    check(project, &output)?;
    project.cmd("node").args(["-e", COMPRESS]).arg(&output).run("brotli")?;
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).context(|| format!("create {}", folder.display()))?;
    }
    fs::write(&stamp, fingerprint).context(|| format!("write {}", stamp.display()))
}

/// Lays the component into the demo as DevTools' "build npm" would, so that the demo opens at once.
pub(crate) fn lay_out(project: &Project) -> Result<()> {
    let www = project.www();
    let to = www.join(DEMO_PACKAGE);
    if to.exists() {
        fs::remove_dir_all(&to).context(|| format!("empty {}", to.display()))?;
    }
    copy(&www.join(PACKAGE), &to)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).context(|| format!("create {}", to.display()))?;
    for entry in fs::read_dir(from).context(|| format!("read {}", from.display()))? {
        let entry = entry.context(|| format!("read {}", from.display()))?.path();
        let Some(name) = entry.file_name() else { continue };
        if entry.is_dir() {
            copy(&entry, &to.join(name))?;
        } else {
            fs::copy(&entry, to.join(name)).context(|| format!("copy {}", entry.display()))?;
        }
    }
    Ok(())
}

/// Takes out what is not reached from the exports, and what old engines do not have.
fn optimise(project: &Project, input: &Path, output: &Path) -> Result<()> {
    let folder = project.target.join("xtask");
    fs::create_dir_all(&folder).context(|| format!("create {}", folder.display()))?;
    let (graph, reached) = (folder.join("miniprogram.graph.json"), folder.join("miniprogram.reached.wasm"));
    let roots = EXPORTS.map(|name| serde_json::json!({ "name": name, "export": name, "root": true }));
    let roots = serde_json::Value::from(roots.to_vec()).to_string();
    fs::write(&graph, roots).context(|| format!("write {}", graph.display()))?;
    let metadce = project.cmd(build::binaryen(project, "wasm-metadce")?).arg(input).args(FEATURES);
    metadce.arg("--graph-file").arg(&graph).arg("-o").arg(&reached).run("wasm-metadce")?;
    let opt = project.cmd(build::binaryen(project, "wasm-opt")?).arg(&reached).args(FEATURES).args(PASSES);
    opt.arg("-o").arg(output).run("wasm-opt-miniprogram").map(drop)
}

/// What Node says of the module.
#[derive(Debug, Deserialize)]
struct Interface {
    imports: Vec<Named>,
    exports: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    kind: String,
}

/// Fails if the module has an import or another export, or needs more than the first version of WebAssembly.
fn check(project: &Project, module: &Path) -> Result<()> {
    // With no feature enabled, what needs one is not valid.
    let opt = project.cmd(build::binaryen(project, "wasm-opt")?).arg(module);
    opt.args(["--mvp-features", "-o"]).arg("/dev/null").run("wasm-mvp")?;
    let json = project.cmd("node").args(["-e", INTERFACE]).arg(module).read()?;
    let interface: Interface =
        serde_json::from_str(&json).context(|| "the interface from node".to_owned())?;
    match fault(&interface) {
        None => Ok(()),
        Some(fault) => Err(Error::Failed(format!("{}: {fault}", project.shown(module)))),
    }
}

/// What is wrong with the interface.
fn fault(interface: &Interface) -> Option<String> {
    if let Some(import) = interface.imports.first() {
        return Some(format!("imports the {} {}", import.kind, import.name));
    }
    let is_named = |one: &&Named| {
        let kind = if one.name == "memory" { "memory" } else { "function" };
        EXPORTS.contains(&one.name.as_str()) && one.kind == kind
    };
    if let Some(other) = interface.exports.iter().find(|one| !is_named(one)) {
        return Some(format!("exports the {} {}", other.kind, other.name));
    }
    let is_there = |name: &&str| interface.exports.iter().any(|one| one.name == *name);
    EXPORTS.iter().find(|name| !is_there(name)).map(|missing| format!("does not export {missing}"))
}

/// Names everything that goes into the module.
fn fingerprint(input: &Path) -> Result<String> {
    let bytes = fs::read(input).context(|| format!("read {}", input.display()))?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let how = [&FEATURES[..], &PASSES, &EXPORTS].concat().join(" ");
    Ok(format!("{:016x} binaryen {} {how}\n", hasher.finish(), build::BINARYEN))
}

/// The folder of the component, from `www/`.
const FOLDER: &str = "miniprogram/components/cloud-player-video";
/// What the package's `miniprogram` field names, and where it goes in a program that has installed the package.
const PACKAGE: &str = "miniprogram/components";
const DEMO_PACKAGE: &str = "miniprogram/app/miniprogram_npm/cloud-player-miniprogram";
/// The feature, and the profile of the same name.
const FEATURE: &str = "miniprogram";
const PROFILE: &str = "miniprogram";
const RUSTFLAGS: &str = "-C target-feature=-reference-types,-multivalue";
/// All that the module exports.
const EXPORTS: [&str; 6] = ["memory", "cp_input", "cp_output", "cp_create", "cp_handle", "cp_destroy"];
/// What the standard library that comes with Rust is compiled with.
const FEATURES: [&str; 6] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
];
const PASSES: [&str; 6] = [
    "--llvm-memory-copy-fill-lowering",
    "--llvm-nontrapping-fptoint-lowering",
    "--signext-lowering",
    "-Oz",
    "--converge",
    "--strip-producers",
];
const INTERFACE: &str = "
const module = new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]));
console.log(JSON.stringify({ imports: WebAssembly.Module.imports(module), exports: WebAssembly.Module.exports(module) }));
";
const COMPRESS: &str = "
const fs = require('node:fs'), zlib = require('node:zlib');
const bytes = fs.readFileSync(process.argv[1]);
const params = { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
fs.writeFileSync(`${process.argv[1]}.br`, zlib.brotliCompressSync(bytes, { params }));
";

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(imports: &str, exports: &str) -> Interface {
        serde_json::from_str(&format!(r#"{{"imports":[{imports}],"exports":[{exports}]}}"#)).unwrap()
    }

    #[test]
    fn a_module_that_needs_something_or_shows_something_else_is_refused() {
        let named = |name: &str| {
            let kind = if name == "memory" { "memory" } else { "function" };
            format!(r#"{{"name":"{name}","kind":"{kind}"}}"#)
        };
        let all = EXPORTS.map(named).join(",");
        assert_eq!(fault(&interface("", &all)), None);
        let import = r#"{"module":"env","name":"log","kind":"function"}"#;
        assert_eq!(fault(&interface(import, &all)).unwrap(), "imports the function log");
        let global = format!(r#"{all},{{"name":"__heap_base","kind":"global"}}"#);
        assert_eq!(fault(&interface("", &global)).unwrap(), "exports the global __heap_base");
        let few = EXPORTS.map(named).get(..5).unwrap().join(",");
        assert_eq!(fault(&interface("", &few)).unwrap(), "does not export cp_destroy");
    }
}
