//! Writers: their networks as PyTorch computes them, and what they make of music.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use model::writers::lstm::{Batch, Kind, LstmSizes, Ours};
use model::writers::seqgan::{Discriminator, DiscriminatorConfig, SeqganSizes};
use model::writers::{Book, Style};
use model::{Ask, Card, Ops, Pack, Parameter, Parts, Role, Weights, WriterFamily};
use phrase::{Key, LOWEST, Mode, PITCHES, Roll, STEPS};

const SIZES: [usize; 3] = [2, 6, 30];

/// Numbers in -1..1 from a name, as the script's `noise`.
fn noise(name: &str, count: usize) -> Vec<f32> {
    let fnv = |seed: u64, byte: u8| (seed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let value = |i: usize| {
        let mut z = seed.wrapping_add((i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(value).collect()
}

fn variables(parameters: &[Parameter]) -> BTreeMap<String, Var> {
    let variable = |p: &Parameter| {
        let values: Vec<f32> = noise(&p.name, p.len()).into_iter().map(|x| x * 0.3).collect();
        (p.name.clone(), Var::from_vec(values, p.shape.as_slice(), &Device::Cpu).unwrap())
    };
    parameters.iter().map(variable).collect()
}

fn numbers(step: u32, of: u32, shape: (usize, usize)) -> Tensor {
    let all = (0..(shape.0 * shape.1) as u32).map(|i| i * step % of);
    Tensor::from_iter(all, &Device::Cpu).unwrap().reshape(shape).unwrap()
}

fn where_zero(step: usize, of: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| f32::from(u8::from((i * step).is_multiple_of(of)))).collect()
}

/// Output and all gradients of a case of the fixture.
fn check(case: &str, parameters: &[Parameter], network: impl Fn(&Weights) -> Tensor) {
    let bytes = include_bytes!("fixtures/writers.safetensors");
    let fixture = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).unwrap();
    let variables = variables(parameters);
    let out = network(&variables.iter().collect());
    let close = |name: &str, found: &Tensor| {
        let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let (found, expected) = (flat(found), flat(&fixture[&format!("{case}/{name}")]));
        assert_eq!(found.len(), expected.len(), "{case}: {name}");
        let size = expected.iter().fold(1e-3f32, |size, x| size.max(x.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4 * size, "{case}: {name}: {found} is not {expected}");
        }
    };
    close("output", &out);
    let projection = Tensor::from_vec(noise("projection", out.elem_count()), out.shape(), &Device::Cpu);
    let gradients = (out * projection.unwrap()).unwrap().sum_all().unwrap().backward().unwrap();
    let cases = fixture.keys().filter(|key| key.starts_with(&format!("{case}/"))).count();
    assert_eq!(cases, 1 + variables.len(), "the script knows other parameters");
    for (name, variable) in &variables {
        close(name, gradients.get(variable.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient")));
    }
}

#[test]
fn the_lstm_computes_what_pytorch_does() {
    let [b, t, v] = SIZES;
    let sizes = LstmSizes { width: 12, units: 16, hidden: 10, ..LstmSizes::ours(2, v, 5) };
    for ops in [Ops::KERNELS, Ops::BUILT_IN] {
        check("ours", &sizes.trained(), |weights| {
            let device = &Device::Cpu;
            let rows = Tensor::from_vec(where_zero(3, 17, v * PITCHES), (v, PITCHES), device).unwrap();
            let sounding = where_zero(5, 19, b * t * PITCHES);
            let heard: Vec<f32> = (0..b * t).map(|i| f32::from(u8::from(i % t > 0))).collect();
            let batch = Batch {
                symbols: numbers(7, 30, (b, t)),
                lengths: numbers(5, 16, (b, t)),
                heard: Tensor::from_vec(heard, (b, t, 1), device).unwrap(),
                places: numbers(3, 16, (b, t)),
                sounding: Tensor::from_vec(sounding, (b, t, PITCHES), device).unwrap(),
                genres: Tensor::new(&[[0.25f32, 0.75], [1.0, 0.0]], device).unwrap(),
                density: Tensor::new(&[[1.5f32], [-0.5]], device).unwrap(),
                told: numbers(11, 30, (b, t)),
            };
            let said = Ours::new(sizes, weights, rows, ops).forward(&batch, None).unwrap();
            Tensor::cat(&[said.symbols, said.lengths, said.held], 1).unwrap()
        });
    }
}

#[test]
fn highway_and_the_largest_over_time_compute_what_pytorch_does() {
    let [b, t, tokens] = SIZES;
    let config = DiscriminatorConfig { tokens, width: 12, kernels: vec![(1, 4), (2, 3), (5, 2)], outputs: 2 };
    for ops in [Ops::KERNELS, Ops::BUILT_IN] {
        check("discriminator", &config.parameters(), |weights| {
            Discriminator::new(&config, weights, ops).forward(&numbers(7, 30, (b, t)), None).unwrap()
        });
    }
}

#[test]
fn published_sizes_are_the_articles() {
    let config = DiscriminatorConfig::published(5000, 2, 1);
    assert_eq!((config.channels(), config.kernels.len()), (1720, 12));
    let sizes = LstmSizes::tutorial(1, 267, 12);
    let count = |parameters: Vec<Parameter>| parameters.iter().map(Parameter::len).sum::<usize>();
    // Embeddings, 4 x 512 x (128 + 512 + 1), dense 256 and the two heads.
    let layers = 267 * 64 + 16 * 64 + 4 * 512 * 641 + 512 * 256 + 256 + 256 * 267 + 267 + 256 * 16 + 16;
    assert_eq!(count(sizes.trained()), layers);
    let ours = LstmSizes::ours(3, 3000, 5);
    assert!(2 * count(model::roles::PartSizes::parameters(&ours)) < 2 << 20, "two megabytes as halves");
}

/// A book of thirds in C, and weights of every kind.
fn packs() -> Vec<Pack> {
    let rows: Vec<u128> = [36usize, 40, 43, 48, 52, 55, 60].map(|row| 1u128 << row | 1 << (row + 4)).to_vec();
    let book = Book::new(rows.iter().copied());
    let small = LstmSizes { width: 6, units: 8, hidden: 5, ..LstmSizes::ours(2, 8, 2) };
    let tutorial = LstmSizes { kind: Kind::Tutorial, ..small };
    let gan = SeqganSizes { width: 6, units: 8, ..SeqganSizes::ours(2, 8, 2) };
    let families: [WriterFamily; 4] =
        [small.into(), tutorial.into(), LstmSizes { across_time: true, ..tutorial }.into(), gan.into()];
    let pack = |family: WriterFamily| {
        let mut all = Weights::new();
        for (name, var) in variables(&family.sizes().parameters()) {
            all.insert(format!("writer.{name}"), var.as_detached_tensor());
        }
        all.insert("writer.symbols", book.tensor(2).unwrap());
        if matches!(family, WriterFamily::Seqgan(_)) {
            let lengths: Vec<f32> = (0..8).map(|i| (1 + i % 4) as f32).collect();
            all.insert("writer.lengths", Tensor::from_vec(lengths, 8, &Device::Cpu).unwrap());
        }
        let genres = ["x", "y"].map(String::from).to_vec();
        Pack::new(Card::new("writer", genres, Parts::from(family)), &all)
    };
    families.into_iter().map(pack).collect()
}

fn ask(shares: &[f32]) -> Ask<'_> {
    Ask {
        shares,
        key: Some(Key { tonic: 0, mode: Mode::Major, fit: 1.0 }),
        density: 2.0,
        position: 64,
        seed: 3,
        near: &[],
    }
}

/// A tune in thirds that still sounds at the end.
fn before() -> Roll {
    Roll::from_cells(|step, row| {
        let root = [36, 43, 48, 40][step / 8 % 4];
        (row == root || row == root + 4) && (step % 8 < 7 || step > 56)
    })
}

fn write(pack: &Pack, before: &Roll, steps: usize, ask: &Ask) -> Roll {
    let mut out = Roll::EMPTY;
    let family = pack.card.parts.writer.as_ref().unwrap();
    let mut writer = family.sizes().build(&pack.weights.part(Role::Writer), 2).unwrap();
    writer.write(before, steps, ask, &mut out).unwrap();
    // Asked again it says the same.
    let mut again = Roll::EMPTY;
    writer.write(before, steps, ask, &mut again).unwrap();
    assert_eq!(out, again);
    out
}

#[test]
fn packs_with_writers_come_back_and_write_the_same() {
    for pack in packs() {
        let bytes = pack.to_bytes().unwrap();
        let back = Pack::from_bytes("writer", &bytes).unwrap();
        assert_eq!(back.to_bytes().unwrap(), bytes);
        let halves = |pack: &Pack| write(pack, &before(), STEPS, &ask(&[1.0, 0.0]));
        assert_eq!(halves(&back), halves(&Pack::from_bytes("writer", &bytes).unwrap()));
        assert!(halves(&back).onsets() > 0);
    }
}

#[test]
fn what_is_written_has_its_place_its_key_and_its_bounds() {
    let rows = (1u128 << PITCHES) - 1;
    for pack in packs() {
        let name = pack.card.parts.writer.as_ref().unwrap().name().to_string();
        let whole = write(&pack, &before(), STEPS, &ask(&[0.5, 0.5]));
        for steps in [0, 1, 16, STEPS, 1000] {
            let part = write(&pack, &before(), steps, &ask(&[0.5, 0.5]));
            for step in 0..STEPS {
                assert!(part.onset[step] & !part.sounding[step] == 0, "{name}");
                assert!(part.sounding[step] & !rows == 0 && (step < steps || part.sounding[step] == 0));
                assert!(part.sounding[step].count_ones() <= 6, "{name}: {:?}", part.sounding[step]);
            }
            // Less of it is the same music, as far as it goes.
            let end = steps.min(STEPS);
            assert_eq!(part.onset[..end], whole.onset[..end], "{name}");
        }
        // What goes on sounding without being struck has sounded before.
        let last = before().sounding[STEPS - 1];
        assert_eq!(whole.sounding[0] & !whole.onset[0] & !last, 0, "{name}");
        // Another key is the same music elsewhere.
        let up = |roll: &Roll| {
            let up = |bits: u128| bits << 2;
            Roll { sounding: roll.sounding.map(up), onset: roll.onset.map(up) }
        };
        let d = Ask { key: Some(Key { tonic: 2, mode: Mode::Major, fit: 1.0 }), ..ask(&[0.5, 0.5]) };
        assert_eq!(write(&pack, &up(&before()), STEPS, &d), up(&whole), "{name}");
        // Seeds and places draw others.
        let others = [Ask { seed: 4, ..ask(&[0.5, 0.5]) }, Ask { position: 128, ..ask(&[0.5, 0.5]) }];
        assert!(others.iter().any(|ask| write(&pack, &before(), STEPS, ask) != whole), "{name}");
        // Nothing before, or too much, is no fault.
        for heard in [Roll::EMPTY, Roll::from_cells(|_, _| true), Roll::from_cells(|_, row| row < 2)] {
            let ask = Ask { key: None, ..ask(&[0.0, 1.0]) };
            write(&pack, &heard, STEPS, &ask);
        }
    }
    assert_eq!(LOWEST % 12, 0, "row 0 is a C");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let bytes = |family: WriterFamily| {
        let mut all = Weights::new();
        for (name, var) in variables(&family.sizes().parameters()) {
            all.insert(format!("writer.{name}"), var.as_detached_tensor());
        }
        let genres = ["x", "y"].map(String::from).to_vec();
        Pack::new(Card::new("writer", genres, Parts::from(family)), &all).to_bytes()
    };
    let small = LstmSizes { width: 6, units: 8, hidden: 5, ..LstmSizes::ours(2, 8, 2) };
    assert!(bytes(small.into()).is_ok());
    for sizes in [
        LstmSizes { genres: 3, ..small },
        LstmSizes { symbols: 0, ..small },
        LstmSizes { units: 4096, width: 1, ..small },
        LstmSizes { style: Style { temperature: f32::NAN, top_p: 1.0 }, ..small },
    ] {
        assert!(bytes(sizes.into()).unwrap_err().to_string().contains("writer"), "{sizes:?}");
    }
    let gan = SeqganSizes { width: 6, units: 8, ..SeqganSizes::ours(2, 8, 2) };
    for sizes in [SeqganSizes { tokens: 0, ..gan }, SeqganSizes { genres: 1, ..gan }] {
        assert!(bytes(sizes.into()).unwrap_err().to_string().contains("writer"), "{sizes:?}");
    }
}
