//! What the window changes reaches the host in order, among the notes of its block.
//!
//! A program of its own, for the X server and the user's folders are the environment's.
#![cfg(target_os = "linux")]

mod common;

use common::{BLOCK, BPM, RATE, instance, packs_folder};
use host::{Display, Event, EventKind, Transport, drive};

/// The editor's window.
const SIZE: (u16, u16) = (1040, 760);

#[test]
fn what_the_window_changes_comes_in_the_order_of_time() {
    packs_folder();
    let home = tempfile::tempdir().unwrap();
    // SAFETY: no other thread runs, and the plugin, which reads it, is not loaded.
    unsafe { std::env::set_var("XDG_CONFIG_HOME", home.path()) };
    let Some(display) = Display::start(1280, 1024) else { return };
    let mut plugin = instance();
    plugin.set("Bypass", 1.0).unwrap();
    plugin.start(RATE, BLOCK).unwrap();
    let window = display.window(SIZE.0, SIZE.1);
    let mut editor = plugin.open_editor(window).unwrap();
    let mut transport = Transport::new(RATE, BLOCK, BPM);
    transport.play();
    // Hands go over the controls at the right, wherever they are, and each block has notes.
    let mut changes = 0;
    let places = (0..4).flat_map(|_| (100..700).step_by(25));
    for y in places {
        display.drag((890, y), (915, y));
        for _ in 0..4 {
            let start = transport.steady();
            let input: Vec<_> = (1..5)
                .flat_map(|index| {
                    let at = start + 100 * index;
                    [Event::on(at, 0, 60, 0.5), Event::off(at + 50, 0, 60)]
                })
                .collect();
            let mut output = Vec::new();
            // The host refuses events that are out of order.
            drive(editor.host(), &mut transport, start + u64::from(BLOCK), &input, &mut output).unwrap();
            let notes = output.iter().filter(|event| matches!(event.kind, EventKind::NoteOn { .. })).count();
            assert!(
                notes == 4 || editor.host().value("Bypass").unwrap() < 0.5,
                "bypassed notes pass at once"
            );
            changes += output.iter().filter(|event| matches!(event.kind, EventKind::Param { .. })).count();
        }
        if changes > 8 {
            return;
        }
    }
    panic!("no control was found: {changes} changes");
}
