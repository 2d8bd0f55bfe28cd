//! What is chosen on stage, by programs and keys.

use nice_plug::midi::NoteEvent;
use phrase::{KeyLock, Mode};

use super::rig::Rig;
use crate::audio::options::Switches;
use crate::audio::stage::Choice;
use crate::worker::fake::Way;

fn program(program: u8) -> NoteEvent<()> {
    NoteEvent::MidiProgramChange { timing: 0, channel: 0, program }
}

/// An instance in blocks of a step, so that a phrase closes in the middle of one.
fn rig(switches: Switches) -> Rig {
    let mut rig = Rig::new(Way::Octaves);
    rig.block = rig.sample(1.0) as u32;
    rig.options.switches = switches;
    rig
}

fn pitches(rig: &Rig) -> Vec<u8> {
    rig.in_steps().iter().map(|(pitch, ..)| *pitch).collect()
}

#[test]
fn a_program_counts_from_its_own_sample_on() {
    for (at, answered) in [(63.4, [60 + 24, 62 + 24]), (63.6, [60, 62 + 24])] {
        let mut rig = rig(Switches::Programs);
        rig.note(60, 4.0, 6.0);
        rig.note(62, 70.0, 72.0);
        rig.event(at, program(2));
        rig.run_to(200.0);
        assert_eq!(pitches(&rig), answered, "at {at}");
        assert_eq!(rig.chosen, [(rig.sample(at), Choice::Target(2))]);
        assert!(!rig.log.iter().any(|(_, event)| matches!(event, NoteEvent::MidiProgramChange { .. })));
    }
}

#[test]
fn keys_choose_and_play_nothing_and_programs_pass_then() {
    let mut rig = rig(Switches::Low);
    rig.note(60, 4.0, 6.0);
    rig.note(13, 10.0, 12.0);
    rig.note(36, 20.0, 22.0);
    rig.event(30.0, program(5));
    rig.run_to(140.0);
    assert_eq!(pitches(&rig), [60 + 12, 36 + 12], "the lowest key that plays is an octave of three above");
    assert_eq!(rig.chosen, [(rig.sample(10.0), Choice::Target(1))]);
    assert!(rig.log.iter().any(|(_, event)| matches!(event, NoteEvent::MidiProgramChange { .. })));
}

#[test]
fn a_key_that_chose_ends_as_one_whatever_is_chosen_meanwhile() {
    let mut rig = rig(Switches::Low);
    rig.on(13, 10.0);
    rig.run_to(11.0);
    rig.options.switches = Switches::Off;
    rig.off(13, 12.0);
    rig.note(13, 14.0, 16.0);
    rig.run_to(140.0);
    assert_eq!(rig.in_steps(), [(25, 78.0, 80.0)], "a key of music again");
    assert_eq!(rig.sounding(), 0);
    // And where its end was never seen, the next note of that key has its own.
    rig.options.switches = Switches::Low;
    rig.on(13, 150.0);
    rig.run_to(151.0);
    rig.bypass = true;
    rig.off(13, 152.0);
    rig.run_to(153.0);
    (rig.bypass, rig.options.switches) = (false, Switches::Off);
    rig.note(13, 160.0, 162.0);
    rig.run_to(330.0);
    assert_eq!((rig.played().len(), rig.sounding()), (2, 0));
}

#[test]
fn what_chooses_does_so_in_bypass_too_and_goes_no_further() {
    let mut rig = rig(Switches::Low);
    rig.bypass = true;
    rig.note(13, 2.0, 3.0);
    rig.note(60, 4.0, 6.0);
    rig.run_to(10.0);
    assert_eq!(rig.in_steps(), [(60, 4.0, 6.0)]);
    assert_eq!(rig.chosen, [(rig.sample(2.0), Choice::Target(1))]);
}

#[test]
fn nothing_starts_our_own_clock_but_music() {
    let mut rig = rig(Switches::Lowest);
    rig.playing = false;
    rig.note(0, 2.0, 3.0);
    rig.run_to(10.0);
    assert!(!rig.active);
    assert_eq!(rig.chosen, [(rig.sample(2.0), Choice::Target(0))]);
}

#[test]
fn keys_and_programs_lock_to_a_key() {
    let major = |tonic| Choice::Key(KeyLock::Key(tonic, Mode::Major));
    let minor = |tonic| Choice::Key(KeyLock::Key(tonic, Mode::Minor));
    let mut rig = rig(Switches::Low);
    // D of the upper octave, minor, E flat, no lock, as heard.
    for (at, key) in [(1.0, 26), (2.0, 23), (3.0, 27), (4.0, 20), (5.0, 21)] {
        rig.note(key, at, at + 0.5);
    }
    rig.run_to(7.0);
    let off = [Choice::Key(KeyLock::Off), Choice::Key(KeyLock::Auto)];
    let chosen: Vec<_> = rig.chosen.drain(..).map(|(_, choice)| choice).collect();
    assert_eq!(chosen, [major(2), minor(2), minor(3), off[0], off[1]]);
    rig.options.switches = Switches::Programs;
    for (at, number) in [(8.0, 10), (9.0, 11), (10.0, 12), (11.0, 35), (12.0, 8), (13.0, 36)] {
        rig.event(at, program(number));
    }
    rig.run_to(15.0);
    let chosen: Vec<_> = rig.chosen.drain(..).map(|(_, choice)| choice).collect();
    assert_eq!(chosen, [off[0], off[1], major(0), minor(11)], "others mean nothing");
}
