//! Building the plugin with the cargo that runs us.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// The package that is the plugin.
pub const PLUGIN: &str = "contrafact";

/// The GPU that we were built for, as a feature of the plugin: it is to have it too.
pub const GPU: Option<&str> = if cfg!(feature = "cuda") {
    Some("contrafact/cuda")
} else if cfg!(feature = "metal") {
    Some("contrafact/metal")
} else {
    None
};

/// The workspace's root folder.
pub fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_owned).context("the xtask crate is not inside a workspace")
}

/// A call of the cargo that runs us, in the workspace's root.
pub fn cargo() -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?).stderr(Stdio::inherit());
    Ok(command)
}

/// Builds the plugin in release mode and returns the path of its library.
///
/// # Errors
///
/// cargo cannot be run, or the build fails (its messages are on the screen then).
pub fn plugin() -> Result<PathBuf> {
    let output = cargo()?
        // With ourselves: the same packages, the same features, nothing built twice.
        .args(["build", "--release", "-p", PLUGIN, "-p", "xtask", "--message-format=json-render-diagnostics"])
        .args(GPU.iter().flat_map(|feature| ["--features", feature]))
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!("the plugin could not be built; see the messages above");
    }
    // Asked of cargo, so that any target folder is found.
    let library = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == PLUGIN)
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .find(|name| name.extension().is_some_and(|extension| extension == env::consts::DLL_EXTENSION));
    library.ok_or_else(|| anyhow!("cargo built the plugin but names no library"))
}

/// cargo's target folder.
///
/// # Errors
///
/// cargo cannot be run or does not tell.
pub fn target() -> Result<PathBuf> {
    let output = cargo()?
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cargo could not be started")?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo's metadata cannot be read")?;
    metadata["target_directory"].as_str().map(PathBuf::from).context("cargo does not name its target folder")
}
