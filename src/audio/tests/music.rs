//! What is played comes back in time, whatever the transport does.

use nice_plug::midi::{Channel, Key, NoteEvent, VoiceID};
use proptest::prelude::*;

use super::rig::{Rig, Tape};
use crate::audio::event::Event;
use crate::worker::fake::Way;

/// A tune over three phrases, with notes on the line, just before it, across it, and repeated.
const TUNE: &[(u8, f64, f64)] = &[
    (60, 0.0, 4.0),
    (64, 4.37, 6.1),
    (64, 6.1, 8.0),
    (67, 60.0, 64.0),
    (69, 62.0, 70.5),
    (71, 63.6, 66.0),
    (72, 64.0, 65.0),
    (50, 100.0, 140.0),
    (55, 127.9, 129.0),
];

fn tune(rig: &mut Rig) {
    for &(pitch, from, to) in TUNE {
        rig.note(pitch, from, to);
    }
}

#[test]
fn everything_comes_back_four_bars_later_on_the_sample() {
    for rate in [44_100.0, 48_000.0, 96_000.0] {
        let mut expected = None;
        for block in [1, 64, 441, 4096] {
            let mut rig = Rig::at_rate(rate, block);
            tune(&mut rig);
            rig.run_to(210.0);
            let played = rig.played();
            assert_eq!(&played, expected.get_or_insert(played.clone()), "block {block}");
        }
        let rig = Rig::at_rate(rate, 64);
        let mut wanted: Vec<_> = TUNE
            .iter()
            .map(|&(pitch, from, to)| {
                // A note just before a line is put on it.
                let from = if from % 64.0 >= 63.5 { from.ceil() } else { from };
                (pitch, rig.sample(from + 64.0), rig.sample(to + 64.0))
            })
            .collect();
        wanted.sort_by_key(|&(pitch, start, _)| (start, pitch));
        assert_eq!(expected.unwrap(), wanted, "{rate}");
    }
}

#[test]
fn a_pad_over_three_phrases_is_one_note() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 10.0, 190.25);
    rig.run_to(280.0);
    assert_eq!(rig.in_steps(), [(60, 74.0, 254.25)]);
}

#[test]
fn a_key_let_go_on_the_line_ends_on_the_line() {
    // The answers' notes are the pitch of their own phrase; the second is not tied to the first.
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 32.0, 64.0);
    rig.note(60, 64.0, 96.0);
    rig.run_to(200.0);
    assert_eq!(rig.in_steps(), [(60, 96.0, 128.0), (60, 128.0, 160.0)]);
}

#[test]
fn the_settings_of_the_closing_count() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 10.0, 20.0);
    rig.note(62, 70.0, 80.0);
    rig.run_to(63.0);
    rig.settings.target = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    rig.run_to(64.0);
    rig.settings.target = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    rig.run_to(200.0);
    assert_eq!(rig.in_steps(), [(72, 74.0, 84.0), (62, 134.0, 144.0)]);
}

#[test]
fn a_four_bar_loop_answers_each_pass_in_the_next() {
    let mut rig = Rig::new(Way::Octaves);
    rig.cycle = Some((8.0, 24.0));
    rig.jump(8.0);
    for pass in 0..3 {
        rig.note(60, f64::from(pass) * 64.0 + 8.0, f64::from(pass) * 64.0 + 12.0);
    }
    rig.run_to(64.0 * 4.0);
    // The loop begins half-way through the grid's phrase: bars 3-6.
    let onsets: Vec<_> = rig.in_steps().iter().map(|&(_, from, _)| from).collect();
    assert_eq!(onsets, [72.0, 136.0, 200.0]);
}

#[test]
fn a_two_bar_loop_fills_a_phrase_in_two_passes() {
    let mut rig = Rig::new(Way::Octaves);
    rig.cycle = Some((0.0, 8.0));
    rig.note(60, 0.0, 4.0);
    rig.note(62, 32.0, 36.0);
    rig.run_to(160.0);
    assert_eq!(rig.in_steps(), [(60, 64.0, 68.0), (62, 96.0, 100.0)]);
}

#[test]
fn a_loop_of_broken_bars_starts_a_phrase_on_each_wrap() {
    for block in [64, 4096] {
        let mut rig = Rig::new(Way::Octaves);
        rig.block = block;
        rig.cycle = Some((0.0, 6.0));
        rig.note(60, 0.0, 4.0);
        rig.note(62, 20.0, 30.0); // held over the wrap
        rig.note(64, 25.0, 26.0);
        rig.run_to(100.0);
        let mut played = rig.in_steps();
        played.sort_by_key(|note| note.0);
        assert_eq!(played, [(60, 24.0, 28.0), (62, 44.0, 54.0), (64, 49.0, 50.0)], "block {block}");
    }
}

#[test]
fn stop_and_jump_end_all_notes_and_drop_what_was_pending() {
    for jump in [false, true] {
        let mut rig = Rig::new(Way::Octaves);
        rig.note(60, 0.0, 60.0);
        rig.on(62, 66.0);
        rig.run_to(80.0);
        assert_eq!(rig.sounding(), 1);
        if jump {
            rig.jump(400.0);
        } else {
            rig.playing = false;
        }
        rig.run_to(81.0);
        assert_eq!(rig.sounding(), 0);
        rig.off(62, 90.0);
        rig.run_to(260.0);
        assert_eq!(rig.played().len(), 1);
        assert!(!rig.active);
    }
}

#[test]
fn reset_ends_all_notes_in_the_next_block() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 60.0);
    rig.run_to(80.0);
    rig.audio.reset();
    rig.run_to(80.1);
    assert_eq!(rig.sounding(), 0);
}

#[test]
fn bypass_passes_at_once_and_leaves_no_note_either_way() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 60.0);
    rig.run_to(80.0);
    rig.bypass = true;
    rig.note(65, 82.0, 90.0);
    rig.note(66, 84.0, 110.0);
    rig.run_to(100.0);
    rig.bypass = false;
    rig.run_to(120.0);
    assert_eq!(rig.sounding(), 0);
    let played = rig.in_steps();
    assert_eq!((played[0].0, played[0].1), (60, 64.0));
    assert!((80.0..80.2).contains(&played[0].2), "{played:?}");
    assert_eq!(played[1], (65, 82.0, 90.0));
    assert!(played[2].0 == 66 && played[2].1 == 84.0 && (100.0..100.2).contains(&played[2].2));
}

#[test]
fn with_the_transport_stopped_our_own_clock_starts_at_the_first_note_and_rests_again() {
    let mut rig = Rig::new(Way::Octaves);
    rig.playing = false;
    rig.note(60, 10.0, 12.0);
    rig.note(62, 20.0, 24.0);
    rig.run_to(11.0);
    assert!(rig.active);
    rig.run_to(250.0);
    assert_eq!(rig.in_steps(), [(60, 74.0, 76.0), (62, 84.0, 88.0)]);
    assert!(!rig.active && !rig.audio.clock.is_free());
    rig.log.clear();
    rig.note(64, 255.0, 256.0);
    rig.run_to(330.0);
    assert_eq!(rig.in_steps(), [(64, 319.0, 320.0)]);
}

#[test]
fn notes_of_the_count_in_belong_to_their_own_phrase() {
    let mut rig = Rig::new(Way::Octaves);
    rig.jump(-4.0); // one bar, 16 steps
    rig.note(60, 4.0, 6.0);
    rig.note(62, 15.7, 18.0);
    rig.run_to(120.0);
    assert_eq!(rig.in_steps(), [(60, 68.0, 70.0), (62, 80.0, 82.0)]);
}

#[test]
fn controllers_travel_with_their_phrase_and_programs_do_not() {
    let mut rig = Rig::new(Way::Octaves);
    let cc = |cc, value| NoteEvent::MidiCC { timing: 0, channel: 3, cc, value };
    rig.note(60, 0.0, 8.0);
    rig.event(2.0, cc(64, 1.0));
    rig.event(3.0, cc(0, 0.1));
    rig.event(3.0, NoteEvent::MidiProgramChange { timing: 0, channel: 3, program: 7 });
    rig.event(70.0, NoteEvent::MidiPitchBend { timing: 0, channel: 3, value: 1.0 });
    rig.run_to(66.5);
    rig.playing = false;
    rig.run_to(140.0);
    let at = |steps| rig.sample(steps);
    let controllers: Vec<_> =
        rig.log.iter().filter(|(_, event)| event.channel().is_some()).cloned().collect();
    let found = |sample: u64, wanted: &dyn Fn(&Event) -> bool| {
        controllers.iter().any(|(s, e)| *s == sample && wanted(e))
    };
    assert!(found(at(3.0), &|e| matches!(e, NoteEvent::MidiProgramChange { program: 7, .. })));
    assert!(found(at(3.0), &|e| matches!(e, NoteEvent::MidiCC { cc: 0, .. })));
    assert!(found(at(66.0), &|e| matches!(e, NoteEvent::MidiCC { cc: 64, value: 1.0, .. })));
    // The transport stopped: the pedal comes up. The bend, played while stopped, passes at once.
    let up = controllers
        .iter()
        .find(|(_, e)| matches!(e, NoteEvent::MidiCC { cc: 64, value: 0.0, .. }))
        .unwrap()
        .0;
    assert!(up >= at(66.5) && up < at(66.7));
    assert!(found(at(70.0), &|e| matches!(e, NoteEvent::MidiPitchBend { .. })));
}

#[test]
fn expressions_travel_with_their_note_and_learn_its_key() {
    let mut rig = Rig::new(Way::Octaves);
    let (id, channel, key) = (VoiceID::ID(9), Channel::Number(2), Key::Number(61));
    rig.event(0.0, NoteEvent::NoteOn { timing: 0, voice_id: id, channel, key, velocity: 0.5 });
    rig.event(
        4.0,
        NoteEvent::PolyTuning {
            timing: 0,
            voice_id: VoiceID::Wildcard,
            channel: Channel::Wildcard,
            key: Key::Wildcard,
            tuning: 0.5,
        },
    );
    rig.run_to(100.0);
    let tuned = |event: &Event| {
        matches!(event, NoteEvent::PolyTuning { channel: c, key: k, .. } if (*c,
        *k) == (channel, key))
    };
    assert!(rig.log.iter().any(|(sample, event)| *sample == rig.sample(68.0) && tuned(event)));
}

#[test]
fn all_notes_off_ends_what_sounds_and_what_is_played() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 40.0);
    rig.on(62, 66.0);
    rig.event(70.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 123, value: 0.0 });
    rig.run_to(71.0);
    assert_eq!((rig.sounding(), rig.in_steps()[0].2), (0, 70.0));
    rig.run_to(190.0);
    assert_eq!(rig.in_steps()[1], (62, 130.0, 134.0));
}

#[test]
fn notes_that_find_no_room_pass_at_once() {
    let mut rig = Rig::new(Way::Octaves);
    for i in 0..phrase::MAX_NOTES {
        let at = i as f64 * 0.01;
        rig.note(60, at, at + 0.005);
    }
    rig.note(70, 20.0, 30.0);
    rig.run_to(40.0);
    assert_eq!(rig.in_steps(), [(70, 20.0, 30.0)]);
    assert_eq!(rig.shared.meters.overflow(), 1);
}

#[test]
fn a_note_after_the_line_on_which_our_own_clock_could_rest_is_played() {
    for block in [64, 60_000] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.playing, rig.block) = (false, block);
        rig.note(60, 0.0, 2.0);
        rig.run_to(126.0);
        assert!(rig.audio.clock.is_free(), "it rests on lines only, whatever the block");
        // One block holds the line at 128, on which nothing is left, and what comes after it.
        rig.event(129.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 1, value: 0.5 });
        rig.note(62, 130.0, 133.0);
        rig.run_to(330.0);
        assert_eq!(rig.in_steps(), [(60, 64.0, 66.0), (62, 194.0, 197.0)], "block {block}");
        let turned = |event: &Event| matches!(event, NoteEvent::MidiCC { cc: 1, .. });
        let wheel = rig.log.iter().filter(|(_, event)| turned(event)).count();
        assert_eq!((wheel, rig.active, rig.audio.clock.is_free()), (1, false, false));
    }
}

/// A tuning of a key on channel 0.
fn tuning(pitch: u8, tuning: f32) -> Event {
    let (channel, key) = (Channel::Number(0), Key::Number(pitch));
    NoteEvent::PolyTuning { timing: 0, voice_id: VoiceID::Wildcard, channel, key, tuning }
}

/// What came out at a time: `o` for a note-off, `c` for a controller, `n` for a note-on, `e` for an
/// expression.
fn order_at(rig: &Rig, steps: f64) -> String {
    let letter = |event: &Event| match event {
        NoteEvent::NoteOff { .. } => 'o',
        NoteEvent::NoteOn { .. } => 'n',
        NoteEvent::PolyTuning { .. } => 'e',
        _ => 'c',
    };
    let sample = rig.sample(steps);
    rig.log.iter().filter(|(at, _)| *at == sample).map(|(_, event)| letter(event)).collect()
}

#[test]
fn controllers_come_before_the_notes_of_their_sample_and_expressions_after() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 4.0);
    rig.event(4.0, NoteEvent::MidiPitchBend { timing: 0, channel: 0, value: 0.7 });
    rig.note(60, 4.0, 8.0);
    rig.event(4.0, tuning(60, 0.5));
    rig.run_to(80.0);
    assert_eq!(order_at(&rig, 68.0), "ocne");
}

#[test]
fn an_early_note_has_its_expressions_on_its_line_and_holds_up_no_controller() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 63.6, 70.0);
    rig.event(63.6, tuning(60, 0.5));
    rig.event(63.7, tuning(60, 0.6));
    rig.event(63.8, NoteEvent::MidiPitchBend { timing: 0, channel: 0, value: 0.7 });
    rig.event(65.0, tuning(60, 0.7));
    rig.run_to(140.0);
    assert_eq!(order_at(&rig, 127.8), "c");
    assert_eq!(order_at(&rig, 128.0), "nee");
    assert_eq!(order_at(&rig, 129.0), "e");
    assert_eq!(rig.log.len(), 6);
}

#[test]
fn what_a_shorter_phrase_leaves_of_the_controllers_comes_on_its_line() {
    let mut rig = Rig::new(Way::Octaves);
    rig.cycle = Some((0.0, 18.0)); // a phrase of 64 steps and one of 8
    rig.note(60, 60.0, 62.0);
    rig.event(61.0, tuning(60, 0.5));
    rig.event(62.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 64, value: 1.0 });
    rig.note(60, 64.0, 66.0);
    rig.event(65.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 64, value: 0.0 });
    rig.run_to(90.0);
    assert_eq!((order_at(&rig, 72.0).as_str(), order_at(&rig, 73.0).as_str()), ("ecn", "c"));
}

#[test]
fn bypassed_notes_and_pedals_sound_on_whatever_the_transport_does() {
    let mut rig = Rig::new(Way::Octaves);
    rig.bypass = true;
    rig.on(60, 1.0);
    rig.event(2.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 64, value: 1.0 });
    rig.run_to(4.0);
    rig.jump(100.0);
    rig.run_to(5.0);
    rig.playing = false;
    rig.run_to(6.0);
    rig.playing = true;
    rig.run_to(7.0);
    assert_eq!((rig.sounding(), rig.log.len()), (1, 2));
    rig.off(60, 8.0);
    rig.run_to(9.0);
    assert_eq!(rig.in_steps(), [(60, 1.0, 8.0)]);
}

#[test]
fn a_short_early_note_keeps_its_length_on_the_line() {
    let mut rig = Rig::new(Way::Missing);
    rig.note(60, 63.6, 63.8);
    rig.note(62, 63.6, 64.2);
    rig.note(64, 63.6, 66.0);
    rig.run_to(140.0);
    assert_eq!(rig.in_steps(), [(60, 128.0, 128.2), (62, 128.0, 128.5), (64, 128.0, 130.0)]);
}

#[test]
fn a_key_let_go_just_before_a_loop_cuts_its_phrase_ends_where_it_did() {
    let mut rig = Rig::new(Way::Octaves);
    rig.cycle = Some((0.0, 6.0));
    rig.note(60, 10.0, 30.0); // held over the wrap
    rig.note(62, 20.0, 23.75);
    rig.run_to(100.0);
    assert_eq!(rig.in_steps(), [(60, 34.0, 54.0), (62, 44.0, 47.75)]);
}

#[test]
fn after_a_panic_what_sounds_is_ended_and_the_block_passes() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 60.0);
    rig.event(1.0, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 64, value: 1.0 });
    rig.run_to(80.0);
    let mut tape = Tape::default();
    tape.input.extend([tuning(61, 0.5), NoteEvent::MidiCC { timing: 9, channel: 1, cc: 7, value: 0.5 }]);
    rig.audio.give_up(64, &mut tape);
    let timings: Vec<_> = tape.sent.iter().map(|event| event.timing()).collect();
    assert_eq!(timings, [0, 9, 63, 63]);
    assert!(matches!(tape.sent[2], NoteEvent::NoteOff { key: Key::Number(60), .. }));
    assert!(matches!(tape.sent[3], NoteEvent::MidiCC { cc: 64, value: 0.0, .. }));
    assert!(!rig.audio.is_active());
}

/// What a user, a host or a keyboard may do next.
#[derive(Clone, Debug)]
enum Act {
    On(u8),
    Off(u8),
    AllOff,
    Pedal(bool),
    Play(bool),
    Jump(f64),
    Loop(Option<(f64, f64)>),
    Bypass(bool),
    Reset,
    Tempo(f64),
    Block(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (50u8..56).prop_map(Act::On),
        8 => (50u8..56).prop_map(Act::Off),
        1 => Just(Act::AllOff),
        1 => any::<bool>().prop_map(Act::Pedal),
        2 => any::<bool>().prop_map(Act::Play),
        1 => (-20.0..200.0f64).prop_map(Act::Jump),
        2 => (0u32..20, 1u32..30).prop_map(|(a, len)| Act::Loop(Some((a.into(),
            f64::from(a) + f64::from(len) / 2.0)))),
        1 => Just(Act::Loop(None)),
        1 => any::<bool>().prop_map(Act::Bypass),
        1 => Just(Act::Reset),
        1 => (40.0..480.0f64).prop_map(Act::Tempo),
        1 => (1u32..5000).prop_map(Act::Block),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The rig checks order, block bounds and note balance in every block; here, that nothing stays on in the
    /// end.
    #[test]
    fn whatever_happens_every_note_ends(
        acts in prop::collection::vec((act(), 0.0..12.0f64), 1..60), offline in any::<bool>(),
    ) {
        let mut rig = Rig::new(Way::Octaves);
        (rig.offline, rig.settings) = (offline, model::Settings::to(1));
        let mut seconds = 0.0;
        for (act, wait) in acts {
            let steps = seconds * rig.tempo / 15.0;
            match act {
                Act::On(pitch) => rig.on(pitch, steps),
                Act::Off(pitch) => rig.off(pitch, steps),
                Act::AllOff => rig.event(steps, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 123,
                    value: 0.0 }),
                Act::Pedal(down) => rig.event(steps, NoteEvent::MidiCC { timing: 0, channel: 0, cc: 64,
                    value: f32::from(down) }),
                Act::Play(playing) => rig.playing = playing,
                Act::Jump(beats) => rig.jump(beats),
                Act::Loop(cycle) => rig.cycle = cycle,
                Act::Bypass(bypass) => rig.bypass = bypass,
                Act::Reset => rig.audio.reset(),
                Act::Tempo(tempo) => rig.set_tempo(tempo),
                Act::Block(block) => rig.block = block,
            }
            seconds += wait / 8.0;
            rig.run_to(seconds * rig.tempo / 15.0);
        }
        for pitch in 50..56 {
            rig.off(pitch, seconds * rig.tempo / 15.0);
        }
        rig.playing = false;
        rig.bypass = false;
        rig.audio.reset();
        let end = seconds * rig.tempo / 15.0;
        rig.run_to(end + 1.0);
        prop_assert_eq!(rig.sounding(), 0);
        rig.run_to(end + 200.0);
        prop_assert!(!rig.active);
    }
}
