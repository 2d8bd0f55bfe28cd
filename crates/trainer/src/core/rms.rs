//! The RMSprop optimiser with its state in the open.

use super::Gradients;

/// What keeps the root of a small mean square from dividing by nothing: Keras' number.
const EPSILON: f32 = 1e-7;

/// RMSprop (Tieleman and Hinton, 2012) as Keras has it: no momentum, no correction at the start.
#[derive(Clone, Debug)]
pub struct Rms {
    /// What a step keeps of the mean square of the ones before; 0.9 in Keras.
    pub rho: f32,
    /// Mean squares.
    pub square: Gradients,
}

impl Rms {
    /// A fresh optimiser for values shaped like `values`.
    pub fn new(values: &Gradients, rho: f32) -> Self {
        Self { rho, square: values.iter().map(|v| vec![0.0; v.len()]).collect() }
    }

    /// Moves `values` against `gradients` at learning rate `rate`. It sees the gradients' scale only through
    /// `EPSILON`.
    pub fn update(&mut self, values: &mut Gradients, gradients: &Gradients, rate: f32) {
        let pairs = values.iter_mut().flatten().zip(gradients.iter().flatten());
        for ((value, &gradient), square) in pairs.zip(self.square.iter_mut().flatten()) {
            *square = self.rho * *square + (1.0 - self.rho) * gradient * gradient;
            *value -= rate * gradient / (square.sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_keras() {
        // By hand: the first step is the rate over the root of a tenth.
        let mut values = vec![vec![1.0f32, -2.0]];
        let mut rms = Rms::new(&values, 0.9);
        rms.update(&mut values, &vec![vec![4.0, -0.5]], 0.01);
        let first = 0.01 / 0.1f32.sqrt();
        assert!((values[0][0] - (1.0 - first)).abs() < 1e-5 && (values[0][1] - (first - 2.0)).abs() < 1e-5);
        rms.update(&mut values, &vec![vec![2.0, 0.0]], 0.01);
        let second = 0.01 * 2.0 / (0.9f32 * 1.6 + 0.1 * 4.0).sqrt();
        assert!((values[0][0] - (1.0 - first - second)).abs() < 1e-5, "{values:?}");
        assert!((values[0][1] - (first - 2.0)).abs() < 1e-6, "no gradient, no step");
    }
}
