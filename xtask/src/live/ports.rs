//! MIDI ports by name, through the crate `midir`.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

#[cfg(not(unix))]
use anyhow::bail;
use anyhow::{Result, anyhow};
use midir::{MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

/// What came in, and when.
pub type Message = (Instant, Vec<u8>);

const NAME: &str = "Contrafact";

/// The ports in use; dropped, they are closed.
pub struct Ports {
    /// What comes in.
    pub input: Receiver<Message>,
    /// Where it goes out.
    pub output: MidiOutputConnection,
    _input: MidiInputConnection<()>,
}

/// What is said where the system has no MIDI, or none that runs.
fn no_midi(error: midir::InitError) -> anyhow::Error {
    let server =
        if cfg!(feature = "live-jack") { "JACK or PipeWire" } else { "the system's MIDI (on Linux ALSA's)" };
    anyhow!("no MIDI port can be reached ({error}); start {server} and try again")
}

fn input() -> Result<MidiInput> {
    MidiInput::new(NAME).map_err(no_midi)
}

fn output() -> Result<MidiOutput> {
    MidiOutput::new(NAME).map_err(no_midi)
}

/// The names of all inputs and outputs that the system has now.
pub fn names() -> Result<(Vec<String>, Vec<String>)> {
    let (input, output) = (input()?, output()?);
    let inputs = input.ports().iter().filter_map(|port| input.port_name(port).ok()).collect();
    let outputs = output.ports().iter().filter_map(|port| output.port_name(port).ok()).collect();
    Ok((inputs, outputs))
}

/// Opens ports by parts of their names, or, without a name, makes one of our own that other programs see.
///
/// # Errors
///
/// There is no such port, or the system has no MIDI, or knows no ports of programs' own (Windows).
pub fn open(from: Option<&str>, to: Option<&str>) -> Result<Ports> {
    let (mut input, output) = (input()?, output()?);
    // Clock and all else: what is not for us is left aside later.
    input.ignore(midir::Ignore::None);
    let (send, receive) = channel();
    let hear = move |_: u64, bytes: &[u8], _: &mut ()| {
        let _ = send.send((Instant::now(), bytes.to_vec()));
    };
    let fault =
        |error: String| anyhow!("the MIDI port cannot be opened ({error}); is another program using it?");
    let _input = match from {
        Some(part) => {
            let port = input.ports().into_iter().find(|port| named(input.port_name(port).ok(), part));
            let Some(port) = port else { return Err(missing("input", part, names()?.0)) };
            input.connect(&port, NAME, hear, ()).map_err(|error| fault(error.to_string()))?
        }
        None => virtual_input(input, hear)?,
    };
    let output = match to {
        Some(part) => {
            let port = output.ports().into_iter().find(|port| named(output.port_name(port).ok(), part));
            let Some(port) = port else { return Err(missing("output", part, names()?.1)) };
            output.connect(&port, NAME).map_err(|error| fault(error.to_string()))?
        }
        None => virtual_output(output)?,
    };
    Ok(Ports { input: receive, output, _input })
}

fn named(name: Option<String>, part: &str) -> bool {
    name.is_some_and(|name| name.to_lowercase().contains(&part.to_lowercase()))
}

fn missing(kind: &str, part: &str, names: Vec<String>) -> anyhow::Error {
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    anyhow!("no MIDI {kind} is called {part:?}; there are: {names}")
}

#[cfg(unix)]
fn virtual_input(
    input: MidiInput,
    hear: impl FnMut(u64, &[u8], &mut ()) + Send + 'static,
) -> Result<MidiInputConnection<()>> {
    use midir::os::unix::VirtualInput;
    input.create_virtual("in", hear, ()).map_err(|error| anyhow!("no MIDI input can be made ({error})"))
}

#[cfg(unix)]
fn virtual_output(output: MidiOutput) -> Result<MidiOutputConnection> {
    use midir::os::unix::VirtualOutput;
    output.create_virtual("out").map_err(|error| anyhow!("no MIDI output can be made ({error})"))
}

#[cfg(not(unix))]
fn virtual_input(
    _: MidiInput,
    _: impl FnMut(u64, &[u8], &mut ()) + Send + 'static,
) -> Result<MidiInputConnection<()>> {
    bail!("this system has no MIDI ports of programs' own; name one with --input (--list shows them)")
}

#[cfg(not(unix))]
fn virtual_output(_: MidiOutput) -> Result<MidiOutputConnection> {
    bail!("this system has no MIDI ports of programs' own; name one with --output (--list shows them)")
}
