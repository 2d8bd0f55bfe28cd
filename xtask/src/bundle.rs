//! `bundle`: the plugin as users install it.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::build;

/// The bundles that were made.
pub struct Bundles {
    /// The CLAP.
    pub clap: PathBuf,
    /// The VST3.
    pub vst3: PathBuf,
}

/// Builds and bundles the plugin; the bundler prints where.
pub fn run() -> Result<Bundles> {
    build::plugin()?;
    let target = build::target()?;
    // The bundler reads bundler.toml from the current folder.
    env::set_current_dir(build::root()?).context("the workspace's folder cannot be entered")?;
    let mut options = vec!["--release".to_owned()];
    options.extend(build::GPU.iter().flat_map(|feature| ["--features".to_owned(), (*feature).to_owned()]));
    nice_plug_xtask::bundle(&target, build::PLUGIN, &options, false)?;
    made()
}

/// The bundles that [`run`] made last.
pub fn made() -> Result<Bundles> {
    let folder = build::target()?.join("bundled");
    let bundles = Bundles { clap: folder.join("contrafact.clap"), vst3: folder.join("contrafact.vst3") };
    for bundle in [&bundles.clap, &bundles.vst3] {
        if !bundle.exists() {
            bail!("{} was not made; `cargo xtask bundle` makes it", bundle.display());
        }
    }
    Ok(bundles)
}
