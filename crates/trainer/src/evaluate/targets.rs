//! What is asked of a pack, and which figure of an evaluation answers it.

use serde::Serialize;

use super::figures::{Music, Spread};
use super::{Direction, Evaluation};

/// What a pack has to show. The defaults are what this project asks of the pack that it ships.
///
/// Shares are 0..=1. *Default* is the amount that the plug-in is played at, *full* is 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Targets {
    /// Share of the ceiling 2a - 1 that S_tot of every pair reaches at the default amount by a network judge, a being its
    /// accuracy on real phrases of the pair.
    pub network_default: f64,
    /// The same at full amount.
    pub network_full: f64,
    /// The same by the judge of musical features, at the default amount: a network can fool a network, not this one.
    pub features_default: f64,
    /// And at full amount.
    pub features_full: f64,
    /// Largest distance of a transfers' histogram to the target genre's, as a share of the source's, at full amount.
    pub histograms: f64,
    /// Largest total content change of a direction at the default amount.
    pub change: f64,
    /// Least share of the melody that is kept at full amount.
    pub melody: f64,
    /// Least half-bar chroma correlation with the source at full amount.
    pub harmony: f64,
    /// Largest share of the notes outside the range of 99 % of the target genre's.
    pub out_of_range: f64,
    /// How much more of the notes than in the target genre may last a single step.
    pub one_step: f64,
    /// How much more of the notes than in the target genre may follow themselves after a single silent step.
    pub stutters: f64,
    /// How much more of the notes than in the target genre may be out of key.
    pub out_of_key: f64,
    /// Notes per phrase, as a ratio to the source's.
    pub notes: (f64, f64),
    /// Largest content change of phrases that are recast as the genre that they are of.
    pub own_change: f64,
    /// Largest file, in millions of bytes.
    pub megabytes: f64,
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            network_default: 0.75,
            network_full: 0.90,
            features_default: 0.40,
            features_full: 0.70,
            histograms: 0.5,
            change: 0.60,
            melody: 0.80,
            harmony: 0.75,
            out_of_range: 0.01,
            one_step: 0.05,
            stutters: 0.05,
            out_of_key: 0.03,
            notes: (0.75, 1.33),
            own_change: 0.15,
            megabytes: 8.0,
        }
    }
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Nothing is asked; more is better.
    Shown,
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// Neither.
    Within(f64, f64),
}

impl Bound {
    /// How far `value` is on the right side; negative where it is not, and not a number where there is no figure.
    pub fn room(self, value: f64) -> f64 {
        match self {
            Self::Shown => value,
            Self::AtLeast(least) => value - least,
            Self::AtMost(most) => most - value,
            Self::Within(least, most) => (value - least).min(most - value),
        }
    }

    /// Whether `value` is what is asked; `None` where nothing is. No figure is no success.
    pub fn met(self, value: f64) -> Option<bool> {
        // Decimal fractions are not exact in binary: 0.75 - 0.70 is less than 0.05.
        (self != Self::Shown).then(|| self.room(value) >= -1e-9)
    }
}

/// One figure, of every direction, pair or genre.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// What is asked.
    pub bound: Bound,
    /// Whether people read it as per cent.
    pub percent: bool,
    /// By direction, pair or genre.
    pub values: Vec<(String, f64)>,
}

impl Figure {
    /// The value with the least room, and whose it is. A value that is not a number is the worst.
    pub fn worst(&self) -> (&str, f64) {
        let room = |value: f64| if value.is_nan() { f64::NEG_INFINITY } else { self.bound.room(value) };
        let worst = self.values.iter().min_by(|a, b| room(a.1).total_cmp(&room(b.1)));
        worst.map_or(("", f64::NAN), |(name, value)| (name.as_str(), *value))
    }
}

impl Targets {
    /// The figures of `evaluation` with what is asked of them at the default amount, or at the full one. The same judges
    /// give the same figures in the same order.
    pub fn figures(&self, evaluation: &Evaluation, full: bool) -> Vec<Figure> {
        let e = evaluation;
        let mut all = Vec::new();
        let mut add = |name: String, bound: Bound, percent: bool, values: Vec<(String, f64)>| {
            all.push(Figure { name, bound, percent, values });
        };
        for (j, judge) in e.judges.iter().enumerate() {
            let (default, complete) = match judge.as_str() {
                _ if j == 0 => (None, None),
                "features" => (Some(self.features_default), Some(self.features_full)),
                _ => (Some(self.network_default), Some(self.network_full)),
            };
            let asked = if full { complete } else { default };
            let pairs = e.pairs().into_iter();
            let value = |(a, b): (usize, usize)| {
                (format!("{} / {}", e.genres[a], e.genres[b]), e.total(a, b, j) / e.ceiling(a, b, j))
            };
            let bound = asked.map_or(Bound::Shown, Bound::AtLeast);
            add(format!("S_tot by {judge}, share of 2a - 1"), bound, true, pairs.map(value).collect());
        }

        let each = |f: &dyn Fn(&Direction) -> f64| -> Vec<(String, f64)> {
            e.directions.iter().map(|d| (e.title(d), f(d))).collect()
        };
        let at_default = |bound: Bound| if full { Bound::Shown } else { bound };
        let at_full = |bound: Bound| if full { bound } else { Bound::Shown };
        let change = at_default(Bound::AtMost(self.change));
        add("total content change".into(), change, false, each(&|d| d.effect.total.mean));
        let melody = at_full(Bound::AtLeast(self.melody));
        add("melody kept".into(), melody, true, each(&|d| d.effect.melody_kept.mean));
        let harmony = at_full(Bound::AtLeast(self.harmony));
        add("half-bar chroma correlation".into(), harmony, false, each(&|d| d.effect.harmony_kept.mean));
        let over = |figure: fn(&Music<Spread>) -> f64| {
            each(&|d| figure(&d.music) - figure(&e.originals[d.pair.1].music))
        };
        let asked = |most: f64| at_default(Bound::AtMost(most));
        add(
            "notes out of range".into(),
            asked(self.out_of_range),
            true,
            each(&|d| d.effect.out_of_range.mean),
        );
        add("one-step notes over target's".into(), asked(self.one_step), true, over(|m| m.one_step.mean));
        add("notes in pieces over target's".into(), asked(self.stutters), true, over(|m| m.stutters.mean));
        add("out of key over target's".into(), asked(self.out_of_key), true, over(|m| m.out_of_key.mean));
        let notes = at_default(Bound::Within(self.notes.0, self.notes.1));
        add("notes, ratio to source's".into(), notes, false, each(&|d| d.effect.notes_ratio.mean));
        add("empty phrases".into(), asked(0.0), false, each(&|d| d.empty as f64));
        add("phrases of over 12 at once".into(), asked(0.0), false, each(&|d| d.crowded as f64));
        let own = e.originals.iter().map(|genre| (genre.name.clone(), genre.own_change.mean));
        add("change as its own genre".into(), asked(self.own_change), false, own.collect());
        let ratio = |d: &Direction| {
            let title = e.title(d);
            let of = move |far: &super::direction::Distance| {
                (format!("{}, {title}", far.histogram), far.transfer / far.source)
            };
            d.distances.iter().map(of).collect::<Vec<_>>()
        };
        let histograms = at_full(Bound::AtMost(self.histograms));
        let ratios: Vec<_> = e.directions.iter().flat_map(ratio).collect();
        // The worst of 72 says little by itself.
        let halved = ratios.iter().filter(|(_, ratio)| self.histograms - ratio >= -1e-9).count();
        let share = halved as f64 / ratios.len().max(1) as f64;
        add("histogram distance, share of source's".into(), histograms, false, ratios);
        let all_of = "all directions".to_string();
        add("histograms that come near enough".into(), Bound::Shown, true, vec![(all_of, share)]);
        all
    }

    /// What the amounts of [`Evaluation`]'s sweep have to show: amount 0 gives the input back, and more changes more.
    pub fn sweep(&self, evaluation: &Evaluation) -> Vec<Figure> {
        let e = evaluation;
        let same = |d: &Direction| {
            let zero = d.amounts.iter().find(|at| at.amount == 0);
            zero.map_or(f64::NAN, |at| at.same)
        };
        let growth = |d: &Direction| {
            let mut amounts: Vec<_> = d.amounts.iter().map(|at| (at.amount, at.change)).collect();
            amounts.sort_by_key(|(amount, _)| *amount);
            amounts.windows(2).map(|pair| pair[1].1 - pair[0].1).fold(f64::NAN, f64::min)
        };
        let figure = |name: &str, least: f64, percent: bool, f: &dyn Fn(&Direction) -> f64| Figure {
            name: name.into(),
            bound: Bound::AtLeast(least),
            percent,
            values: e.directions.iter().map(|d| (e.title(d), f(d))).collect(),
        };
        vec![
            figure("phrases as they were at amount 0", 1.0, true, &same),
            figure("least growth of change with amount", 0.0, false, &growth),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_met_or_not() {
        for (bound, value, met) in [
            (Bound::AtLeast(0.05), 0.75 - 0.70, Some(true)),
            (Bound::AtLeast(0.05), 0.0499, Some(false)),
            (Bound::AtMost(0.6), 0.61, Some(false)),
            (Bound::AtMost(0.6), -1.0, Some(true)),
            (Bound::Within(0.75, 1.33), 1.34, Some(false)),
            (Bound::Within(0.75, 1.33), 1.0, Some(true)),
            (Bound::AtMost(0.6), f64::NAN, Some(false)),
            (Bound::Shown, f64::NAN, None),
        ] {
            assert_eq!(bound.met(value), met, "{bound:?} {value}");
        }
    }

    #[test]
    fn the_worst_has_the_least_room() {
        let figure = |bound, values: &[f64]| {
            let values = values.iter().enumerate().map(|(i, value)| (i.to_string(), *value)).collect();
            Figure { name: String::new(), bound, percent: false, values }
        };
        assert_eq!(figure(Bound::AtMost(0.6), &[0.1, 0.7, 0.3]).worst(), ("1", 0.7));
        assert_eq!(figure(Bound::AtLeast(0.6), &[0.7, 0.1, 0.3]).worst(), ("1", 0.1));
        assert_eq!(figure(Bound::Within(0.75, 1.33), &[0.8, 1.0, 1.4]).worst(), ("2", 1.4));
        assert_eq!(figure(Bound::AtLeast(0.6), &[0.7, f64::NAN, 0.1]).worst().0, "1");
    }
}
