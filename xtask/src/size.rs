//! The sizes of what ships to a page, and the budget they are held to.
//!
//! Invariant: a script in `www/` is either in a group of the budget or named as not shipped, so that nothing
//! grows unseen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::project::Project;
use crate::sh::{Context, Result, say};

/// `www/size-budget.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    groups: BTreeMap<String, Group>,
    not_shipped: Vec<String>,
}

/// Files that share one limit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    files: Vec<String>,
    /// The most that all files together may take, in bytes, each compressed by brotli at its best.
    brotli: u64,
}

/// Bytes of one file.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Size {
    raw: u64,
    gzip: u64,
    brotli: u64,
}

/// Prints a table of sizes and returns what is wrong with them, one line each.
pub(crate) fn report(project: &Project) -> Result<Vec<String>> {
    let path = project.www().join("size-budget.json");
    let text = fs::read_to_string(&path).context(|| format!("read {}", path.display()))?;
    let budget: Budget = serde_json::from_str(&text).context(|| format!("{}", path.display()))?;
    let mut complaints = unnamed(&budget, &scripts(&project.www())?);

    let files: Vec<&String> = budget.groups.values().flat_map(|group| &group.files).collect();
    let (there, gone): (Vec<_>, Vec<_>) = files.iter().partition(|file| project.www().join(file).is_file());
    complaints.extend(gone.iter().map(|file| format!("{file} is in the size budget but not in www/")));
    let measured = measure(project, &there)?;

    say(format_args!("{:<34}{:>12}{:>12}{:>12}{:>12}", "bytes", "raw", "gzip", "brotli", "budget"));
    for (name, group) in &budget.groups {
        let mut total = Size::default();
        for file in &group.files {
            let Some(size) = measured.get(file.as_str()) else { continue };
            total = Size {
                raw: total.raw + size.raw,
                gzip: total.gzip + size.gzip,
                brotli: total.brotli + size.brotli,
            };
            if group.files.len() > 1 {
                row(&format!("  {file}"), *size, "");
            }
        }
        row(name, total, &group.brotli.to_string());
        if total.brotli > group.brotli {
            complaints.push(format!(
                "{name} is {} bytes over its budget ({} > {}, brotli); make it smaller, or raise the budget in \
                 www/size-budget.json in the change that needs it",
                total.brotli - group.brotli,
                total.brotli,
                group.brotli
            ));
        }
    }
    Ok(complaints)
}

fn row(name: &str, size: Size, budget: &str) {
    say(format_args!("{name:<34}{:>12}{:>12}{:>12}{budget:>12}", size.raw, size.gzip, size.brotli));
}

/// The scripts at the top of `www/`.
fn scripts(www: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(www).context(|| format!("read {}", www.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.retain(|name| name.ends_with(".js") || name.ends_with(".mjs"));
    names.sort();
    Ok(names)
}

fn unnamed(budget: &Budget, scripts: &[String]) -> Vec<String> {
    let named: Vec<&String> =
        budget.groups.values().flat_map(|group| &group.files).chain(&budget.not_shipped).collect();
    scripts
        .iter()
        .filter(|script| !named.contains(script))
        .map(|script| format!("www/{script} is in no group of www/size-budget.json"))
        .collect()
}

/// Compresses with Node's zlib, whose brotli gives the same bytes as the brotli program.
fn measure(project: &Project, files: &[&String]) -> Result<BTreeMap<String, Size>> {
    let json = project.cmd("node").dir(&project.www()).args(["-e", MEASURE]).args(files).read()?;
    serde_json::from_str(&json).context(|| "sizes from node".to_owned())
}

const MEASURE: &str = "
const fs = require('node:fs'), zlib = require('node:zlib');
const size = (bytes) => ({
  raw: bytes.length,
  gzip: zlib.gzipSync(bytes, { level: 9 }).length,
  brotli: zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length,
});
console.log(JSON.stringify(Object.fromEntries(process.argv.slice(1).map((f) => [f, size(fs.readFileSync(f))]))));
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_must_be_budgeted_or_named_as_not_shipped() {
        let budget: Budget = serde_json::from_str(
            r#"{"groups":{"js":{"files":["player.js"],"brotli":1}},"not_shipped":["demo.js"]}"#,
        )
        .unwrap();
        let scripts = ["demo.js", "player.js", "stray.js"].map(str::to_owned);
        let complaints = unnamed(&budget, &scripts);
        assert_eq!(complaints, ["www/stray.js is in no group of www/size-budget.json"]);
    }

    #[test]
    fn the_budget_in_the_repository_reads() {
        let text = include_str!("../../www/size-budget.json");
        let budget: Budget = serde_json::from_str(text).unwrap();
        assert!(budget.groups.values().all(|group| group.brotli > 0));
    }
}
