//! Transport -> musical time.
//!
//! *Musical time* counts steps (16ths) from the song's start and goes on while the transport rolls: where the
//! host's loop wraps, it runs on by the loop's length. It comes from the host's beat position in every block,
//! never from a counter of samples, so it cannot drift from the host's grid. With the transport stopped (or
//! none at all) a clock of our own runs at the host's tempo once a note has been played.
//!
//! A jump starts musical time anew. A block that lies off what the last one foretold by less than half a
//! step, or by a quarter of that block (tempo ramps), is no jump. The clock of our own starts at the first
//! note, at the host's tempo or 120, and rests once all is answered; it also runs where the host tells no
//! position.

#[cfg(test)]
mod tests;

use phrase::{STEPS, STEPS_PER_BAR, STEPS_PER_BEAT};

/// Largest difference, in steps, between the position that was foretold and the host's that is still no jump:
/// hosts round positions and change the tempo inside blocks.
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
    /// Musical time at which the loop will wrap, for a loop that is no whole number of bars: a phrase ends
    /// there.
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
    /// The nearest sample, rounded with the shared slack: a time that is half a sample on paper falls on the
    /// same sample at every block size.
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
    /// The host's transport rolls. Host steps foretold for the next block's start, how far off that may be,
    /// musical minus host time, and the loop in steps as the last block had it.
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

    /// Moves on by a block of `frames` samples. `None` when nothing rolls: then [`Clock::start`] may start
    /// our own.
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

    /// Starts our own clock at `sample` of a block of `frames` in which nothing rolls: musical time 0 is
    /// there.
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

/// The bars around the host's position (in steps), in host time. A bar that does not hold the position is
/// noise: then bars count from the song's start.
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

/// How many times the loop was wrapped when the host is at `host` instead of the foretold position; `None`
/// for a jump.
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
