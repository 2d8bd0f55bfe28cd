//! The tests' own ground: the plugin under test ends its host when its audio thread allocates, so that what
//! the other tests play is played without.

mod common;

use std::env;
use std::process::{Command, Output};

use host::{ClapLibrary, Event, Instance, Transport};

/// How many notes a program of its own is to pass through the plugin.
const NOTES: &str = "CONTRAFACT_TEST_NOTES";
const FRAMES: u32 = 2048;

/// The check lives in nice-plug (`assert_process_allocs`) and acts in builds with debug assertions, as the
/// tests' own is.
#[test]
fn the_library_under_test_watches_its_audio_thread_for_allocations() {
    let library = std::fs::read(common::library()).unwrap();
    let symbol = b"nice_assert_no_alloc";
    let found = library.windows(symbol.len()).any(|window| window == symbol);
    assert!(found, "the plugin was built without the check; run the tests without --release");
}

/// The plugin is built into this program, so both have one allocator. It is forbidden to allocate from the
/// host's call of `process` to its return, with all that stands before the framework's own check, and what
/// the host does in between counts too. The host's list has room for some notes and has to grow for more, in
/// the middle of that call: there the program must end. Where it has room, all of `process` runs without a
/// single allocation.
#[test]
fn what_is_allocated_in_process_ends_the_program() {
    if let Ok(notes) = env::var(NOTES) {
        return pass(notes.parse().expect("a number of notes"));
    }
    let fits = in_a_program_of_its_own(100);
    assert!(fits.status.success(), "{}", String::from_utf8_lossy(&fits.stderr));
    let grows = in_a_program_of_its_own(1000);
    let said = String::from_utf8_lossy(&grows.stderr);
    assert!(!grows.status.success() && said.contains("memory allocation"), "{said}");
}

fn in_a_program_of_its_own(notes: u32) -> Output {
    Command::new(env::current_exe().expect("a test knows its program"))
        .args(["--exact", "what_is_allocated_in_process_ends_the_program", "--nocapture"])
        .env(NOTES, notes.to_string())
        .output()
        .expect("this program can be run")
}

/// Passes so many notes through the plugin in one block.
fn pass(notes: u32) {
    common::packs_folder();
    let library = ClapLibrary::built_in(&contrafact::clap_entry).expect("the entry is ours");
    let mut plugin = library.instance().expect("the plugin starts");
    plugin.set("Bypass", 1.0).expect("it has a bypass");
    plugin.set("Switch by", 1.0 / 5.0).expect("it has switches");
    plugin.start(common::RATE, FRAMES).expect("it starts");
    let mut audio = plugin.lend_audio().expect("it is active");
    audio.watch_processing(|call| nice_assert_no_alloc::assert_no_alloc(call));
    let block = Transport::new(common::RATE, FRAMES, common::BPM).advance(u64::MAX).expect("a block");
    let on = |note: u32| Event::on(note.into(), (note / 128) as u8, (note % 128) as u8, 0.5);
    // A program too, by which the plugin sets a parameter of its own.
    let input: Vec<_> = [Event::midi(0, [0xC0, 1, 0])].into_iter().chain((0..notes).map(on)).collect();
    let mut output = Vec::new();
    audio.process(&block, &input, &mut output).expect("events in order and inside their block");
    plugin.take_back(audio);
    assert_eq!(output.len(), notes as usize + 1);
}
