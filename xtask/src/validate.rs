//! `validate`: the bundled plugin before the validators of the formats, our own fuzz targets and the
//! licences' check, as far as they are on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bundle::{self, Bundles};
use crate::{build, fuzz};

/// Options of `validate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How long each of our fuzz targets runs, and, where it is given, clap-validator fuzzes the CLAP (as 10m
    /// or 30s); 0s for no fuzzing at all. Not given: 20 seconds a target of ours.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    fuzz: Option<Duration>,
    /// Validate what `bundle` left, without building it.
    #[arg(long)]
    no_build: bool,
}

/// A validator: a program of somebody else's.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Validator {
    name: &'static str,
    /// What it is called in PATH; the first that is found counts.
    programs: &'static [&'static str],
    /// The environment variable that says where it is.
    variable: &'static str,
    /// Where it comes from.
    source: &'static str,
    /// It opens windows, and without a display fails.
    opens_windows: bool,
}

const CLAP_VALIDATOR: Validator = Validator {
    name: "clap-validator",
    programs: &["clap-validator"],
    variable: "CONTRAFACT_CLAP_VALIDATOR",
    source: "https://github.com/free-audio/clap-validator",
    opens_windows: false,
};
const VST3_VALIDATOR: Validator = Validator {
    name: "Steinberg's validator",
    programs: &["validator", "vst3-validator"],
    variable: "CONTRAFACT_VST3_VALIDATOR",
    source: "https://github.com/steinbergmedia/vst3sdk",
    opens_windows: false,
};
const PLUGINVAL: Validator = Validator {
    name: "pluginval",
    programs: &["pluginval"],
    variable: "CONTRAFACT_PLUGINVAL",
    source: "https://github.com/Tracktion/pluginval",
    opens_windows: true,
};
const CARGO_DENY: Validator = Validator {
    name: "cargo-deny",
    programs: &["cargo-deny"],
    variable: "CONTRAFACT_CARGO_DENY",
    source: "https://github.com/EmbarkStudios/cargo-deny",
    opens_windows: false,
};

/// What came of everything that was to be run.
#[derive(Debug, Default, PartialEq)]
struct Results {
    passed: Vec<String>,
    failed: Vec<String>,
    /// What was not run, and why.
    left_out: Vec<String>,
}

impl Results {
    /// A validator may run several times; it is named once, and passed only if all of its runs did.
    fn note(&mut self, name: &str, fault: Option<String>) {
        match fault {
            None if !self.passed.iter().any(|it| it == name) => self.passed.push(name.to_owned()),
            None => {}
            Some(fault) => self.failed.push(format!("{name} ({fault})")),
        }
        let failed = |it: &String| self.failed.iter().any(|fault| fault.starts_with(&format!("{it} (")));
        self.passed.retain(|it| !failed(it));
    }

    fn leave_out(&mut self, validator: &Validator, why: &str) {
        self.left_out.push(format!("{} ({why})", validator.name));
    }
}

/// Bundles, runs all that is found, and says what was not. Fails where one of them does.
pub fn run(arguments: &Arguments) -> Result<()> {
    // Before anything is built or run: a variable that leads nowhere is no reason to waste half an hour.
    let found = [CLAP_VALIDATOR, VST3_VALIDATOR, PLUGINVAL, CARGO_DENY]
        .into_iter()
        .map(|validator| Ok((validator, find(&validator)?)))
        .collect::<Result<Vec<_>>>()?;
    let display = display();
    let bundles = if arguments.no_build { bundle::made()? } else { bundle::run()? };

    let mut results = Results::default();
    for (validator, program) in &found {
        let Some(program) = program else {
            println!(
                "\n== {} was not found: put it into PATH or its path into {}; it is at {}",
                validator.name, validator.variable, validator.source
            );
            results.leave_out(validator, "not found");
            continue;
        };
        if validator.opens_windows && !display.is_there() {
            println!("\n== {} opens windows: set DISPLAY, or install Xvfb", validator.name);
            results.leave_out(validator, "no display");
            continue;
        }
        for arguments in orders(validator, &bundles, arguments.fuzz) {
            println!("\n== {}: {} {}", validator.name, program.display(), arguments.join(" "));
            let status = Command::new(program)
                .args(&arguments)
                .current_dir(build::root()?)
                .status()
                .with_context(|| format!("{} cannot be run", program.display()))?;
            results.note(validator.name, (!status.success()).then(|| status.to_string()));
        }
    }
    let time = arguments.fuzz.unwrap_or(Duration::from_secs(20));
    if !time.is_zero() && cfg!(windows) {
        results.left_out.push("fuzz targets (libFuzzer is for Linux and macOS)".to_owned());
    } else if !time.is_zero() {
        let programs = fuzz::build()?;
        for target in fuzz::TARGETS {
            let fault = fuzz::fuzz(&programs, target, time).err();
            results.note(&format!("fuzz target {target}"), fault.map(|error| format!("{error:#}")));
        }
    }
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    println!("\npassed: {}; not run: {}", list(&results.passed), list(&results.left_out));
    if !results.failed.is_empty() {
        bail!("{} found faults; see above", results.failed.join(" and "));
    }
    Ok(())
}

/// What a validator is asked, one run after another.
fn orders(validator: &Validator, bundles: &Bundles, fuzz: Option<Duration>) -> Vec<Vec<String>> {
    let (clap, vst3) = (bundles.clap.display().to_string(), bundles.vst3.display().to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match *validator {
        CLAP_VALIDATOR => {
            let mut runs = vec![words(&["validate", "--only-failed", &clap])];
            if let Some(time) = fuzz.filter(|time| !time.is_zero()) {
                let seconds = format!("{}s", time.as_secs().max(1));
                runs.push(words(&["fuzz", "-d", &seconds, &clap]));
            }
            runs
        }
        VST3_VALIDATOR => vec![words(&["-e", "-q", &vst3])],
        PLUGINVAL => {
            vec![words(&["--strictness-level", "10", "--validate-in-process", "--validate", &vst3])]
        }
        // Not the advisories: they need the network, and change from day to day.
        _ => vec![words(&["check", "licenses", "bans", "sources"])],
    }
}

/// Where windows may be opened.
struct Display {
    #[cfg(target_os = "linux")]
    _own: Option<host::Display>,
    is_there: bool,
}

impl Display {
    fn is_there(&self) -> bool {
        self.is_there
    }
}

/// The display that this program has, or on Linux else one of our own, without a screen. Before other threads
/// start.
fn display() -> Display {
    #[cfg(target_os = "linux")]
    {
        let named = env::var_os("DISPLAY").is_some_and(|name| !name.is_empty());
        let own = if named { None } else { host::Display::start(1280, 1024) };
        Display { is_there: named || own.is_some(), _own: own }
    }
    #[cfg(not(target_os = "linux"))]
    Display { is_there: true }
}

/// The validator's program; an environment variable that names no file is an error, not a validator that is
/// missing.
fn find(validator: &Validator) -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os(validator.variable).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if !named.is_file() {
            bail!("{} names {}, which is no file; mend or unset it", validator.variable, named.display());
        }
        return Ok(Some(named));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(search(validator.programs, env::split_paths(&path)))
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
    fn validators_are_found_in_the_folders_in_order() {
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
    fn clap_validator_fuzzes_only_where_it_is_asked_to() {
        let bundles = Bundles { clap: "a.clap".into(), vst3: "a.vst3".into() };
        let orders = |fuzz| orders(&CLAP_VALIDATOR, &bundles, fuzz);
        assert_eq!((orders(None).len(), orders(Some(Duration::ZERO)).len()), (1, 1));
        assert_eq!(orders(Some(Duration::from_secs(600)))[1], ["fuzz", "-d", "600s", "a.clap"]);
    }

    #[test]
    fn a_validator_that_ran_twice_is_named_once_and_passes_only_with_both() {
        let mut results = Results::default();
        results.note("one", None);
        results.note("one", None);
        results.note("two", None);
        assert_eq!((results.passed.join(", "), results.failed.len()), ("one, two".to_owned(), 0));
        results.note("one", Some("exit status: 1".into()));
        results.note("one", None);
        assert_eq!((results.passed.join(", "), results.failed.len()), ("two".to_owned(), 1));
    }
}
