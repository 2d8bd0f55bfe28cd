//! Loops, jumps, stops and bypass: everything that sounds ends, and each pass of a loop is answered in the
//! next.

mod common;

use common::{Deck, LATER, RATE, expected, heard, sample, spans, tune};
use host::{Event, EventKind};

/// Notes of a pass of a loop, other ones for each pass, all inside it.
fn passes(count: usize, steps: f64) -> Vec<(u8, f64, f64)> {
    let note = |pass: usize, index: usize| {
        let pitch = 48 + 5 * pass as u8 + 2 * index as u8;
        (pitch, pass as f64 * steps + 0.25 * steps * index as f64, 0.2 * steps)
    };
    (0..count).flat_map(|pass| (0..4).map(move |index| note(pass, index))).collect()
}

#[test]
fn a_four_bar_loop_answers_each_pass_in_the_next() {
    let mut deck = Deck::new(0.0);
    deck.transport.set_cycle(Some((16.0, 32.0)));
    deck.transport.jump(16.0);
    let notes = passes(4, 64.0);
    let input = deck.events(&notes);
    deck.run(5.0 * 64.0, &input);
    assert_eq!(spans(&deck.heard()), expected(&notes, LATER));
}

#[test]
fn a_two_bar_loop_fills_a_phrase_in_two_passes() {
    let mut deck = Deck::new(0.0);
    deck.transport.set_cycle(Some((0.0, 8.0)));
    let notes = passes(6, 32.0);
    let input = deck.events(&notes);
    deck.run(6.0 * 64.0, &input);
    assert_eq!(spans(&deck.heard()), expected(&notes, LATER));
}

#[test]
fn a_loop_of_broken_bars_closes_the_phrase_at_its_wrap() {
    // Six beats: 24 steps, answered 24 steps later.
    let mut deck = Deck::new(0.0);
    deck.transport.set_cycle(Some((0.0, 6.0)));
    let notes = passes(4, 24.0);
    let input = deck.events(&notes);
    deck.run(6.0 * 24.0, &input);
    assert_eq!(spans(&deck.heard()), expected(&notes, 24.0));
}

#[test]
fn a_jump_ends_what_sounds_and_drops_what_was_heard() {
    let mut deck = Deck::new(0.8);
    let input = deck.events(&tune());
    deck.run(64.0 + 5.5, &input);
    deck.transport.jump(400.0);
    let jump = deck.transport.steady();
    deck.run(64.0 + 5.5 + 100.0, &[]);
    let notes = deck.heard();
    assert!(notes.iter().any(|note| note.end == jump), "something sounded when the jump came");
    assert!(notes.iter().all(|note| note.start < jump), "nothing from before the jump starts after it");
}

#[test]
fn a_stop_ends_what_sounds_at_once() {
    for amount in [0.0, 0.9] {
        let mut deck = Deck::new(amount);
        let input = deck.events(&tune());
        deck.run(64.0 + 5.5, &input);
        deck.transport.stop();
        let stop = deck.transport.steady();
        deck.run(64.0 + 30.0, &[]);
        let notes = deck.heard();
        assert!(notes.iter().any(|note| note.end == stop) && notes.iter().all(|note| note.end <= stop));
    }
}

#[test]
fn starting_again_answers_only_what_is_played_since() {
    let mut deck = Deck::new(0.0);
    let input = deck.events(&tune());
    deck.run(30.0, &input);
    deck.transport.stop();
    deck.run(40.0, &[]);
    deck.transport.jump(0.0);
    deck.transport.play();
    let again = deck.transport.steady();
    let shifted: Vec<_> =
        deck.events(&[(65, 8.0, 4.0)]).iter().map(|e| Event { time: e.time + again, ..*e }).collect();
    deck.run(40.0 + 3.0 * 64.0, &shifted);
    let late = again + sample(LATER, RATE, common::BPM);
    let at = |step: f64| late + sample(step, RATE, common::BPM);
    assert_eq!(spans(&deck.heard()), [(65, at(8.0), at(12.0))]);
}

#[test]
fn bypass_in_the_middle_of_a_note_ends_it_and_passes_the_next_at_once() {
    let mut deck = Deck::new(0.9);
    let bypass = deck.plugin.param("Bypass").unwrap().id;
    let mut input = deck.events(&tune());
    let (on, off) = (deck.sample(64.0 + 5.5), deck.sample(100.0));
    input.push(Event::param(on, bypass, 1.0));
    input.push(Event::param(off, bypass, 0.0));
    input.sort_by_key(|event| event.time);
    deck.run(4.0 * LATER, &input);
    let notes = deck.heard();
    let end = on + u64::from(common::BLOCK);
    assert!(
        notes.iter().any(|note| (on - 512..=end).contains(&note.end)),
        "an answer was cut off by the bypass"
    );
    let passed = |time| notes.iter().any(|note| note.start == time);
    let played: Vec<_> = input
        .iter()
        .filter(|event| matches!(event.kind, EventKind::NoteOn { .. }) && (end..off).contains(&event.time))
        .collect();
    assert!(
        played.len() > 4 && played.iter().all(|event| passed(event.time)),
        "notes pass at once in bypass"
    );
}

#[test]
fn reset_and_deactivation_leave_nothing_behind() {
    let mut deck = Deck::new(0.0);
    let input = deck.events(&tune());
    deck.run(64.0 + 5.5, &input);
    deck.plugin.reset().unwrap();
    deck.run(64.0 + 6.5, &[]);
    heard(&deck.output);
    deck.plugin.deactivate();
    deck.plugin.start(RATE, 64).unwrap();
    deck.transport.set_block(64);
    deck.output.clear();
    deck.run(4.0 * 64.0, &[]);
    assert_eq!(deck.output, []);
}

#[test]
fn changing_the_target_while_it_plays_is_heard_and_leaves_nothing_hanging() {
    let mut deck = Deck::new(1.0);
    let target = deck.plugin.param("Target").unwrap().id;
    let mut input = deck.events(&tune());
    for change in 0..20u32 {
        let slot = f64::from(change % 3);
        input.push(Event::param(deck.sample(7.0 * f64::from(change)), target, slot / 7.0));
    }
    input.sort_by_key(|event| event.time);
    deck.run(4.0 * LATER, &input);
    assert!(!deck.heard().is_empty());
}
