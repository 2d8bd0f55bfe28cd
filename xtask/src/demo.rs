//! `demo`: the sounds that README links, a piece and what becomes of it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;

/// Options of `demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that the sounds go into.
    #[arg(short, long, default_value = "docs/sounds")]
    output: PathBuf,
    /// The piece.
    #[arg(long, default_value = "examples/harvest-road.mid")]
    song: PathBuf,
    /// How many bars of it.
    #[arg(long, default_value_t = 8)]
    bars: u16,
    /// The plugin's library, in place of building it.
    #[arg(long)]
    library: Option<PathBuf>,
}

/// No file of the repository's that people only listen to is larger, in bytes.
const LARGEST: u64 = 400_000;

/// Makes one sound a genre of the default pack: the piece, then its answer, both by our own instruments, so
/// that they are the same bytes on every machine.
pub fn run(arguments: &Arguments) -> Result<()> {
    let library = match &arguments.library {
        Some(library) => library.clone(),
        None => build::plugin()?,
    };
    fs::create_dir_all(&arguments.output)
        .with_context(|| format!("{} cannot be made", arguments.output.display()))?;
    let aside = tempfile::tempdir().context("no temporary folder can be made")?;
    let stem = arguments.song.file_stem().context("the piece has no name")?.to_string_lossy().into_owned();
    for genre in model::read_card("the default pack", model::default_pack())?.genres {
        let name = format!("{stem}-to-{}.ogg", genre.to_lowercase().replace(['/', '\\', ' '], "-"));
        let sound = arguments.output.join(name);
        let status = Command::new(env::current_exe().context("this program cannot be found")?)
            .arg("play")
            .arg(&arguments.song)
            .args(["--to", &genre, "--plain", "--before", "--bars", &arguments.bars.to_string()])
            .arg("--audio")
            .arg(&sound)
            .arg("--library")
            .arg(&library)
            .arg("--output")
            .arg(aside.path().join("answer.mid"))
            .status()
            .context("this program cannot be started")?;
        if !status.success() {
            bail!("{} was not made; see the message above", sound.display());
        }
        let bytes = fs::metadata(&sound)?.len();
        println!("         {} KB", bytes.div_ceil(1000));
        if bytes > LARGEST {
            bail!("{} is larger than {} KB; give fewer --bars", sound.display(), LARGEST / 1000);
        }
    }
    Ok(())
}
