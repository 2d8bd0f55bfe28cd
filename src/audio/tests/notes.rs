//! What the user may do to notes: hear the input, freeze, cut, pedal, panic, other channels.

use nice_plug::midi::{Channel, NoteEvent};
use phrase::{Feel, Guards, KeyLock, Mode};

use super::rig::Rig;
use crate::audio::event::Event;
use crate::audio::options::{Latency, Thru};
use crate::link::Frozen;
use crate::worker::fake::Way;

fn cc(channel: u8, cc: u8, value: f32) -> Event {
    NoteEvent::MidiCC { timing: 0, channel, cc, value }
}

/// The controllers that came out, by step: channel, number, value.
fn controllers(rig: &Rig) -> Vec<(f64, u8, u8, f32)> {
    let steps = |sample: u64| (sample as f64 / rig.rate / 60.0 * rig.tempo * 4.0 * 1000.0).round() / 1000.0;
    let data = |(sample, event): &(u64, Event)| match *event {
        NoteEvent::MidiCC { channel, cc, value, .. } => Some((steps(*sample), channel, cc, value)),
        _ => None,
    };
    rig.log.iter().filter_map(data).collect()
}

#[test]
fn the_input_can_be_heard_with_the_answers_or_alone() {
    for thru in [Thru::Both, Thru::Dry] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.settings, rig.options.thru) = (model::Settings::to(1), thru);
        rig.note(60, 1.0, 3.0);
        rig.note(72, 64.5, 66.0); // meets the answer to the first on its key
        rig.event(2.0, cc(0, 64, 1.0));
        rig.run_to(200.0);
        let mut expected = vec![(60, 1.0, 3.0), (72, 64.5, 66.0)];
        if thru == Thru::Both {
            // What is played ends the answer of its key, and the other way round: a key sounds once.
            expected = vec![(60, 1.0, 3.0), (72, 64.5, 65.0), (72, 65.0, 67.0), (84, 128.5, 130.0)];
        }
        assert_eq!(rig.in_steps(), expected, "{thru:?}");
        assert_eq!(controllers(&rig), [(2.0, 0, 64, 1.0)], "{thru:?}");
        assert_eq!(rig.sounding(), 0);
    }
}

#[test]
fn what_is_heard_can_change_in_the_middle_of_a_note() {
    let mut rig = Rig::new(Way::Octaves);
    rig.options.thru = Thru::Both;
    rig.note(60, 1.0, 30.0);
    rig.run_to(10.0);
    rig.options.thru = Thru::Wet;
    rig.note(62, 70.0, 100.0);
    rig.run_to(130.0);
    rig.options.thru = Thru::Dry;
    rig.run_to(300.0);
    assert_eq!(rig.in_steps(), [(60, 1.0, 30.0), (60, 65.0, 94.0), (62, 134.0, 164.0)]);
}

#[test]
fn a_frozen_answer_repeats_until_it_is_thawed() {
    for (latency, hop) in [(Latency::Four, 64.0), (Latency::One, 16.0)] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.settings, rig.options.latency) = (model::Settings::to(1), latency);
        rig.note(60, 1.0, 3.0);
        rig.note(62, 2.0 * hop + 1.0, 2.0 * hop + 3.0);
        rig.note(64, 4.0 * hop + 1.0, 4.0 * hop + 3.0);
        rig.run_to(hop + 5.0);
        rig.options.freeze = true;
        rig.run_to(4.0 * hop + 5.0);
        rig.options.freeze = false;
        rig.run_to(9.0 * hop);
        let at = |phrase: f64| (phrase * hop + 1.0, phrase * hop + 3.0);
        let mut expected: Vec<_> =
            (1..=4).map(|phrase| (72, at(f64::from(phrase)).0, at(f64::from(phrase)).1)).collect();
        expected.push((76, at(5.0).0, at(5.0).1));
        assert_eq!(rig.in_steps(), expected, "{latency:?}");
    }
}

#[test]
fn a_frozen_pad_is_one_note_and_a_stop_ends_it() {
    let mut rig = Rig::new(Way::Octaves);
    rig.note(60, 0.0, 200.0);
    rig.run_to(130.0); // the phrase that is held from end to end plays from 128 on
    rig.options.freeze = true;
    rig.run_to(500.0);
    rig.playing = false;
    rig.run_to(510.0);
    assert_eq!(rig.in_steps().len(), 1);
    assert_eq!(rig.sounding(), 0);
    // It goes on when time does, from the moment that its grid says.
    rig.log.clear();
    rig.playing = true;
    rig.jump(16.0 + 2.0); // beat 18: 8 steps into a phrase
    rig.run_to(520.0);
    assert_eq!((rig.sounding(), rig.in_steps()[0].1), (1, 510.0));
    rig.options.freeze = false;
    rig.run_to(700.0);
    assert_eq!(rig.sounding(), 0);
}

#[test]
fn a_frozen_phrase_is_kept_for_the_state_and_comes_back_from_it() {
    let mut rig = Rig::new(Way::Octaves);
    rig.settings = model::Settings::to(1);
    rig.note(60, 1.0, 3.0);
    rig.note(64, 20.25, 21.5);
    rig.run_to(70.0);
    rig.options.freeze = true;
    rig.run_to(80.0);
    let kept = |rig: &Rig| {
        for _ in 0..2000 {
            if let Some(frozen) = rig.shared.frozen() {
                return frozen;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("nothing was kept");
    };
    let frozen = kept(&rig);
    // Another instance, with nothing played yet.
    let mut other = Rig::new(Way::Octaves);
    other.shared.load_frozen(Some(frozen.clone()));
    other.options.freeze = true;
    other.playing = false;
    while !other.audio.frozen {
        other.run_to(other.elapsed as f64 / 6000.0 + 1.0);
        std::thread::yield_now();
    }
    let start = (other.elapsed as f64 / 6000.0).ceil();
    other.run_to(start);
    other.playing = true;
    other.jump(0.0);
    other.run_to(start + 130.0);
    let expected: Vec<_> =
        [(72, 1.0, 3.0), (76, 20.25, 21.5), (72, 65.0, 67.0), (76, 84.25, 85.5), (72, 129.0, 131.0)]
            .iter()
            .take(4)
            .map(|&(pitch, from, to)| (pitch, from + start, to + start))
            .collect();
    assert_eq!(other.in_steps()[..4], expected);
    assert_eq!(kept(&other), frozen, "loading changes nothing");
    rig.options.freeze = false;
    rig.run_to(90.0);
    while rig.shared.frozen().is_some() {
        std::thread::yield_now();
    }
}

/// A chord of twelve notes and one after it, as a project brings it.
fn chord() -> Frozen {
    let mut phrase = phrase::Phrase::new(0, 120.0);
    for pitch in 50..62 {
        phrase.push(phrase::Note::new(pitch, 0, 0.5, f64::from(pitch - 50) / 4.0, 40.0));
    }
    phrase.push(phrase::Note::new(70, 0, 0.5, 48.0, 4.0));
    Frozen::new(&phrase, 0, 64.0)
}

#[test]
fn a_bounce_plays_the_frozen_phrase_of_its_project_from_the_first_moment_on_each_time() {
    for _ in 0..30 {
        let mut rig = Rig::new(Way::Octaves);
        rig.shared.load_frozen(Some(chord()));
        rig.options.freeze = true;
        rig.run_to(64.0 + 60.0);
        let mut expected: Vec<_> =
            (50..62).map(|pitch: u8| (pitch, f64::from(pitch - 50) / 4.0)).chain([(70, 48.0)]).collect();
        expected.extend(expected.clone().into_iter().map(|(pitch, from)| (pitch, from + 64.0)));
        let heard: Vec<_> = rig.in_steps().into_iter().map(|(pitch, from, _)| (pitch, from)).collect();
        assert_eq!(heard, expected);
    }
}

#[test]
fn a_project_that_is_thawed_before_it_plays_plays_nothing_frozen() {
    for index in 0..30 {
        let mut rig = Rig::new(Way::Octaves);
        // A bounce, and a fast render that does not say so.
        rig.offline = index % 2 == 0;
        rig.shared.load_frozen(Some(chord()));
        rig.run_to(3.0 * 64.0);
        assert!(rig.log.is_empty());
        while rig.shared.frozen().is_some() {
            rig.run_to(rig.elapsed as f64 / 6000.0 + 16.0);
        }
    }
}

#[test]
fn panic_while_frozen_is_silence_until_the_phrase_begins_again() {
    for at in [20.0, 0.0] {
        let mut rig = Rig::new(Way::Octaves);
        rig.shared.load_frozen(Some(chord()));
        rig.options.freeze = true;
        rig.run_to(64.0 + at);
        rig.panics += 1;
        rig.log.clear();
        rig.run_to(127.9);
        assert_eq!(rig.sounding(), 0);
        let struck =
            |rig: &Rig| rig.log.iter().filter(|(_, event)| matches!(event, NoteEvent::NoteOn { .. })).count();
        assert_eq!(struck(&rig), 0, "what is over is not struck again, nor is what would come");
        rig.run_to(128.0 + 60.0);
        assert_eq!(struck(&rig), 13, "it is frozen still");
    }
}

#[test]
fn no_note_on_leaves_with_a_velocity_that_means_something_else() {
    let on = |velocity| NoteEvent::NoteOn {
        timing: 0,
        voice_id: nice_plug::midi::VoiceID::Wildcard,
        channel: Channel::Number(0),
        key: nice_plug::midi::Key::Number(60),
        velocity,
    };
    let check = |rig: &Rig, count: usize| {
        let velocity = |(_, event): &(u64, Event)| match *event {
            NoteEvent::NoteOn { velocity, .. } => Some(velocity),
            _ => None,
        };
        let sent: Vec<_> = rig.log.iter().filter_map(velocity).collect();
        assert_eq!(sent.len(), count);
        assert!(sent.iter().all(|&velocity| velocity > 0.0 && velocity <= 1.0), "{sent:?}");
    };
    for bypass in [true, false] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.bypass, rig.options.thru) = (bypass, Thru::Both);
        for (index, velocity) in [0.0, -1.0, 7.0, 0.5].into_iter().enumerate() {
            rig.event(1.0 + 4.0 * index as f64, on(velocity));
        }
        rig.off(60, 20.0);
        rig.run_to(100.0);
        check(&rig, if bypass { 4 } else { 8 });
    }
    // And from a project.
    let wild = serde_json::json!({ "first": 0, "length": 64 << 24, "notes": [
        [60, 0, 0, 0, 4 << 24, 0], [62, 0, (-1.0f32).to_bits(), 0, 4 << 24, 0], [64, 0, u32::MAX, 0, 4 << 24,
            0],
    ]});
    let mut rig = Rig::new(Way::Octaves);
    rig.shared.load_frozen(Some(serde_json::from_value(wild).unwrap()));
    rig.options.freeze = true;
    rig.run_to(60.0);
    check(&rig, 3);
}

#[test]
fn no_note_lasts_longer_than_the_longest_also_across_lines() {
    for latency in [Latency::Four, Latency::One] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.options.latency, rig.options.longest) = (latency, 8);
        let hop = if latency == Latency::Four { 64.0 } else { 16.0 };
        rig.note(60, 4.0, 10.0);
        rig.note(62, 12.0, 190.0); // held over lines
        rig.note(64, 60.0, 80.0);
        rig.run_to(330.0);
        let mut expected = [(60, 4.0, 10.0), (62, 12.0, 20.0), (64, 60.0, 68.0)];
        expected.iter_mut().for_each(|note| (note.1, note.2) = (note.1 + hop, note.2 + hop));
        assert_eq!(rig.in_steps(), expected);
    }
}

#[test]
fn the_pedal_can_be_heard_as_length_and_goes_no_further_then() {
    let mut rig = Rig::new(Way::Octaves);
    rig.options.pedal = true;
    rig.note(60, 1.0, 3.0);
    rig.event(2.0, cc(0, 64, 1.0));
    rig.event(9.0, cc(0, 64, 0.0));
    rig.event(10.0, cc(0, 1, 0.5));
    rig.run_to(200.0);
    assert_eq!(rig.in_steps(), [(60, 65.0, 73.0)]);
    assert_eq!(controllers(&rig), [(74.0, 0, 1, 0.5)]);
}

#[test]
fn a_pedal_that_was_passed_on_comes_up_when_it_is_heard_as_length() {
    let mut rig = Rig::new(Way::Octaves);
    rig.event(1.0, cc(2, 64, 1.0));
    rig.event(20.0, cc(2, 64, 0.0));
    rig.run_to(70.0);
    rig.options.pedal = true;
    rig.run_to(100.0);
    let pedals = controllers(&rig);
    assert_eq!(pedals.len(), 2);
    assert_eq!((pedals[0].0, pedals[0].3, pedals[1].3), (65.0, 1.0, 0.0));
    assert!((70.0..70.2).contains(&pedals[1].0));
}

#[test]
fn panic_ends_all_on_every_channel_and_the_next_notes_are_answered() {
    for playing in [true, false] {
        let mut rig = Rig::new(Way::Octaves);
        rig.playing = playing;
        rig.note(60, 0.0, 60.0);
        rig.note(62, 70.0, 79.0);
        rig.run_to(80.0);
        rig.panics += 1;
        rig.run_to(80.1);
        assert_eq!(rig.sounding(), 0);
        let offs = controllers(&rig).iter().filter(|event| [64, 120, 123].contains(&event.2)).count();
        assert_eq!(offs, 48);
        rig.note(64, 100.0, 104.0);
        rig.run_to(300.0);
        let played = rig.in_steps();
        assert_eq!(
            played.iter().map(|note| note.0).collect::<Vec<_>>(),
            [60, 64],
            "what was pending is gone"
        );
        assert_eq!(played[1].1, 164.0);
    }
}

#[test]
fn answers_come_on_the_channel_and_with_the_velocity_that_are_asked_for() {
    let mut rig = Rig::new(Way::Octaves);
    rig.options.manner.feel = Feel { channel: Some(6), velocity: Some(0.25), ..Feel::default() };
    rig.note(60, 1.0, 3.0);
    rig.event(1.5, cc(0, 1, 0.5));
    rig.event(1.5, NoteEvent::MidiPitchBend { timing: 0, channel: 9, value: 0.7 });
    rig.run_to(140.0);
    let on = rig.log.iter().find_map(|(_, event)| match *event {
        NoteEvent::NoteOn { channel, velocity, .. } => Some((channel, velocity)),
        _ => None,
    });
    assert_eq!(on, Some((Channel::Number(6), 0.25)));
    assert_eq!(controllers(&rig), [(65.5, 6, 1, 0.5)]);
    let bent = |event: &Event| matches!(event, NoteEvent::MidiPitchBend { channel: 9, .. });
    assert!(rig.log.iter().any(|(_, event)| bent(event)), "the drums keep their channel");
}

#[test]
fn dry_notes_have_the_feel_too_and_guards_leave_them_alone() {
    let mut rig = Rig::new(Way::Missing);
    rig.options.manner.feel = Feel { swing: 1.0, velocity: Some(1.0), ..Feel::default() };
    rig.options.manner.guards = Guards { key: KeyLock::Key(0, Mode::Major), voices: 1, ..Guards::OFF };
    rig.note(61, 0.0, 2.0);
    rig.note(63, 0.0, 2.0);
    rig.note(66, 2.0, 4.0);
    rig.run_to(140.0);
    assert_eq!(rig.in_steps(), [(61, 64.0, 66.667), (63, 64.0, 66.667), (66, 66.667, 68.0)]);
}
