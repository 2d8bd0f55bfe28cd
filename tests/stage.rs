//! Automation counts from its own sample on, and programs and keys choose the target and the key lock, in
//! CLAP and VST3.

mod common;

use common::{BLOCK, BPM, Deck, LATER, RATE, instance, library, packs_folder, sample, sorted, spans, tune};
use host::{Event, EventKind, Transport, Vst3Edit, Vst3Host, drive};

/// The sample at which the first phrase closes: half a step and the rounding's tolerance before its line.
fn closing() -> u64 {
    ((LATER - 0.5 - phrase::TOLERANCE) * 15.0 / BPM * RATE).ceil() as u64
}

/// The answer to the tune's first phrase in blocks of `block` samples, with `extra` events.
fn answer(set: &[(&str, f64)], block: u32, extra: &[Event]) -> Vec<(u8, u64, u64)> {
    let mut plugin = instance();
    for &(name, value) in set {
        plugin.set(name, value).unwrap();
    }
    let mut deck = Deck::of(plugin, RATE, BPM, block);
    let first: Vec<_> = tune().into_iter().filter(|note| note.1 + note.2 < 60.0).collect();
    let mut input = deck.events(&first);
    input.extend_from_slice(extra);
    deck.run(2.5 * LATER, &sorted(input));
    spans(&deck.heard())
}

/// Where a slot of the target's is on its range.
fn slot(slot: usize) -> f64 {
    slot as f64 / 7.0
}

#[test]
fn amount_and_seed_count_from_their_own_sample_on() {
    let plugin = instance();
    let id = |name: &str| plugin.param(name).unwrap().id;
    let (amount, seed, number) = (id("Amount"), id("Seed"), |seed: u32| f64::from(seed) / 9999.0);
    let base = [("Target", slot(1)), ("Variation", 1.0)];
    let with = |more: &[(&'static str, f64)]| [&base[..], more].concat();
    for (param, name, before, after) in
        [(amount, "Amount", 0.0, 1.0), (seed, "Seed", number(1), number(4000))]
    {
        let [old, new] = [before, after].map(|value| answer(&with(&[(name, value)]), BLOCK, &[]));
        assert_ne!(old, new, "{name} says something");
        // In blocks that the closing halves, and in the smallest.
        for block in [4096, 32] {
            // It falls on a sample to the bit, where the noise of positions may take the next.
            for (at, expected) in [(closing(), &new), (closing() + 2, &old)] {
                let set = with(&[(name, before)]);
                let change = [Event::param(at, param, after)];
                assert!(answer(&set, block, &change) == *expected, "{name} at {at} in blocks of {block}");
            }
        }
    }
}

#[test]
fn values_that_change_all_the_time_are_the_same_in_blocks_of_any_size() {
    let plugin = instance();
    let id = plugin.param("Amount").unwrap().id;
    let ramp: Vec<_> =
        (0..400).map(|step| Event::param(step * 1000, id, f64::from(step as u32 % 101) / 100.0)).collect();
    let [small, large] = [64, 8192].map(|block| answer(&[("Target", slot(1))], block, &ramp));
    assert!(small.len() > 20 && small == large);
}

/// The parameter changes that a plugin told its host: where, which, and the value on its range.
fn told(output: &[Event]) -> Vec<(u64, u32, f64)> {
    let told = |event: &Event| match event.kind {
        EventKind::Param { id, normalised } => Some((event.time, id, normalised)),
        _ => None,
    };
    output.iter().filter_map(told).collect()
}

#[test]
fn a_program_moves_the_target_and_counts_at_once() {
    let programs = 1.0 / 5.0;
    let expected = answer(&[("Target", slot(2))], BLOCK, &[]);
    assert_ne!(expected, answer(&[("Target", slot(1))], BLOCK, &[]));
    for at in [1000, closing()] {
        let mut plugin = instance();
        plugin.set("Target", slot(1)).unwrap();
        plugin.set("Switch by", programs).unwrap();
        let mut deck = Deck::of(plugin, RATE, BPM, 4096);
        let first: Vec<_> = tune().into_iter().filter(|note| note.1 + note.2 < 60.0).collect();
        let mut input = deck.events(&first);
        input.push(Event::midi(at, [0xC0, 2, 0]));
        input.push(Event::midi(at + 7, [0xC0, 11, 0]));
        deck.run(2.5 * LATER, &sorted(input));
        if at == closing() {
            // A program on the closing's own sample comes after it, as notes do.
            assert_eq!(spans(&deck.heard()), answer(&[("Target", slot(1))], BLOCK, &[]));
        } else {
            let locked = answer(&[("Target", slot(2)), ("Key lock", 1.0 / 25.0)], BLOCK, &[]);
            assert_eq!(spans(&deck.heard()), locked);
        }
        let id = |name: &str| deck.plugin.param(name).unwrap().id;
        let (target, key) = (id("Target"), id("Key lock"));
        assert_eq!(told(&deck.output), [(at, target, slot(2)), (at + 7, key, 1.0 / 25.0)]);
        assert!(!deck.output.iter().any(|event| matches!(event.kind, EventKind::Midi([0xC0, ..]))));
        let state = deck.plugin.value("Target").unwrap();
        assert!((state - slot(2)).abs() < 1e-6, "its state has it: {state}");
    }
}

#[test]
fn what_is_chosen_is_there_when_the_block_returns_and_ends_a_blend() {
    let expected = answer(&[("Target", slot(2))], BLOCK, &[]);
    for block in [64, 8192] {
        let mut plugin = instance();
        for (name, value) in [("Target", slot(1)), ("Blend", 1.0), ("Switch by", 1.0 / 5.0)] {
            plugin.set(name, value).unwrap();
        }
        let mut deck = Deck::of(plugin, RATE, BPM, block);
        let first: Vec<_> = tune().into_iter().filter(|note| note.1 + note.2 < 60.0).collect();
        let mut input = deck.events(&first);
        // In one block with the closing, where blocks are large.
        let at = closing() - 100;
        input.push(Event::midi(at, [0xC0, 2, 0]));
        let input = sorted(input);
        deck.run(LATER - 0.5, &input);
        assert!(deck.transport.steady() > at);
        let value = |deck: &mut Deck, name: &str| deck.plugin.value(name).unwrap();
        assert!((value(&mut deck, "Target") - slot(2)).abs() < 1e-6, "in blocks of {block}");
        assert_eq!(value(&mut deck, "Blend"), 0.0, "in blocks of {block}");
        let rest: Vec<_> = input.into_iter().filter(|event| event.time >= deck.transport.steady()).collect();
        deck.run(2.5 * LATER, &rest);
        assert_eq!(spans(&deck.heard()), expected, "in blocks of {block}");
    }
}

#[test]
fn keys_choose_in_the_vst3_too() {
    packs_folder();
    let keys = 3.0 / 5.0;
    let mut plugin = Vst3Host::open(&library()).unwrap();
    plugin.set("Switch by", keys).unwrap();
    plugin.set("Target", slot(1)).unwrap();
    plugin.set_offline(true);
    plugin.start(RATE, BLOCK).unwrap();
    let mut transport = Transport::new(RATE, BLOCK, BPM);
    transport.play();
    let first: Vec<_> = tune().into_iter().filter(|note| note.1 + note.2 < 60.0).collect();
    let mut input = common::events(&first, RATE, BPM);
    // D of the lower octave: the third slot.
    input.push(Event::on(5000, 0, 14, 0.5));
    input.push(Event::off(9000, 0, 14));
    let mut output = Vec::new();
    let until = sample(2.5 * LATER, RATE, BPM);
    drive(&mut plugin, &mut transport, until, &sorted(input), &mut output).unwrap();
    let expected = answer(&[("Target", slot(2))], BLOCK, &[]);
    assert_eq!(spans(&common::heard(&output)), expected);
    let target = plugin.param("Target").unwrap();
    plugin.main_loop().pump(std::time::Duration::from_secs(10));
    let edits = plugin.edits();
    let told =
        |edit: &Vst3Edit| matches!(edit, Vst3Edit::Set(id, value) if (*id, *value) == (target, slot(2)));
    assert!(edits.iter().any(told), "the host moves its knob: {edits:?}");
}
