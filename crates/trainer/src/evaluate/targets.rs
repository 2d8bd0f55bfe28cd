//! What is asked of a pack, and which figure of an evaluation answers it.

use serde::Serialize;

use super::faults::Measure;
use super::figures::{Music, Spread};
use super::{Direction, Evaluation};

/// What a pack has to show. The defaults are what this project asks of the pack that it ships.
///
/// Shares are 0..=1. *Default* is the amount that the plug-in is played at, *full* is 100 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Targets {
    /// Share of the ceiling 2a - 1 that S_tot of every pair reaches at the default amount by a network judge,
    /// a being its accuracy on real phrases of the pair.
    pub network_default: f64,
    /// The same at full amount.
    pub network_full: f64,
    /// The same by the judge of musical features, at the default amount: a network can fool a network, not
    /// this one.
    pub features_default: f64,
    /// And at full amount.
    pub features_full: f64,
    /// Largest distance of a transfers' histogram to the target genre's, as a share of the source's, at full
    /// amount.
    pub histograms: f64,
    /// Largest total content change of a direction at the default amount.
    pub change: f64,
    /// Least share of the melody that is kept at full amount.
    pub melody: f64,
    /// Least half-bar chroma correlation with the source at the default amount.
    pub harmony_default: f64,
    /// The same at full amount.
    pub harmony_full: f64,
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
    /// What an arranger asks.
    pub faults: FaultTargets,
}

/// What is asked of [`super::faults`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FaultTargets {
    /// Most notes on a phrase's first downbeat, as a ratio to its others' mean.
    pub first_downbeat: f64,
    /// Largest share of dissonant clusters.
    pub clusters: f64,
    /// Of thirds under C3.
    pub low_thirds: f64,
    /// Of what two hands cannot play.
    pub unplayable: f64,
    /// How much more of the strikes than in the target genre may clash.
    pub clashes: f64,
    /// Largest share of unchanged phrases.
    pub unchanged: f64,
    /// Least share of the melody that is on top at its very step, at the default amount and at full amount.
    pub melody: (f64, f64),
    /// Largest share of the bass's leaps at borders, as a ratio to that inside phrases.
    pub border_leaps: f64,
    /// Least share of borders that a note is held over, as a ratio to the target genre's.
    pub held_over: f64,
    /// Into jazz at full amount: least share of half bars with a seventh.
    pub sevenths: f64,
    /// Largest share of repeats in the bass.
    pub bass_repeats: f64,
    /// Least share of downbeats that the bass leads into by a semitone or a whole tone.
    pub step_into: f64,
    /// Least bits of rhythm a bar of the inner voices.
    pub inner_bits: f64,
    /// Out of jazz at full amount: least share of bars of a phrase with the same rhythm in the bass.
    pub same_bass: f64,
    /// The same of the inner voices, into pop and into classic.
    pub same_inner: (f64, f64),
}

impl Default for Targets {
    fn default() -> Self {
        Self {
            network_default: 0.90,
            network_full: 0.90,
            features_default: 0.75,
            features_full: 0.75,
            histograms: 0.5,
            change: 0.60,
            melody: 0.80,
            harmony_default: 0.80,
            harmony_full: 0.70,
            out_of_range: 0.01,
            one_step: 0.05,
            stutters: 0.05,
            out_of_key: 0.03,
            notes: (0.8, 1.2),
            own_change: 0.15,
            megabytes: 10.0,
            faults: FaultTargets {
                first_downbeat: 1.15,
                clusters: 0.015,
                low_thirds: 0.02,
                unplayable: 0.02,
                clashes: 0.03,
                unchanged: 0.01,
                melody: (0.85, 0.75),
                border_leaps: 1.3,
                held_over: 0.5,
                sevenths: 0.50,
                bass_repeats: 0.25,
                step_into: 0.50,
                inner_bits: 7.0,
                same_bass: 0.20,
                same_inner: (0.08, 0.15),
            },
        }
    }
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
    /// Neither.
    Within(f64, f64),
}

impl Bound {
    /// How far `value` is on the right side; negative where it is not, and not a number where there is no
    /// figure.
    pub fn room(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(least) => value - least,
            Self::AtMost(most) => most - value,
            Self::Within(least, most) => (value - least).min(most - value),
        }
    }

    /// Whether `value` is within it. No figure is no success.
    pub fn met(self, value: f64) -> bool {
        // Decimal fractions are not exact in binary: 0.75 - 0.70 is less than 0.05.
        self.room(value) >= -1e-9
    }
}

/// One figure, of every direction, pair or genre.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// What it has to be.
    pub bound: Bound,
    /// Whether that is asked at this amount, or the figure is only shown.
    pub asked: bool,
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
    /// The figures of `evaluation` with what is asked of them at the default amount, or at the full one. The
    /// same judges give the same figures in the same order.
    pub fn figures(&self, evaluation: &Evaluation, full: bool) -> Vec<Figure> {
        let e = evaluation;
        let mut all = Vec::new();
        let mut add = |name: String, asked: bool, bound: Bound, percent: bool, values: Vec<(String, f64)>| {
            all.push(Figure { name, asked, bound, percent, values });
        };
        let (network, features) = match full {
            true => (self.network_full, self.features_full),
            false => (self.network_default, self.features_default),
        };
        for (j, judge) in e.judges.iter().enumerate() {
            let value = |(a, b): (usize, usize)| {
                // A judge that cannot tell the two apart says nothing.
                let (s, ceiling) = (e.total(a, b, j), e.ceiling(a, b, j));
                (
                    format!("{} / {}", e.genres[a], e.genres[b]),
                    if ceiling > 0.0 { s / ceiling } else { f64::NAN },
                )
            };
            let least = if judge == "features" { features } else { network };
            let name = format!("S_tot by {judge}, share of 2a - 1");
            // The pack's own classifier stands beside.
            add(name, j > 0, Bound::AtLeast(least), true, e.pairs().into_iter().map(value).collect());
        }

        let each = |f: &dyn Fn(&Direction) -> f64| -> Vec<(String, f64)> {
            e.directions.iter().map(|d| (e.title(d), f(d))).collect()
        };
        let over = |figure: fn(&Music<Spread>) -> f64| {
            each(&|d| figure(&d.music) - figure(&e.originals[d.pair.1].music))
        };
        let (least, most) = (Bound::AtLeast, Bound::AtMost);
        let changes = each(&|d| d.effect.total.mean);
        add("total content change".into(), !full, most(self.change), false, changes);
        let kept = each(&|d| d.effect.melody_kept.mean);
        add("melody kept".into(), full, least(self.melody), true, kept);
        let harmony = each(&|d| d.effect.harmony_kept.mean);
        let harmony_asked = if full { self.harmony_full } else { self.harmony_default };
        add("half-bar chroma correlation".into(), true, least(harmony_asked), false, harmony);
        let outside = each(&|d| d.effect.out_of_range.mean);
        add("notes out of range".into(), !full, most(self.out_of_range), true, outside);
        for (name, bound, values) in [
            ("one-step notes over target's", self.one_step, over(|m| m.one_step.mean)),
            ("notes in pieces over target's", self.stutters, over(|m| m.stutters.mean)),
            ("out of key over target's", self.out_of_key, over(|m| m.out_of_key.mean)),
        ] {
            add(name.into(), !full, most(bound), true, values);
        }
        let notes = each(&|d| d.effect.notes_ratio.mean);
        let within = Bound::Within(self.notes.0, self.notes.1);
        add("notes, ratio to source's".into(), !full, within, false, notes);
        add("empty phrases".into(), !full, most(0.0), false, each(&|d| d.empty as f64));
        add("phrases of over 12 at once".into(), !full, most(0.0), false, each(&|d| d.crowded as f64));
        let own = e.originals.iter().map(|genre| (genre.name.clone(), genre.own_change.mean));
        add("change as its own genre".into(), !full, most(self.own_change), false, own.collect());
        let ratios: Vec<(String, f64)> = e
            .directions
            .iter()
            .flat_map(|d| d.distances.iter().map(move |far| (d, far)))
            .map(|(d, far)| (format!("{}, {}", far.histogram, e.title(d)), far.transfer / far.source))
            .collect();
        // The worst of so many says little by itself.
        let near = ratios.iter().filter(|(_, ratio)| most(self.histograms).met(*ratio)).count();
        let share = near as f64 / ratios.len().max(1) as f64;
        add("histogram distance, share of source's".into(), full, most(self.histograms), false, ratios);
        let share = vec![("all directions".to_string(), share)];
        add("histograms that come near enough".into(), false, least(1.0), true, share);
        all.extend(self.faults.figures(e, full));
        all.extend(over_rule(e));
        all
    }

    /// What the amounts of [`Evaluation`]'s sweep have to show: amount 0 gives the input back, and more
    /// changes more.
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
            asked: true,
            percent,
            values: e.directions.iter().map(|d| (e.title(d), f(d))).collect(),
        };
        vec![
            figure("phrases as they were at amount 0", 1.0, true, &same),
            figure("least growth of change with amount", 0.0, false, &growth),
        ]
    }
}

impl FaultTargets {
    /// The figures of [`super::faults`], at the default amount or at the full one.
    fn figures(&self, e: &Evaluation, full: bool) -> Vec<Figure> {
        use Measure::*;
        let (least, most) = (Bound::AtLeast, Bound::AtMost);
        let mut all = Vec::new();
        // A genre by name: what is asked of jazz is asked of nothing else.
        let name = |genre: usize| e.genres[genre].as_str();
        let mut add = |title: &str,
                       asked: bool,
                       bound: Bound,
                       percent: bool,
                       of: &dyn Fn(&Direction) -> bool,
                       value: &dyn Fn(&Direction) -> f64| {
            let values: Vec<_> =
                e.directions.iter().filter(|d| of(d)).map(|d| (e.title(d), value(d))).collect();
            if !values.is_empty() {
                all.push(Figure { name: title.into(), bound, asked, percent, values });
            }
        };
        let got = |d: &Direction, measure: Measure| d.faults.get(measure).value;
        let target = |d: &Direction, measure: Measure| e.originals[d.pair.1].faults.get(measure).value;
        let any = |_: &Direction| true;
        let into_jazz = |d: &Direction| name(d.pair.1) == "jazz";
        let out_of_jazz = |d: &Direction| name(d.pair.0) == "jazz";
        let (pop, classic) =
            (|d: &Direction| name(d.pair.1) == "pop", |d: &Direction| name(d.pair.1) == "classic");

        for (title, measure, bound) in [
            ("clusters", Clusters, self.clusters),
            ("thirds below C3", LowThirds, self.low_thirds),
            ("unplayable", Unplayable, self.unplayable),
            ("unchanged", Unchanged, self.unchanged),
        ] {
            add(title, true, most(bound), true, &any, &|d| got(d, measure));
        }
        add("first downbeat over the others", true, most(self.first_downbeat), false, &any, &|d| {
            got(d, FirstDownbeat)
        });
        add("clashes over target's", true, most(self.clashes), true, &any, &|d| {
            got(d, Clashes) - target(d, Clashes)
        });
        let melody = if full { self.melody.1 } else { self.melody.0 };
        add("melody on top at its step", true, least(melody), true, &any, &|d| got(d, MelodyOnTop));
        add("leaps at borders over those inside", true, most(self.border_leaps), false, &any, &|d| {
            match (got(d, LeapsAtBorders), got(d, LeapsInside)) {
                // None at borders is no more than inside, also where there is none.
                (0.0, _) => 0.0,
                (borders, inside) => borders / inside,
            }
        });
        add("held over the border, share of target's", true, least(self.held_over), false, &any, &|d| {
            let held = target(d, HeldOver);
            if held > 0.0 { got(d, HeldOver) / held } else { 1.0 }
        });
        add("half bars with a seventh, into jazz", full, least(self.sevenths), false, &into_jazz, &|d| {
            got(d, Sevenths)
        });
        add("bass repeats, into jazz", full, most(self.bass_repeats), false, &into_jazz, &|d| {
            got(d, BassRepeats)
        });
        add("step into the downbeat, into jazz", full, least(self.step_into), false, &into_jazz, &|d| {
            got(d, StepInto)
        });
        add("inner rhythm, bits a bar, into jazz", full, least(self.inner_bits), false, &into_jazz, &|d| {
            got(d, InnerBits)
        });
        add("same bass rhythm, out of jazz", full, least(self.same_bass), false, &out_of_jazz, &|d| {
            got(d, SameBass)
        });
        let (to_pop, to_classic) = self.same_inner;
        add(
            "same inner rhythm, jazz to pop",
            full,
            least(to_pop),
            false,
            &|d| out_of_jazz(d) && pop(d),
            &|d| got(d, SameInner),
        );
        add(
            "same inner rhythm, jazz to classic",
            full,
            least(to_classic),
            false,
            &|d| out_of_jazz(d) && classic(d),
            &|d| got(d, SameInner),
        );
        all
    }
}

/// What a pack has over the plain rule: phrases heard as the target genre, by each judge, and harmony that is
/// kept. The rule keeps the melody to the note, which nobody can better.
fn over_rule(e: &Evaluation) -> Vec<Figure> {
    let pairs: Vec<_> = e.directions.iter().filter_map(|d| Some((d, e.rule(d)?))).collect();
    if pairs.is_empty() {
        return Vec::new();
    }
    let figure = |name: String, asked: bool, over: &dyn Fn(&Direction, &Direction) -> f64| Figure {
        name,
        bound: Bound::AtLeast(0.0),
        asked,
        percent: true,
        values: pairs.iter().map(|(d, rule)| (e.title(d), over(d, rule))).collect(),
    };
    let judges = e.judges.iter().enumerate().map(|(j, judge)| {
        let over = move |d: &Direction, rule: &Direction| rule.verdicts[j].heard[1] - d.verdicts[j].heard[1];
        figure(format!("heard as target over the rule, {judge}"), j > 0, &over)
    });
    let harmony = figure("harmony kept over the rule's".into(), true, &|d, rule| {
        d.effect.harmony_kept.mean - rule.effect.harmony_kept.mean
    });
    judges.chain([harmony]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_met_or_not() {
        for (bound, value, met) in [
            (Bound::AtLeast(0.05), 0.75 - 0.70, true),
            (Bound::AtLeast(0.05), 0.0499, false),
            (Bound::AtMost(0.6), 0.61, false),
            (Bound::AtMost(0.6), -1.0, true),
            (Bound::Within(0.75, 1.33), 1.34, false),
            (Bound::Within(0.75, 1.33), 1.0, true),
            (Bound::AtMost(0.6), f64::NAN, false),
        ] {
            assert_eq!(bound.met(value), met, "{bound:?} {value}");
        }
    }

    #[test]
    fn the_worst_has_the_least_room() {
        let figure = |bound, values: &[f64]| {
            let values = values.iter().enumerate().map(|(i, value)| (i.to_string(), *value)).collect();
            Figure { name: String::new(), asked: true, bound, percent: false, values }
        };
        assert_eq!(figure(Bound::AtMost(0.6), &[0.1, 0.7, 0.3]).worst(), ("1", 0.7));
        assert_eq!(figure(Bound::AtLeast(0.6), &[0.7, 0.1, 0.3]).worst(), ("1", 0.1));
        assert_eq!(figure(Bound::Within(0.75, 1.33), &[0.8, 1.0, 1.4]).worst(), ("2", 1.4));
        assert_eq!(figure(Bound::AtLeast(0.6), &[0.7, f64::NAN, 0.1]).worst().0, "1");
    }
}
