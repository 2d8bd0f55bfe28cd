//! Transport -> musical time.
//!
//! *Musical time* counts steps (16ths) from the song's start and never goes back while the transport rolls: where the
//! host's loop wraps, it runs on by the loop's length. It comes from the host's beat position in every block, never
//! from a counter of samples, so it cannot drift from the host's grid. With the transport stopped (or none at all) a
//! clock of our own runs at the host's tempo once a note has been played.

use phrase::{STEPS_PER_BAR, STEPS_PER_BEAT};

/// Largest difference, in steps, between the position that was foretold and the host's that is still no jump: hosts
/// round positions and change the tempo inside blocks.
const SLIP: f64 = 0.5;
/// Loops shorter than this many steps are not followed: each pass is a jump.
const SHORTEST_LOOP: f64 = 1.0;
/// Positions beyond this many quarter notes (a thousand years) are noise.
const FARTHEST: f64 = 1e9;
/// The tempo where the host names none, in quarter notes a minute.
const DEFAULT_TEMPO: f64 = 120.0;

/// What the host says of time at the start of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transport {
    /// Whether the transport rolls.
    pub playing: bool,
    /// Quarter notes a minute.
    pub tempo: Option<f64>,
    /// Position in quarter notes; negative before the song's start.
    pub beats: Option<f64>,
    /// The active loop's start and end in quarter notes.
    pub cycle: Option<(f64, f64)>,
}

/// A stretch of samples with its musical time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// First sample, counted from the block's start.
    pub from: u32,
    /// The sample after the last.
    pub to: u32,
    /// Musical time of sample `from`, in steps.
    pub at: f64,
    /// Steps a sample.
    pub rate: f64,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Musical time at which the loop will wrap, for a loop that is no whole number of bars: a phrase ends there.
    pub cut: Option<f64>,
    /// Such a wrap has just happened, at this musical time.
    pub wrapped: Option<f64>,
}

impl Span {
    /// Musical time of a sample, in steps.
    pub fn time(&self, sample: u32) -> f64 {
        self.at + (f64::from(sample) - f64::from(self.from)) * self.rate
    }

    /// The sample of a musical time, at least `from`; `to` or more when it lies after the span.
    ///
    /// The nearest sample, rounded with the shared slack: a time that is half a sample on paper falls on the same
    /// sample at every block size.
    pub fn sample(&self, time: f64) -> u32 {
        let offset = phrase::nearest((time - self.at) / self.rate).max(0);
        self.from.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

impl Span {
    /// The first sample that is not before a musical time, at least `from`.
    pub fn first_from(&self, time: f64) -> u32 {
        // A millionth of a sample covers the noise of positions.
        let offset = ((time - self.at) / self.rate - 1e-6).ceil().max(0.0);
        self.from.saturating_add(offset as u32)
    }
}

/// What became of time between the last block and this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It went on.
    None,
    /// It starts anew: the transport started, or jumped.
    Start,
    /// It stopped.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nothing rolls.
    Idle,
    /// The host's transport rolls. Host steps foretold for the next block's start, musical minus host time, and the loop
    /// in steps as the last block had it.
    Host { foretold: f64, ahead: f64, cycle: Option<(f64, f64)> },
    /// Our own clock runs; musical time of the next block's start.
    Free { next: f64 },
}

/// Follows the host's transport; see the module.
#[derive(Debug)]
pub struct Clock {
    sample_rate: f64,
    state: State,
}

impl Clock {
    /// A clock at rest.
    pub fn new(sample_rate: f64) -> Self {
        let sample_rate = if sample_rate.is_finite() && sample_rate >= 1.0 { sample_rate } else { 44_100.0 };
        Self { sample_rate, state: State::Idle }
    }

    /// Forgets where time was: the next block starts anew.
    pub fn reset(&mut self) {
        self.state = State::Idle;
    }

    /// Moves on by a block of `frames` samples. `None` when nothing rolls: then [`Clock::start`] may start our own.
    pub fn advance(&mut self, transport: &Transport, frames: u32) -> (Change, Option<Span>) {
        let tempo = tempo(transport);
        let rate = self.rate(tempo);
        let length = f64::from(frames) * rate;
        let span = |at, cut, wrapped| Some(Span { from: 0, to: frames, at, rate, tempo, cut, wrapped });
        let beats = transport.beats.filter(|beats| transport.playing && beats.abs() <= FARTHEST);
        let Some(host) = beats.map(|beats| beats * STEPS_PER_BEAT as f64) else {
            return match self.state {
                State::Host { .. } => {
                    self.state = State::Idle;
                    (Change::Stop, None)
                }
                State::Idle => (Change::None, None),
                State::Free { next } => {
                    self.state = State::Free { next: next + length };
                    (Change::None, span(next, None, None))
                }
            };
        };
        let cycle = transport.cycle.and_then(cycle_in_steps);
        let (change, ahead, wrapped) = match self.state {
            State::Host { foretold, ahead, .. } if (host - foretold).abs() <= SLIP => {
                (Change::None, ahead, None)
            }
            State::Host { foretold, ahead, cycle: before } => {
                let wrap =
                    [before, cycle].into_iter().flatten().find_map(|c| Some((c, passes(c, foretold, host)?)));
                match wrap {
                    Some(((start, end), passes)) => {
                        let ahead = ahead + passes * (end - start);
                        (Change::None, ahead, (!whole_bars(start, end)).then_some(start + ahead))
                    }
                    None => (Change::Start, 0.0, None),
                }
            }
            State::Idle | State::Free { .. } => (Change::Start, 0.0, None),
        };
        self.state = State::Host { foretold: host + length, ahead, cycle };
        let cut =
            cycle.filter(|&(start, end)| host < end && !whole_bars(start, end)).map(|(_, end)| end + ahead);
        (change, span(host + ahead, cut, wrapped))
    }

    /// Starts our own clock at `sample` of a block of `frames` in which nothing rolls: musical time 0 is there.
    pub fn start(&mut self, transport: &Transport, sample: u32, frames: u32) -> Span {
        let tempo = tempo(transport);
        let rate = self.rate(tempo);
        self.state = State::Free { next: f64::from(frames.saturating_sub(sample)) * rate };
        Span { from: sample, to: frames, at: 0.0, rate, tempo, cut: None, wrapped: None }
    }

    /// Whether our own clock runs.
    pub fn is_free(&self) -> bool {
        matches!(self.state, State::Free { .. })
    }

    fn rate(&self, tempo: f64) -> f64 {
        tempo / 60.0 * STEPS_PER_BEAT as f64 / self.sample_rate
    }
}

/// The host's tempo where it is one.
fn tempo(transport: &Transport) -> f64 {
    transport.tempo.filter(|t| t.is_finite() && *t > 0.0).unwrap_or(DEFAULT_TEMPO).clamp(1.0, 2_000.0)
}

/// The loop in steps, where it can be followed.
fn cycle_in_steps((start, end): (f64, f64)) -> Option<(f64, f64)> {
    let (start, end) = (start * STEPS_PER_BEAT as f64, end * STEPS_PER_BEAT as f64);
    (start.is_finite() && end.is_finite() && end - start >= SHORTEST_LOOP).then_some((start, end))
}

fn whole_bars(start: f64, end: f64) -> bool {
    let bars = (end - start) / STEPS_PER_BAR as f64;
    (bars - bars.round()).abs() < 1e-4
}

/// How many times the loop was wrapped when the host is at `host` instead of the foretold position; `None` for a jump.
///
/// Some hosts wrap inside a block, others let the block run past the end and start again at the loop's start.
fn passes((start, end): (f64, f64), foretold: f64, host: f64) -> Option<f64> {
    if foretold < end - SLIP || host < start - SLIP || host > end {
        return None;
    }
    let passes = ((foretold - host) / (end - start)).round().max(1.0);
    let inside = (foretold - passes * (end - start) - host).abs() <= SLIP;
    (inside || (host - start).abs() <= SLIP).then_some(passes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: f64 = 48_000.0;
    const STEP: f64 = 6_000.0; // samples, at 48 kHz and 120 BPM

    fn playing(beats: f64) -> Transport {
        Transport { playing: true, tempo: Some(120.0), beats: Some(beats), cycle: None }
    }

    fn looping(beats: f64, cycle: (f64, f64)) -> Transport {
        Transport { cycle: Some(cycle), ..playing(beats) }
    }

    #[test]
    fn time_comes_from_the_host_and_half_samples_round_up() {
        let mut clock = Clock::new(44_100.0);
        let (change, span) = clock.advance(&playing(-2.0), 4096);
        let span = span.unwrap();
        assert_eq!((change, span.at), (Change::Start, -8.0));
        // A step is 5512.5 samples at 44.1 kHz and 120 BPM.
        assert_eq!((span.sample(-8.0), span.sample(-7.0), span.sample(-9.0)), (0, 5513, 0));
        assert!((span.time(4096) + 8.0 - 4096.0 / 5512.5).abs() < 1e-12);
    }

    #[test]
    fn stopping_and_starting_again_starts_anew() {
        let mut clock = Clock::new(RATE);
        clock.advance(&playing(0.0), 6000);
        let stopped = Transport { playing: false, ..playing(0.25) };
        assert_eq!(clock.advance(&stopped, 6000), (Change::Stop, None));
        assert_eq!(clock.advance(&stopped, 6000), (Change::None, None));
        // The host reports its resting position and then starts earlier.
        let (change, span) = clock.advance(&playing(-1.0), 6000);
        assert_eq!((change, span.unwrap().at), (Change::Start, -4.0));
    }

    #[test]
    fn jumps_start_anew_and_small_slips_do_not() {
        let mut clock = Clock::new(RATE);
        clock.advance(&playing(0.0), 6000);
        assert_eq!(clock.advance(&playing(0.26), 6000).0, Change::None);
        assert_eq!(clock.advance(&playing(8.0), 6000).0, Change::Start);
        assert_eq!(clock.advance(&playing(7.0), 6000).0, Change::Start);
    }

    #[test]
    fn a_whole_bar_loop_runs_on_whether_it_wraps_inside_a_block_or_at_its_start() {
        let cycle = (4.0, 12.0);
        let mut clock = Clock::new(RATE);
        clock.advance(&looping(11.9, cycle), 6000); // up to 12.15: wraps inside
        let (change, span) = clock.advance(&looping(4.15, cycle), 6000);
        let span = span.unwrap();
        assert_eq!((change, span.cut, span.wrapped), (Change::None, None, None));
        assert!((span.at - 12.15 * 4.0).abs() < 1e-9);
        let mut clock = Clock::new(RATE);
        clock.advance(&looping(11.9, cycle), 6000);
        let (change, span) = clock.advance(&looping(4.0, cycle), 6000); // the host dropped the rest
        assert_eq!((change, span.unwrap().at), (Change::None, 48.0));
    }

    #[test]
    fn a_loop_of_broken_bars_says_where_it_cuts() {
        let cycle = (0.0, 6.0);
        let mut clock = Clock::new(RATE);
        let (_, span) = clock.advance(&looping(5.75, cycle), 6000);
        assert_eq!(span.unwrap().cut, Some(24.0));
        let (change, span) = clock.advance(&looping(0.0, cycle), 6000);
        let span = span.unwrap();
        assert_eq!((change, span.at, span.wrapped, span.cut), (Change::None, 24.0, Some(24.0), Some(48.0)));
    }

    #[test]
    fn our_own_clock_starts_at_the_first_note_and_stops_for_the_host() {
        let mut clock = Clock::new(RATE);
        let rest = Transport { tempo: Some(60.0), ..Transport::default() };
        assert_eq!(clock.advance(&rest, 512), (Change::None, None));
        let span = clock.start(&rest, 100, 512);
        assert_eq!((span.from, span.to, span.at, span.sample(1.0)), (100, 512, 0.0, 100 + 12_000));
        let (change, span) = clock.advance(&rest, 512);
        assert_eq!(change, Change::None);
        assert!((span.unwrap().at - 412.0 / 12_000.0).abs() < 1e-12);
        assert_eq!(clock.advance(&playing(0.0), 512).0, Change::Start);
        assert!(!clock.is_free());
    }

    #[test]
    fn nonsense_from_the_host_is_survived() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            let mut clock = Clock::new(bad);
            let t = Transport {
                playing: true,
                tempo: Some(bad),
                beats: Some(bad),
                cycle: Some((bad, bad + 1.0)),
            };
            for _ in 0..3 {
                if let (_, Some(span)) = clock.advance(&t, 512) {
                    assert!(span.rate.is_finite() && span.rate > 0.0);
                    assert!(span.sample(span.at + 1.0) > 0);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_time_falls_on_one_sample_whatever_the_block_size(
            block in 1u32..5000, tempo in 20.0..400.0f64, rate in prop::sample::select(vec![44_100.0, 48_000.0, 96_000.0]),
            line in 1u32..12,
        ) {
            // The sample of a musical time, found by walking in blocks of one size.
            let find = |block: u32| {
                let mut clock = Clock::new(rate);
                let mut start = 0u64;
                loop {
                    let beats = start as f64 / rate / 60.0 * tempo;
                    // CLAP carries positions as fixed point with 31 binary places.
                    let beats = (beats * 2f64.powi(31)).round() / 2f64.powi(31);
                    let t = Transport { tempo: Some(tempo), ..playing(beats) };
                    let span = clock.advance(&t, block).1.unwrap();
                    let sample = span.sample(f64::from(line));
                    if sample < span.to {
                        return start + u64::from(sample);
                    }
                    start += u64::from(block);
                }
            };
            prop_assert_eq!(find(block), find(4096));
        }

        #[test]
        fn musical_time_never_goes_back_in_whole_bar_loops(
            bars in 1u32..5, start in -2i32..9, block in 64u32..9000, inside in any::<bool>(),
        ) {
            let (a, b) = (f64::from(start) * 4.0, f64::from(start) * 4.0 + f64::from(bars) * 4.0);
            let mut clock = Clock::new(RATE);
            let (mut host, mut before, mut total) = (a, None, 0.0);
            for _ in 0..400 {
                let (change, span) = clock.advance(&looping(host, (a, b)), block);
                let at = span.unwrap().at;
                if let Some(before) = before {
                    prop_assert_eq!(change, Change::None);
                    prop_assert!(at >= before, "{} after {}", at, before);
                    let drift: f64 = at - (a * 4.0 + total);
                    prop_assert!(!inside || drift.abs() < 1e-6);
                }
                before = Some(at - if inside { 0.0 } else { f64::from(block) / STEP });
                total += f64::from(block) / STEP;
                host += f64::from(block) / STEP / 4.0;
                if host >= b {
                    host = if inside { host - (b - a) } else { a };
                }
            }
        }
    }
}
