//! Spaces: writing step by step is what the network says of whole phrases, and what the plugin relies on.

mod common;

use candle_core::{Device, Tensor};
use common::weights;
use model::roles::PartSizes;
use model::spaces::beats::{BEATS, Beats, BeatsConfig, Frame, HIGH, History, Network, VIEWS};
use model::spaces::pictures::{self, PicturesConfig, SIDE};
use model::spaces::tutorial::{self, SLOTS, TutorialConfig};
use model::{Answer, Ask, Card, Ops, Pack, Parts, Role, Space, SpaceFamily, Weights};
use phrase::{Key, Mode, PITCHES, Roll, STEPS};

const CONFIG: BeatsConfig =
    BeatsConfig { genres: 3, code: 5, embed: 12, hidden: 24, width: 20, units: 12, spread: 0.3 };

fn roll() -> Roll {
    let mut roll = Roll::from_cells(|step, row| (step * 5 + row * 3) % 29 == 0 || row == 30 + step / 8);
    roll.onset[5] |= roll.sounding[5] & roll.sounding[4];
    roll
}

/// What sounds and what starts, `[64][2][84]`, and what is shown before each step.
fn known(roll: &Roll) -> (Tensor, Tensor) {
    let (mut cells, mut views) = (Vec::new(), vec![0.0; STEPS * VIEWS * PITCHES]);
    let (mut history, mut before) = (History::default(), 0);
    for (step, views) in views.chunks_exact_mut(VIEWS * PITCHES).enumerate() {
        history.write(views);
        let sounding = roll.sounding[step];
        let starts = sounding & (roll.onset[step] | !before);
        cells.extend((0..PITCHES).map(|row| (sounding >> row & 1) as f32));
        cells.extend((0..PITCHES).map(|row| (starts >> row & 1) as f32));
        history.push(sounding, starts);
        before = sounding;
    }
    let cells = Tensor::from_vec(cells, (1, STEPS, 2, PITCHES), &Device::Cpu).unwrap();
    (cells, Tensor::from_vec(views, (1, STEPS, VIEWS, PITCHES), &Device::Cpu).unwrap())
}

/// A small random network whose logits are about as often over 0 as not too often.
fn random() -> Weights {
    let mut weights = weights(&CONFIG.trained(), 4);
    let bias = (weights.get("direct_bias", &[2 * PITCHES]).unwrap() - 1.5).unwrap();
    weights.insert("direct_bias", bias);
    weights
}

fn ask<'a>(shares: &'a [f32]) -> Ask<'a> {
    Ask { shares, key: None, density: 0.0, position: 0, seed: 1, near: &[] }
}

#[test]
fn plain_slices_say_what_tensors_say() {
    let weights = random();
    let beats = Beats::unframed(CONFIG, &weights).unwrap();
    let mut codes = vec![0.0; CONFIG.dims()];
    beats.codes(&roll(), &mut codes);
    let mut written = Roll::EMPTY;
    let shares = [0.2, 0.5, 0.3];
    beats.write(&codes, &ask(&shares), &mut written);
    assert!(written.onsets() > 20 && written.cells() > written.onsets(), "{written:?}");
    for ops in [Ops::KERNELS, Ops::BUILT_IN] {
        let network = Network::new(CONFIG, &weights, "", ops);
        let coded = network.encode(&known(&roll()).0).unwrap();
        let mean: Vec<f32> = coded.mean.flatten_all().unwrap().to_vec1().unwrap();
        assert!(mean.iter().zip(&codes).all(|(a, b)| (a - b).abs() < 1e-4));
        // Every decision is the logit's sign, of cells that are decided: the first refused note of a step
        // that is full ends it.
        let (cells, views) = known(&written);
        let codes = Tensor::from_slice(&codes, (1, BEATS, CONFIG.code), &Device::Cpu).unwrap();
        let genres = Tensor::from_slice(&shares, (1, 3), &Device::Cpu).unwrap();
        let logits = network.decode(&codes, &genres, &views, &cells).unwrap();
        let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
        let mut before = 0u128;
        for step in 0..STEPS {
            let full = written.sounding[step].count_ones() == 12;
            let highest = |row: usize| written.sounding[step] >> row == 0;
            for row in (0..PITCHES).filter(|row| !full || !highest(*row)) {
                let bit = |bits: u128| bits >> row & 1 == 1;
                // High notes that start have something against them.
                let lean = |kind: usize| row >= HIGH.0 && (kind == 1 || !bit(before));
                let lean = |kind: usize| if lean(kind) { HIGH.1 } else { 0.0 };
                let at = |kind: usize| logits[(step * 2 + kind) * PITCHES + row] - lean(kind);
                let sounds = bit(written.sounding[step]);
                assert!(at(0).abs() < 1e-3 || (at(0) > 0.0) == sounds, "{step} {row} {}", at(0));
                if sounds && bit(before) {
                    let starts = bit(written.onset[step]);
                    assert!(at(1).abs() < 1e-3 || (at(1) > 0.0) == starts, "{step} {row} {}", at(1));
                }
            }
            before = written.sounding[step];
        }
    }
}

/// A pack of the random network, its frame that of a few phrases.
fn pack() -> Pack {
    let weights = random();
    let bare = Beats::unframed(CONFIG, &weights).unwrap();
    let code = |by: usize| {
        let mut codes = vec![0.0; CONFIG.dims()];
        bare.codes(&Roll::from_cells(|step, row| (step * by + row) % 23 == by % 7), &mut codes);
        codes
    };
    let mut own = Weights::new();
    for (name, tensor) in weights.iter().filter(|(name, _)| !name.starts_with("doubt")) {
        own.insert(format!("space.{name}"), tensor.clone());
    }
    Frame::of(&(1..40).map(code).collect::<Vec<_>>()).save("space.", &mut own).unwrap();
    let parts = Parts::from(SpaceFamily::from(CONFIG));
    Pack::new(Card::new("points", ["a", "b", "c"].map(String::from).to_vec(), parts), &own)
}

fn space(pack: &Pack) -> Box<dyn Space> {
    let family = pack.card.parts.space.as_ref().unwrap();
    family.sizes().build(&pack.weights.part(Role::Space), 3).unwrap()
}

#[test]
fn a_pack_with_a_space_travels_and_answers_the_same() {
    let pack = Pack::from_bytes("points", &pack().to_bytes().unwrap()).unwrap();
    assert_eq!(pack.card.parts.space.as_ref().unwrap().name(), "beats");
    let (mut one, mut other) = (space(&pack), space(&pack));
    let mut points = [vec![0.0; one.dims()], vec![9.0; one.dims()]];
    one.encode(&roll(), &mut points[0]).unwrap();
    other.encode(&Roll::EMPTY, &mut points[1]).unwrap();
    other.encode(&roll(), &mut points[1]).unwrap();
    assert_eq!(points[0], points[1], "nothing of the phrase before is left");
    assert!(one.spread() == 0.3 && points[0].iter().all(|x| x.is_finite()));
    let mut answers = [Answer::default(), Answer::default()];
    for (space, out) in [&mut one, &mut other].into_iter().zip(&mut answers) {
        space.decode(&points[0], &ask(&[1.0, 0.0, 0.0]), out).unwrap();
    }
    assert_eq!(answers[0], answers[1]);
    // What a point came from is what it leads to, but for what the file's half precision leaves.
    let weights = pack.weights.part(Role::Space);
    let bare = Beats::unframed(CONFIG, &weights).unwrap();
    let (mut codes, mut written) = (vec![0.0; CONFIG.dims()], Roll::EMPTY);
    bare.codes(&roll(), &mut codes);
    bare.write(&codes, &ask(&[1.0, 0.0, 0.0]), &mut written);
    let differs: u32 =
        written.sounding.iter().zip(&answers[0].cells.sounding).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert!(differs * 20 <= written.cells(), "{differs} of {}", written.cells());
    // Wild points give music or silence, and no fault.
    for value in [0.0, 1e3, -1e30, f32::NAN] {
        one.decode(&vec![value; points[0].len()], &ask(&[0.0, 0.5, 0.5]), &mut Answer::default()).unwrap();
    }
}

#[test]
fn a_key_and_a_density_are_leaned_to() {
    let mut space = space(&pack());
    let mut point = vec![0.0; space.dims()];
    space.encode(&roll(), &mut point).unwrap();
    let mut written = |ask: Ask| {
        let mut out = Answer::default();
        space.decode(&point, &ask, &mut out).unwrap();
        out.cells
    };
    let key = Key { tonic: 0, mode: Mode::Major, fit: 1.0 };
    let shares = [1.0, 0.0, 0.0];
    let free = written(ask(&shares));
    let told = written(Ask { key: Some(key), ..ask(&shares) });
    assert!(phrase::out_of_key(&told, &key) < phrase::out_of_key(&free, &key));
    let few = written(Ask { density: 0.1, ..ask(&shares) });
    let many = written(Ask { density: 40.0, ..ask(&shares) });
    assert!(few.onsets() < many.onsets(), "{} {}", few.onsets(), many.onsets());
    assert_ne!(written(ask(&[0.0, 0.0, 1.0])), free, "the genre is heard");
}

#[test]
fn what_phrases_agree_on_stays_between_them() {
    let mut space = space(&pack());
    let point = vec![0.0; space.dims()];
    let mut written = |near: &[(f32, &Roll)]| {
        let mut out = Answer::default();
        space.decode(&point, &Ask { near, ..ask(&[1.0, 0.0, 0.0]) }, &mut out).unwrap();
        out.cells
    };
    let differing = |a: &Roll, b: &Roll| -> u32 {
        let pairs = a.sounding.iter().zip(&b.sounding).chain(a.onset.iter().zip(&b.onset));
        pairs.map(|(a, b)| (a ^ b).count_ones()).sum()
    };
    let (one, other) = (roll(), Roll::from_cells(|step, row| row == 70 - step / 8));
    let free = written(&[]);
    // The same numbers without a network: what it knows of music is little, the phrases' cells are much.
    assert!(differing(&written(&[(1.0, &one)]), &one) * 4 < differing(&free, &one));
    let far: Vec<u32> = [0.0, 0.25, 0.5, 0.75, 1.0]
        .map(|t| differing(&written(&[(1.0 - t, &one), (t, &other)]), &one))
        .to_vec();
    assert!(far.is_sorted() && far[0] < far[4], "{far:?}");
}

#[test]
fn sizes_that_cannot_be_are_refused_in_words() {
    let fault = |config: BeatsConfig| PartSizes::fault(&config, 3).unwrap_or_default();
    assert_eq!(fault(CONFIG), "");
    assert!(fault(BeatsConfig { genres: 2, ..CONFIG }).contains("genres disagree"));
    assert!(fault(BeatsConfig { hidden: 0, ..CONFIG }).contains("out of range"));
    assert!(fault(BeatsConfig { code: 65, ..CONFIG }).contains("out of range"));
    assert!(fault(BeatsConfig { spread: f32::NAN, ..CONFIG }).contains("no length"));
    // A frame of no spread is a fault of the file, not of the first phrase.
    let broken = pack();
    let mut weights = broken.weights.part(Role::Space);
    let dims = CONFIG.dims();
    weights.insert("root", Tensor::zeros((dims, dims), candle_core::DType::F32, &Device::Cpu).unwrap());
    assert!(Beats::new(CONFIG, &weights).unwrap_err().to_string().contains("root"));
}

#[test]
fn the_tutorials_slices_say_what_its_tensors_say() {
    for bent in [true, false] {
        let config = TutorialConfig { symbols: 5, code: 2, bent };
        let mut weights = weights(&config.trained(), 8);
        let sets = [0u128, 1 << 40, 0b10001 << 40, 1 << 30, 0b1001 << 50];
        let rows = sets.iter().flat_map(|set| (0..PITCHES).map(move |row| (set >> row & 1) as f32));
        let rows = Tensor::from_iter(rows, &Device::Cpu).unwrap().reshape((5, PITCHES)).unwrap();
        weights.insert("vocabulary", rows);
        let mut space = config.build(&weights, 3).unwrap();
        let roll = Roll::from_cells(|step, row| sets[1 + step / 8 % 4] >> row & 1 == 1);
        let mut point = vec![9.0; 2];
        space.encode(&roll, &mut point).unwrap();
        let mut cells = vec![0.0f32; config.cells()];
        for (slot, set) in tutorial::slots(&roll).into_iter().enumerate() {
            cells[slot * 5 + tutorial::nearest(&sets, set)] = 1.0;
        }
        let cells = Tensor::from_vec(cells, (1, config.cells()), &Device::Cpu).unwrap();
        let network = tutorial::Network::new(config, &weights, Ops::BUILT_IN);
        let (mean, doubt) = network.encode(&cells).unwrap();
        assert_eq!(doubt.is_some(), !bent);
        let mean = mean.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(mean.iter().zip(&point).all(|(a, b)| (a - b).abs() < 1e-4), "{mean:?} {point:?}");
        let mut answer = Answer::default();
        space.decode(&point, &ask(&[1.0, 0.0, 0.0]), &mut answer).unwrap();
        let point = Tensor::from_vec(point, (1, 2), &Device::Cpu).unwrap();
        let logits = network.decode(&point).unwrap().reshape((SLOTS, 5)).unwrap().to_vec2::<f32>().unwrap();
        for (slot, logits) in logits.iter().enumerate() {
            let most = (0..5).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
            assert_eq!(answer.cells.sounding[2 * slot], sets[most]);
            assert_eq!(answer.cells.sounding[2 * slot + 1], sets[most]);
        }
    }
}

#[test]
fn pictures_are_played_by_the_norms_of_training() {
    let config = PicturesConfig { planes: 2, channels: 3, code: 6 };
    let mut weights = weights(&config.trained(), 9);
    let points = common::Numbers(3).tensor(&[4, 6], 1.0);
    let network = pictures::Network::new(config, &weights, Ops::KERNELS);
    let generated = network.generate(&points).unwrap();
    let plain = pictures::Network::new(config, &weights, Ops::BUILT_IN).generate(&points).unwrap();
    let difference = (&generated.logits - &plain.logits).unwrap().abs().unwrap().max_all().unwrap();
    assert!(difference.to_scalar::<f32>().unwrap() < 1e-3);
    let logits: Vec<f32> = generated.logits.get(1).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    for ((name, channels), [mean, variance]) in config.norms().into_iter().zip(generated.norms) {
        for (part, values) in [("mean", mean), ("variance", variance)] {
            let values = Tensor::from_vec(values, channels, &Device::Cpu).unwrap();
            weights.insert(format!("{name}_{part}"), values);
        }
    }
    let mut space = config.build(&weights, 3).unwrap();
    let mut answer = Answer::default();
    let point: Vec<f32> = points.get(1).unwrap().to_vec1().unwrap();
    space.decode(&point, &ask(&[1.0, 0.0, 0.0]), &mut answer).unwrap();
    let bright = |logit: f32| 1.0 / (1.0 + (-logit).exp());
    let velocities = answer.velocities.unwrap();
    let mut notes = 0;
    for (step, row) in (0..STEPS).flat_map(|step| (0..PITCHES).map(move |row| (step, row))) {
        let [velocity, start] = [0, 1].map(|plane| bright(logits[(step * SIDE + 3 + row) * 2 + plane]));
        let near = (velocity - 0.3).abs() < 1e-3 || (start - 0.3).abs() < 1e-3;
        assert!(near || answer.cells.get(step, row) == (velocity > 0.3), "{step} {row}");
        if answer.cells.onset[step] >> row & 1 == 1 {
            assert!((f32::from(velocities[step][row]) - 127.0 * velocity).abs() < 1.0);
            notes += 1;
        }
    }
    assert!(notes > 10, "{notes}");
    // A phrase fills the first rows of its picture, a row of the roll three keys from the edge.
    let drawn = pictures::picture(&roll(), 2, |_, _| 0.5);
    let sounds = |step: usize, row: usize| drawn[(step * SIDE + 3 + row) * 2] == 0.5;
    assert!((0..STEPS).all(|step| (0..PITCHES).all(|row| sounds(step, row) == roll().get(step, row))));
    assert!(drawn[STEPS * SIDE * 2..].iter().all(|&x| x == 0.0));
}
