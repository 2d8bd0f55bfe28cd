//! The Adam optimiser with its state in the open.
//!
//! candle's own AdamW keeps its moments private, so that a run could not be resumed to the same numbers.

use super::Gradients;

/// Adam (Kingma and Ba, 2015) without weight decay.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Decay of the first moment; 0.5 in GAN training.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Steps taken.
    pub step: i32,
    /// First moments.
    pub mean: Gradients,
    /// Second moments.
    pub square: Gradients,
}

impl Adam {
    /// A fresh optimiser for values shaped like `values`.
    pub fn new(values: &Gradients, beta1: f32, beta2: f32) -> Self {
        let zeros: Gradients = values.iter().map(|v| vec![0.0; v.len()]).collect();
        Self { beta1, beta2, step: 0, mean: zeros.clone(), square: zeros }
    }

    /// Moves `values` against `gradients` at learning rate `rate`.
    pub fn update(&mut self, values: &mut Gradients, gradients: &Gradients, rate: f32) {
        self.step += 1;
        let (beta1, beta2) = (self.beta1, self.beta2);
        let unbias1 = 1.0 - beta1.powi(self.step);
        let unbias2 = 1.0 - beta2.powi(self.step);
        let moments = self.mean.iter_mut().flatten().zip(self.square.iter_mut().flatten());
        let pairs = values.iter_mut().flatten().zip(gradients.iter().flatten());
        for ((value, &gradient), (mean, square)) in pairs.zip(moments) {
            *mean += (1.0 - beta1) * (gradient - *mean);
            *square += (1.0 - beta2) * (gradient * gradient - *square);
            *value -= rate * (*mean / unbias1) / ((*square / unbias2).sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_takes_its_first_step_at_the_learning_rate_and_finds_a_minimum() {
        let mut values = vec![vec![3.0f32, -2.0]];
        let mut adam = Adam::new(&values, 0.5, 0.99);
        let gradient = |values: &Gradients| vec![values[0].iter().map(|x| 2.0 * (x - 1.0)).collect()];
        adam.update(&mut values.clone(), &gradient(&values), 0.1);
        let mut once = values.clone();
        Adam::new(&values, 0.5, 0.99).update(&mut once, &gradient(&values), 0.1);
        assert!((once[0][0] - 2.9).abs() < 1e-5 && (once[0][1] + 1.9).abs() < 1e-5, "{once:?}");
        for _ in 0..500 {
            let gradients = gradient(&values);
            adam.update(&mut values, &gradients, 0.05);
        }
        assert!(values[0].iter().all(|x| (x - 1.0).abs() < 0.05), "{values:?}");
    }
}
