//! Saliency against a finite difference of the classifier's own logit.

mod common;

use candle_core::{Device, Tensor};
use common::{Numbers, phrase, weights};
use model::{Classifier, ClassifierConfig, Ops, saliency};
use phrase::{PITCHES, Roll, STEPS};

fn classifier() -> Classifier {
    let config = ClassifierConfig { genres: 3, width: 4 };
    Classifier::new(config, &weights(&config.parameters(), 2), Ops::KERNELS).unwrap()
}

#[test]
fn cells_speak_as_much_as_their_slope() {
    let classifier = classifier();
    let roll = phrase(3).roll();
    let mut cells = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut cells);
    for genre in 0..3 {
        let found = saliency(&classifier, &roll, genre).unwrap();
        let found = found.cells.as_flattened();
        let score = |cells: &[f32]| {
            let rolls = Tensor::from_slice(cells, (1, STEPS, PITCHES), &Device::Cpu).unwrap();
            f64::from(classifier.forward(&rolls).unwrap().to_vec2::<f32>().unwrap()[0][genre])
        };
        let slope = |cell: usize| {
            let at = |by: f32| {
                let mut moved = cells.clone();
                moved[cell] += by;
                score(&moved)
            };
            (at(2e-3) - at(-2e-3)) / 4e-3
        };
        let slopes: Vec<f64> =
            (0..cells.len()).map(|i| if cells[i] == 1.0 { slope(i) } else { 0.0 }).collect();
        let strongest = slopes.iter().copied().fold(0.0, f64::max);
        assert_eq!(found.iter().copied().fold(0.0, f32::max), 1.0);
        for (found, slope) in found.iter().zip(&slopes) {
            let share = slope / strongest;
            match *found {
                0.0 => assert!(share < 0.27, "a share of {share} was dropped"),
                found => {
                    assert!((f64::from(found) - share).abs() < 0.03 && found >= 0.25, "{found}, not {share}")
                }
            }
        }
    }
}

#[test]
fn nothing_speaks_where_nothing_sounds() {
    let found = saliency(&classifier(), &Roll::EMPTY, 0).unwrap();
    assert!(found.cells.as_flattened().iter().all(|&share| share == 0.0));
}

#[test]
fn only_sounding_cells_speak() {
    let mut numbers = Numbers(9);
    let mut roll = Roll::EMPTY;
    for step in &mut roll.sounding {
        *step = 1 << numbers.below(PITCHES) | 1 << numbers.below(PITCHES);
    }
    let found = saliency(&classifier(), &roll, 2).unwrap();
    for (step, row) in found.cells.iter().enumerate() {
        assert!((0..PITCHES).all(|r| row[r] == 0.0 || roll.get(step, r)));
    }
}

#[test]
fn an_unknown_genre_is_refused() {
    let error = saliency(&classifier(), &phrase(1).roll(), 3).unwrap_err().to_string();
    assert!(error.contains("no genre 4 among the classifier's 3"), "{error}");
}
