//! Codes seen from the middle of real phrases, measured along their own spread.

use candle_core::{Device, Tensor};

use crate::{ModelError, Weights};

/// What is added to the codes' covariance, as a share of their mean variance: few phrases must not make it
/// flat.
const RIDGE: f64 = 0.02;

/// A middle and a lower triangular matrix `root`: codes are `middle + root point`.
#[derive(Clone, Debug)]
pub struct Frame {
    middle: Vec<f32>,
    /// `[dims][dims]`, row-major.
    root: Vec<f32>,
}

impl Frame {
    /// The frame of real phrases' codes, all of one length: their mean, and the root of their covariance
    /// (Cholesky's), so that points have a spread of 1 in every number and no two numbers go together.
    pub fn of(codes: &[Vec<f32>]) -> Self {
        let dims = codes.first().map_or(0, Vec::len);
        let count = codes.len().max(1) as f64;
        let mut middle = vec![0.0f64; dims];
        for code in codes {
            middle.iter_mut().zip(code).for_each(|(sum, &x)| *sum += f64::from(x) / count);
        }
        let mut covariance = vec![0.0f64; dims * dims];
        let mut from = vec![0.0f64; dims];
        for code in codes {
            from.iter_mut()
                .zip(code.iter().zip(&middle))
                .for_each(|(from, (&x, m))| *from = f64::from(x) - m);
            for (row, x) in covariance.chunks_exact_mut(dims).zip(&from) {
                row.iter_mut().zip(&from).for_each(|(sum, y)| *sum += x * y / count);
            }
        }
        let mean = (0..dims).map(|i| covariance[i * dims + i]).sum::<f64>() / dims.max(1) as f64;
        let ridge = RIDGE * mean.max(1e-4);
        let mut root = vec![0.0f64; dims * dims];
        for i in 0..dims {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| root[i * dims + k] * root[j * dims + k]).sum();
                let rest = covariance[i * dims + j] - dot;
                root[i * dims + j] =
                    if i == j { (rest + ridge).max(ridge).sqrt() } else { rest / root[j * dims + j] };
            }
        }
        let narrow = |all: Vec<f64>| all.into_iter().map(|x| x as f32).collect();
        Self { middle: narrow(middle), root: narrow(root) }
    }

    pub(super) fn new(weights: &Weights, dims: usize) -> Result<Self, ModelError> {
        let middle = weights.get("centre", &[dims])?.to_vec1()?;
        let root: Vec<f32> = weights.get("root", &[dims, dims])?.flatten_all()?.to_vec1()?;
        if (0..dims).any(|i| root[i * dims + i] <= 0.0) {
            let (name, fault) = ("root".to_string(), "has a number of no spread".to_string());
            return Err(ModelError::Parameter { name, fault });
        }
        Ok(Self { middle, root })
    }

    /// As parameters, `prefix` before their names.
    ///
    /// # Errors
    /// When a tensor cannot be made.
    pub fn save(&self, prefix: &str, weights: &mut Weights) -> Result<(), ModelError> {
        let dims = self.middle.len();
        weights.insert(format!("{prefix}centre"), Tensor::from_slice(&self.middle, dims, &Device::Cpu)?);
        weights.insert(format!("{prefix}root"), Tensor::from_slice(&self.root, (dims, dims), &Device::Cpu)?);
        Ok(())
    }

    /// The codes' point, in place.
    pub(super) fn point(&self, codes: &mut [f32]) {
        let dims = codes.len();
        for i in 0..dims {
            let row = &self.root[i * dims..][..=i];
            let dot: f32 = row[..i].iter().zip(&codes[..i]).map(|(l, y)| l * y).sum();
            codes[i] = (codes[i] - self.middle[i] - dot) / row[i];
        }
    }

    /// The point's codes.
    pub(super) fn codes(&self, point: &[f32]) -> Vec<f32> {
        let rows = self.root.chunks_exact(point.len().max(1)).zip(&self.middle).enumerate();
        rows.map(|(i, (row, middle))| {
            middle + row[..=i].iter().zip(&point[..=i]).map(|(l, y)| l * y).sum::<f32>()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_a_spread_of_one_each_way_and_lead_back() {
        // Numbers that go together, and one far off the middle.
        let codes: Vec<Vec<f32>> = (0..400)
            .map(|i| {
                let (a, b) = ((i as f32 * 0.7).sin(), (i as f32 * 1.3).cos());
                vec![3.0 * a, 3.0 * a + 2.0 * b, 7.0 + 2.0 * (i as f32 * 2.9).sin() - a]
            })
            .collect();
        let frame = Frame::of(&codes);
        let points: Vec<Vec<f32>> = codes
            .iter()
            .map(|code| {
                let mut point = code.clone();
                frame.point(&mut point);
                for (x, y) in frame.codes(&point).iter().zip(code) {
                    assert!((x - y).abs() < 1e-3, "{x} {y}");
                }
                point
            })
            .collect();
        let mean = |f: &dyn Fn(&Vec<f32>) -> f32| points.iter().map(f).sum::<f32>() / 400.0;
        for i in 0..3 {
            assert!(mean(&|p| p[i]).abs() < 1e-3);
            assert!((mean(&|p| p[i] * p[i]) - 1.0).abs() < 0.2, "{i}");
            for j in 0..i {
                assert!(mean(&|p| p[i] * p[j]).abs() < 0.2, "{i} {j}");
            }
        }
        // Of one phrase, or of none at all, there is still a frame.
        let mut point = codes[0].clone();
        Frame::of(&codes[..1]).point(&mut point);
        assert!(point.iter().all(|x| x.abs() < 1e-3));
        assert!(Frame::of(&[]).codes(&[]).is_empty());
    }
}
