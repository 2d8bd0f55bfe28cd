//! MIDI clock followed: 24 ticks a quarter note, as drum machines and other hosts send them.
//!
//! Ticks come unevenly, by a millisecond or two. So the position is not that of the last tick: it runs by
//! itself at the tempo of the last beat, and every tick pulls it a little towards where it should be.

use std::collections::VecDeque;

/// Ticks a quarter note.
const TICKS: f64 = 24.0;
/// The tempo is that of so many ticks.
const WINDOW: usize = 24;
/// How much of its fault each tick takes from the position.
const PULL: f64 = 0.15;
/// So far off, in ticks, it is set and not pulled.
const LOST: f64 = 6.0;

/// Where a sender of MIDI clock is.
#[derive(Clone, Debug)]
pub struct MidiClock {
    playing: bool,
    /// Start or continue was sent, and its first tick is still to come.
    armed: bool,
    /// Ticks since the song's start.
    ticks: f64,
    /// When the last ticks came, in seconds.
    times: VecDeque<f64>,
    /// The position at a time, in ticks.
    at: (f64, f64),
    /// Seconds a tick.
    pace: f64,
    /// The furthest position that was told: no later one is before it.
    told: f64,
}

/// What a plugin is told of the transport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    pub playing: bool,
    /// Quarter notes a minute.
    pub tempo: f64,
    /// Quarter notes from the song's start.
    pub beats: f64,
}

impl MidiClock {
    /// At rest at the song's start; `bpm` until ticks tell better.
    pub fn new(bpm: f64) -> Self {
        let pace = 60.0 / bpm / TICKS;
        Self {
            playing: false,
            armed: false,
            ticks: 0.0,
            times: VecDeque::new(),
            at: (0.0, 0.0),
            pace,
            told: 0.0,
        }
    }

    /// A message that came at a time in seconds; others than the clock's are none of ours.
    pub fn hear(&mut self, message: &[u8], time: f64) {
        match *message {
            [0xF8] => self.tick(time),
            [0xFA] => {
                (self.ticks, self.told) = (0.0, 0.0);
                (self.playing, self.armed) = (true, true);
            }
            [0xFB] => (self.playing, self.armed) = (true, true),
            [0xFC] => {
                if self.playing {
                    self.told = self.ticks;
                }
                (self.playing, self.armed) = (false, false);
            }
            [0xF2, low, high] => {
                // In 16ths.
                self.ticks = (f64::from(high) * 128.0 + f64::from(low)) * TICKS / 4.0;
                self.told = self.ticks;
            }
            _ => {}
        }
    }

    fn tick(&mut self, time: f64) {
        // A gap is no tempo.
        if self.times.back().is_some_and(|last| time - last > 0.5) {
            self.times.clear();
        }
        self.times.push_back(time);
        if self.times.len() > WINDOW + 1 {
            self.times.pop_front();
        }
        if let (Some(first), true) = (self.times.front(), self.times.len() > 3) {
            self.pace = ((time - first) / (self.times.len() - 1) as f64).max(1e-4);
        }
        if std::mem::take(&mut self.armed) {
            self.at = (time, self.ticks);
            self.told = self.ticks;
        } else if self.playing {
            self.ticks += 1.0;
            let fault = self.ticks - self.position(time);
            let now = if fault.abs() > LOST { self.ticks } else { self.position(time) + PULL * fault };
            if fault.abs() > LOST {
                self.told = now;
            }
            self.at = (time, now);
        }
    }

    /// In ticks.
    fn position(&self, time: f64) -> f64 {
        self.at.1 + (time - self.at.0) / self.pace
    }

    /// Where it is at a time in seconds.
    pub fn at(&mut self, time: f64) -> Position {
        let tempo = 60.0 / (self.pace * TICKS);
        let playing = self.playing && !self.armed;
        if playing {
            // A sender that has fallen silent is not run away from.
            let most = self.ticks + 4.0;
            self.told = self.position(time).min(most).max(self.told);
        }
        Position { playing, tempo, beats: self.told / TICKS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at a tempo from a time on, each up to 1.5 ms off; gives the time after the last.
    fn ticks(clock: &mut MidiClock, from: f64, bpm: f64, count: u64) -> f64 {
        let pace = 60.0 / bpm / TICKS;
        for tick in 0..count {
            let off = (phrase::mix(tick) % 1000) as f64 / 1000.0 * 0.003 - 0.0015;
            clock.hear(&[0xF8], from + tick as f64 * pace + off);
        }
        from + count as f64 * pace
    }

    #[test]
    fn uneven_ticks_are_a_steady_song() {
        let mut clock = MidiClock::new(120.0);
        assert_eq!(clock.at(0.0), Position { playing: false, tempo: 120.0, beats: 0.0 });
        clock.hear(&[0xFA], 1.0);
        assert!(!clock.at(1.0).playing, "the first tick is the start");
        let mut last = 0.0;
        let pace = 60.0 / 97.0 / TICKS;
        for tick in 0..480u64 {
            let off = (phrase::mix(tick) % 1000) as f64 / 1000.0 * 0.003 - 0.0015;
            let time = 1.5 + tick as f64 * pace;
            clock.hear(&[0xF8], time + off);
            let here = clock.at(time + 0.002);
            assert!(here.playing && here.beats >= last, "it never goes back");
            last = here.beats;
            if tick > 96 {
                let expected = (tick as f64 + 0.002 / pace) / TICKS;
                assert!((here.beats - expected).abs() < 0.01, "{} is not {expected}", here.beats);
                assert!((here.tempo - 97.0).abs() < 0.7, "{}", here.tempo);
            }
        }
    }

    #[test]
    fn stop_continue_and_song_position_are_followed() {
        let mut clock = MidiClock::new(120.0);
        clock.hear(&[0xFA], 0.0);
        let end = ticks(&mut clock, 0.0, 120.0, 97);
        clock.hear(&[0xFC], end);
        let stopped = clock.at(end + 1.0);
        assert!(!stopped.playing && (stopped.beats - 4.0).abs() < 0.1, "{stopped:?}");
        clock.hear(&[0xF2, 32, 0], end + 1.0);
        clock.hear(&[0xFB], end + 1.0);
        let end = ticks(&mut clock, end + 2.0, 120.0, 25);
        let there = clock.at(end - 60.0 / 120.0 / TICKS);
        assert!(there.playing && (there.beats - 9.0).abs() < 0.02, "{there:?}");
        assert!(clock.at(end + 10.0).beats < 9.3, "it does not run on alone");
        clock.hear(&[0xFA], end + 10.0);
        ticks(&mut clock, end + 11.0, 60.0, 1);
        assert!(clock.at(end + 11.0).beats < 0.1, "from the start again");
    }

    #[test]
    fn another_tempo_is_followed_within_two_beats() {
        let mut clock = MidiClock::new(120.0);
        clock.hear(&[0xFA], 0.0);
        let end = ticks(&mut clock, 0.0, 120.0, 96);
        let end = ticks(&mut clock, end, 150.0, 48);
        assert!((clock.at(end).tempo - 150.0).abs() < 2.0);
        assert!((clock.at(end).beats - 6.0).abs() < 0.05, "{:?}", clock.at(end));
    }
}
