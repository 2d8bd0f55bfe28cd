//! The licences of what a program is made of, as they ask to be given along.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build;

/// What a licence's file is called, or begins with.
const NAMES: [&str; 6] = ["licen", "copying", "notice", "unlicense", "copyright", "authors"];
/// No licence is longer, in bytes.
const LONGEST: u64 = 200_000;

/// All licences of the crates that a package is linked with on a target, each text once.
///
/// # Errors
///
/// cargo does not tell.
pub fn of(package: &str, target: &str) -> Result<String> {
    let output = build::cargo()?
        .args(["metadata", "--format-version", "1", "--filter-platform", target])
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!("cargo did not tell what {package} is made of; see the messages above");
    }
    let metadata = serde_json::from_slice(&output.stdout).context("cargo's metadata cannot be read")?;
    list(&metadata, package).with_context(|| format!("cargo's metadata do not speak of {package}"))
}

fn list(metadata: &Value, package: &str) -> Option<String> {
    let packages: HashMap<&str, &Value> =
        metadata["packages"].as_array()?.iter().filter_map(|of| Some((of["id"].as_str()?, of))).collect();
    let nodes: HashMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let first = packages.iter().find(|(_, of)| of["name"] == package && of["source"].is_null())?.0;
    let (mut linked, mut open) = (BTreeSet::new(), vec![*first]);
    while let Some(id) = open.pop() {
        if linked.insert(id) {
            open.extend(
                nodes.get(id)?["deps"]
                    .as_array()?
                    .iter()
                    .filter(|of| is_linked(of))
                    .filter_map(|of| of["pkg"].as_str()),
            );
        }
    }
    // Text, and who has it.
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut names = Vec::new();
    for of in linked.iter().filter_map(|id| packages.get(id)).filter(|of| !of["source"].is_null()) {
        let name = format!("{} {}", of["name"].as_str()?, of["version"].as_str()?);
        names.push(format!("{name}: {}", of["license"].as_str().unwrap_or("see below")));
        for text in texts_in(Path::new(of["manifest_path"].as_str()?).parent()?) {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    names.sort();
    let mut all =
        format!("Contrafact is made with these, under licences of their own:\n\n{}\n", names.join("\n"));
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (text, owners) in texts {
        all += &format!("\n{}\n{}\n\n{}\n", "=".repeat(72), owners.join(", "), text.trim());
    }
    Some(all)
}

/// Whether a dependency goes into the program, and not only into building or testing it.
fn is_linked(dependency: &Value) -> bool {
    let kinds = dependency["dep_kinds"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

/// The licences in a crate's folder.
fn texts_in(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let is_licence = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".rs")
    };
    let files = files.into_iter().filter(|path| is_licence(path));
    let texts = files.filter_map(|path| phrase::read_regular(&path, LONGEST).ok());
    texts.map(|bytes| String::from_utf8_lossy(&bytes).replace("\r\n", "\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "it asks cargo and rustc, which are not there under Wine")]
    fn what_is_linked_is_named_with_its_licence() {
        let all = of(build::PLUGIN, &crate::cross::host().unwrap()).unwrap();
        for part in ["candle-core 0.", "egui 0.", "MIT License", "nice-plug 0."] {
            assert!(all.contains(part), "{part} is missing");
        }
        for part in ["proptest", "model 0.", "clap-validator"] {
            assert!(
                !all.lines().take_while(|line| !line.starts_with("===")).any(|line| line.starts_with(part)),
                "{part}"
            );
        }
    }
}
