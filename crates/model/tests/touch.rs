//! Dynamics: the network against plain arithmetic and finite differences, and what packs make of it.

mod common;

use candle_core::{Device, Tensor, Var};
use common::weights;
use model::touch::{KEYS, Score, Touch, TouchConfig, batch};
use model::{
    Answer, Card, Context, FeelSizes, LoadedPack, Ops, Pack, Parts, Role, Settings, Weights, default_pack,
};
use phrase::{Note, Phrase, Roll, STEPS};

/// Small ones of each kind.
fn small(genres: usize) -> [TouchConfig; 4] {
    let units = |config: TouchConfig| TouchConfig { units: 3, ..config };
    [
        units(TouchConfig { embed: 5, head: 4, layers: 2, ..TouchConfig::ours(genres) }),
        units(TouchConfig { embed: 5, head: 4, around: false, ..TouchConfig::ours(genres) }),
        units(TouchConfig { shared: 4, layers: 2, ..TouchConfig::stylenet(genres) }),
        units(TouchConfig { shared: 4, layers: 1, hears: true, ..TouchConfig::tonenet(genres) }),
    ]
}

/// Eight steps of a tune over a held bass.
fn score() -> Score {
    let mut score = Score { place: 3, struck: vec![0; 8], held: vec![0; 8] };
    for (step, key, length) in [(0, 20, 8), (0, 50, 2), (2, 52, 1), (3, 52, 3), (6, 47, 2), (6, 43, 2)] {
        score.struck[step] |= 1 << key;
        (step..step + length).for_each(|step| score.held[step] |= 1 << key);
    }
    score
}

/// The network in plain arithmetic.
struct Plain<'a>(TouchConfig, &'a Weights);

type Rows = Vec<Vec<f64>>;

impl Plain<'_> {
    fn matrix(&self, name: &str) -> Rows {
        let tensor = self.1.iter().find(|(known, _)| *known == name).unwrap().1;
        let tensor = if tensor.rank() == 1 { tensor.unsqueeze(0).unwrap() } else { tensor.clone() };
        let rows = tensor.to_vec2::<f32>().unwrap();
        rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
    }

    fn linear(&self, x: &[f64], name: &str) -> Vec<f64> {
        let w = self.matrix(name);
        (0..w[0].len()).map(|out| x.iter().zip(&w).map(|(x, row)| x * row[out]).sum()).collect()
    }

    fn plus(a: Vec<f64>, b: &[f64]) -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| a + b).collect()
    }

    fn lstm(&self, rows: &Rows, name: &str, back: bool) -> Rows {
        let units = self.matrix(&format!("{name}.state")).len();
        let bias = self.matrix(&format!("{name}.bias")).remove(0);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut h, mut c) = (vec![0.0; units], vec![0.0; units]);
        let mut out = vec![Vec::new(); rows.len()];
        for at in 0..rows.len() {
            let step = if back { rows.len() - 1 - at } else { at };
            let gates = Self::plus(self.linear(&rows[step], &format!("{name}.in")), &bias);
            let gates = Self::plus(gates, &self.linear(&h, &format!("{name}.state")));
            for unit in 0..units {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| gates[gate * units + unit]);
                c[unit] = sigmoid(f) * c[unit] + sigmoid(i) * g.tanh();
                h[unit] = sigmoid(o) * c[unit].tanh();
            }
            out[step] = h.clone();
        }
        out
    }

    fn stack(&self, stack: usize, mut rows: Rows) -> Rows {
        for layer in 0..self.0.layers {
            let there = self.lstm(&rows, &format!("stack{stack}.{layer}.there"), false);
            let back = self.lstm(&rows, &format!("stack{stack}.{layer}.back"), true);
            rows = there.into_iter().zip(back).map(|(there, back)| [there, back].concat()).collect();
        }
        rows
    }

    fn forward(&self, inputs: Rows, genres: &[f64], notes: &[(usize, usize)], features: &[f32]) -> Vec<f64> {
        let mut rows = inputs;
        if self.0.embed > 0 {
            let genre = self.linear(genres, "genre.embed");
            rows = rows.iter().map(|row| Self::plus(self.linear(row, "embed"), &genre)).collect();
        }
        if self.0.shared > 0 {
            rows = self.lstm(&rows, "shared", false);
        }
        if self.0.attention {
            let query = |row: &Vec<f64>| {
                let query = self.linear(row, "attention");
                let scores: Vec<f64> = rows
                    .iter()
                    .map(|key| key.iter().zip(&query).map(|(a, b)| a * b).sum::<f64>().exp())
                    .collect();
                let total: f64 = scores.iter().sum();
                let of = |unit: usize| scores.iter().zip(&rows).map(|(s, row)| s / total * row[unit]).sum();
                (0..row.len()).map(of).collect::<Vec<f64>>()
            };
            rows = rows.iter().map(query).collect();
        }
        if self.0.head > 0 {
            let states = self.stack(0, rows);
            let bias = Self::plus(self.linear(genres, "genre.head"), &self.matrix("head.bias")[0]);
            let one = |(note, features): (&(usize, usize), &[f32])| {
                let features: Vec<f64> = features.iter().map(|x| f64::from(*x)).collect();
                let seen = [states[note.0].clone(), features].concat();
                let hidden = Self::plus(self.linear(&seen, "head.in"), &bias);
                let hidden: Vec<f64> = hidden.into_iter().map(|x| x.max(0.0)).collect();
                self.linear(&hidden, "head.out")[0] + self.matrix("head.out_bias")[0][0]
            };
            return notes.iter().zip(features.chunks_exact(self.0.features())).map(one).collect();
        }
        let mut out = vec![0.0; rows.len() * KEYS];
        for (genre, share) in genres.iter().enumerate() {
            let bias = self.matrix(&format!("stack{genre}.out_bias")).remove(0);
            for (row, out) in self.stack(genre, rows.clone()).iter().zip(out.chunks_exact_mut(KEYS)) {
                let said = Self::plus(self.linear(row, &format!("stack{genre}.out")), &bias);
                out.iter_mut().zip(said).for_each(|(out, said)| *out += share * said);
            }
        }
        out
    }
}

#[test]
fn the_networks_compute_what_they_should() {
    let (score, genres) = (score(), [0.25f32, 0.75]);
    let notes = score.notes();
    let known = [(0, 50, 0.5), (3, 52, -0.25)];
    for config in small(2) {
        let weights = weights(&config.parameters(), 5);
        let mut inputs = vec![0.0; 8 * config.inputs()];
        score.write(&config, &known, &mut inputs);
        assert_eq!(inputs.iter().filter(|value| **value == -0.25).count(), usize::from(config.hears));
        let rows = inputs.chunks_exact(config.inputs());
        let rows = rows.map(|row| row.iter().map(|x| f64::from(*x)).collect()).collect();
        let plain = Plain(config, &weights);
        let features = score.features(&config, &notes);
        let expected = plain.forward(rows, &genres.map(f64::from), &notes, &features);
        for ops in [Ops::KERNELS, Ops::BUILT_IN] {
            let batch =
                batch(&config, &[(&score, &notes[..], &known[..], &genres[..])], &Device::Cpu).unwrap();
            let out = Touch::new(config, &weights, ops).forward(&batch, None).unwrap();
            let out = out.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(out.len(), expected.len());
            for (out, expected) in out.iter().zip(&expected) {
                assert!((f64::from(*out) - expected).abs() < 2e-5, "{out} for {expected} of {config:?}");
            }
        }
    }
}

#[test]
fn gradients_are_slopes() {
    let (score, genres) = (score(), [0.25f32, 0.75]);
    let notes = score.notes();
    for config in small(2) {
        let parameters = config.parameters();
        let start = weights(&parameters, 9);
        let batch = batch(&config, &[(&score, &notes[..], &[], &genres[..])], &Device::Cpu).unwrap();
        let loss = |weights: &Weights| {
            let out = Touch::new(config, weights, Ops::KERNELS).forward(&batch, None).unwrap();
            (out.sqr().unwrap().sum_all()).unwrap()
        };
        let variables: Vec<(String, Var)> =
            start.iter().map(|(name, tensor)| (name.clone(), Var::from_tensor(tensor).unwrap())).collect();
        let tracked: Weights = variables.iter().map(|(name, var)| (name, var)).collect();
        let gradients = loss(&tracked).backward().unwrap();
        for (name, var) in variables.iter().filter(|(name, _)| name != "scale") {
            let gradient = gradients.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let values = var.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            // The steepest place of each parameter.
            let place =
                (0..values.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
            let moved = |by: f32| {
                let mut values = values.clone();
                values[place] += by;
                let mut all = start.clone();
                all.insert(name.clone(), Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap());
                f64::from(loss(&all).to_scalar::<f32>().unwrap())
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let off = (slope - f64::from(gradient[place])).abs();
            assert!(off < 0.02 * slope.abs().max(0.05), "{name}: {} for {slope}", gradient[place]);
        }
    }
}

/// The default pack with dynamics of random weights and a feel of straight time.
fn whole() -> Pack {
    let mut pack = Pack::from_bytes("the default pack", default_pack()).unwrap();
    let genres = pack.card.genres.len();
    let parts = Parts {
        dynamics: Some(TouchConfig { embed: 8, units: 8, head: 8, ..TouchConfig::ours(genres) }),
        feel: Some(FeelSizes { genres, tempi: vec![120.0] }),
        ..Parts::default()
    };
    weights(&parts.parameters(), 4)
        .iter()
        .for_each(|(name, tensor)| pack.weights.insert(name, tensor.clone()));
    (pack.card.parts.dynamics, pack.card.parts.feel) = (parts.dynamics, parts.feel);
    pack
}

#[test]
fn packs_with_them_come_back_and_their_other_parts_answer_as_before() {
    let mut plain = Pack::from_bytes("the default pack", default_pack()).unwrap();
    (plain.card.parts.dynamics, plain.card.parts.feel) = (None, None);
    let bytes = whole().to_bytes().unwrap();
    let pack = Pack::from_bytes("whole", &bytes).unwrap();
    assert_eq!(pack.to_bytes().unwrap(), bytes);
    for role in [Role::Transfer, Role::Classifier] {
        for ((name, a), (_, b)) in plain.weights.part(role).iter().zip(pack.weights.part(role).iter()) {
            let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(a), values(b), "{name}");
        }
    }
    let (mut old, mut new) = (LoadedPack::new(&plain).unwrap(), LoadedPack::new(&pack).unwrap());
    assert!(new.check(Role::Dynamics).is_ok() && new.check(Role::Feel).is_ok());
    assert!(old.check(Role::Dynamics).is_err() && old.check(Role::Feel).is_err());
    let (mut before, mut after) = (Answer::default(), Answer::default());
    for settings in
        [Settings { source: Some(2), ..Settings::to(0) }, Settings { amount: 0.0, ..Settings::to(1) }]
    {
        let (input, around) = (input(), Context::default());
        old.recast(&input, &around, &settings, &mut before).unwrap();
        new.recast(&input, &around, &settings, &mut after).unwrap();
        assert_eq!((before.cells, before.velocities.is_none()), (after.cells, true));
        let told = after.velocities.take().unwrap();
        for note in after.cells.notes() {
            assert!((12..=127).contains(&told[note.start][note.row]), "{note:?}");
        }
    }
}

fn input() -> Phrase {
    let mut input = Phrase::new(0, 120.0);
    for i in 0..16u8 {
        input.push(Note::new(72 + i % 5, 0, 0.3 + f32::from(i % 4) * 0.1, 4.0 * f64::from(i), 3.0));
        input.push(Note::new(48, 0, 0.4, 4.0 * f64::from(i), 3.0));
    }
    input.sort();
    input
}

#[test]
fn a_phrase_keeps_its_loudness_and_each_genre_has_a_touch_of_its_own() {
    let mut pack = LoadedPack::new(&whole()).unwrap();
    let mut told = |level: f32, genre: usize| {
        let mut input = input();
        input.notes.iter_mut().for_each(|note| note.velocity *= level);
        let mut answer = Answer::default();
        let settings = Settings { amount: 0.0, ..Settings::to(genre) };
        pack.recast(&input, &Context::default(), &settings, &mut answer).unwrap();
        let all = answer.velocities.unwrap();
        let notes: Vec<f32> = answer.cells.notes().map(|note| f32::from(all[note.start][note.row])).collect();
        notes
    };
    let mean = |notes: &[f32]| notes.iter().sum::<f32>() / notes.len() as f32;
    let own = 127.0 * mean(&input().notes.iter().map(|note| note.velocity).collect::<Vec<_>>());
    let (loud, soft) = (told(1.0, 0), told(0.6, 0));
    assert!((mean(&loud) - own).abs() < 3.0, "{} for {own}", mean(&loud));
    assert!((mean(&soft) - 0.6 * own).abs() < 4.0, "{} for {}", mean(&soft), 0.6 * own);
    assert_ne!(told(1.0, 0), told(1.0, 1));
    assert_eq!(told(1.0, 0), loud, "a function of the phrase alone");
}

#[test]
fn new_notes_neither_vanish_nor_stick_out() {
    let pack = Pack::from_bytes("the default pack", default_pack()).unwrap();
    let mut pack = LoadedPack::new(&pack).unwrap();
    let mut beside_the_tune = 0;
    for (level, genre) in [(1.0, 0), (0.4, 0), (1.0, 1), (0.4, 2)] {
        let mut input = input();
        input.notes.iter_mut().for_each(|note| note.velocity *= level);
        let mut answer = Answer::default();
        let settings = Settings { source: Some((genre as u8 + 1) % 3), ..Settings::to(genre) };
        pack.recast(&input, &Context::default(), &settings, &mut answer).unwrap();
        let own = input.roll();
        let is_own = |start: usize, row: usize| own.onset[start] >> row & 1 == 1;
        let kept: Vec<f32> = input
            .notes
            .iter()
            .filter(|note| answer.cells.onset[note.onset_step() as usize] >> note.row().unwrap() & 1 == 1)
            .map(|note| 127.0 * note.velocity)
            .collect();
        let all: Vec<f32> = input.notes.iter().map(|note| 127.0 * note.velocity).collect();
        let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
        let mean = mean(&all).max(mean(&kept));
        let loudest = all.iter().copied().fold(0.0, f32::max);
        let table = answer.velocities.as_ref().unwrap();
        let of = |start: usize, row: usize| f32::from(table[start][row]);
        let new: Vec<_> = answer.cells.notes().filter(|note| !is_own(note.start, note.row)).collect();
        // What is struck with the tune leaves it in front.
        let with_tune = |note: &&phrase::RollNote| {
            input.notes.iter().find(|own| {
                let (step, row) = (own.onset_step() as usize, own.row().unwrap());
                own.pitch >= 72 && step == note.start && answer.cells.onset[step] >> row & 1 == 1
            })
        };
        for (note, tune) in new.iter().filter_map(|note| Some((note, with_tune(&note)?))) {
            let most = if note.row > tune.row().unwrap() { 0.85 } else { 1.0 } * 127.0 * tune.velocity;
            assert!(of(note.start, note.row) <= most + 0.6, "{note:?} over {tune:?}");
            beside_the_tune += 1;
        }
        let new: Vec<f32> = new.iter().map(|note| of(note.start, note.row)).collect();
        assert!(kept.len() > 4 && new.len() > 8, "{} {}", kept.len(), new.len());
        let fits = |velocity: &f32| (0.6 * mean - 0.6..=loudest.min(1.2 * mean) + 0.6).contains(velocity);
        assert!(new.iter().all(fits), "{new:?} beside {mean}");
    }
    assert!(beside_the_tune > 20, "{beside_the_tune}");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let genres = ["x", "y"].map(String::from).to_vec();
    let card = |config: TouchConfig| {
        let parts = Parts { dynamics: Some(config), ..Parts::default() };
        let all = weights(&parts.parameters(), 1);
        Pack::new(Card::new("dynamics", genres.clone(), parts), &all).to_bytes()
    };
    let ours = small(2)[0];
    assert!(card(ours).is_ok());
    for config in [
        TouchConfig { genres: 3, ..ours },
        TouchConfig { layers: 0, ..ours },
        TouchConfig { units: 4096, ..ours },
        TouchConfig { embed: 0, ..ours },
    ] {
        assert!(card(config).unwrap_err().to_string().contains("dynamics"), "{config:?}");
    }
    // A phrase without notes asks nothing.
    assert!(Score::of(&Roll::EMPTY).notes().is_empty() && Score::of(&Roll::EMPTY).held.len() == STEPS);
}
