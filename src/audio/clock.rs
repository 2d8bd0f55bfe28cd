//! Transport -> musical time.
//!
//! *Musical time* counts steps (16ths) from the song's start and never goes back while the transport rolls: where the
//! host's loop wraps, it runs on by the loop's length. It comes from the host's beat position in every block, never
//! from a counter of samples, so it cannot drift from the host's grid. With the transport stopped (or none at all) a
//! clock of our own runs at the host's tempo once a note has been played.

use phrase::{STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

/// Largest difference, in steps, between the position that was foretold and the host's that is still no jump: hosts
/// round positions and change the tempo inside blocks.
const SLIP: f64 = 0.5;
/// The same as a part of the block before, where that is more: in big blocks a tempo ramp goes far.
const RAMP: f64 = 0.25;
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
    /// Start and length of the bar that holds the position, in quarter notes.
    pub bar: Option<(f64, f64)>,
}

/// The bars around a moment, as far as its own bar tells: all of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bars {
    /// Musical time of the present bar's start.
    pub start: f64,
    /// Length in steps; 16 in 4/4, never more than a phrase.
    pub length: f64,
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
    /// Steps from that wrap to the next.
    pub pass: f64,
    /// Such a wrap has just happened, at this musical time.
    pub wrapped: Option<f64>,
    /// The bars at its first sample.
    pub bars: Bars,
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
    /// The host's transport rolls. Host steps foretold for the next block's start, how far off that may be, musical minus
    /// host time, and the loop in steps as the last block had it.
    Host { foretold: f64, slip: f64, ahead: f64, cycle: Option<(f64, f64)> },
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
        let span = |at, bars| Span {
            from: 0,
            to: frames,
            at,
            rate,
            tempo,
            cut: None,
            pass: 0.0,
            wrapped: None,
            bars,
        };
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
                    (Change::None, Some(span(next, free_bars(transport))))
                }
            };
        };
        let cycle = transport.cycle.and_then(cycle_in_steps);
        let bars = host_bars(transport, host);
        let broken = |start, end| !whole_bars(end - start, bars.length);
        let (change, ahead, wrapped) = match self.state {
            State::Host { foretold, slip, ahead, .. } if (host - foretold).abs() <= slip => {
                (Change::None, ahead, None)
            }
            State::Host { foretold, ahead, cycle: before, .. } => {
                let wrap =
                    [before, cycle].into_iter().flatten().find_map(|c| Some((c, passes(c, foretold, host)?)));
                match wrap {
                    Some(((start, end), passes)) => {
                        let ahead = ahead + passes * (end - start);
                        (Change::None, ahead, broken(start, end).then_some(start + ahead))
                    }
                    None => (Change::Start, 0.0, None),
                }
            }
            State::Idle | State::Free { .. } => (Change::Start, 0.0, None),
        };
        self.state = State::Host { foretold: host + length, slip: SLIP.max(RAMP * length), ahead, cycle };
        let cut = cycle.filter(|&(start, end)| host < end && broken(start, end)).map(|(_, end)| end + ahead);
        let pass = cycle.map_or(0.0, |(start, end)| end - start);
        let here = span(host + ahead, Bars { start: bars.start + ahead, ..bars });
        (change, Some(Span { cut, pass, wrapped, ..here }))
    }

    /// Starts our own clock at `sample` of a block of `frames` in which nothing rolls: musical time 0 is there.
    pub fn start(&mut self, transport: &Transport, sample: u32, frames: u32) -> Span {
        let tempo = tempo(transport);
        let rate = self.rate(tempo);
        self.state = State::Free { next: f64::from(frames.saturating_sub(sample)) * rate };
        let bars = free_bars(transport);
        Span { from: sample, to: frames, at: 0.0, rate, tempo, cut: None, pass: 0.0, wrapped: None, bars }
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

fn whole_bars(length: f64, bar: f64) -> bool {
    let bars = length / bar;
    (bars - bars.round()).abs() < 1e-4
}

/// A bar's length in steps: the host's, or that of 4/4 where it names none, or one longer than a phrase.
fn bar_length(transport: &Transport) -> f64 {
    let length = transport.bar.map_or(f64::NAN, |(_, length)| length * STEPS_PER_BEAT as f64);
    if (1.0..=STEPS as f64).contains(&length) { length } else { STEPS_PER_BAR as f64 }
}

/// The bars around the host's position (in steps), in host time. A bar that does not hold the position is noise: then bars
/// count from the song's start.
fn host_bars(transport: &Transport, host: f64) -> Bars {
    let length = bar_length(transport);
    // Hosts carry positions as fixed point or compute them: a millionth of a step is noise.
    let told = transport.bar.map(|(start, _)| (start * STEPS_PER_BEAT as f64 * 1e6).round() / 1e6);
    let holds = |start: &f64| (start - SLIP..start + length + SLIP).contains(&host);
    let start = told.filter(holds).unwrap_or_else(|| (host / length).floor() * length);
    Bars { start, length }
}

/// The bars of our own clock: the first begins with its first note.
fn free_bars(transport: &Transport) -> Bars {
    Bars { start: 0.0, length: bar_length(transport) }
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
        Transport { playing: true, tempo: Some(120.0), beats: Some(beats), ..Transport::default() }
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
                bar: Some((bad, bad)),
            };
            for _ in 0..3 {
                if let (_, Some(span)) = clock.advance(&t, 512) {
                    assert!(span.rate.is_finite() && span.rate > 0.0);
                    assert!(span.sample(span.at + 1.0) > 0);
                    assert!(span.bars.start.is_finite() && (1.0..=64.0).contains(&span.bars.length));
                }
            }
        }
    }

    #[test]
    fn a_loop_is_broken_or_whole_by_the_bars_of_the_host() {
        // Six beats: two bars of 3/4.
        let waltz = |beats: f64| Transport { bar: Some((3.0, 3.0)), ..looping(beats, (0.0, 6.0)) };
        let mut clock = Clock::new(RATE);
        let (_, span) = clock.advance(&waltz(5.75), 6000);
        assert_eq!((span.unwrap().cut, span.unwrap().bars), (None, Bars { start: 12.0, length: 12.0 }));
        let (change, span) = clock.advance(&Transport { bar: Some((0.0, 3.0)), ..waltz(0.0) }, 6000);
        let span = span.unwrap();
        assert_eq!((change, span.at, span.wrapped), (Change::None, 24.0, None));
        assert_eq!(span.bars, Bars { start: 24.0, length: 12.0 });
    }

    #[test]
    fn bars_that_cannot_be_are_counted_from_the_start_in_four_four() {
        for bar in [None, Some((100.0, 4.0)), Some((16.0, 0.0)), Some((16.0, 17.0)), Some((f64::NAN, 4.0))] {
            let bars = host_bars(&Transport { bar, ..playing(17.5) }, 70.0);
            assert_eq!(bars, Bars { start: 64.0, length: 16.0 }, "{bar:?}");
        }
        let bars = host_bars(&Transport { bar: Some((-3.0, 3.0)), ..playing(-1.0) }, -4.0);
        assert_eq!(bars, Bars { start: -12.0, length: 12.0 });
    }

    #[test]
    fn a_tempo_ramp_in_big_blocks_is_no_jump() {
        // Blocks of two seconds, from 60 to 180 BPM; the tempo of a block's start is all that is told.
        let mut clock = Clock::new(8_000.0);
        let mut beats = 0.0;
        for block in 0..8 {
            let tempo = 60.0 + 15.0 * f64::from(block);
            let transport = Transport { tempo: Some(tempo), ..playing(beats) };
            let (change, _) = clock.advance(&transport, 16_384);
            assert_eq!(change, if block == 0 { Change::Start } else { Change::None });
            beats += (tempo + 7.5) / 60.0 * 2.048;
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
