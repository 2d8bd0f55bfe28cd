//! A Windows of our own under Wine, in the target folder, so that the user's own is left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;

/// Rust's standard library takes its random numbers from a DLL that Wine has since version 9 only. It is one
/// function.
const MISSING: &str = "bcryptprimitives.dll";
const SOURCE: &str = include_str!("bcryptprimitives.c");

/// Ends what still runs in a prefix: a Windows that was begun on one screen opens no window on another.
pub fn end(prefix: &Path) {
    // Nothing to end is no fault.
    let _ = Command::new("wineserver").arg("-k").env("WINEPREFIX", prefix).status();
}

/// Wine's folder, made where there is none yet; `compiler` is mingw's.
pub fn prefix(compiler: &str) -> Result<PathBuf> {
    let prefix = build::target()?.join("wine");
    let system = prefix.join("drive_c/windows/system32");
    if !system.is_dir() {
        println!("making a Windows in {}", prefix.display());
        let status = Command::new("wine")
            .args(["wineboot", "--init"])
            .env("WINEPREFIX", &prefix)
            .env("WINEDEBUG", "-all")
            // No questions after Mono and Gecko, which nothing here uses.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
            .env_remove("DISPLAY")
            .status()
            .context("wine could not be started")?;
        if !status.success() || !system.is_dir() {
            bail!(
                "wine could not make a Windows in {} ({status}); remove it and try again",
                prefix.display()
            );
        }
    }
    let library = system.join(MISSING);
    if !library.exists() {
        let source = prefix.join("bcryptprimitives.c");
        fs::write(&source, SOURCE).with_context(|| format!("{} cannot be written", source.display()))?;
        let status = Command::new(compiler)
            .args(["-O2", "-shared", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ladvapi32")
            .status()
            .with_context(|| format!("{compiler} could not be started"))?;
        if !status.success() {
            bail!("{MISSING} could not be built ({status}); see the messages above");
        }
    }
    Ok(prefix)
}
