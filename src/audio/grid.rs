//! Where phrases end: the grid of lines in musical time.
//!
//! A phrase takes as many whole bars as the latency says (4, 2 or 1), or the most that fit into 64 steps.
//! Which bars end one is counted from the song's start as if all of it had the present meter: in 4/4 bars
//! 1-4, 5-8 and so on, whatever bar the transport started in. The user may shift the grid by beats, or lay it
//! anew from a bar line; a loop of broken bars lays it from its wrap.
//!
//! In 3/4 four bars are 48 steps, in 5/4 three are 60. Bars longer than 64 steps, or that the host does not
//! tell or tells wrongly, count as 4/4 from the song's start. After a meter change the lines follow the new
//! bars at once; the answer of a longer phrase is cut off by a shorter one. *Realign* lasts until the
//! transport starts anew, and no window looks behind the wrap of a loop of broken bars.

use phrase::{STEPS, STEPS_PER_BAR, first_step};

use super::clock::Bars;

/// Differences of bar lines under this many steps are noise.
const NOISE: f64 = 1e-3;

/// What the grid follows from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The latency: bars in a phrase, 1..=4.
    pub bars: u8,
    /// Steps by which the user shifts the grid.
    pub shift: f64,
}

/// The lines. See the module.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    plan: Plan,
    /// A bar's length, and where bars start within it, counted from musical time 0.
    bar: f64,
    phase: f64,
    /// Musical time of a line, and steps from line to line.
    anchor: f64,
    hop: f64,
}

impl Grid {
    /// Bars of 4/4 from musical time 0.
    pub fn new(plan: Plan) -> Self {
        let bars = Bars { start: 0.0, length: STEPS_PER_BAR as f64 };
        let mut grid = Self { plan, bar: 0.0, phase: 0.0, anchor: 0.0, hop: 0.0 };
        grid.lay(plan, bars);
        grid
    }

    /// Lays the grid from the bars' own count.
    pub fn lay(&mut self, plan: Plan, bars: Bars) {
        let count = (STEPS as f64 / bars.length + NOISE).floor().clamp(1.0, f64::from(plan.bars.max(1)));
        (self.plan, self.bar, self.phase) = (plan, bars.length, bars.start.rem_euclid(bars.length));
        self.hop = count * bars.length;
        let index = (bars.start / bars.length + 0.5 + NOISE).floor();
        self.anchor = bars.start - index.rem_euclid(count) * bars.length + plan.shift;
    }

    /// The same, where the plan or the bars have changed since.
    pub fn follow(&mut self, plan: Plan, bars: Bars) {
        let away = (bars.start.rem_euclid(bars.length) - self.phase).abs();
        let moved = away.min(bars.length - away) > NOISE;
        if plan != self.plan || (bars.length - self.bar).abs() > NOISE || moved {
            self.lay(plan, bars);
        }
    }

    /// There is a line at `time`, and all others follow from it.
    pub fn pin(&mut self, time: f64) {
        self.anchor = time;
    }

    /// The last line that is not after `time`; a time just before a line is on it.
    pub fn before(&self, time: f64) -> f64 {
        self.anchor + ((time - self.anchor + NOISE) / self.hop).floor() * self.hop
    }

    /// The first line after `time`, one from [`Grid::before`].
    pub fn after(&self, time: f64) -> f64 {
        self.before(time) + self.hop
    }

    /// The first bar line that is not before `time`.
    pub fn bar_from(&self, time: f64) -> f64 {
        self.phase + ((time - self.phase) / self.bar - NOISE).ceil() * self.bar
    }

    /// The first step of a window that is played.
    pub fn first(&self) -> f64 {
        first_step(self.hop) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(bars: u8) -> Plan {
        Plan { bars, shift: 0.0 }
    }

    #[test]
    fn four_four_has_its_lines_every_so_many_bars_from_the_start() {
        for (bars, hop) in [(4, 64.0), (2, 32.0), (1, 16.0)] {
            let mut grid = Grid::new(plan(bars));
            for start in [0.0, 16.0, 48.0, 160.0, -32.0] {
                grid.lay(plan(bars), Bars { start, length: 16.0 });
                assert_eq!((grid.before(0.0), grid.after(0.0), grid.after(-1.0)), (0.0, hop, 0.0), "{start}");
                assert_eq!((grid.before(-1.0), grid.first()), (-hop, 64.0 - hop));
            }
        }
    }

    #[test]
    fn other_meters_take_the_most_whole_bars_that_fit() {
        // 3/4, 6/8, 2/4, 7/8, 5/4, 12/8, 15/4.
        let hops =
            [(12.0, 48.0), (12.0, 48.0), (8.0, 32.0), (14.0, 56.0), (20.0, 60.0), (24.0, 48.0), (60.0, 60.0)];
        for (length, hop) in hops {
            let mut grid = Grid::new(plan(4));
            grid.lay(plan(4), Bars { start: 0.0, length });
            assert_eq!((grid.before(1.0), grid.after(0.0)), (0.0, hop), "{length}");
            assert!(grid.first() + hop <= 64.0);
        }
    }

    #[test]
    fn a_changed_meter_lays_the_grid_on_its_own_bars() {
        let mut grid = Grid::new(plan(4));
        // After three bars of 4/4 come bars of 3/4 from step 48: the fifth, the ninth... of that meter end
        // phrases.
        grid.follow(plan(4), Bars { start: 48.0, length: 12.0 });
        assert_eq!((grid.after(0.0), grid.after(48.0)), (48.0, 96.0));
        // And back to 4/4 at 84, off the old bars.
        grid.follow(plan(4), Bars { start: 84.0, length: 16.0 });
        assert_eq!((grid.after(84.0) - 84.0) % 16.0, 0.0);
    }

    #[test]
    fn a_time_just_before_a_line_is_on_it() {
        let mut grid = Grid::new(plan(1));
        grid.lay(plan(1), Bars { start: 43.0, length: 59.0 });
        let time = 396.99956882207437;
        assert_eq!((grid.before(time), grid.after(time)), (397.0, 456.0));
        assert_eq!((grid.before(396.9), grid.after(396.9)), (338.0, 397.0));
    }

    #[test]
    fn shifted_and_pinned_lines_stay_until_something_changes() {
        let bars = |start| Bars { start, length: 16.0 };
        let mut grid = Grid::new(Plan { bars: 4, shift: 20.0 });
        assert_eq!((grid.before(19.0), grid.after(20.0)), (-44.0, 84.0));
        grid.pin(32.0);
        grid.follow(Plan { bars: 4, shift: 20.0 }, bars(48.0));
        assert_eq!(grid.after(32.0), 96.0);
        grid.follow(Plan { bars: 4, shift: 0.0 }, bars(48.0));
        assert_eq!(grid.after(32.0), 64.0);
    }

    proptest! {
        #[test]
        fn lines_are_a_phrase_or_less_apart_and_around_every_moment(
            bars in 1u8..=4, shift in 0u8..16, start in -50i32..50, length in 1u32..=64,
                time in -500.0..500.0f64,
        ) {
            let bars_of = Bars { start: f64::from(start), length: f64::from(length) };
            let mut grid = Grid::new(plan(4));
            grid.lay(Plan { bars, shift: f64::from(shift) }, bars_of);
            let (before, after) = (grid.before(time), grid.after(time));
            prop_assert!(before <= time + NOISE && time < after && after - before <= 64.0 + 1e-9);
            prop_assert!(grid.bar_from(time) >= time - 0.1 && grid.bar_from(time) < time + f64::from(length));
        }
    }
}
