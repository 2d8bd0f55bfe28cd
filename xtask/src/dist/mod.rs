//! `dist`: what a release offers, as zips: the plugin with an install text, the trainer, and checksums.

mod archive;
mod licences;

use std::env::consts;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use host::{ClapHost, Vst3Host};

use crate::cross::{self, System};
use crate::{build, bundle};
use archive::Archive;

/// Options of `dist`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The system to make them for: this one, if none is given. Others than this are built as `cross` does.
    #[arg(value_enum)]
    system: Option<System>,
    /// The folder for the zips; target/dist if not given.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// What was built for a system.
struct Built {
    /// The system and its processor, as they stand in a file's name.
    label: String,
    /// The target triple, of which there are two on macOS.
    target: String,
    bundles: [PathBuf; 2],
    trainer: PathBuf,
}

/// Builds, packs, and tries what it has packed where it can.
pub fn run(arguments: &Arguments) -> Result<()> {
    let built = built(arguments.system)?;
    let folder = match &arguments.output {
        Some(folder) => folder.clone(),
        None => build::target()?.join("dist"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let root = build::root()?;
    let version = env!("CARGO_PKG_VERSION");
    for (what, files) in
        [("contrafact", &built.bundles[..]), ("contrafact-trainer", std::slice::from_ref(&built.trainer))]
    {
        let name = format!("{what}-{version}-{}", built.label);
        let package = if what == "contrafact" { build::PLUGIN } else { "trainer" };
        let mut archive = Archive::new(&folder, &name)?;
        for file in files {
            archive.add(file, &file.file_name().unwrap_or_default().to_string_lossy())?;
        }
        archive.text("INSTALL.txt", &install_text(what, &built.label))?;
        archive.add(&root.join("LICENSE"), "LICENSE.txt")?;
        archive.add(&root.join("CHANGELOG.md"), "CHANGELOG.md")?;
        if what == "contrafact" {
            archive.add(&root.join("docs/routing.md"), "ROUTING.md")?;
        }
        archive.text("LICENCES-OF-OTHERS.txt", &licences::of(package, &built.target)?)?;
        let zip = archive.finish()?;
        println!("{} ({:.1} MB)", zip.display(), fs::metadata(&zip)?.len() as f64 / 1e6);
        if what == "contrafact" && arguments.system.is_none() {
            try_it(&zip, &name)?;
        }
    }
    let sums = archive::sums(&folder)?;
    println!("{}", sums.display());
    Ok(())
}

fn built(system: Option<System>) -> Result<Built> {
    let system = match system {
        // Both processors in one file: nobody there knows which they have.
        None if cfg!(target_os = "macos") => Some(System::Macos),
        other => other,
    };
    let of = |label: &str, target: &str, folder: PathBuf, trainer: PathBuf| Built {
        label: label.to_owned(),
        target: target.to_owned(),
        bundles: ["contrafact.clap", "contrafact.vst3"].map(|name| folder.join(name)),
        trainer,
    };
    let built = match system {
        None => {
            let bundles = bundle::run()?;
            let release = cross::native(&["trainer"])?;
            Built {
                label: format!("{}-{}", consts::OS, consts::ARCH),
                target: cross::host()?,
                bundles: [bundles.clap, bundles.vst3],
                trainer: release.join(format!("trainer{}", consts::EXE_SUFFIX)),
            }
        }
        Some(System::Windows) => {
            let (folder, release) = cross::release(System::Windows)?;
            of("windows-x86_64", cross::WINDOWS, folder, release.join("trainer.exe"))
        }
        Some(System::Arm) => {
            let (folder, release) = cross::release(System::Arm)?;
            of("linux-aarch64", cross::ARM, folder, release.join("trainer"))
        }
        Some(System::Macos) => {
            let (folder, release) = cross::release(System::Macos)?;
            of("macos-universal", cross::MACOS[0], folder, release.join("trainer"))
        }
    };
    if let Some(missing) = built.bundles.iter().chain([&built.trainer]).find(|file| !file.exists()) {
        bail!("{} was not made; see the messages above", missing.display());
    }
    Ok(built)
}

/// What to do with the files, on the system that they are for.
fn install_text(what: &str, label: &str) -> String {
    let text = match what {
        "contrafact" if label.starts_with("windows") => include_str!("windows.txt"),
        "contrafact" if label.starts_with("macos") => include_str!("macos.txt"),
        "contrafact" => include_str!("linux.txt"),
        _ => include_str!("trainer.txt"),
    };
    // Editors of Windows show lines that end its own way.
    let text = text.replace("VERSION", env!("CARGO_PKG_VERSION"));
    if label.starts_with("windows") { text.replace('\n', "\r\n") } else { text }
}

/// Unpacks a zip into a folder of plugins that was empty, and loads both formats from there.
fn try_it(zip: &Path, name: &str) -> Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    archive::unpack(zip, folder.path())?;
    let inside = folder.path().join(name);
    let clap = library(&inside.join("contrafact.clap")).context("the zip holds no CLAP")?;
    let clap = ClapHost::open(&clap)?.params().len();
    let vst3 = library(&inside.join("contrafact.vst3")).context("the zip holds no VST3")?;
    let vst3 = Vst3Host::open(&vst3)?.params().len();
    println!("unpacked and loaded: CLAP with {clap} parameters, VST3 with {vst3}");
    Ok(())
}

/// The library in a bundle, which may be one itself.
fn library(bundle: &Path) -> Option<PathBuf> {
    if bundle.is_file() {
        let is_text = bundle.extension().is_some_and(|end| end == "plist");
        return (!is_text && bundle.metadata().is_ok_and(|of| of.len() > 100_000)).then(|| bundle.to_owned());
    }
    let entries = fs::read_dir(bundle).ok()?;
    entries.flatten().find_map(|entry| library(&entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn install_texts_are_for_their_system() {
        for (label, part) in [
            ("windows-x86_64", "CommonProgramFiles"),
            ("macos-universal", "Library/Audio"),
            ("linux-aarch64", ".clap"),
        ] {
            let text = install_text("contrafact", label);
            assert!(text.contains(part) && text.contains(env!("CARGO_PKG_VERSION")), "{label}: {text}");
            assert_eq!(text.contains("\r\n"), label.starts_with("windows"));
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{label}");
        }
        assert!(install_text("contrafact-trainer", "linux-x86_64").contains("trainer"));
    }

    #[test]
    fn a_library_is_found_in_a_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("contrafact.vst3/Contents/MacOS");
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.parent().unwrap().join("Info.plist"), vec![0; 200_000]).unwrap();
        assert_eq!(library(folder.path()), None);
        fs::write(inside.join("contrafact"), vec![0; 200_000]).unwrap();
        assert_eq!(library(folder.path()), Some(inside.join("contrafact")));
    }
}
