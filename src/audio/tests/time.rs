//! Latency, margin, grid and meters: when answers come.

use std::sync::atomic::Ordering;

use crossbeam_channel::unbounded;
use proptest::prelude::*;

use super::rig::Rig;
use crate::audio::options::{Fallback, Latency, Margin, Options};
use crate::worker::fake::Way;

/// Notes on and around the bar lines, held ones too.
const TUNE: &[(u8, f64, f64)] = &[
    (60, 0.0, 4.0),
    (64, 14.0, 18.5),
    (65, 20.25, 50.0),
    (67, 31.0, 33.0),
    (69, 48.0, 49.0),
    (71, 62.0, 100.0),
    (72, 64.0, 65.0),
    (74, 120.0, 127.0),
];

fn rig(options: Options) -> Rig {
    let mut rig = Rig::new(Way::Octaves);
    rig.options = options;
    rig
}

fn play(rig: &mut Rig, notes: &[(u8, f64, f64)]) {
    notes.iter().for_each(|&(pitch, from, to)| rig.note(pitch, from, to));
}

/// Notes so many steps later.
fn later(notes: &[(u8, f64, f64)], steps: f64) -> Vec<(u8, f64, f64)> {
    notes.iter().map(|&(pitch, from, to)| (pitch, from + steps, to + steps)).collect()
}

#[test]
fn every_latency_and_margin_brings_the_music_back_that_much_later() {
    for (latency, hop) in [(Latency::Four, 64.0), (Latency::Two, 32.0), (Latency::One, 16.0)] {
        for (margin, more) in [(Margin::None, 0.0), (Margin::Beat, 4.0), (Margin::Bar, 16.0)] {
            for (block, offline) in [(512, true), (9600, false), (4096, true)] {
                let mut rig = rig(Options { latency, margin, ..Options::default() });
                (rig.block, rig.offline) = (block, offline);
                // Live the answers may be late, and are dry then, which is the same here.
                play(&mut rig, TUNE);
                rig.run_to(128.0 + hop + more + 64.0 + 2.0);
                assert_eq!(rig.in_steps(), later(TUNE, hop + more), "{latency:?} {margin:?} {block}");
                assert!(!rig.active, "nothing is left");
            }
        }
    }
}

#[test]
fn controllers_come_with_their_notes_at_every_latency_and_margin() {
    use nice_plug::midi::NoteEvent;
    for (latency, hop) in [(Latency::Four, 64.0), (Latency::One, 16.0)] {
        for (margin, more) in [(Margin::None, 0.0), (Margin::Bar, 16.0)] {
            let mut rig = rig(Options { latency, margin, ..Options::default() });
            let times = [1.0, 15.9, 16.0, 31.0, 63.8, 64.25, 90.0];
            for time in times {
                rig.event(time, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 7, value: 0.5 });
            }
            rig.run_to(200.0);
            let came: Vec<_> = rig.log.iter().map(|(sample, _)| *sample).collect();
            let expected: Vec<_> = times.map(|time| rig.sample(time + hop + more)).to_vec();
            assert_eq!(came, expected, "{latency:?} {margin:?}");
        }
    }
}

#[test]
fn the_network_hears_four_bars_and_the_newest_are_played() {
    let mut rig = rig(Options { latency: Latency::One, ..Options::default() });
    rig.settings = model::Settings::to(1);
    rig.note(60, 2.0, 4.0);
    rig.run_to(200.0);
    // The note is in four windows and is played once.
    assert_eq!(rig.in_steps(), [(72, 18.0, 20.0)]);
    assert_eq!(rig.fake.answers.load(Ordering::SeqCst), 4);
}

#[test]
fn another_latency_counts_from_the_next_line_and_leaves_no_note() {
    for (from, to, hop) in [
        (Latency::Four, Latency::One, 16.0),
        (Latency::One, Latency::Four, 64.0),
        (Latency::Two, Latency::One, 16.0),
    ] {
        for block in [64, 4096] {
            let mut rig = rig(Options { latency: from, ..Options::default() });
            rig.block = block;
            rig.note(60, 4.0, 300.0); // held through it all
            for at in 0..30 {
                rig.note(62, 10.0 * f64::from(at), 10.0 * f64::from(at) + 5.0);
            }
            rig.run_to(100.0);
            rig.options.latency = to;
            rig.run_to(420.0);
            assert_eq!(rig.sounding(), 0);
            let played = rig.in_steps();
            // From step 192 on, with the first line of the new latency behind it, all is as if it had always
            // been so.
            let came = |time: f64| played.iter().any(|&(pitch, from, _)| pitch == 62 && from == time);
            for at in 13..30 {
                assert!(came(10.0 * f64::from(at) + hop), "{from:?} to {to:?}: {at} in {played:?}");
            }
        }
    }
}

#[test]
fn another_margin_and_shift_count_from_the_next_line_too() {
    let mut rig = rig(Options { latency: Latency::One, margin: Margin::Bar, ..Options::default() });
    for at in 0..20 {
        rig.note(60, 10.0 * f64::from(at), 10.0 * f64::from(at) + 5.0);
    }
    rig.run_to(50.0);
    rig.options.margin = Margin::None;
    rig.run_to(120.0);
    rig.options.shift = 2; // half a bar
    rig.run_to(240.0);
    let onsets: Vec<_> = rig.in_steps().iter().map(|note| note.1).collect();
    for (note, delay) in [(2.0, 32.0), (3.0, 32.0), (7.0, 16.0), (9.0, 16.0), (14.0, 16.0), (19.0, 16.0)] {
        assert!(onsets.contains(&(10.0 * note + delay)), "{note}: {onsets:?}");
    }
    // The grid lies half a bar later now: a note just before its line waits for it.
    rig.note(70, 263.8, 266.0);
    rig.run_to(300.0);
    assert!(rig.in_steps().contains(&(70, 280.0, 282.0)), "{:?}", rig.in_steps());
}

#[test]
fn realigning_begins_a_phrase_at_the_next_bar_line() {
    let mut rig = rig(Options::default());
    rig.note(60, 2.0, 4.0);
    rig.note(62, 20.0, 22.0);
    rig.note(64, 40.0, 42.0);
    rig.run_to(25.0);
    rig.realigned += 1;
    rig.run_to(250.0);
    // The phrase was 32 steps long, and is answered 32 later; the next is whole.
    assert_eq!(rig.in_steps(), [(60, 34.0, 36.0), (62, 52.0, 54.0), (64, 104.0, 106.0)]);
    // It does not outlast a start.
    rig.jump(0.0);
    rig.log.clear();
    let at = 250.0;
    rig.note(60, at + 2.0, at + 4.0);
    rig.run_to(at + 100.0);
    assert_eq!(rig.in_steps(), [(60, at + 66.0, at + 68.0)]);
}

#[test]
fn phrases_of_other_meters_are_whole_bars() {
    // 3/4: four bars are 48 steps, two 24. 7/8: 56. 5/4: three bars, 60. 9 quarters: one bar, 36.
    for (beats, latency, hop) in [
        (3.0, Latency::Four, 48.0),
        (3.0, Latency::Two, 24.0),
        (3.5, Latency::Four, 56.0),
        (5.0, Latency::Four, 60.0),
        (9.0, Latency::Two, 36.0),
    ] {
        let mut rig = rig(Options { latency, ..Options::default() });
        rig.bar = Some(beats);
        let notes = [
            (60, 1.0, 3.0),
            (62, hop - 4.0, hop + 6.0),
            (64, hop + 8.0, hop + 9.0),
            (65, 3.0 * hop, 3.0 * hop + 1.0),
        ];
        play(&mut rig, &notes);
        rig.run_to(6.0 * hop + 64.0);
        assert_eq!(rig.in_steps(), later(&notes, hop), "{beats} beats");
        assert!(!rig.active);
    }
}

#[test]
fn a_meter_change_lays_the_phrases_on_the_new_bars() {
    let mut rig = rig(Options::default());
    rig.bar = Some(4.0);
    for at in 0..60 {
        rig.note(60, 6.0 * f64::from(at), 6.0 * f64::from(at) + 3.0);
    }
    rig.run_to(100.0);
    rig.bar = Some(3.0);
    rig.run_to(230.0);
    rig.bar = Some(4.0);
    rig.run_to(520.0);
    assert_eq!(rig.sounding(), 0);
    let onsets: Vec<_> = rig.in_steps().iter().map(|note| note.1).collect();
    // Lines at 64, 96 (where the bars of 3/4 count a fifth one), 144, 192, and 256 in 4/4 again. What a
    // shorter phrase takes over from is cut off.
    for (notes, delay) in [(0..5, 64.0), (12..16, 32.0), (16..32, 48.0), (32..58, 64.0)] {
        for at in notes {
            assert!(onsets.contains(&(6.0 * f64::from(at) + delay)), "{at}: {onsets:?}");
        }
    }
}

#[test]
fn silence_or_the_last_answer_can_stand_in_for_a_late_one() {
    for fallback in [Fallback::Silence, Fallback::Last] {
        let (open, gate) = unbounded();
        let mut rig = Rig::new(Way::Gated(gate));
        rig.options.fallback = fallback;
        (rig.offline, rig.settings) = (false, model::Settings::to(1));
        rig.note(60, 4.0, 6.0);
        rig.note(62, 68.0, 70.0);
        open.send(()).unwrap();
        rig.run_to(62.0);
        while rig.fake.answers.load(Ordering::SeqCst) < 1 {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        rig.run_to(200.0);
        let mut expected = vec![(72, 68.0, 70.0)];
        if fallback == Fallback::Last {
            expected.push((72, 132.0, 134.0));
        }
        assert_eq!((rig.in_steps(), rig.shared.meters.late()), (expected, 1), "{fallback:?}");
        (0..9).for_each(|_| open.send(()).unwrap());
    }
}

#[test]
fn a_late_answer_enters_at_the_beat_of_a_sliding_window() {
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Gated(gate));
    rig.options = Options { latency: Latency::Two, margin: Margin::Beat, ..Options::default() };
    (rig.offline, rig.settings) = (false, model::Settings::to(1));
    rig.note(60, 1.0, 3.0);
    rig.note(62, 2.0, 20.0); // sounds when the answer comes
    rig.run_to(36.0 + 5.0);
    (0..9).for_each(|_| open.send(()).unwrap());
    while rig.fake.answers.load(Ordering::SeqCst) < 1 {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    rig.run_to(130.0);
    assert_eq!(rig.in_steps(), [(60, 37.0, 39.0), (62, 38.0, 44.0), (74, 44.0, 56.0)]);
}

#[test]
fn a_margin_gives_the_network_its_time() {
    // The answer is there one beat after the line, in blocks that leave no time before it.
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Gated(gate));
    rig.options.margin = Margin::Beat;
    (rig.offline, rig.settings, rig.block) = (false, model::Settings::to(1), 6000);
    rig.note(60, 1.0, 3.0);
    rig.run_to(66.0);
    (0..9).for_each(|_| open.send(()).unwrap());
    while rig.fake.answers.load(Ordering::SeqCst) < 1 {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    rig.run_to(150.0);
    assert_eq!((rig.in_steps(), rig.shared.meters.late()), (vec![(72, 69.0, 71.0)], 0));
}

#[test]
fn a_host_that_runs_ahead_of_the_clock_is_answered_though_it_does_not_say_that_it_bounces() {
    for (pace, answered) in [(50.0, true), (1.0, false)] {
        let (open, gate) = unbounded();
        let mut rig = Rig::new(Way::Gated(gate));
        (rig.offline, rig.settings, rig.pace) = (false, model::Settings::to(1), pace);
        rig.note(60, 1.0, 3.0);
        // The network is at work until after the line, when nobody but it could move on: only who waits gets
        // its answer.
        let network = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            (0..9).for_each(|_| open.send(()).unwrap_or(()));
        });
        rig.run_to(64.0);
        rig.run_to(64.1);
        rig.run_to(70.0);
        assert_eq!(rig.in_steps().first().map(|note| note.0), Some(if answered { 72 } else { 60 }));
        network.join().unwrap();
    }
}

#[test]
fn a_bounce_waits_for_a_pack_that_is_still_loading() {
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Loading(gate));
    rig.settings = model::Settings::to(1);
    rig.note(60, 1.0, 3.0);
    let disk = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        open.send(()).unwrap();
    });
    rig.run_to(80.0);
    disk.join().unwrap();
    assert_eq!((rig.in_steps(), rig.shared.meters.timeouts()), (vec![(72, 65.0, 67.0)], 0));
}

#[test]
fn hosts_that_tell_no_position_tempo_or_transport_are_answered_by_our_own_clock() {
    // (playing, tempo, position); the clock's tempo is 120 where none is told, which is the rig's.
    for tells in [
        (true, true, false),
        (true, false, false),
        (false, false, false),
        (false, true, true),
        (true, false, true),
    ] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.playing, rig.tells) = (tells.0, (tells.1, tells.2));
        rig.note(60, 10.0, 12.0);
        rig.note(62, 20.0, 24.0);
        rig.run_to(250.0);
        assert_eq!(rig.in_steps(), [(60, 74.0, 76.0), (62, 84.0, 88.0)], "{tells:?}");
        assert!(!rig.active, "{tells:?}");
    }
}

#[test]
fn our_own_clock_keeps_the_latency_the_margin_and_the_bars() {
    let mut rig =
        rig(Options { latency: Latency::Two, margin: Margin::Beat, shift: 5, ..Options::default() });
    (rig.playing, rig.bar) = (false, Some(3.0));
    rig.note(60, 10.0, 12.0);
    rig.note(62, 40.0, 44.0);
    rig.run_to(250.0);
    // Two bars of 3/4 are 24 steps.
    assert_eq!(rig.in_steps(), [(60, 38.0, 40.0), (62, 68.0, 72.0)]);
}

#[test]
fn a_position_that_slips_back_keeps_what_is_played_in_its_order() {
    use nice_plug::midi::NoteEvent;
    let bend = |value| NoteEvent::MidiPitchBend { timing: 0, channel: 0, value };
    let mut rig = rig(Options::default());
    // Ten steps a block, of which a quarter may be a ramp's: the second begins two steps before the first
    // ends.
    rig.block = 60_000;
    rig.event(9.5, bend(0.1));
    rig.note(60, 9.6, 12.0);
    rig.event(10.1, bend(0.2));
    rig.note(62, 10.2, 13.0);
    rig.run_to(10.0);
    rig.jump(2.0);
    rig.run_to(80.0);
    let sent: Vec<_> = rig.log.iter().map(|(_, event)| *event).collect();
    let bends = sent.iter().filter_map(|event| match event {
        NoteEvent::MidiPitchBend { value, .. } => Some(*value),
        _ => None,
    });
    assert_eq!((bends.collect::<Vec<_>>(), rig.in_steps().len()), (vec![0.1, 0.2], 2), "{sent:?}");
}

#[test]
fn scrubbing_leaves_no_note_and_the_music_after_it_is_answered() {
    for block in [64, 4096] {
        let mut rig = Rig::new(Way::Octaves);
        rig.block = block;
        for scrub in 0..40u32 {
            let at = 3.0 * f64::from(scrub);
            rig.note(60, at + 0.5, at + 2.0);
            rig.run_to(at + 3.0);
            rig.jump(f64::from(scrub * 7 % 40) - 10.0);
        }
        assert_eq!(rig.sounding(), 0);
        rig.log.clear();
        rig.jump(0.0);
        rig.note(64, 121.0, 125.0);
        rig.run_to(120.0 + 140.0);
        assert_eq!(rig.in_steps(), [(64, 185.0, 189.0)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// At amount 0 a tune comes back as it was, whatever the blocks, the rate and the tempo.
    #[test]
    fn blocks_rates_and_tempos_do_not_matter(
        latency in prop::sample::select(vec![Latency::Four, Latency::Two, Latency::One]),
        margin in prop::sample::select(vec![Margin::None, Margin::Beat, Margin::Bar]),
        rate in prop::sample::select(vec![8_000.0, 44_100.0, 48_000.0, 192_000.0]),
        tempo in 40.0..300.0f64, block in prop_oneof![1u32..3, 3u32..600, 600u32..16_384],
    ) {
        // Small blocks at high rates take long.
        let block = block.max((rate / 8_000.0) as u32 * 8);
        let play = |block: u32| {
            let mut rig = Rig::at_rate(rate, block);
            (rig.options, rig.tempo) = (Options { latency, margin, ..Options::default() }, tempo);
            TUNE.iter().for_each(|&(pitch, from, to)| rig.note(pitch, from, to));
            rig.run_to(230.0);
            rig.played()
        };
        prop_assert_eq!(play(block), play(16_384));
    }
}
