//! What the families have in common that give a logit for every cell of a phrase at once.

use candle_core::{Device, Tensor};
use phrase::{PITCHES, Roll, STEPS};

use crate::ModelError;
use crate::noise::logistic;
use crate::roles::{Answer, Question, Transfer};

/// The logit (+ for a sounding cell, - for a silent one) that stands for the input when `amount` mixes it
/// with the network's answer. It sets the feel of the knob only: at amount a, a change happens where the
/// network's own logit exceeds this times (1 - a) / a.
pub const INPUT_LOGIT: f32 = 1.0;

/// `cells` (0 or 1, or between) as logits: [`INPUT_LOGIT`] around the threshold.
pub(crate) fn of_input(cells: &Tensor, threshold: f32) -> candle_core::Result<Tensor> {
    let logit = f64::from(INPUT_LOGIT);
    cells.affine(2.0 * logit, f64::from(threshold) - logit)
}

/// The *sounding* plane as `[1, 64, 84]`.
pub(crate) fn tensor(roll: &Roll, device: &Device) -> candle_core::Result<Tensor> {
    let mut cells = vec![0.0; STEPS * PITCHES];
    roll.to_f32(&mut cells);
    Tensor::from_vec(cells, (1, STEPS, PITCHES), device)
}

/// Asks `network` and writes the cells over the threshold into `out`, the input's own logits and chance mixed
/// in.
pub(crate) fn answer(
    network: &dyn Transfer,
    device: &Device,
    threshold: f32,
    question: &Question,
    out: &mut Answer,
) -> Result<(), ModelError> {
    let Question { roll, amount, settings, position, .. } = *question;
    let logits = network.logits(&tensor(roll, device)?, question.source, question.shares)?;
    let logits = logits.flatten_all()?.to_vec1::<f32>()?;
    // Of starts the network knows nothing: the input's own stay.
    let mut cells = Roll { sounding: [0; STEPS], onset: roll.onset };
    for (step, sounding) in cells.sounding.iter_mut().enumerate() {
        for row in 0..PITCHES {
            let own = if roll.get(step, row) { INPUT_LOGIT } else { -INPUT_LOGIT };
            let mut logit = logits[step * PITCHES + row] - threshold;
            if settings.variation > 0.0 {
                logit += settings.variation * logistic(settings.seed.into(), position, step, row);
            }
            if (1.0 - amount) * own + amount * logit > 0.0 {
                *sounding |= 1 << row;
            }
        }
    }
    cells.onset.iter_mut().zip(&cells.sounding).for_each(|(onset, sounding)| *onset &= sounding);
    out.cells = cells;
    Ok(())
}
