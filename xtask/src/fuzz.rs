//! `fuzz`: our own fuzz targets, built with the compiler that is there and fuzzed by libFuzzer. No cargo-fuzz
//! is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::build;

/// The fuzz targets, each a function of the package in `fuzz`.
pub const TARGETS: [&str; 3] = ["midi", "pack", "state"];

/// What has libFuzzer see which code an input reaches: cargo-fuzz's choice, as far as a stable compiler takes
/// it. Assertions are on, so that the plugin watches its audio thread for allocations.
const INSTRUMENTS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Ccodegen-units=1";

/// Options of `fuzz`.
#[derive(clap::Args)]
pub struct Arguments {
    /// midi, pack or state; all three if none is named.
    targets: Vec<String>,
    /// How long each target runs (as 30s, 10m or 2h).
    #[arg(long, default_value = "1m", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// Builds and runs the targets that were asked for, one after another.
pub fn run(arguments: &Arguments) -> Result<()> {
    let unknown = |name: &&String| !TARGETS.contains(&name.as_str());
    if let Some(name) = arguments.targets.iter().find(unknown) {
        bail!("there is no fuzz target {name}; name {}", TARGETS.join(", "));
    }
    let wanted =
        |name: &&&str| arguments.targets.is_empty() || arguments.targets.iter().any(|it| it == **name);
    let folder = build()?;
    for target in TARGETS.iter().filter(wanted) {
        fuzz(&folder, target, arguments.time)?;
    }
    Ok(())
}

/// Builds all targets and returns the folder that their programs are in.
///
/// # Errors
///
/// cargo cannot be run, or the build fails (its messages are on the screen then).
pub fn build() -> Result<PathBuf> {
    let machine = machine()?;
    // Beside ours, since everything is built anew with instruments. With the machine named, build scripts and
    // macros go without.
    let target = build::target()?.join("fuzz");
    let status = build::cargo()?
        .args([
            "build",
            "--profile",
            "fuzz",
            "-p",
            "contrafact-fuzz",
            "--features",
            "libfuzzer",
            "--target",
            &machine,
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", INSTRUMENTS)
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("the fuzz targets could not be built; see the messages above");
    }
    Ok(target.join(machine).join("fuzz"))
}

/// Fuzzes with one target, from what it has learnt before and the seeds.
///
/// # Errors
///
/// It cannot be run, or it finds something: the input is in `fuzz/artifacts` then.
pub fn fuzz(programs: &Path, target: &str, time: Duration) -> Result<()> {
    let fuzz = build::root()?.join("fuzz");
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|folder| fuzz.join(folder).join(target));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    println!("\n== fuzz target {target}, {} s", time.as_secs().max(1));
    let status = Command::new(programs.join(format!("fuzz-{target}")))
        // 0 would be for ever.
        .arg(format!("-max_total_time={}", time.as_secs().max(1)))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(corpus)
        .arg(fuzz.join("seeds").join(target))
        // The plugin says why it refuses each state.
        .env("NICE_LOG", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .status()
        .with_context(|| format!("the fuzz target {target} cannot be run"))?;
    if !status.success() {
        bail!("the fuzz target {target} found something ({status}); its input is in {}", artifacts.display());
    }
    Ok(())
}

/// What the compiler calls this machine.
fn machine() -> Result<String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .context("rustc could not be started")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let machine = told.lines().find_map(|line| line.strip_prefix("host: "));
    machine.map(str::to_owned).context("rustc does not say which machine this is")
}
