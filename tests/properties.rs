//! Random music through a transport that does anything: every note that starts also ends, once, in order, in its block.
//!
//! The host refuses events outside their block or out of order; the rest is checked here.

mod common;

use common::{Deck, LATER, sorted};
use host::{Event, pair};
use proptest::prelude::*;

/// What may happen to a transport.
#[derive(Clone, Debug)]
enum Act {
    Stop,
    Play,
    Jump(f64),
    Cycle(Option<(f64, f64)>),
    Block(u32),
    Amount(f64),
    Bypass(bool),
    Reset,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Stop),
        3 => Just(Act::Play),
        1 => (-8.0..64.0f64).prop_map(Act::Jump),
        1 => Just(Act::Cycle(None)),
        2 => (0u8..8, 1u8..10).prop_map(|(from, beats)| Act::Cycle(Some((from.into(), f64::from(from + beats))))),
        2 => prop_oneof![1u32..64, 64u32..4096].prop_map(Act::Block),
        1 => (0.0..=1.0f64).prop_map(Act::Amount),
        1 => any::<bool>().prop_map(Act::Bypass),
        1 => Just(Act::Reset),
    ]
}

/// Notes on few keys, so that they meet: pitch, channel, onset, length.
fn notes() -> impl Strategy<Value = Vec<(u8, u8, f64, f64)>> {
    let pitch = prop_oneof![8 => 55u8..62, 1 => 0u8..128];
    let channel = prop_oneof![8 => 0u8..2, 1 => Just(9)];
    prop::collection::vec((pitch, channel, 0.0..280.0f64, 0.0..90.0f64), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_note_that_starts_also_ends(
        music in notes(), acts in prop::collection::vec((0.0..300.0f64, act()), 0..8),
        bpm in prop::sample::select(vec![73.1, 120.0, 240.0, 300.0]), offline in any::<bool>(), amount in 0.0..=1.0f64,
        rate in prop::sample::select(vec![44_100.0, 48_000.0]),
    ) {
        let mut plugin = common::instance();
        plugin.set_offline(offline).unwrap();
        plugin.set("Amount", amount).unwrap();
        plugin.set("Target", common::last_slot() as f64 / 7.0).unwrap();
        let mut deck = Deck::of(plugin, rate, bpm, 4096);
        let mut input = Vec::new();
        for (pitch, channel, onset, length) in music {
            let (start, end) = (deck.sample(onset), deck.sample(onset + length));
            input.extend([Event::on(start, channel, pitch, 0.6), Event::off(end.max(start + 1), channel, pitch)]);
        }
        let input = sorted(input);
        let mut acts = acts;
        acts.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (step, act) in acts {
            deck.run(step, &input);
            match act {
                Act::Stop => deck.transport.stop(),
                Act::Play => deck.transport.play(),
                Act::Jump(beats) => deck.transport.jump(beats),
                Act::Cycle(cycle) => deck.transport.set_cycle(cycle),
                Act::Block(block) => deck.transport.set_block(block),
                Act::Amount(amount) => deck.plugin.set("Amount", amount).unwrap(),
                Act::Bypass(on) => deck.plugin.set("Bypass", f64::from(u8::from(on))).unwrap(),
                Act::Reset => deck.plugin.reset().unwrap(),
            }
        }
        deck.run(380.0, &input);
        deck.transport.stop();
        deck.run(381.0, &[]);
        // In bypass and with our own clock notes may still wait for their answers after the stop.
        deck.transport.set_block(4096);
        deck.run(381.0 + 3.0 * LATER, &[]);
        let paired = pair(&deck.output);
        prop_assert_eq!((paired.hanging, paired.stray), (0, 0), "{:#?}", deck.output);
    }
}
