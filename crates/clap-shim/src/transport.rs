//! The host's transport at a later sample of the block.

use clap_sys::events::{
    CLAP_TRANSPORT_HAS_BEATS_TIMELINE, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO,
    CLAP_TRANSPORT_HAS_TIME_SIGNATURE, CLAP_TRANSPORT_IS_LOOP_ACTIVE, CLAP_TRANSPORT_IS_PLAYING,
    clap_event_transport,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};

/// Beats and seconds are told in steps that are much smaller than a sample; so near the loop's end is at it.
const NEAR: i64 = 1 << 8;

/// What the host has told of the transport last, and of which sample of the block.
pub struct Clock {
    told: Option<clap_event_transport>,
    time: u32,
    rate: f64,
}

impl Clock {
    /// The transport at the block's first sample, at a sample rate.
    ///
    /// # Safety
    ///
    /// `told` is null or the host's transport.
    pub unsafe fn new(told: *const clap_event_transport, rate: f64) -> Self {
        // SAFETY: the caller's.
        Self { told: unsafe { told.as_ref() }.copied(), time: 0, rate }
    }

    /// From here on this counts, which the host tells of the sample `time`.
    pub fn tell(&mut self, told: clap_event_transport, time: u32) {
        (self.told, self.time) = (Some(told), time);
    }

    /// The transport at a sample, which may be before the one that was told of. It is in a bar of the metre
    /// that was told: every bar line is a whole number of bars away from every other, until the host tells of
    /// another.
    pub fn at(&self, time: u32) -> Option<clap_event_transport> {
        let mut transport = self.told?;
        transport.header.time = 0;
        let samples = i64::from(time) - i64::from(self.time);
        if samples != 0 && transport.flags & CLAP_TRANSPORT_IS_PLAYING != 0 && self.rate > 0.0 {
            advance(&mut transport, samples as f64, self.rate);
        }
        Some(transport)
    }
}

/// Lets a transport run, or run back.
fn advance(transport: &mut clap_event_transport, samples: f64, rate: f64) {
    let has = |flags| transport.flags & flags == flags;
    let has_beats = has(CLAP_TRANSPORT_HAS_BEATS_TIMELINE | CLAP_TRANSPORT_HAS_TEMPO);
    let has_seconds = has(CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
    let is_loop = has(CLAP_TRANSPORT_IS_LOOP_ACTIVE) && samples > 0.0;
    let (mut beats, mut seconds) = (0, 0);
    if has_beats {
        // A ramp cannot lead to where there is no tempo.
        let ramp =
            if transport.tempo + transport.tempo_inc * samples > 0.0 { transport.tempo_inc } else { 0.0 };
        let sum = samples * transport.tempo + ramp * samples * (samples - 1.0) / 2.0;
        beats = fixed(sum / 60.0 / rate, CLAP_BEATTIME_FACTOR);
        transport.tempo += ramp * samples;
    }
    if has_seconds {
        seconds = fixed(samples / rate, CLAP_SECTIME_FACTOR);
    }
    let in_beats = Timeline(transport.song_pos_beats, transport.loop_start_beats, transport.loop_end_beats);
    let in_seconds =
        Timeline(transport.song_pos_seconds, transport.loop_start_seconds, transport.loop_end_seconds);
    // One of them says how often the loop has begun anew, so that they cannot disagree.
    let rounds = match (is_loop, has_beats, has_seconds) {
        (true, true, _) => in_beats.rounds(beats),
        (true, false, true) => in_seconds.rounds(seconds),
        _ => 0,
    };
    transport.song_pos_beats = in_beats.after(beats, rounds);
    transport.song_pos_seconds = in_seconds.after(seconds, rounds);
    if has_beats && has(CLAP_TRANSPORT_HAS_TIME_SIGNATURE) {
        begin_bar(transport);
    }
}

/// Brings the bar's start to where the position's bar starts.
fn begin_bar(transport: &mut clap_event_transport) {
    let (numerator, denominator) = (i64::from(transport.tsig_num), i64::from(transport.tsig_denom));
    if numerator == 0 || denominator == 0 {
        return;
    }
    let bar = 4 * numerator * CLAP_BEATTIME_FACTOR / denominator;
    let away = transport.song_pos_beats.saturating_add(NEAR).saturating_sub(transport.bar_start);
    let bars = away.div_euclid(bar);
    transport.bar_start = transport.bar_start.saturating_add(bars.saturating_mul(bar));
    let bars = i32::try_from(bars).unwrap_or(0);
    transport.bar_number = transport.bar_number.saturating_add(bars);
}

/// In the steps of CLAP; what is no number is none.
fn fixed(value: f64, factor: i64) -> i64 {
    (value * factor as f64).round() as i64
}

/// A position, and where the loop starts and ends.
struct Timeline(i64, i64, i64);

impl Timeline {
    /// How often the loop's end is reached on a way that begins before it.
    fn rounds(&self, way: i64) -> i64 {
        let &Self(position, start, end) = self;
        let (length, to) = (end.saturating_sub(start), position.saturating_add(way).saturating_add(NEAR));
        if length <= 0 || position >= end || to < end {
            return 0;
        }
        to.saturating_sub(start) / length
    }

    /// The position then.
    fn after(&self, way: i64, rounds: i64) -> i64 {
        let &Self(position, start, end) = self;
        let to = position.saturating_add(way);
        if rounds == 0 || end <= start {
            return to;
        }
        to.saturating_sub(end.saturating_sub(start).saturating_mul(rounds)).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: i64 = CLAP_BEATTIME_FACTOR;
    /// All that there is, at a tempo of a beat in 100 samples.
    const ALL: u32 = CLAP_TRANSPORT_HAS_TEMPO
        | CLAP_TRANSPORT_HAS_BEATS_TIMELINE
        | CLAP_TRANSPORT_HAS_SECONDS_TIMELINE
        | CLAP_TRANSPORT_IS_PLAYING;
    const RATE: f64 = 200.0;

    fn transport(flags: u32, beats: f64, seconds: f64) -> clap_event_transport {
        // SAFETY: zeros are valid for numbers.
        let zeros: clap_event_transport = unsafe { std::mem::zeroed() };
        let fixed = |value| fixed(value, BEAT);
        clap_event_transport {
            flags,
            tempo: 120.0,
            song_pos_beats: fixed(beats),
            song_pos_seconds: fixed(seconds),
            loop_start_beats: fixed(2.0),
            loop_end_beats: fixed(4.0),
            loop_start_seconds: fixed(1.0),
            loop_end_seconds: fixed(2.0),
            ..zeros
        }
    }

    /// Beats, seconds and tempo after so many samples.
    fn after(told: clap_event_transport, told_at: u32, time: u32) -> (f64, f64, f64) {
        let mut clock = Clock { told: None, time: 0, rate: RATE };
        assert!(clock.at(time).is_none());
        clock.tell(told, told_at);
        let there = clock.at(time).unwrap();
        let number = |value| value as f64 / BEAT as f64;
        (number(there.song_pos_beats), number(there.song_pos_seconds), there.tempo)
    }

    #[test]
    fn it_runs_while_it_plays_forwards_and_back() {
        assert_eq!(after(transport(ALL, 8.0, 4.0), 0, 50), (8.5, 4.25, 120.0));
        assert_eq!(after(transport(ALL, 8.0, 4.0), 100, 50), (7.5, 3.75, 120.0));
        assert_eq!(after(transport(ALL & !CLAP_TRANSPORT_IS_PLAYING, 8.0, 4.0), 0, 50), (8.0, 4.0, 120.0));
        assert_eq!(after(transport(ALL & !CLAP_TRANSPORT_HAS_TEMPO, 8.0, 4.0), 0, 50), (8.0, 4.25, 120.0));
        let beats_only = ALL & !CLAP_TRANSPORT_HAS_SECONDS_TIMELINE;
        assert_eq!(after(transport(beats_only, 8.0, 4.0), 0, 50), (8.5, 4.0, 120.0));
    }

    #[test]
    fn a_ramp_counts_sample_by_sample() {
        let told = clap_event_transport { tempo_inc: 0.5, ..transport(ALL, 0.0, 0.0) };
        let sum: f64 = (0..40).map(|sample| 120.0 + 0.5 * f64::from(sample)).sum();
        let (beats, seconds, tempo) = after(told, 0, 40);
        assert!((beats - sum / 60.0 / RATE).abs() < 1e-8, "{beats}");
        assert_eq!((seconds, tempo), (0.2, 140.0).map_fixed());
        // In two steps as in one, and back to where it was.
        let mut clock = Clock { told: Some(told), time: 0, rate: RATE };
        let middle = clock.at(13).unwrap();
        clock.tell(middle, 13);
        let end = clock.at(40).unwrap();
        assert!((end.song_pos_beats as f64 / BEAT as f64 - beats).abs() < 1e-8 && end.tempo == tempo);
        clock.tell(end, 40);
        assert!(clock.at(0).unwrap().song_pos_beats.abs() < 8);
        // To a stand and beyond: the tempo stays.
        let told = clap_event_transport { tempo_inc: -10.0, ..transport(ALL, 8.0, 4.0) };
        assert_eq!(after(told, 0, 50), (8.5, 4.25, 120.0));
    }

    trait MapFixed {
        fn map_fixed(self) -> Self;
    }

    impl MapFixed for (f64, f64) {
        /// The first as CLAP can tell it.
        fn map_fixed(self) -> Self {
            (fixed(self.0, BEAT) as f64 / BEAT as f64, self.1)
        }
    }

    #[test]
    fn at_the_end_of_a_loop_both_timelines_begin_it_anew() {
        let looped = ALL | CLAP_TRANSPORT_IS_LOOP_ACTIVE;
        let after = |flags, beats, seconds, samples| {
            let (beats, seconds, _) = after(transport(flags, beats, seconds), 0, samples);
            (beats, seconds)
        };
        assert_eq!(after(looped, 3.5, 1.75, 49).0, 3.5 + fixed(0.49, BEAT) as f64 / BEAT as f64);
        assert_eq!(after(looped, 3.5, 1.75, 50), (2.0, 1.0), "the end is the start");
        assert_eq!(after(looped, 3.5, 1.75, 75), (2.25, 1.125));
        assert_eq!(after(looped, 3.5, 1.75, 475), (2.25, 1.125), "more than once");
        assert_eq!(after(looped, 4.0, 2.0, 50), (4.5, 2.25), "not from outside");
        assert_eq!(after(ALL, 3.5, 1.75, 75), (4.25, 2.125), "nor where it is off");
        let seconds_only = looped & !CLAP_TRANSPORT_HAS_BEATS_TIMELINE;
        assert_eq!(after(seconds_only, 0.0, 1.75, 75).1, 1.125);
    }

    #[test]
    fn a_loop_that_ends_less_than_a_step_later_has_ended() {
        let told = transport(ALL | CLAP_TRANSPORT_IS_LOOP_ACTIVE, 3.5, 1.75);
        let told = clap_event_transport { loop_end_beats: 4 * BEAT + 1, ..told };
        assert_eq!(after(told, 0, 50).0, 2.0);
    }

    #[test]
    fn bars_follow_in_their_metre() {
        // Bars of 7/8 from beat 1.
        let flags = ALL | CLAP_TRANSPORT_HAS_TIME_SIGNATURE;
        let told = clap_event_transport { tsig_num: 7, tsig_denom: 8, ..transport(flags, 4.0, 2.0) };
        let told = clap_event_transport { bar_start: BEAT, bar_number: 3, ..told };
        let clock = Clock { told: Some(told), time: 100, rate: RATE };
        let bar = |time| clock.at(time).map(|there| (there.bar_start as f64 / BEAT as f64, there.bar_number));
        assert_eq!((bar(149), bar(150)), (Some((1.0, 3)), Some((4.5, 4))), "on its own sample");
        assert_eq!((bar(850), bar(100)), (Some((11.5, 6)), Some((1.0, 3))));
        let none = Clock { told: Some(clap_event_transport { tsig_denom: 0, ..told }), ..clock };
        assert_eq!(none.at(850).map(|there| there.bar_start), Some(BEAT));
    }

    #[test]
    fn nonsense_does_no_harm() {
        let worst = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -1.0, 0.0];
        for (tempo, tempo_inc) in worst.into_iter().flat_map(|tempo| worst.map(|inc| (tempo, inc))) {
            for (start, end) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 1), (0, 0)] {
                let told = clap_event_transport {
                    tempo,
                    tempo_inc,
                    song_pos_beats: start,
                    song_pos_seconds: end - end.signum(),
                    loop_start_beats: start,
                    loop_end_beats: end,
                    loop_start_seconds: end,
                    loop_end_seconds: start,
                    ..transport(ALL | CLAP_TRANSPORT_IS_LOOP_ACTIVE, 0.0, 0.0)
                };
                for rate in worst {
                    let clock = Clock { told: Some(told), time: 7, rate };
                    assert!(clock.at(0).is_some() && clock.at(u32::MAX).is_some());
                }
            }
        }
    }
}
