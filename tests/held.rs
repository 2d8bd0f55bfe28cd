//! Amount 0, notes at and across the bar line, and what the network never sees: all come back as they were
//! played.

mod common;

use common::{BPM, Deck, LATER, RATE, expected, sample, sorted, spans, tune};
use host::Event;

#[test]
fn amount_0_returns_the_input_four_bars_later() {
    let mut deck = Deck::new(0.0);
    let input = deck.events(&tune());
    deck.run(2.0 * LATER + 2.0 * LATER, &input);
    assert_eq!(spans(&deck.heard()), expected(&tune(), LATER));
}

#[test]
fn a_note_30_ms_before_the_bar_line_belongs_to_the_phrase_after_it() {
    // 30 ms are 0.24 steps at 120 BPM. It may not sound before its own line, so it comes back on it.
    let early = 64.0 - 0.24;
    let mut deck = Deck::new(0.0);
    let input = deck.events(&[(60, 8.0, 4.0), (64, early, 4.0)]);
    deck.run(4.0 * LATER, &input);
    let notes = deck.heard();
    assert_eq!(spans(&notes)[0], expected(&[(60, 8.0, 4.0)], LATER)[0]);
    let (_, start, end) = spans(&notes)[1];
    assert_eq!(start, sample(128.0, RATE, BPM));
    assert_eq!(end, sample(early + 4.0 + LATER, RATE, BPM), "its end stays where it was");
}

#[test]
fn a_pad_held_over_three_phrases_comes_back_as_one_note() {
    let pad = [(48, 4.0, 180.0), (55, 4.0, 180.0)];
    let mut deck = Deck::new(0.0);
    let input = deck.events(&pad);
    deck.run(5.0 * LATER, &input);
    assert_eq!(spans(&deck.heard()), expected(&pad, LATER));
}

#[test]
fn a_note_let_go_between_the_closing_and_the_line_ends_where_it_did() {
    let notes = [(60, 60.0, 3.75), (62, 60.0, 4.0), (64, 60.0, 4.25)];
    let mut deck = Deck::new(0.0);
    let input = deck.events(&notes);
    deck.run(4.0 * LATER, &input);
    assert_eq!(spans(&deck.heard()), expected(&notes, LATER));
}

#[test]
fn drums_and_far_pitches_travel_with_their_phrase_even_at_full_amount() {
    let at = |step: f64| sample(step, RATE, BPM);
    let mut deck = Deck::new(1.0);
    let far = [(2, 20), (3, 110)];
    let mut input = vec![Event::on(at(4.0), 9, 36, 0.5), Event::off(at(5.0), 9, 36)];
    for (channel, key) in far {
        input.extend([Event::on(at(8.0), channel, key, 0.5), Event::off(at(12.0), channel, key)]);
    }
    let input = sorted(input);
    deck.run(3.0 * LATER, &input);
    let late = at(LATER);
    let mut want: Vec<_> = vec![(9, 36, at(4.0) + late, at(5.0) + late)];
    want.extend(far.map(|(channel, key)| (channel, key, at(8.0) + late, at(12.0) + late)));
    let got: Vec<_> =
        deck.heard().iter().map(|note| (note.channel, note.key, note.start, note.end)).collect();
    assert_eq!(got.len(), want.len());
    assert!(want.iter().all(|note| got.contains(note)), "{got:?} against {want:?}");
}

#[test]
fn one_pitch_on_two_channels_stays_two_notes() {
    let at = |step: f64| sample(step, RATE, BPM);
    let mut deck = Deck::new(0.0);
    let input = sorted(vec![
        Event::on(at(0.0), 0, 60, 0.5),
        Event::off(at(8.0), 0, 60),
        Event::on(at(4.0), 1, 60, 0.9),
        Event::off(at(12.0), 1, 60),
    ]);
    deck.run(3.0 * LATER, &input);
    let got: Vec<_> =
        deck.heard().iter().map(|note| (note.channel, note.start, note.end, note.velocity)).collect();
    assert_eq!(got, [(0, at(64.0), at(72.0), 0.5), (1, at(68.0), at(76.0), 0.9)]);
}
