//! Which notes make a phrase sound like a genre, to a classifier: the attribution of Brunner et al., 2019.

use candle_core::Var;
use phrase::{PITCHES, Roll, STEPS};

use crate::{Classifier, ModelError};

/// What is weaker than this share of a phrase's strongest cell is dropped, as in the paper.
const FAINTEST: f32 = 0.25;

/// How much each cell of a phrase speaks for a genre. Only sounding cells speak.
#[derive(Clone, Debug, PartialEq)]
pub struct Saliency {
    /// By step and row: 0, or from a quarter to 1 for the cell that speaks most. All 0 where none speaks for
    /// the genre.
    pub cells: Box<[[f32; PITCHES]; STEPS]>,
    /// What was divided by: the logit's gradient in the cell that speaks most. It compares phrases: the paper
    /// shows those with high gradients.
    pub strongest: f32,
}

/// The saliency of `roll` for `genre` (0-based): the positive part of the genre logit's gradient, times the
/// input, divided by its maximum, without what lies under a quarter. Starts no thread.
///
/// # Errors
/// When the classifier knows no such genre, or cannot compute.
pub fn saliency(classifier: &Classifier, roll: &Roll, genre: usize) -> Result<Saliency, ModelError> {
    let known = classifier.genres();
    if genre >= known {
        return Err(ModelError::Genre { genre, known });
    }
    let mut cells = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut cells);
    let input = Var::from_slice(&cells, (1, STEPS, PITCHES), classifier.device())?;
    let score = classifier.forward(input.as_tensor())?.narrow(1, genre, 1)?.sum_all()?;
    let gradients = score.backward()?;
    let mut all = Saliency { cells: Box::new([[0.0; PITCHES]; STEPS]), strongest: 0.0 };
    let Some(gradient) = gradients.get(input.as_tensor()) else { return Ok(all) };
    let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
    let speaks = |(gradient, cell): (&f32, &f32)| gradient.max(0.0) * cell;
    let strongest = gradient.iter().zip(&cells).map(speaks).fold(0.0, f32::max);
    if strongest > 0.0 {
        all.strongest = strongest;
        let shares = gradient.iter().zip(&cells).map(|pair| speaks(pair) / strongest);
        for (to, share) in all.cells.as_flattened_mut().iter_mut().zip(shares) {
            *to = if share < FAINTEST { 0.0 } else { share };
        }
    }
    Ok(all)
}
