//! Losses by name.

/// The losses of a step, each with its name, in the order in which they are logged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses(Vec<(&'static str, f32)>);

impl Losses {
    /// These losses. Names are of letters and `_` only: they head CSV columns.
    pub fn new<const N: usize>(all: [(&'static str, f32); N]) -> Self {
        Self(all.to_vec())
    }

    /// All zero.
    pub fn zero(names: &[&'static str]) -> Self {
        Self(names.iter().map(|&name| (name, 0.0)).collect())
    }

    /// The loss of this name.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, loss)| *loss)
    }

    /// Names and losses in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f32)> + '_ {
        self.0.iter().copied()
    }

    /// The losses of `names`, in that order; what there is none of is no number.
    pub fn values(&self, names: &[&str]) -> Vec<f32> {
        names.iter().map(|name| self.get(name).unwrap_or(f32::NAN)).collect()
    }

    /// The name of the first that is not finite.
    pub fn fault(&self) -> Option<&'static str> {
        self.iter().find(|(_, loss)| !loss.is_finite()).map(|(name, _)| name)
    }

    /// Adds a share of each of `more`.
    pub fn add(&mut self, more: &Self, share: f32) {
        for (name, loss) in more.iter() {
            match self.0.iter_mut().find(|(other, _)| *other == name) {
                Some((_, sum)) => *sum += loss * share,
                None => self.0.push((name, loss * share)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_found_by_name_in_any_order() {
        let mut sum = Losses::default();
        sum.add(&Losses::new([("cycle", 2.0), ("keep", 4.0)]), 0.5);
        sum.add(&Losses::new([("keep", 1.0), ("cycle", 6.0)]), 0.5);
        assert_eq!(sum, Losses::new([("cycle", 4.0), ("keep", 2.5)]));
        assert_eq!(sum.values(&["keep", "cycle"]), [2.5, 4.0]);
        assert!(sum.get("other").is_none() && sum.values(&["other"])[0].is_nan());
        assert_eq!(sum.fault(), None);
        sum.add(&Losses::new([("keep", f32::NAN)]), 1.0);
        assert_eq!(sum.fault(), Some("keep"));
    }
}
