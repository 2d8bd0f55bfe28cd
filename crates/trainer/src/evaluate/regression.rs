//! Multinomial logistic regression on standardised features. Deterministic; all sums in order, in f64.

use serde::{Deserialize, Serialize};

/// Passes over the data; the loss has settled to 1e-6 long before.
const PASSES: usize = 200;

/// A fitted model: classes by features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// What is subtracted from each feature.
    pub mean: Vec<f64>,
    /// What each is then divided by: its standard deviation, 1 where it does not vary.
    pub scale: Vec<f64>,
    /// For each class the weights of the standardised features, and last the constant.
    pub weights: Vec<Vec<f64>>,
}

impl Regression {
    /// Minimises the mean cross-entropy, every class counted alike however many rows it has, plus `penalty` /
    /// 2 times the squared weights (not the constants).
    ///
    /// Newton steps with Böhning's fixed bound on the Hessian (1992): one factorisation, no step size to
    /// choose; with Nesterov's momentum.
    ///
    /// # Panics
    /// Where `rows` and `labels` differ in length, rows differ in length, or a label is not below `classes`.
    pub fn fit(rows: &[Vec<f64>], labels: &[usize], classes: usize, penalty: f64) -> Self {
        assert_eq!(rows.len(), labels.len(), "each row has a label");
        let width = rows.first().map_or(0, Vec::len);
        let (mean, scale) = standard(rows, width);
        let mut model = Self { mean, scale, weights: vec![vec![0.0; width + 1]; classes] };
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| model.standardised(row)).collect();
        let mut sizes = vec![0usize; classes];
        labels.iter().for_each(|&label| sizes[label] += 1);
        let share: Vec<f64> = sizes.iter().map(|&n| 1.0 / (classes * n.max(1)) as f64).collect();

        // Half the second moments of the features bound the Hessian of every class.
        let mut bound = vec![vec![0.0; width + 1]; width + 1];
        for (row, &label) in rows.iter().zip(labels) {
            for i in 0..=width {
                let x = 0.5 * share[label] * row[i];
                bound[i][..=i].iter_mut().zip(row).for_each(|(sum, y)| *sum += x * y);
            }
        }
        (0..=width).for_each(|i| bound[i][i] += if i < width { penalty } else { 0.0 } + 1e-9);
        let factor = cholesky(bound);

        let mut ahead = model.weights.clone();
        for pass in 0..PASSES {
            let mut gradient = vec![vec![0.0; width + 1]; classes];
            for (row, &label) in rows.iter().zip(labels) {
                let p = softmax(&ahead, row);
                for (class, gradient) in gradient.iter_mut().enumerate() {
                    let error = share[label] * (p[class] - f64::from(u8::from(class == label)));
                    gradient.iter_mut().zip(row).for_each(|(sum, x)| *sum += error * x);
                }
            }
            let momentum = pass as f64 / (pass + 3) as f64;
            for ((now, ahead), mut gradient) in model.weights.iter_mut().zip(&mut ahead).zip(gradient) {
                gradient.iter_mut().zip(ahead.iter()).take(width).for_each(|(g, w)| *g += penalty * w);
                solve(&factor, &mut gradient);
                for ((now, ahead), step) in now.iter_mut().zip(ahead).zip(gradient) {
                    let next = *ahead - step;
                    (*ahead, *now) = (next + momentum * (next - *now), next);
                }
            }
        }
        model
    }

    /// The probability of each class.
    ///
    /// # Panics
    /// Where `row` is shorter than the rows that were fitted.
    pub fn probabilities(&self, row: &[f64]) -> Vec<f64> {
        softmax(&self.weights, &self.standardised(row))
    }

    /// The row standardised, with a 1 for the constant behind it.
    fn standardised(&self, row: &[f64]) -> Vec<f64> {
        let values = row.iter().zip(&self.mean).zip(&self.scale).map(|((x, mean), scale)| (x - mean) / scale);
        values.chain([1.0]).collect()
    }
}

fn standard(rows: &[Vec<f64>], width: usize) -> (Vec<f64>, Vec<f64>) {
    let count = rows.len().max(1) as f64;
    let mut mean = vec![0.0; width];
    rows.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / count));
    let mut scale = vec![0.0; width];
    for row in rows {
        scale
            .iter_mut()
            .zip(row.iter().zip(&mean))
            .for_each(|(sum, (x, mean))| *sum += (x - mean).powi(2) / count);
    }
    let scale =
        scale.into_iter().map(|variance| if variance > 1e-12 { variance.sqrt() } else { 1.0 }).collect();
    (mean, scale)
}

fn softmax(weights: &[Vec<f64>], row: &[f64]) -> Vec<f64> {
    let logits: Vec<f64> =
        weights.iter().map(|weights| weights.iter().zip(row).map(|(w, x)| w * x).sum()).collect();
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut p: Vec<f64> = logits.into_iter().map(|logit: f64| (logit - highest).exp()).collect();
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= sum);
    p
}

/// The lower triangle L of a positive definite matrix's L L^T; only the lower triangle of `matrix` is read.
fn cholesky(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for i in 0..matrix.len() {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| matrix[i][k] * matrix[j][k]).sum();
            let rest = matrix[i][j] - dot;
            matrix[i][j] = if i == j { rest.max(1e-12).sqrt() } else { rest / matrix[j][j] };
        }
    }
    matrix
}

/// Replaces b by the solution x of L L^T x = b.
fn solve(factor: &[Vec<f64>], b: &mut [f64]) {
    for i in 0..b.len() {
        let dot: f64 = (0..i).map(|k| factor[i][k] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i][i];
    }
    for i in (0..b.len()).rev() {
        let dot: f64 = (i + 1..b.len()).map(|k| factor[k][i] * b[k]).sum();
        b[i] = (b[i] - dot) / factor[i][i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved() {
        let factor = cholesky(vec![vec![4.0, 0.0], vec![2.0, 3.0]]);
        let mut b = vec![2.0, 5.0];
        solve(&factor, &mut b);
        assert!((b[0] + 0.5).abs() < 1e-12 && (b[1] - 2.0).abs() < 1e-12, "{b:?}");
    }

    /// At the minimum the gradient is zero: checked on three overlapping classes of unequal size.
    #[test]
    fn the_fit_is_the_minimum() {
        let row = |class: usize, i: usize| {
            let (a, b) = ((i * 7 % 11) as f64 / 3.0, (i * 5 % 13) as f64 / 4.0);
            vec![a + class as f64, 3.0 * b - class as f64, 9.0]
        };
        let sizes = [40, 20, 10];
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for (class, size) in sizes.into_iter().enumerate() {
            rows.extend((0..size).map(|i| row(class, i)));
            labels.extend(vec![class; size]);
        }
        let penalty = 1e-2;
        let model = Regression::fit(&rows, &labels, 3, penalty);
        assert_eq!(model, Regression::fit(&rows, &labels, 3, penalty));
        let loss = |model: &Regression| {
            let fit: f64 = rows
                .iter()
                .zip(&labels)
                .map(|(row, &label)| -model.probabilities(row)[label].ln() / (3 * sizes[label]) as f64)
                .sum();
            let squares: f64 = model.weights.iter().flat_map(|w| &w[..3]).map(|w| w * w).sum();
            fit + penalty / 2.0 * squares
        };
        let least = loss(&model);
        assert!(least < 3f64.ln());
        for class in 0..3 {
            for feature in 0..4 {
                for nudge in [-1e-3, 1e-3] {
                    let mut other = model.clone();
                    other.weights[class][feature] += nudge;
                    assert!(loss(&other) > least - 1e-12, "{class} {feature} {nudge}");
                }
            }
        }
    }
}
