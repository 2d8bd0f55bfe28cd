//! What the plugin relies on when it asks a pack for an answer.

mod common;

use common::{pack, phrase};
use model::{Ops, Pack, SLOTS, Settings, Transfer};
use phrase::{Phrase, STEPS};
use proptest::prelude::*;

fn transfer() -> Transfer {
    Transfer::new(&pack(&["jazz", "pop", "classic"], 3)).unwrap()
}

fn answer(transfer: &Transfer, input: &Phrase, settings: &Settings) -> Phrase {
    let mut out = Phrase::new(0, 0.0);
    transfer.transfer(input, settings, &mut out).unwrap();
    out
}

#[test]
fn the_answer_depends_on_its_arguments_only() {
    let (one, other) = (transfer(), transfer());
    let settings = Settings { variation: 0.5, seed: 7, ..Settings::to(1) };
    let first = answer(&one, &phrase(1), &settings);
    answer(&one, &phrase(2), &Settings::to(0));
    assert_eq!(answer(&one, &phrase(1), &settings), first);
    assert_eq!(answer(&other, &phrase(1), &settings), first);
    let elsewhere = std::thread::spawn(move || answer(&other, &phrase(1), &settings)).join().unwrap();
    assert_eq!(elsewhere, first);
}

#[test]
fn targets_differ_and_blends_lie_between() {
    let transfer = transfer();
    let cells = |target: [f32; SLOTS]| {
        let settings = Settings { source: Some(2), target, ..Settings::to(0) };
        transfer.cells(&phrase(1).roll(), 0, &settings).unwrap().0
    };
    let [jazz, pop] = [[1., 0., 0., 0., 0., 0., 0., 0.], [0., 1., 0., 0., 0., 0., 0., 0.]].map(cells);
    let blend = cells([3., 3., 0., 0., 0., 0., 0., 9.]);
    assert_ne!(jazz, pop);
    assert_ne!(blend, jazz);
    assert_ne!(blend, pop);
    let half = cells([0.5, 0.5, 0., 0., 0., 0., 0., 0.]);
    assert_eq!(blend, half, "weights are normalised over the slots that the pack has");
}

#[test]
fn the_seed_changes_nothing_without_variation_and_notes_with_it() {
    let transfer = transfer();
    let with =
        |variation, seed| answer(&transfer, &phrase(1), &Settings { variation, seed, ..Settings::to(1) });
    assert_eq!(with(0.0, 1), with(0.0, 2));
    assert_ne!(with(0.5, 1), with(0.5, 2));
    assert_eq!(with(0.5, 1), with(0.5, 1));
    let moved = Phrase { position: 64, ..phrase(1) };
    let settings = Settings { variation: 0.5, seed: 1, ..Settings::to(1) };
    assert_ne!(
        answer(&transfer, &moved, &settings).notes,
        with(0.5, 1).notes,
        "the draw follows the position"
    );
}

#[test]
fn nothing_to_do_returns_the_input() {
    let transfer = transfer();
    let input = phrase(1);
    for settings in [
        Settings { amount: 0.0, variation: 1.0, ..Settings::to(1) },
        Settings::to(4),
        Settings { target: [0.0; SLOTS], ..Settings::to(0) },
        Settings { target: [f32::NAN; SLOTS], ..Settings::to(0) },
    ] {
        assert_eq!(answer(&transfer, &input, &settings).notes, input.notes, "{settings:?}");
    }
    let empty = Phrase::new(128, 90.0);
    assert_eq!(answer(&transfer, &empty, &Settings::to(1)), empty);
}

#[test]
fn a_source_slot_that_the_pack_lacks_is_heard_instead() {
    let transfer = transfer();
    let report =
        |source| transfer.cells(&phrase(1).roll(), 0, &Settings { source, ..Settings::to(0) }).unwrap();
    assert_eq!(report(Some(7)), report(None));
    let (_, heard) = report(None);
    let sum: f32 = heard.probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5);
    let best = heard.probabilities.iter().copied().fold(0.0, f32::max);
    assert_eq!(heard.probabilities[usize::from(heard.source)], best);
}

#[test]
fn kernels_and_built_in_operations_give_the_same_notes() {
    let pack: Pack = pack(&["jazz", "pop"], 5);
    let [ours, plain] = [Ops::KERNELS, Ops::BUILT_IN].map(|ops| Transfer::with_ops(&pack, ops).unwrap());
    for seed in 0..10 {
        assert_eq!(
            answer(&ours, &phrase(seed), &Settings::to(1)),
            answer(&plain, &phrase(seed), &Settings::to(1))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn content_change_grows_with_the_amount(seed in 0u64..1000, variation in 0f32..1.0) {
        let transfer = transfer();
        let roll = phrase(seed).roll();
        let mut before = roll.sounding;
        for percent in 0..=10 {
            let settings = Settings { source: Some(0), amount: percent as f32 / 10.0, variation, ..Settings::to(1) };
            let (now, _) = transfer.cells(&roll, 0, &settings).unwrap();
            for step in 0..STEPS {
                let changed = before[step] ^ roll.sounding[step];
                prop_assert_eq!(changed & !(now[step] ^ roll.sounding[step]), 0, "a change at a lower amount was taken back");
            }
            before = now;
        }
        prop_assert_ne!(before, roll.sounding);
    }
}
