//! What a project saves.

mod common;

use std::path::Path;

use common::{Deck, LATER, expected, instance, spans, tune};
use contrafact::testing::table::ROWS;
use host::{ClapHost, Event, EventKind};
use proptest::prelude::*;

/// All parameters in their order, with the value (in thousandths of the range) that a fresh instance has, and
/// an older state too.
const DEFAULTS: [(&str, u32); 55] = [
    ("Target", 0),
    ("Source", 0),
    ("Amount", 750),
    ("Variation", 0),
    ("Seed", 0),
    ("Latency", 0),
    ("Margin", 0),
    ("When late", 0),
    ("Shift", 0),
    ("Realign now", 0),
    ("Hear", 0),
    ("Keep melody", 0),
    ("Key lock", 0),
    ("Lowest new note", 0),
    ("Highest new note", 1000),
    ("Voices", 0),
    ("Notes a beat", 0),
    ("Velocity", 0),
    ("Channel", 0),
    ("Swing", 0),
    ("Humanise", 0),
    ("Longest note in 16ths", 0),
    ("Pedal as length", 0),
    ("Freeze", 0),
    ("Panic", 0),
    ("Bypass", 0),
    ("Processor", 0),
    ("Blend", 0),
    ("Blend weight 1", 1000),
    ("Blend weight 2", 1000),
    ("Blend weight 3", 1000),
    ("Blend weight 4", 1000),
    ("Blend weight 5", 1000),
    ("Blend weight 6", 1000),
    ("Blend weight 7", 1000),
    ("Blend weight 8", 1000),
    ("Lock draw", 0),
    ("Leave own genre alone", 0),
    ("Voicing limits", 1000),
    ("Harmony", 100),
    ("Groove", 0),
    ("Feel", 1000),
    ("Dynamics", 0),
    ("Tune", 1000),
    ("Chords", 1000),
    ("Bass", 1000),
    ("Split", 0),
    ("When silent", 0),
    ("For at most", 500),
    ("Distance", 250),
    ("Texture of the model", 0),
    ("Morph", 0),
    ("Morph X", 500),
    ("Morph Y", 500),
    ("Switch by", 0),
];

/// All parameters' values, in thousandths.
fn values(plugin: &mut ClapHost) -> Vec<(String, u32)> {
    let names: Vec<_> = plugin.params().iter().map(|param| param.name.clone()).collect();
    let value = |name: String, plugin: &mut ClapHost| {
        let value = (plugin.value(&name).unwrap() * 1000.0).round() as u32;
        (name, value)
    };
    names.into_iter().map(|name| value(name, plugin)).collect()
}

/// The ids are part of every saved project and every automation lane: none may ever change.
const IDS: [&str; 55] = [
    "amount",
    "blend",
    "bypass",
    "channel",
    "density",
    "distance",
    "dynamics",
    "fallback",
    "feel",
    "freeze",
    "groove",
    "harmony",
    "highest",
    "humanise",
    "key",
    "latency",
    "limits",
    "lock",
    "longest",
    "lowest",
    "margin",
    "melody",
    "morph",
    "morph_x",
    "morph_y",
    "own",
    "panic",
    "part_bass",
    "part_chords",
    "part_tune",
    "pedal",
    "processor",
    "realign",
    "seed",
    "shift",
    "silent",
    "silent_bars",
    "source",
    "split",
    "swing",
    "switches",
    "target",
    "texture",
    "thru",
    "variation",
    "velocity",
    "voices",
    "weight_1",
    "weight_2",
    "weight_3",
    "weight_4",
    "weight_5",
    "weight_6",
    "weight_7",
    "weight_8",
];

/// The JSON of a CLAP state, which a length goes before.
fn json(state: &[u8]) -> serde_json::Value {
    serde_json::from_slice(&state[8..]).unwrap()
}

/// A CLAP state of a text.
fn state_of(text: &str) -> Vec<u8> {
    let mut state = (text.len() as u64).to_le_bytes().to_vec();
    state.extend(text.as_bytes());
    state
}

#[test]
fn a_fresh_instance_has_the_defaults() {
    let mut plugin = instance();
    let defaults: Vec<_> = DEFAULTS.iter().map(|&(name, value)| (name.to_string(), value)).collect();
    assert_eq!(values(&mut plugin), defaults);
    assert_eq!(plugin.note_ports(), (1, 1));
    assert_eq!(plugin.latency(), 0, "a delay of bars is music, not latency");
    assert!(plugin.param("Bypass").unwrap().bypass);
    let state = json(&plugin.save().unwrap());
    let ids: Vec<_> = state["params"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(ids, IDS);
}

/// The table in the source is what hosts see, the promise above what they have seen so far.
#[test]
fn hosts_see_the_table() {
    let plugin = instance();
    let rows = ROWS.iter().flat_map(|row| row.each().into_iter().map(|(_, name, _)| (name, row.automatable)));
    let seen = plugin.params().iter().map(|param| (param.name.clone(), param.automatable));
    assert_eq!(seen.collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    let set_once: Vec<_> = ROWS.iter().filter(|row| !row.automatable).map(|row| row.name).collect();
    assert_eq!(set_once, ["Margin", "When late", "Processor", "Switch by"]);
}

#[test]
fn modulation_is_not_claimed_and_changes_neither_what_is_told_nor_what_is_saved() {
    let mut deck = Deck::new(0.5);
    assert!(deck.plugin.params().iter().all(|param| !param.modulatable));
    let ids: Vec<_> = deck.plugin.params().iter().map(|param| param.id).collect();
    let (state, told) = (deck.plugin.save().unwrap(), values(&mut deck.plugin));
    let modulate = |amount: f64, step: f64, deck: &Deck| {
        let time = deck.sample(step);
        ids.iter().map(|&id| Event { time, kind: EventKind::Modulation { id, amount } }).collect::<Vec<_>>()
    };
    let mut input = deck.events(&[(60, 3.0, 4.0)]);
    input.extend(modulate(0.3, 1.0, &deck));
    input.extend(modulate(-0.4, 2.0, &deck));
    let amount = deck.plugin.param("Amount").unwrap().id;
    input.push(Event::param(deck.sample(4.0), amount, 0.25));
    let input = common::sorted(input);
    deck.run(3.5, &input);
    assert_eq!((deck.plugin.save().unwrap(), values(&mut deck.plugin)), (state, told));
    deck.run(8.0, &input);
    assert_eq!(deck.plugin.value("Amount").unwrap(), 0.25);
    assert_eq!(json(&deck.plugin.save().unwrap())["params"]["amount"], serde_json::json!({"f32": 0.25}));
}

#[test]
fn saving_loading_and_saving_again_gives_the_same_bytes() {
    let mut plugin = instance();
    let fresh = plugin.save().unwrap();
    for (index, (name, _)) in DEFAULTS.into_iter().enumerate() {
        plugin.set(name, [1.0, 0.5, 0.25, 0.75, 0.1][index % 5]).unwrap();
    }
    let changed = plugin.save().unwrap();
    assert_ne!(fresh, changed);
    let mut other = instance();
    other.load(&changed).unwrap();
    assert_eq!(other.save().unwrap(), changed);
    assert_eq!(values(&mut other), values(&mut plugin));
    other.load(&fresh).unwrap();
    assert_eq!(other.save().unwrap(), fresh);
}

#[test]
fn a_state_of_the_first_version_loads_and_leaves_nothing_of_what_was_before() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-0.1.0.json");
    let old = state_of(&std::fs::read_to_string(path).unwrap());
    let mut plugin = instance();
    for (name, value) in [("Latency", 1.0), ("Swing", 0.5), ("Key lock", 0.4), ("Amount", 1.0)] {
        plugin.set(name, value).unwrap();
    }
    plugin.load(&old).unwrap();
    let own = [
        ("Target", 286),
        ("Source", 250),
        ("Amount", 250),
        ("Variation", 500),
        ("Seed", 8),
        ("Bypass", 1000),
    ];
    let value = |name: &str, default: u32| own.iter().find(|own| own.0 == name).map_or(default, |own| own.1);
    let expected: Vec<_> =
        DEFAULTS.iter().map(|&(name, default)| (name.to_string(), value(name, default))).collect();
    assert_eq!(values(&mut plugin), expected);
    // Saved anew it is of today's version, whole, and stable.
    let new = plugin.save().unwrap();
    let mut other = instance();
    other.load(&new).unwrap();
    assert_eq!(other.save().unwrap(), new);
}

#[test]
fn values_out_of_range_and_parameters_of_the_future_do_no_harm() {
    let mut plugin = instance();
    let mut state = json(&plugin.save().unwrap());
    state["version"] = "9.9.9".into();
    state["params"]["amount"] = serde_json::json!({"f32": 1e38});
    state["params"]["key"] = serde_json::json!({"i32": i32::MIN});
    state["params"]["seed"] = serde_json::json!({"i32": i32::MAX});
    state["params"]["shift"] = serde_json::json!({"i32": 1000});
    state["params"]["latency"] = serde_json::json!({"string": "sixteen"});
    state["params"]["teleport"] = serde_json::json!({"bool": true});
    state["fields"]["frozen"] = "[1, 2".into();
    state["fields"]["dreams"] = "{}".into();
    plugin.load(&state_of(&state.to_string())).unwrap();
    let mut deck = Deck::of(plugin, common::RATE, common::BPM, common::BLOCK);
    let input = deck.events(&tune());
    deck.run(2.0 * LATER, &input);
    assert!(values(&mut deck.plugin).iter().all(|(_, value)| (0..=1000).contains(value)));
}

/// A state with one parameter's value as it is written there.
fn with(state: &[u8], id: &str, value: serde_json::Value) -> Vec<u8> {
    let mut state = json(state);
    state["params"][id] = value;
    state_of(&state.to_string())
}

#[test]
fn what_a_state_brings_is_clamped_and_saved_so() {
    let fresh = instance().save().unwrap();
    for id in IDS {
        for number in [99, -1, -77_777, i32::MAX, i32::MIN] {
            let mut plugin = instance();
            plugin.load(&with(&fresh, id, serde_json::json!({"i32": number}))).unwrap();
            let saved = plugin.save().unwrap();
            let value = json(&saved)["params"][id]["i32"].as_i64();
            assert!(value.is_none_or(|value| (0..=9999).contains(&value)), "{id}: {value:?}");
            assert!(values(&mut plugin).iter().all(|(_, value)| (0..=1000).contains(value)), "{id}");
            // Saved once more it is the same: nothing wild was left inside.
            let mut other = instance();
            other.load(&saved).unwrap();
            assert_eq!(other.save().unwrap(), saved, "{id}");
        }
    }
    let saved = |id: &str, value: serde_json::Value| {
        let mut plugin = instance();
        plugin.load(&with(&fresh, id, value)).unwrap();
        json(&plugin.save().unwrap())["params"][id].clone()
    };
    use serde_json::json;
    assert_eq!(saved("amount", json!({"f32": 5.0})), json!({"f32": 1.0}));
    assert_eq!(saved("amount", json!({"f32": -0.5})), json!({"f32": 0.0}));
    assert_eq!(saved("harmony", json!({"f32": 1e39})), json!({"f32": 0.1}), "not finite: the default");
    assert_eq!(saved("seed", json!({"i32": -77_777})), json!({"i32": 0}));
    assert_eq!(saved("target", json!({"i32": 0})), json!({"i32": 1}));
    assert_eq!(saved("latency", json!({"i32": 1})), json!({"string": "2"}), "in range it is as it was");
    assert_eq!(saved("latency", json!({"i32": 99})), json!({"string": "1"}));
    assert_eq!(saved("margin", json!({"i32": -1})), json!({"string": "none"}));
}

#[test]
fn what_a_state_says_in_another_type_or_word_is_the_default_not_what_was_before() {
    use serde_json::json;
    let fresh = instance().save().unwrap();
    for (id, name, value, default) in [
        ("latency", "Latency", json!({"string": "sixteen"}), 0.0),
        ("amount", "Amount", json!({"bool": true}), 0.75),
        ("limits", "Voicing limits", json!({"f32": 0.0}), 1.0),
        ("voices", "Voices", json!({"string": "9"}), 0.0),
    ] {
        let mut plugin = instance();
        plugin.set(name, if default == 0.0 { 1.0 } else { 0.0 }).unwrap();
        plugin.load(&with(&fresh, id, value)).unwrap();
        assert!((plugin.value(name).unwrap() - default).abs() < 1e-6, "{name}");
    }
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

#[test]
fn a_frozen_phrase_is_saved_and_plays_from_the_start_of_its_project() {
    let mut deck = Deck::new(0.9);
    let freeze = deck.plugin.param("Freeze").unwrap().id;
    let mut input = deck.events(&tune());
    input.push(Event::param(deck.sample(70.0), freeze, 1.0));
    let input = common::sorted(input);
    deck.run(3.0 * 64.0, &input);
    deck.transport.stop();
    deck.run(194.0, &input);
    // Until the worker has kept it.
    let frozen = |state: &[u8]| json(state)["fields"]["frozen"].as_str().is_some_and(|text| text != "null");
    let mut state = deck.plugin.save().unwrap();
    for _ in 0..1000 {
        if frozen(&state) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        state = deck.plugin.save().unwrap();
    }
    assert!(frozen(&state));
    let line = deck.sample(128.0);
    let repeated: Vec<_> = spans(&deck.heard())
        .into_iter()
        .filter(|note| note.1 >= line && note.2 < deck.sample(192.0))
        .map(|(key, start, end)| (key, start - line, end - line))
        .collect();
    assert!(repeated.len() > 8);

    let mut plugin = instance();
    plugin.load(&state).unwrap();
    assert_eq!(plugin.save().unwrap(), state);
    let mut deck = Deck::of(plugin, common::RATE, common::BPM, common::BLOCK);
    // A project is loaded long before it is played: the phrase is fetched while the transport stands.
    deck.transport.stop();
    for step in 1..200 {
        deck.run(f64::from(step) / 10.0, &[]);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    deck.run(20.0, &[]);
    deck.transport.jump(0.0);
    deck.transport.play();
    deck.run(20.0 + 64.0, &[]);
    deck.transport.stop();
    deck.run(90.0, &[]);
    let start = deck.sample(20.0);
    let again: Vec<_> =
        spans(&deck.heard()).into_iter().map(|(key, from, to)| (key, from - start, to - start)).collect();
    assert!(repeated.iter().all(|note| again.contains(note)), "{repeated:?} in {again:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_bytes_are_refused_without_harm(
        bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0usize..600, cut in 0usize..600,
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

#[test]
fn a_megabyte_of_noise_is_refused_with_and_without_a_length_that_fits() {
    let mut plugin = instance();
    let state = plugin.save().unwrap();
    for seed in 0..3u64 {
        let mut noise: Vec<u8> =
            (0..1u64 << 17).flat_map(|index| phrase::mix(seed << 32 | index).to_le_bytes()).collect();
        assert!(plugin.load(&noise).is_err());
        let length = noise.len() as u64 - 8;
        noise[..8].copy_from_slice(&length.to_le_bytes());
        assert!(plugin.load(&noise).is_err());
        assert!(plugin.load(&[]).is_err());
    }
    assert_eq!(plugin.save().unwrap(), state);
}
