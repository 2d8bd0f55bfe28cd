//! Controllers: delayed with their phrase, at rest again on a stop; programs, banks and panic messages at
//! once.

mod common;

use common::{BPM, Deck, LATER, RATE, sample, sorted};
use host::{Event, EventKind};

fn midi(events: &[Event]) -> Vec<(u64, [u8; 3])> {
    let data = |event: &Event| match event.kind {
        EventKind::Midi(data) => Some((event.time, data)),
        _ => None,
    };
    events.iter().filter_map(data).collect()
}

fn at(step: f64) -> u64 {
    sample(step, RATE, BPM)
}

#[test]
fn controllers_travel_with_their_phrase() {
    let sent = [
        (4.0, [0xB0, 1, 64]),
        (5.5, [0xB0, 64, 127]),
        (8.25, [0xE0, 0, 80]),
        (9.0, [0xD0, 33, 0]),
        (12.0, [0xB0, 64, 0]),
        (63.9, [0xE0, 0, 64]),
        (70.0, [0xB3, 11, 100]),
    ];
    let mut deck = Deck::new(0.0);
    let mut input = deck.events(&[(60, 0.0, 4.0), (60, 64.0, 4.0)]);
    input.extend(sent.map(|(step, data)| Event::midi(at(step), data)));
    deck.run(4.0 * LATER, &sorted(input));
    let expected: Vec<_> = sent.iter().map(|&(step, data)| (at(step + LATER), data)).collect();
    assert_eq!(midi(&deck.output), expected);
}

#[test]
fn programs_banks_and_panic_go_through_at_once() {
    let sent = [
        (4.0, [0xB0, 0, 1]),
        (4.0, [0xB0, 32, 2]),
        (4.0, [0xC0, 5, 0]),
        (9.0, [0xB0, 123, 0]),
        (10.0, [0xB0, 120, 0]),
    ];
    let mut deck = Deck::new(0.0);
    let input: Vec<_> = sent.iter().map(|&(step, data)| Event::midi(at(step), data)).collect();
    deck.run(2.0 * LATER, &input);
    let expected: Vec<_> = sent.iter().map(|&(step, data)| (at(step), data)).collect();
    assert_eq!(midi(&deck.output), expected);
}

#[test]
fn a_stop_brings_controllers_to_rest() {
    let mut deck = Deck::new(0.0);
    let mut input = deck.events(&[(60, 0.0, 60.0)]);
    input.push(Event::midi(at(4.0), [0xB0, 64, 127]));
    input.push(Event::midi(at(5.0), [0xE2, 0, 127]));
    deck.run(80.0, &sorted(input));
    deck.transport.stop();
    let stop = deck.transport.steady();
    deck.run(90.0, &[]);
    deck.heard();
    let after: Vec<_> = midi(&deck.output).into_iter().filter(|(time, _)| *time >= stop).collect();
    assert_eq!(after, [(stop, [0xB0, 64, 0]), (stop, [0xE2, 0, 64])]);
}

#[test]
fn in_bypass_controllers_pass_at_once() {
    let mut deck = Deck::new(0.0);
    deck.plugin.set("Bypass", 1.0).unwrap();
    let input = [Event::midi(at(4.0), [0xB0, 1, 64]), Event::midi(at(5.0), [0xE0, 0, 80])];
    deck.run(8.0, &input);
    assert_eq!(midi(&deck.output), [(at(4.0), [0xB0, 1, 64]), (at(5.0), [0xE0, 0, 80])]);
}
