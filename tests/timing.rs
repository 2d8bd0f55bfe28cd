//! When notes come out: on the exact sample, whatever the sample rate and the block size.

mod common;

use common::{Deck, LATER, events, sample, tune};
use host::Event;

/// One phrase of [`tune`] that ends before its line: enough to hear, short enough for blocks of one sample.
fn phrase() -> Vec<(u8, f64, f64)> {
    tune().into_iter().filter(|&(_, onset, length)| onset + length <= 64.0).collect()
}

fn play(amount: f64, rate: f64, bpm: f64, block: u32) -> Vec<Event> {
    let mut deck = Deck::with(amount, rate, bpm, block);
    let input = deck.events(&phrase());
    deck.run(2.0 * LATER + 1.0, &input);
    deck.heard();
    deck.output
}

#[test]
fn at_amount_0_every_event_is_exactly_four_bars_later() {
    // 44.1 kHz at 120 BPM puts steps on half samples.
    for (rate, bpm) in [(44_100.0, 120.0), (48_000.0, 120.0), (96_000.0, 300.0)] {
        let later = sample(LATER, rate, bpm);
        let expected: Vec<_> = events(&phrase(), rate, bpm)
            .iter()
            .map(|event| Event { time: event.time + later, ..*event })
            .collect();
        for block in [64, 441, 4096] {
            let mut output = play(0.0, rate, bpm, block);
            output = common::sorted(output);
            let key = |event: &Event| (event.time, format!("{:?}", event.kind));
            let (mut got, mut want) = (output, expected.clone());
            got.sort_by_key(key);
            want.sort_by_key(key);
            assert_eq!(got, want, "{rate} Hz, {bpm} BPM, blocks of {block}");
        }
    }
}

#[test]
fn the_lowest_and_the_highest_rates_and_the_biggest_blocks_are_kept_up_with() {
    for (rate, bpm) in [(8_000.0, 97.0), (768_000.0, 300.0), (44_099.9, 211.3)] {
        let of = |block: u32| {
            let notes = common::heard(&play(0.0, rate, bpm, block));
            notes.iter().map(|note| (note.key, note.start, note.end)).collect::<Vec<_>>()
        };
        let later = sample(LATER, rate, bpm);
        let whole = of(16_384);
        assert_eq!(whole.len(), phrase().len());
        // A sample of 8 kHz is a 500th of a step: what is rounded twice may be off by one.
        for (key, onset, length) in phrase() {
            let near = |a: u64, step: f64| a.abs_diff(sample(step, rate, bpm) + later) <= 1;
            let found =
                |note: &(u8, u64, u64)| note.0 == key && near(note.1, onset) && near(note.2, onset + length);
            assert!(whole.iter().any(found), "{key} at {onset}: {rate} Hz");
        }
        assert_eq!(of(1_000), whole, "{rate} Hz");
    }
}

#[test]
fn the_network_answer_is_the_same_for_every_block_size() {
    for (rate, bpm) in [(44_100.0, 120.0), (48_000.0, 300.0), (96_000.0, 300.0)] {
        let reference = play(0.9, rate, bpm, 4096);
        assert!(reference.len() > 8, "the answer holds notes");
        for block in [1, 64, 441] {
            assert_eq!(play(0.9, rate, bpm, block), reference, "{rate} Hz, blocks of {block}");
        }
    }
}

#[test]
fn every_rate_gives_the_same_notes() {
    let steps = |rate: f64| {
        let notes = common::heard(&play(0.9, rate, 120.0, 512));
        let step = |at: u64| (at as f64 / rate * 8.0 * 1000.0).round() as i64;
        let mut steps: Vec<_> = notes.iter().map(|note| (step(note.start) / 2, note.key)).collect();
        steps.sort_unstable();
        steps
    };
    assert_eq!(steps(44_100.0), steps(48_000.0));
    assert_eq!(steps(48_000.0), steps(96_000.0));
}
