//! What the plugin relies on when it asks a pack for an answer.

mod common;

use candle_core::{Device, Tensor};
use common::{pack, pair_networks, pairwise, phrase};
use model::{INPUT_LOGIT, LoadedPack, Ops, Pack, SLOTS, Settings};
use phrase::{PITCHES, Phrase, STEPS};
use proptest::prelude::*;

fn transfer() -> LoadedPack {
    LoadedPack::new(&pack(&["jazz", "pop", "classic"], 3)).unwrap()
}

fn answer(transfer: &mut LoadedPack, input: &Phrase, settings: &Settings) -> Phrase {
    let mut out = Phrase::new(0, 0.0);
    transfer.transfer(input, settings, &mut out).unwrap();
    out
}

#[test]
fn the_answer_depends_on_its_arguments_only() {
    let (mut one, mut other) = (transfer(), transfer());
    let settings = Settings { variation: 0.5, seed: 7, ..Settings::to(1) };
    let first = answer(&mut one, &phrase(1), &settings);
    answer(&mut one, &phrase(2), &Settings::to(0));
    assert_eq!(answer(&mut one, &phrase(1), &settings), first);
    assert_eq!(answer(&mut other, &phrase(1), &settings), first);
    let elsewhere = std::thread::spawn(move || answer(&mut other, &phrase(1), &settings)).join().unwrap();
    assert_eq!(elsewhere, first);
}

#[test]
fn targets_differ_and_blends_lie_between() {
    let mut transfer = transfer();
    let mut cells = |target: [f32; SLOTS]| {
        let settings = Settings { source: Some(2), target, ..Settings::to(0) };
        transfer.cells(&phrase(1).roll(), 0, &settings).unwrap().0
    };
    let [jazz, pop] = [[1., 0., 0., 0., 0., 0., 0., 0.], [0., 1., 0., 0., 0., 0., 0., 0.]].map(&mut cells);
    let blend = cells([3., 3., 0., 0., 0., 0., 0., 9.]);
    assert_ne!(jazz, pop);
    assert_ne!(blend, jazz);
    assert_ne!(blend, pop);
    let half = cells([0.5, 0.5, 0., 0., 0., 0., 0., 0.]);
    assert_eq!(blend, half, "weights are normalised over the slots that the pack has");
}

#[test]
fn the_seed_changes_nothing_without_variation_and_notes_with_it() {
    let mut transfer = transfer();
    let mut with =
        |variation, seed| answer(&mut transfer, &phrase(1), &Settings { variation, seed, ..Settings::to(1) });
    assert_eq!(with(0.0, 1), with(0.0, 2));
    assert_ne!(with(0.5, 1), with(0.5, 2));
    assert_eq!(with(0.5, 1), with(0.5, 1));
    let moved = Phrase { position: 64, ..phrase(1) };
    let settings = Settings { variation: 0.5, seed: 1, ..Settings::to(1) };
    let here = with(0.5, 1).notes;
    assert_ne!(answer(&mut transfer, &moved, &settings).notes, here, "the draw follows the position");
}

#[test]
fn nothing_to_do_returns_the_input() {
    let mut transfer = transfer();
    let input = phrase(1);
    for settings in [
        Settings { amount: 0.0, variation: 1.0, ..Settings::to(1) },
        Settings::to(4),
        Settings { target: [0.0; SLOTS], ..Settings::to(0) },
        Settings { target: [f32::NAN; SLOTS], ..Settings::to(0) },
    ] {
        assert_eq!(answer(&mut transfer, &input, &settings).notes, input.notes, "{settings:?}");
    }
    let empty = Phrase::new(128, 90.0);
    assert_eq!(answer(&mut transfer, &empty, &Settings::to(1)), empty);
}

#[test]
fn a_source_slot_that_the_pack_lacks_is_left_to_the_classifier() {
    let mut transfer = transfer();
    let mut report =
        |source| transfer.cells(&phrase(1).roll(), 0, &Settings { source, ..Settings::to(0) }).unwrap();
    assert_eq!(report(Some(7)), report(None));
    let (_, told) = report(None);
    let sum: f32 = told.probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-5);
    let best = told.probabilities.iter().copied().fold(0.0, f32::max);
    assert_eq!(told.probabilities[usize::from(told.source)], best);
}

#[test]
fn kernels_and_built_in_operations_give_the_same_notes() {
    let pack: Pack = pack(&["jazz", "pop"], 5);
    let [mut ours, mut plain] =
        [Ops::KERNELS, Ops::BUILT_IN].map(|ops| LoadedPack::with_ops(&pack, ops).unwrap());
    for seed in 0..10 {
        assert_eq!(
            answer(&mut ours, &phrase(seed), &Settings::to(1)),
            answer(&mut plain, &phrase(seed), &Settings::to(1))
        );
    }
}

/// The target weights of two slots.
fn blend(first: f32, second: f32) -> [f32; SLOTS] {
    std::array::from_fn(|slot| [first, second].get(slot).copied().unwrap_or(0.0))
}

#[test]
fn a_pairwise_pack_goes_to_the_other_genre_only() {
    for network in pair_networks() {
        let mut transfer = LoadedPack::new(&pairwise(network, 4)).unwrap();
        let input = phrase(1);
        let mut to =
            |source, target| answer(&mut transfer, &input, &Settings { source, target, ..Settings::to(0) });
        let [there, back] = [to(Some(0), blend(0.0, 1.0)), to(Some(1), blend(1.0, 0.0))];
        assert_ne!(there.notes, input.notes, "{network:?}");
        assert_ne!(back.notes, input.notes, "{network:?}");
        assert_ne!(there.notes, back.notes, "each direction has a network of its own");
        assert_eq!(to(Some(0), blend(1.0, 0.0)).notes, input.notes, "its own genre is the input");
        assert_eq!(to(Some(1), blend(0.0, 2.0)).notes, input.notes, "its own genre is the input");
        let told = to(None, blend(0.0, 1.0));
        let (_, report) = transfer.cells(&input.roll(), 0, &Settings::to(1)).unwrap();
        let expected = if report.source == 0 { &there.notes } else { &input.notes };
        assert_eq!(told.notes, there.notes, "the classifier's word leaves nothing alone by itself");
        let left = Settings { source: None, target: blend(0.0, 1.0), leave_own: true, ..Settings::to(0) };
        let left = answer(&mut transfer, &input, &left).notes;
        assert_eq!(&left, expected, "the classifier tells the source where nobody does");
    }
}

#[test]
fn pairwise_blends_mix_the_input_with_the_answer() {
    for network in pair_networks() {
        let mut pack = pairwise(network, 4);
        pack.card.threshold = 0.7;
        let transfer = LoadedPack::new(&pack).unwrap();
        let soft = Tensor::arange(0f32, (2 * STEPS * PITCHES) as f32, &Device::Cpu).unwrap();
        let soft = (soft / (2 * STEPS * PITCHES) as f64).unwrap().reshape((2, STEPS, PITCHES)).unwrap();
        let logits = |target: [f32; SLOTS]| transfer.logits(&soft, 0, &target).unwrap();
        let values = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [own, full, third] =
            [blend(1.0, 0.0), blend(0.0, 1.0), blend(2.0, 1.0)].map(|t| values(logits(t)));
        let threshold = (0.7f32 / 0.3).ln();
        assert!((own[0] - (threshold - INPUT_LOGIT)).abs() < 1e-5, "a silent cell is under the threshold");
        for ((own, full), third) in own.iter().zip(&full).zip(&third) {
            assert!((third - (2.0 * own + full) / 3.0).abs() < 1e-4 * full.abs().max(1.0));
        }
        assert_eq!(values(logits([0.0; SLOTS])), own, "no target is the input");
        assert!(transfer.logits(&soft, 2, &blend(0.0, 1.0)).unwrap_err().to_string().contains("no genre 3"));
    }
}

#[test]
fn logits_are_what_cells_are_cut_from() {
    let pack = pack(&["jazz", "pop", "classic"], 3);
    let mut transfer = LoadedPack::new(&pack).unwrap();
    let roll = phrase(1).roll();
    let mut values = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut values);
    let cells = Tensor::from_vec(values, (1, STEPS, PITCHES), &Device::Cpu).unwrap();
    let settings = Settings { source: Some(2), ..Settings::to(1) };
    let logits =
        transfer.logits(&cells, 2, &settings.target).unwrap().squeeze(0).unwrap().to_vec2::<f32>().unwrap();
    let (answer, _) = transfer.cells(&roll, 0, &settings).unwrap();
    for (step, row) in logits.iter().enumerate() {
        let expected = row.iter().enumerate().fold(0, |bits, (r, &x)| bits | u128::from(x > 0.0) << r);
        assert_eq!(answer.sounding[step], expected);
    }
}

#[test]
fn pairwise_networks_give_the_same_notes_with_either_kind_of_operations() {
    for network in pair_networks() {
        let pack = pairwise(network, 5);
        let [mut ours, mut plain] =
            [Ops::KERNELS, Ops::BUILT_IN].map(|ops| LoadedPack::with_ops(&pack, ops).unwrap());
        for seed in 0..4 {
            let settings = Settings { source: Some((seed % 2) as u8), ..Settings::to(1 - seed as usize % 2) };
            assert_eq!(
                answer(&mut ours, &phrase(seed), &settings),
                answer(&mut plain, &phrase(seed), &settings)
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn content_change_grows_with_the_amount(seed in 0u64..1000, variation in 0f32..1.0) {
        let mut transfer = transfer();
        let roll = phrase(seed).roll();
        let mut before = roll;
        for percent in 0..=10 {
            let amount = percent as f32 / 10.0;
            let settings = Settings { source: Some(0), amount, variation, ..Settings::to(1) };
            let (now, _) = transfer.cells(&roll, 0, &settings).unwrap();
            for step in 0..STEPS {
                let changed = before.sounding[step] ^ roll.sounding[step];
                let taken_back = changed & !(now.sounding[step] ^ roll.sounding[step]);
                prop_assert_eq!(taken_back, 0, "a change at a lower amount was taken back");
            }
            before = now;
        }
        prop_assert_ne!(before.sounding, roll.sounding);
    }
}
