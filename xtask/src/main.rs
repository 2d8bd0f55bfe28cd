//! `cargo xtask`: the project's own commands.
//!
//! One file a command; each is thin over the crates. A failure is one sentence and exit code 1, and leaves
//! files as they were.

mod bench;
mod bench_train;
mod bench_widths;
mod build;
mod bundle;
mod cross;
mod demo;
mod dist;
mod fuzz;
mod genres;
mod hear;
mod install;
mod late;
mod live;
#[cfg(target_os = "linux")]
mod look;
mod morph;
mod packs;
mod play;
mod soak;
mod stage;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about = "Contrafact's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play a MIDI file through the built plugin in a headless host and write the answer as MIDI, as a
    /// picture and, if asked for, as sound.
    Play(play::Arguments),
    /// Play from one phrase to another: eleven points between them, as MIDI and as a picture.
    Morph(morph::Arguments),
    /// Run the plugin between two MIDI ports, for a stage without a host (a build with the feature `live`).
    Run(live::Arguments),
    /// Make the sounds that README links: a piece, and what becomes of it in each genre.
    Demo(demo::Arguments),
    /// Build the plugin and bundle it as CLAP and VST3 in target/bundled.
    Bundle,
    /// Bundle the plugin and copy it to the user's CLAP and VST3 folders.
    Install(install::Arguments),
    /// Bundle the plugin and run clap-validator, Steinberg's validator and pluginval on it, where they are
    /// found; then our fuzz targets, shortly, and the check of licences.
    Validate(validate::Arguments),
    /// Build for Windows, macOS or ARM from Linux, and run the tests there: needs cross compilers, Wine,
    /// qemu, and says which.
    Cross(cross::Arguments),
    /// Make the zips of a release in target/dist: the plugin with an install text, the trainer, checksums.
    Dist(dist::Arguments),
    /// Fuzz what comes from outside: MIDI files, packs, saved states.
    Fuzz(fuzz::Arguments),
    /// Train a pack from folders of MIDI, one a genre: prepare, train, export, evaluate. Interrupted, it goes
    /// on.
    Train(Box<trainer::make::MakeOptions>),
    /// Time a phrase through our kernels and through candle's own operations, the plugin's loading and its
    /// blocks of audio; `bench train` times training, `bench widths` compares processors' vectors.
    Bench(bench::Arguments),
    /// Play many instances for long, as fast as they can, and show that their memory stays what it was.
    Soak(soak::Arguments),
    /// Play instances in real time and count the answers that come late.
    Late(late::Arguments),
    /// Photograph the editor of the built plugin in eight states, under Xvfb, and print what it costs to have
    /// it open.
    #[cfg(target_os = "linux")]
    Look(look::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Play(arguments) => play::run(&arguments),
        Command::Morph(arguments) => morph::run(&arguments),
        Command::Run(arguments) => live::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Bundle => bundle::run().map(|_| ()),
        Command::Install(arguments) => install::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Cross(arguments) => cross::run(&arguments),
        Command::Dist(arguments) => dist::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Train(options) => train(&options),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Late(arguments) => late::run(&arguments),
        #[cfg(target_os = "linux")]
        Command::Look(arguments) => look::run(&arguments),
        Command::Bench(arguments) => {
            // SAFETY: nothing has started a thread yet. candle's operations get one core, as ours have.
            unsafe { trainer::one_thread_an_operation() };
            bench::run(&arguments)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn train(options: &trainer::make::MakeOptions) -> anyhow::Result<()> {
    // SAFETY: nothing has started a thread yet.
    unsafe { trainer::one_thread_an_operation() };
    trainer::make::make(options)
}
