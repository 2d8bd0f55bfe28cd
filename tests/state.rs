//! What a project saves.

mod common;

use common::{Deck, LATER, expected, instance, spans, tune};
use proptest::prelude::*;

const NAMES: [&str; 6] = ["Target", "Source", "Amount", "Variation", "Seed", "Bypass"];

#[test]
fn a_fresh_instance_has_the_defaults() {
    let mut plugin = instance();
    let values = NAMES.map(|name| (plugin.value(name).unwrap() * 1000.0).round());
    assert_eq!(values, [0.0, 0.0, 900.0, 0.0, 0.0, 0.0]);
    assert_eq!(plugin.note_ports(), (1, 1));
    assert_eq!(plugin.latency(), 0, "a delay of bars is music, not latency");
    assert!(plugin.param("Bypass").unwrap().bypass);
}

#[test]
fn saving_loading_and_saving_again_gives_the_same_bytes() {
    let mut plugin = instance();
    let fresh = plugin.save().unwrap();
    for (name, value) in NAMES.into_iter().zip([1.0, 0.5, 0.25, 0.75, 0.5, 1.0]) {
        plugin.set(name, value).unwrap();
    }
    let changed = plugin.save().unwrap();
    assert_ne!(fresh, changed);
    let mut other = instance();
    other.load(&changed).unwrap();
    assert_eq!(other.save().unwrap(), changed);
    for name in NAMES {
        assert_eq!(other.value(name).unwrap(), plugin.value(name).unwrap(), "{name}");
    }
    other.load(&fresh).unwrap();
    assert_eq!(other.save().unwrap(), fresh);
}

#[test]
fn a_state_loaded_while_it_plays_leaves_nothing_hanging() {
    let mut deck = Deck::new(0.0);
    let state = deck.plugin.save().unwrap();
    let input = deck.events(&tune());
    for step in 1..30 {
        deck.run(9.0 * f64::from(step), &input);
        deck.plugin.load(&state).unwrap();
    }
    assert_eq!(spans(&deck.heard()), expected(&tune(), LATER));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_bytes_are_refused_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..200, cut in 0usize..200,
    ) {
        let mut plugin = instance();
        let state = plugin.save().unwrap();
        prop_assert!(plugin.load(&bytes).is_err());
        prop_assert!(plugin.load(&state[..cut.min(state.len() - 1)]).is_err());
        prop_assert_eq!(&plugin.save().unwrap(), &state);
        // One byte turned may be a state still; it must not do harm.
        let mut turned = state.clone();
        turned[at % state.len()] ^= 0x20;
        let _ = plugin.load(&turned);
        plugin.load(&state).unwrap();
        prop_assert_eq!(&plugin.save().unwrap(), &state);
    }
}
