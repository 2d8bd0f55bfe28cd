//! `install`: the bundles in the user's own plugin folders.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use directories::BaseDirs;

use crate::bundle;

/// What every build of the plugin holds and nothing else does: its CLAP id.
const OURS: &[u8] = b"org.contrafact.contrafact";

/// No build of the plugin is larger, GPU builds included.
const LARGEST: u64 = 1 << 30;

/// Options of `install`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only say what would be copied where.
    #[arg(long)]
    dry_run: bool,
    /// A folder for the CLAP in place of the system's for this user.
    #[arg(long, value_name = "FOLDER")]
    clap: Option<PathBuf>,
    /// A folder for the VST3 in place of the system's for this user.
    #[arg(long, value_name = "FOLDER")]
    vst3: Option<PathBuf>,
}

/// Bundles and copies. What is there already is replaced file by file if it is Contrafact, and left alone
/// otherwise.
pub fn run(arguments: &Arguments) -> Result<()> {
    let (clap, vst3) = folders()?;
    let clap = arguments.clap.clone().unwrap_or(clap);
    let vst3 = arguments.vst3.clone().unwrap_or(vst3);
    let bundles = bundle::run()?;
    let copies = [(bundles.clap, clap), (bundles.vst3, vst3)].map(|(from, folder)| {
        let to = folder.join(from.file_name().unwrap_or_default());
        (from, to)
    });
    for (_, to) in &copies {
        if to.exists() && !is_ours(to) {
            bail!("{} is there already and is not Contrafact; move it away first", to.display());
        }
    }
    for (from, to) in &copies {
        if arguments.dry_run {
            println!("would copy {} to {}", from.display(), to.display());
        } else {
            copy(from, to)?;
            println!("installed {}", to.display());
        }
    }
    Ok(())
}

/// The user's CLAP and VST3 folders, as the two formats' rules name them.
fn folders() -> Result<(PathBuf, PathBuf)> {
    let base = BaseDirs::new().context("this system does not say where your home folder is")?;
    Ok(if cfg!(target_os = "macos") {
        let plugins = base.home_dir().join("Library/Audio/Plug-Ins");
        (plugins.join("CLAP"), plugins.join("VST3"))
    } else if cfg!(windows) {
        let common = base.data_local_dir().join("Programs").join("Common");
        (common.join("CLAP"), common.join("VST3"))
    } else {
        (base.home_dir().join(".clap"), base.home_dir().join(".vst3"))
    })
}

/// Whether a file, or a file in a bundle's folder, is a build of the plugin.
fn is_ours(path: &Path) -> bool {
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        return entries.into_iter().any(|entry| is_ours(&entry.path()));
    }
    phrase::read_regular(path, LARGEST)
        .is_ok_and(|bytes| bytes.windows(OURS.len()).any(|window| window == OURS))
}

/// Copies a file or a bundle's folder. Each file appears whole or not at all, and nothing is deleted.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
            let entry = entry.with_context(|| format!("{} cannot be read", from.display()))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let fault = || format!("{} cannot be written", to.display());
    let folder = to.parent().with_context(fault)?;
    fs::create_dir_all(folder).with_context(fault)?;
    let part = tempfile::NamedTempFile::new_in(folder).with_context(fault)?;
    // Permissions too: a library must be executable on macOS.
    fs::copy(from, part.path()).with_context(fault)?;
    part.persist(to).map(|_| ()).with_context(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_replaces_its_older_self_and_keeps_what_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("new.vst3"), folder.path().join("old.vst3"));
        let library = Path::new("Contents/x86_64-linux/contrafact.so");
        for (bundle, text) in
            [(&from, "new org.contrafact.contrafact"), (&to, "old org.contrafact.contrafact")]
        {
            fs::create_dir_all(bundle.join("Contents/x86_64-linux")).unwrap();
            fs::write(bundle.join(library), text).unwrap();
        }
        fs::write(to.join("notes.txt"), "mine").unwrap();
        assert!(is_ours(&to));
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join(library)).unwrap(), "new org.contrafact.contrafact");
        assert_eq!(fs::read_to_string(to.join("notes.txt")).unwrap(), "mine");
    }

    #[test]
    fn another_plugin_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contrafact.clap");
        fs::write(&file, "another vendor's plugin of this name").unwrap();
        assert!(!is_ours(&file));
        assert!(!is_ours(&folder.path().join("missing")));
    }
}
