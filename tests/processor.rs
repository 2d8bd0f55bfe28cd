//! The choice of CPU and GPU, in a build that has no code for a GPU.
#![cfg(not(any(feature = "cuda", feature = "metal")))]

mod common;

use common::{BLOCK, BPM, Deck, LATER, RATE, instance, tune};
use serde_json::json;

/// What comes of the tune with the processor set to this part of its range, from a state or not.
fn play(processor: f64, state: Option<&[u8]>) -> (Vec<host::Event>, Vec<u8>) {
    let mut plugin = instance();
    if let Some(state) = state {
        plugin.load(state).unwrap();
    }
    plugin.set("Processor", processor).unwrap();
    let mut deck = Deck::of(plugin, RATE, BPM, BLOCK);
    let input = deck.events(&tune());
    // Past the line on which the answer's last notes end.
    deck.run(3.0 * LATER + 1.0, &input);
    deck.heard();
    let saved = deck.plugin.save().unwrap();
    (deck.output, saved)
}

#[test]
fn a_gpu_that_this_build_has_not_leaves_the_cpu_s_own_answers() {
    let auto = play(0.0, None);
    assert!(auto.0.len() > 16, "the music plays");
    assert_eq!(play(0.5, None).0, auto.0);
    assert_eq!(play(1.0, None).0, auto.0);
    // A project that was played on a GPU elsewhere: it plays, and is saved as it was.
    let needs = json!({"name": "", "hash": "", "needs_gpu": true});
    let elsewhere = host::with_field(&auto.1, "pack", &needs).unwrap();
    let (output, saved) = play(0.0, Some(&elsewhere));
    assert_eq!(output, auto.0);
    let text = String::from_utf8_lossy(&saved).into_owned();
    assert!(text.contains("needs_gpu"), "{text}");
    assert!(!String::from_utf8_lossy(&auto.1).contains("needs_gpu"));
}
