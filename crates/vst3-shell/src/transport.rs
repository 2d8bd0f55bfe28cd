//! Where the song is: VST3's process context as a CLAP transport.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_BEATS_TIMELINE,
    CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, CLAP_TRANSPORT_HAS_TEMPO, CLAP_TRANSPORT_HAS_TIME_SIGNATURE,
    CLAP_TRANSPORT_IS_LOOP_ACTIVE, CLAP_TRANSPORT_IS_PLAYING, CLAP_TRANSPORT_IS_RECORDING, clap_event_header,
    clap_event_transport,
};
use clap_sys::fixedpoint::{CLAP_BEATTIME_FACTOR, CLAP_SECTIME_FACTOR};
use vst3::Steinberg::Vst::IProcessContextRequirements_::Flags_;
use vst3::Steinberg::Vst::ProcessContext;
use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_::{
    kBarPositionValid, kCycleActive, kCycleValid, kPlaying, kProjectTimeMusicValid, kRecording, kTempoValid,
    kTimeSigValid,
};

/// What the host is asked to fill in.
pub const REQUIREMENTS: u32 = (Flags_::kNeedContinousTimeSamples
    | Flags_::kNeedProjectTimeMusic
    | Flags_::kNeedBarPositionMusic
    | Flags_::kNeedCycleMusic
    | Flags_::kNeedTempo
    | Flags_::kNeedTimeSignature
    | Flags_::kNeedTransportState) as u32;

/// The transport of a block; `sample_rate` is what the plugin runs at, for hosts that do not repeat it.
pub fn transport(context: &ProcessContext, sample_rate: f64) -> clap_event_transport {
    let has = |flag| context.state & flag as u32 != 0;
    let beats = |beats: f64| (beats * CLAP_BEATTIME_FACTOR as f64).round() as i64;
    // SAFETY: a transport is numbers, for which zeros are valid.
    let mut to: clap_event_transport = unsafe { std::mem::zeroed() };
    to.header = clap_event_header {
        size: size_of::<clap_event_transport>() as u32,
        time: 0,
        space_id: CLAP_CORE_EVENT_SPACE_ID,
        type_: CLAP_EVENT_TRANSPORT,
        flags: 0,
    };
    let mut flags = 0;
    let mut set = |flag, there: bool| {
        if there {
            flags |= flag;
        }
        there
    };
    set(CLAP_TRANSPORT_IS_PLAYING, has(kPlaying));
    set(CLAP_TRANSPORT_IS_RECORDING, has(kRecording));
    if set(CLAP_TRANSPORT_HAS_TEMPO, has(kTempoValid) && context.tempo > 0.0) {
        to.tempo = context.tempo;
    }
    let (top, bottom) = (context.timeSigNumerator, context.timeSigDenominator);
    let meter = has(kTimeSigValid) && (1..=i32::from(u16::MAX)).contains(&top) && (1..=128).contains(&bottom);
    if set(CLAP_TRANSPORT_HAS_TIME_SIGNATURE, meter) {
        (to.tsig_num, to.tsig_denom) = (top as u16, bottom as u16);
    }
    let bar = if meter { 4.0 * f64::from(top) / f64::from(bottom) } else { 4.0 };
    let position = context.projectTimeMusic;
    if set(CLAP_TRANSPORT_HAS_BEATS_TIMELINE, has(kProjectTimeMusicValid) && position.is_finite()) {
        to.song_pos_beats = beats(position);
        // Without a bar line the meter is taken to hold since the song's start.
        let told = has(kBarPositionValid) && context.barPositionMusic.is_finite();
        let start = if told { context.barPositionMusic } else { (position / bar).floor() * bar };
        to.bar_start = beats(start);
        to.bar_number = (start / bar).round() as i32;
        let (from, until) = (context.cycleStartMusic, context.cycleEndMusic);
        let cycle = has(kCycleActive) && has(kCycleValid) && from < until;
        if set(CLAP_TRANSPORT_IS_LOOP_ACTIVE, cycle) {
            (to.loop_start_beats, to.loop_end_beats) = (beats(from), beats(until));
        }
    }
    let rate = if context.sampleRate > 0.0 { context.sampleRate } else { sample_rate };
    if set(CLAP_TRANSPORT_HAS_SECONDS_TIMELINE, rate > 0.0) {
        let seconds = context.projectTimeSamples as f64 / rate;
        to.song_pos_seconds = (seconds * CLAP_SECTIME_FACTOR as f64).round() as i64;
    }
    to.flags = flags;
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(state: u32) -> ProcessContext {
        // SAFETY: zeros are valid for numbers.
        let mut context: ProcessContext = unsafe { std::mem::zeroed() };
        context.state = state;
        (context.sampleRate, context.projectTimeSamples) = (48_000.0, 96_000);
        (context.projectTimeMusic, context.barPositionMusic) = (7.5, 6.0);
        (context.cycleStartMusic, context.cycleEndMusic) = (4.0, 12.0);
        (context.tempo, context.timeSigNumerator, context.timeSigDenominator) = (90.0, 6, 8);
        context
    }

    #[test]
    fn everything_that_is_valid_comes_over() {
        let all = kPlaying
            | kRecording
            | kTempoValid
            | kTimeSigValid
            | kProjectTimeMusicValid
            | kBarPositionValid
            | kCycleActive
            | kCycleValid;
        let to = transport(&context(all as u32), 0.0);
        let beat = CLAP_BEATTIME_FACTOR;
        assert_eq!(to.flags, 0b111_1111, "all but pre-roll, which VST3 does not tell");
        assert_eq!((to.song_pos_beats, to.bar_start, to.bar_number), (15 * beat / 2, 6 * beat, 2));
        assert_eq!((to.loop_start_beats, to.loop_end_beats), (4 * beat, 12 * beat));
        assert_eq!((to.tempo, to.tsig_num, to.tsig_denom), (90.0, 6, 8));
        assert_eq!(to.song_pos_seconds, 2 * CLAP_SECTIME_FACTOR);
    }

    #[test]
    fn what_is_not_valid_stays_away() {
        let to = transport(&context(0), 0.0);
        assert_eq!(to.flags, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
        let mut odd = context((kTimeSigValid | kTempoValid | kProjectTimeMusicValid) as u32);
        (odd.timeSigDenominator, odd.tempo, odd.projectTimeMusic) = (0, -1.0, -0.5);
        let to = transport(&odd, 0.0);
        assert_eq!(to.flags, CLAP_TRANSPORT_HAS_SECONDS_TIMELINE | CLAP_TRANSPORT_HAS_BEATS_TIMELINE);
        let beat = CLAP_BEATTIME_FACTOR;
        assert_eq!((to.song_pos_beats, to.bar_start, to.bar_number), (-beat / 2, -4 * beat, -1));
    }
}
