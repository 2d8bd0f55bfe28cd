//! The Adam optimiser with its state in the open.
//!
//! candle's own AdamW keeps its moments private, so that a run could not be resumed to the same numbers.

use super::Gradients;

/// Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2017) where weights decay.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Decay of the first moment; 0.5 in GAN training.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Share of a value that a step takes away, times the learning rate; 0 without decay.
    pub decay: f32,
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
        Self { beta1, beta2, decay: 0.0, step: 0, mean: zeros.clone(), square: zeros }
    }

    /// Moves `values` against `gradients` at learning rate `rate`.
    pub fn update(&mut self, values: &mut Gradients, gradients: &Gradients, rate: f32) {
        self.step += 1;
        let (beta1, beta2) = (self.beta1, self.beta2);
        let unbias1 = 1.0 - beta1.powi(self.step);
        let unbias2 = 1.0 - beta2.powi(self.step);
        if self.decay > 0.0 {
            let kept = 1.0 - rate * self.decay;
            values.iter_mut().flatten().for_each(|value| *value *= kept);
        }
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

    /// Five steps of `torch.optim.AdamW([2, -1, 0.5], lr=0.01, betas=(0.5, 0.999), weight_decay=0.1)` in
    /// float64 on the gradient `values**3 - 0.2`.
    #[test]
    fn adam_with_decay_is_pytorchs_adamw() {
        let mut values = vec![vec![2.0f32, -1.0, 0.5]];
        let mut adam = Adam { decay: 0.1, ..Adam::new(&values, 0.5, 0.999) };
        for _ in 0..5 {
            let gradients = vec![values[0].iter().map(|x| x.powi(3) - 0.2).collect()];
            adam.update(&mut values, &gradients, 0.01);
        }
        for (found, expected) in values[0].iter().zip([1.940593, -0.9458153, 0.5442413]) {
            assert!((found - expected).abs() < 2e-6, "{values:?}");
        }
    }

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
