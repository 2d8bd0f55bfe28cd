//! `validate`: the bundled plugin before the judges of the formats, as far as they are on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bundle::{self, Bundles};

/// Options of `validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Let clap-validator fuzz the CLAP for that long (as 10m or 30s); 0s for not at all.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    fuzz: String,
    /// Validate what `bundle` left, without building.
    #[arg(long)]
    no_build: bool,
}

/// A judge: a program of somebody else's.
struct Judge {
    name: &'static str,
    /// What it is called in PATH; the first that is found counts.
    programs: &'static [&'static str],
    /// The environment variable that says where it is.
    variable: &'static str,
    /// Where it comes from.
    source: &'static str,
}

const CLAP_VALIDATOR: Judge = Judge {
    name: "clap-validator",
    programs: &["clap-validator"],
    variable: "CONTRAFACT_CLAP_VALIDATOR",
    source: "https://github.com/free-audio/clap-validator",
};
const VST3_VALIDATOR: Judge = Judge {
    name: "Steinberg's validator",
    programs: &["validator", "vst3-validator"],
    variable: "CONTRAFACT_VST3_VALIDATOR",
    source: "https://github.com/steinbergmedia/vst3sdk",
};
const PLUGINVAL: Judge = Judge {
    name: "pluginval",
    programs: &["pluginval"],
    variable: "CONTRAFACT_PLUGINVAL",
    source: "https://github.com/Tracktion/pluginval",
};

/// Bundles, runs every judge that is found, and says which were not. Fails where one of them does.
pub fn run(arguments: &Arguments) -> Result<()> {
    let bundles = if arguments.no_build { bundle::made()? } else { bundle::run()? };
    let runs = runs(&bundles, &arguments.fuzz);
    let (mut failed, mut passed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (judge, arguments) in runs {
        match find(&judge)? {
            Some(program) => {
                println!("\n== {}: {} {}", judge.name, program.display(), arguments.join(" "));
                let status = Command::new(&program)
                    .args(&arguments)
                    .status()
                    .with_context(|| format!("{} cannot be run", program.display()))?;
                if status.success() {
                    passed.push(judge.name);
                } else {
                    failed.push(format!("{} ({status})", judge.name));
                }
            }
            None if missing.contains(&judge.name) => {}
            None => {
                missing.push(judge.name);
                println!(
                    "\n== {} was not found: put it into PATH or its path into {}; it is at {}",
                    judge.name, judge.variable, judge.source
                );
            }
        }
    }
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    println!("\npassed: {}; not found: {}", list(&passed), list(&missing));
    if !failed.is_empty() {
        bail!("{} found faults; see above", failed.join(" and "));
    }
    Ok(())
}

/// The judges and what each is asked, in order.
fn runs(bundles: &Bundles, fuzz: &str) -> Vec<(Judge, Vec<String>)> {
    let (clap, vst3) = (bundles.clap.display().to_string(), bundles.vst3.display().to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut runs = vec![(CLAP_VALIDATOR, words(&["validate", "--only-failed", &clap]))];
    if fuzz.trim_start_matches('0') != "s" {
        runs.push((CLAP_VALIDATOR, words(&["fuzz", "-d", fuzz, &clap])));
    }
    runs.push((VST3_VALIDATOR, words(&["-e", "-q", &vst3])));
    let pluginval = ["--strictness-level", "10", "--validate-in-process", "--validate", &vst3];
    runs.push((PLUGINVAL, words(&pluginval)));
    runs
}

/// The judge's program; an environment variable that names no file is an error, not a judge that is missing.
fn find(judge: &Judge) -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os(judge.variable).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if !named.is_file() {
            bail!("{} names {}, which is no file; mend or unset it", judge.variable, named.display());
        }
        return Ok(Some(named));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(search(judge.programs, env::split_paths(&path)))
}

fn search(programs: &[&str], folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let file = |folder: &Path, program: &str| {
        let file = folder.join(format!("{program}{}", env::consts::EXE_SUFFIX));
        file.is_file().then_some(file)
    };
    folders.into_iter().find_map(|folder| programs.iter().find_map(|program| file(&folder, program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_are_found_in_the_folders_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| {
            let sub = folder.path().join(name);
            std::fs::create_dir(&sub).unwrap();
            sub
        });
        let name = format!("judge{}", env::consts::EXE_SUFFIX);
        let folders = || [first.clone(), second.clone()].into_iter();
        assert_eq!(search(&["judge"], folders()), None);
        std::fs::write(second.join(&name), "").unwrap();
        assert_eq!(search(&["other", "judge"], folders()), Some(second.join(&name)));
        std::fs::write(first.join(&name), "").unwrap();
        assert_eq!(search(&["judge"], folders()), Some(first.join(&name)));
    }

    #[test]
    fn fuzzing_is_asked_for_only_where_it_is_wanted() {
        let bundles = Bundles { clap: "a.clap".into(), vst3: "a.vst3".into() };
        assert_eq!(runs(&bundles, "0s").len(), 3);
        let runs = runs(&bundles, "10m");
        assert_eq!(runs.len(), 4);
        assert_eq!(runs[1].1, ["fuzz", "-d", "10m", "a.clap"]);
    }
}
