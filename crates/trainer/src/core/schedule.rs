//! The learning rate over a run.

/// What learning rates are multiplied by: a straight rise from nothing, then 1, then a straight fall that reaches nothing
/// at the run's end.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    steps: u64,
    rising: u64,
    /// Length of the fall in steps.
    falling: f64,
}

impl Schedule {
    /// Of a run of `steps` steps, over whose last share `decay` the rates fall.
    pub fn new(steps: u64, decay: f32) -> Self {
        // In f32, as runs were begun that may still go on.
        Self { steps, rising: 0, falling: f64::from((decay * steps as f32).max(1.0)) }
    }

    /// Of a run of `steps` steps, from whose share `from` on the rates fall.
    pub fn falling_from(steps: u64, from: f64) -> Self {
        Self { steps, rising: 0, falling: steps as f64 * (1.0 - from) }
    }

    /// The same, rising over the first `steps` steps.
    pub fn rising(self, steps: u64) -> Self {
        Self { rising: steps, ..self }
    }

    /// The factor at `step`, counted from 0.
    pub fn scale(&self, step: u64) -> f32 {
        let rising = (step + 1) as f32 / self.rising.max(1) as f32;
        let left = self.steps.saturating_sub(step) as f64;
        let falling = if left == 0.0 { 0.0 } else { (left / self.falling.max(f64::MIN_POSITIVE)) as f32 };
        rising.min(falling).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_stay_and_fall() {
        let schedule = Schedule::new(100, 0.5).rising(10);
        for (step, wanted) in [(0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0), (75, 0.5), (99, 0.02), (100, 0.0)] {
            assert!((schedule.scale(step) - wanted).abs() < 1e-6, "{step}");
        }
        assert_eq!(Schedule::new(100, 0.0).scale(99), 1.0);
    }

    #[test]
    fn the_papers_rate_falls_from_its_share_to_nothing() {
        // 100 epochs, from epoch 10 on (100 - e) / 90.
        let papers = Schedule::falling_from(100, 0.1);
        for (step, wanted) in
            [(0, 1.0), (9, 1.0), (10, 1.0), (55, 0.5), (91, 0.1), (99, 1.0 / 90.0), (100, 0.0)]
        {
            assert!((papers.scale(step) - wanted).abs() < 1e-6, "{step}");
        }
        assert_eq!(Schedule::falling_from(100, 1.0).scale(99), 1.0);
        assert_eq!(Schedule::falling_from(100, 0.0).scale(50), 0.5);
    }
}
