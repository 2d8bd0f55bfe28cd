//! Noise that depends on nothing but its coordinates, so that the same phrase at the same place varies the
//! same way.

use phrase::mix;

/// Logistic noise (location 0, scale 1) for one cell, from a counter-based hash of seed, phrase position
/// (steps), step and row. Adding it to a logit and thresholding at 0 samples the cell from its own
/// probability.
pub(crate) fn logistic(seed: u64, position: i64, step: usize, row: usize) -> f32 {
    let uniform = unit(seed, position, step, row);
    (uniform / (1.0 - uniform)).ln()
}

/// A number between 0 and 1, neither of them, from the same hash.
pub(crate) fn unit(seed: u64, position: i64, step: usize, row: usize) -> f32 {
    let mut hash = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    hash = mix(hash ^ position as u64);
    hash = mix(hash ^ ((step as u64) << 32 | row as u64));
    // 23 bits, centred in their interval: never 0 or 1, so the logarithm is finite.
    ((hash >> 41) as f32 + 0.5) / (1u32 << 23) as f32
}

/// Normal noise (mean 0, deviation 1) for one number of a point, from the same hash.
pub(crate) fn normal(seed: u64, position: i64, index: usize) -> f32 {
    let [radius, angle] = [0, 1].map(|which| unit(seed, position, index, which));
    (-2.0 * radius.ln()).sqrt() * (std::f32::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_function_of_its_coordinates() {
        assert_eq!(logistic(1, -64, 3, 5), logistic(1, -64, 3, 5));
        let others = [logistic(2, -64, 3, 5), logistic(1, 64, 3, 5), logistic(1, -64, 5, 3)];
        assert!(others.iter().all(|&x| x != logistic(1, -64, 3, 5)));
    }

    #[test]
    fn the_normal_noise_is_normal() {
        let values: Vec<f32> = (0..20_000).map(|i| normal(7, 64 * (i / 64), i as usize % 64)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn has_the_logistic_mean_and_spread() {
        let values: Vec<f32> =
            (0..20_000).map(|i| logistic(7, 64 * (i / 5376), i as usize % 64, i as usize / 64)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.05, "{mean}");
        let expected = std::f32::consts::PI.powi(2) / 3.0;
        assert!((variance / expected - 1.0).abs() < 0.05, "{variance}");
        assert!(values.iter().all(|x| x.is_finite()));
    }
}
