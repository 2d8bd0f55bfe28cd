//! `cross`: bundles for systems other than this one, and their tests, as far as they can be run from Linux.
//! Nothing is installed; what is missing is named, with the command that brings it.

mod wine;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::build;

/// Options of `cross`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The system to build for. macOS is only checked, for both processors: to link needs Apple's SDK.
    #[arg(value_enum)]
    system: System,
    /// Run the tests too: Windows' under Wine, ARM's under qemu.
    #[arg(long)]
    test: bool,
    /// With --test: what `cargo test` is told, in place of --workspace (as: -- -p model --test arranger).
    #[arg(last = true, requires = "test")]
    tests: Vec<String>,
}

/// What can be built for.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum System {
    /// Windows on x86-64, with mingw.
    Windows,
    /// macOS on x86-64 and ARM.
    Macos,
    /// Linux on ARM (aarch64).
    Arm,
}

/// A tool that a build needs: its program, and Debian's package of it.
type Tool = (&'static str, &'static str);

/// The targets, as Rust names them.
pub const WINDOWS: &str = "x86_64-pc-windows-gnu";
/// Linux on ARM.
pub const ARM: &str = "aarch64-unknown-linux-gnu";
/// Both processors.
pub const MACOS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];
/// What has no C in it: C for macOS needs Apple's SDK.
const CHECKED: [&str; 6] = ["contrafact", "vst3-shell", "gui", "host", "model", "phrase"];

const MINGW: [Tool; 2] = [
    ("x86_64-w64-mingw32-gcc-posix", "gcc-mingw-w64-x86-64-posix"),
    ("x86_64-w64-mingw32-g++-posix", "g++-mingw-w64-x86-64-posix"),
];
const AARCH64: [Tool; 2] =
    [("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"), ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu")];
const WINE: Tool = ("wine", "wine");
const QEMU: Tool = ("qemu-aarch64", "qemu-user");
/// Where Debian's cross compiler has the libraries that programs for ARM load.
const ARM_LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// Builds, and tests where that is asked for.
pub fn run(arguments: &Arguments) -> Result<()> {
    match arguments.system {
        System::Macos => {
            if arguments.test {
                bail!("programs for macOS run on macOS only; leave --test out, or run `cargo test` there");
            }
            need(&MACOS, &[])?;
            MACOS.iter().try_for_each(|target| check(target))
        }
        System::Windows => {
            need(&[WINDOWS], &MINGW)?;
            let mut tools = Tools::new(WINDOWS, MINGW);
            if arguments.test {
                need(&[], &[WINE])?;
                let prefix = wine::prefix(MINGW[0].0)?;
                wine::end(&prefix);
                tools.set("WINEPREFIX", prefix);
                tools.set("WINEDEBUG", "-all");
                tools.runner("wine");
            }
            finish(&tools, "windows", arguments)
        }
        System::Arm => {
            need(&[ARM], &AARCH64)?;
            let mut tools = Tools::new(ARM, AARCH64);
            if arguments.test {
                need(&[], &[QEMU])?;
                tools.runner(&format!("qemu-aarch64 -L {ARM_LIBRARIES}"));
            }
            finish(&tools, "arm", arguments)
        }
    }
}

/// Builds for a system in release mode and bundles, as `dist` packs it: the folder of the bundles, and that
/// of the programs. macOS only on macOS, for both processors in one.
pub fn release(system: System) -> Result<(PathBuf, PathBuf)> {
    let target = build::target()?;
    let (tools, name) = match system {
        System::Windows => {
            need(&[WINDOWS], &MINGW)?;
            (Tools::new(WINDOWS, MINGW), "windows")
        }
        System::Arm => {
            need(&[ARM], &AARCH64)?;
            (Tools::new(ARM, AARCH64), "arm")
        }
        System::Macos => return universal(&target),
    };
    programs(&tools)?;
    bundle(tools.target, name)?;
    Ok((target.join(format!("cross-{name}")).join("bundled"), target.join(tools.target).join("release")))
}

/// Both processors' builds in one, on macOS. The bundler signs with no name ("ad hoc"), which Apple silicon
/// asks for at least.
fn universal(target: &Path) -> Result<(PathBuf, PathBuf)> {
    if !cfg!(target_os = "macos") {
        bail!("bundles for macOS are made on macOS only, with Apple's tools; the workflow `release` does so");
    }
    need(&MACOS, &[])?;
    for of in MACOS {
        programs(&Tools { target: of, variables: Vec::new() })?;
    }
    env::set_current_dir(build::root()?).context("the workspace's folder cannot be entered")?;
    nice_plug_xtask::bundle(target, build::PLUGIN, &["--release".to_owned()], true)?;
    let both = target.join("cross-macos");
    fs::create_dir_all(&both).with_context(|| format!("{} cannot be made", both.display()))?;
    let mut lipo = Command::new("lipo");
    lipo.arg("-create").arg("-output").arg(both.join("trainer"));
    lipo.args(MACOS.map(|of| target.join(of).join("release").join("trainer")));
    succeed(&mut lipo)?;
    Ok((target.join("bundled"), both))
}

/// Builds packages for this machine in release mode; gives the folder of their programs.
pub fn native(packages: &[&str]) -> Result<PathBuf> {
    let mut command = build::cargo()?;
    // With ourselves and the plugin: the same features, nothing built twice.
    command.args(["build", "--release", "-p", build::PLUGIN, "-p", "xtask"]);
    succeed(command.args(packages.iter().flat_map(|package| ["-p", package])))?;
    Ok(build::target()?.join("release"))
}

/// This machine's target.
pub fn host() -> Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--version", "--verbose"])
        .output()
        .context("rustc could not be started")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let host =
        said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not tell its host")?;
    Ok(host.to_owned())
}

/// Fails unless the Rust targets and the tools are there, naming all that is missing in one sentence.
fn need(targets: &[&str], tools: &[Tool]) -> Result<()> {
    let libraries = libraries()?;
    let targets: Vec<_> = targets.iter().filter(|target| !libraries.join(target).is_dir()).copied().collect();
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let tools: Vec<_> = tools.iter().filter(|tool| !is_there(tool.0)).map(|tool| tool.1).collect();
    let commands: Vec<_> = [("rustup target add", targets), ("apt-get install", tools)]
        .into_iter()
        .filter(|(_, missing)| !missing.is_empty())
        .map(|(command, missing)| format!("`{command} {}`", missing.join(" ")))
        .collect();
    if commands.is_empty() {
        return Ok(());
    }
    bail!(
        "something is missing for this; bring it with {} (or your system's own commands)",
        commands.join(" and ")
    )
}

/// The folder of the compiler's libraries, one folder a target.
fn libraries() -> Result<PathBuf> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "sysroot"])
        .current_dir(build::root()?)
        .output()
        .context("rustc could not be started")?;
    Ok(Path::new(String::from_utf8_lossy(&output.stdout).trim()).join("lib/rustlib"))
}

/// A target, and the variables that make cargo and C builds use its tools.
struct Tools {
    target: &'static str,
    variables: Vec<(String, std::ffi::OsString)>,
}

impl Tools {
    fn new(target: &'static str, [c, cpp]: [Tool; 2]) -> Self {
        let mut tools = Self { target, variables: Vec::new() };
        let (upper, lower) = (target.to_uppercase().replace('-', "_"), target.replace('-', "_"));
        tools.set(&format!("CARGO_TARGET_{upper}_LINKER"), c.0);
        tools.set(&format!("CC_{lower}"), c.0);
        tools.set(&format!("CXX_{lower}"), cpp.0);
        tools
    }

    fn set(&mut self, name: &str, value: impl Into<std::ffi::OsString>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// What runs the target's programs here.
    fn runner(&mut self, command: &str) {
        let upper = self.target.to_uppercase().replace('-', "_");
        self.set(&format!("CARGO_TARGET_{upper}_RUNNER"), command);
    }

    fn cargo(&self, what: &str) -> Result<Command> {
        let mut command = build::cargo()?;
        command.args([what, "--target", self.target]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

/// Builds and bundles, then tests where that is asked for.
fn finish(tools: &Tools, name: &str, arguments: &Arguments) -> Result<()> {
    if arguments.tests.is_empty() {
        programs(tools)?;
        bundle(tools.target, name)?;
    }
    if arguments.test {
        // Windows are opened on a screen of their own, where there is one to be had.
        #[cfg(target_os = "linux")]
        let _display = host::Display::start(1280, 1024);
        let tests =
            if arguments.tests.is_empty() { &["--workspace".to_owned()][..] } else { &arguments.tests };
        succeed(tools.cargo("test")?.args(["--no-fail-fast"]).args(tests))?;
    }
    Ok(())
}

/// Builds what a release has, in release mode.
fn programs(tools: &Tools) -> Result<()> {
    succeed(tools.cargo("build")?.args(["--release", "-p", build::PLUGIN, "-p", "trainer", "-p", "xtask"]))
}

/// Bundles what was built into `target/cross-NAME/bundled`.
fn bundle(target: &str, name: &str) -> Result<()> {
    let folder = build::target()?;
    // The bundler writes beside what it reads, where this machine's own bundles are: so it gets a folder of
    // its own.
    let stage = folder.join(format!("cross-{name}"));
    let release = stage.join(target).join("release");
    fs::create_dir_all(&release).with_context(|| format!("{} cannot be made", release.display()))?;
    for library in ["contrafact.dll", "libcontrafact.so"] {
        let built = folder.join(target).join("release").join(library);
        if built.is_file() {
            fs::copy(&built, release.join(library))
                .with_context(|| format!("{} cannot be copied", built.display()))?;
        }
    }
    env::set_current_dir(build::root()?).context("the workspace's folder cannot be entered")?;
    let options = ["--release".to_owned(), format!("--target={target}")];
    nice_plug_xtask::bundle(&stage, build::PLUGIN, &options, false)
}

/// Checks that everything compiles for a target, without linking it.
fn check(target: &str) -> Result<()> {
    println!("\n== {target}: checked, not linked");
    let packages = CHECKED.iter().flat_map(|package| ["-p", package]);
    succeed(build::cargo()?.args(["check", "--target", target]).args(packages))
}

fn succeed(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{name} could not be started"))?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); see the messages above") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "it asks rustc, which is not there under Wine")]
    fn what_is_missing_is_named_with_the_commands_that_bring_it() {
        let error = need(&["no-such-target"], &[("no-such-program", "a-package")]).unwrap_err().to_string();
        assert!(
            error.contains("`rustup target add no-such-target` and `apt-get install a-package`"),
            "{error}"
        );
        assert!(need(&[], &[]).is_ok());
    }

    #[test]
    fn variables_are_named_after_the_target() {
        let mut tools = Tools::new(ARM, AARCH64);
        tools.runner("qemu");
        let names: Vec<_> = tools.variables.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "CC_aarch64_unknown_linux_gnu",
            "CXX_aarch64_unknown_linux_gnu",
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
        ];
        assert_eq!(names, expected);
    }
}
