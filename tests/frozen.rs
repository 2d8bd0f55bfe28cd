//! A project that was saved while a phrase was frozen: its bounces, through the built plugin.

mod common;

use std::time::Duration;

use common::{BLOCK, BPM, Deck, LATER, RATE, instance, tune};
use host::{ClapHost, EventKind};

/// The state of an instance that plays a frozen answer.
fn saved() -> Vec<u8> {
    let mut deck = Deck::new(1.0);
    let input = deck.events(&tune());
    deck.run(LATER + 8.0, &input);
    deck.plugin.set("Freeze", 1.0).unwrap();
    deck.run(2.0 * LATER + 8.0, &input);
    // The worker keeps the phrase: it is there when it is in the state.
    let kept = |_| {
        std::thread::sleep(Duration::from_millis(1));
        let state = deck.plugin.save().unwrap();
        String::from_utf8_lossy(&state).contains("notes").then_some(state)
    };
    (0..5_000).find_map(kept).expect("the frozen phrase is saved")
}

/// A bounce from 0 of an instance that has loaded a project.
fn bounce(plugin: ClapHost, steps: f64) -> Deck {
    let mut deck = Deck::of(plugin, RATE, BPM, BLOCK);
    deck.run(steps, &[]);
    deck
}

#[test]
fn thirty_bounces_of_a_project_with_a_frozen_phrase_are_one() {
    let state = saved();
    let mut first = None;
    for round in 0..30 {
        let mut plugin = instance();
        plugin.load(&state).unwrap();
        let deck = bounce(plugin, LATER + 16.0);
        let begins = deck.output.first().map(|event| event.time);
        assert!(begins.is_some_and(|time| time < deck.sample(16.0)), "round {round} begins at {begins:?}");
        assert_eq!(*first.get_or_insert_with(|| deck.output.clone()), deck.output, "round {round}");
    }
}

#[test]
fn a_project_that_is_thawed_as_it_is_loaded_plays_nothing_of_it() {
    let state = saved();
    for round in 0..10 {
        let mut plugin = instance();
        plugin.set_offline(round % 2 == 0).unwrap();
        plugin.load(&state).unwrap();
        plugin.set("Freeze", 0.0).unwrap();
        let deck = bounce(plugin, 2.0 * LATER);
        let is_on = |event: &&host::Event| matches!(event.kind, EventKind::NoteOn { .. });
        assert_eq!(deck.output.iter().filter(is_on).count(), 0, "round {round}");
    }
}
