//! A packs folder for one command, and the plugin's choice of a pack in it.

use std::path::Path;

use anyhow::{Context, Result};
use host::ClapHost;
use model::Card;
use tempfile::TempDir;

/// What is larger is no pack.
const LARGEST: u64 = 256 << 20;

/// A temporary packs folder that holds `pack`, or nothing. It lasts as long as the value.
///
/// # Safety
/// It sets an environment variable: no other thread may run yet, and the plugin that reads it not be loaded.
pub unsafe fn folder(pack: Option<&Path>) -> Result<TempDir> {
    let packs = tempfile::tempdir().context("no temporary folder can be made")?;
    if let Some(path) = pack {
        // Through our reader: a copy of a device would have no end.
        phrase::read_regular(path, LARGEST)
            .and_then(|bytes| std::fs::write(packs.path().join("chosen.safetensors"), bytes))
            .with_context(|| format!("{}: the pack cannot be copied", path.display()))?;
    }
    // SAFETY: the caller promises that no other thread runs.
    unsafe { std::env::set_var("CONTRAFACT_PACKS", packs.path()) };
    Ok(packs)
}

/// Has the plugin use a pack of its folder, as a project that was saved with it would.
pub fn choose(plugin: &mut ClapHost, card: &Card) -> Result<()> {
    let pack = serde_json::json!({"name": card.name, "hash": card.hash});
    let state = host::with_field(&plugin.save()?, "pack", &pack)?;
    Ok(plugin.load(&state)?)
}
