//! Answers that are late, missing, or no longer wanted.

use std::sync::atomic::Ordering;

use crossbeam_channel::unbounded;

use super::rig::Rig;
use crate::link::PackView;
use crate::worker::PackSource;
use crate::worker::fake::Way;

/// Waits until the worker has given its `count`-th answer and it is on its way back.
fn answered(rig: &Rig, count: u32) {
    while rig.fake.answers.load(Ordering::SeqCst) < count {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
}

#[test]
fn a_late_answer_comes_in_at_the_next_beat_and_dry_notes_fill_the_gap() {
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Gated(gate));
    (rig.offline, rig.settings) = (false, model::Settings::to(1));
    rig.note(60, 1.0, 3.0);
    rig.note(62, 2.0, 30.0); // sounds when the answer comes
    rig.note(64, 20.0, 22.0);
    rig.run_to(64.0 + 5.0);
    assert_eq!(rig.shared.meters.late(), 1);
    (0..9).for_each(|_| open.send(()).unwrap());
    answered(&rig, 1);
    rig.run_to(130.0);
    let played = rig.in_steps();
    // Dry until beat 2, then an octave up; the held note is struck in its new pitch on the beat.
    assert_eq!(played, [(60, 65.0, 67.0), (62, 66.0, 72.0), (74, 72.0, 94.0), (76, 84.0, 86.0)]);
    assert_eq!(rig.shared.meters.late(), 1);
}

#[test]
fn a_note_that_is_early_for_the_beat_of_a_late_answer_is_heard_once() {
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Gated(gate));
    (rig.offline, rig.settings) = (false, model::Settings::to(1));
    rig.note(60, 7.8, 8.8);
    rig.note(62, 7.6, 7.7);
    // The highest key stays what it is: the answer has it too, and it has been heard, or sounds.
    rig.note(127, 7.7, 7.8);
    rig.note(127, 7.9, 8.6);
    rig.run_to(64.0 + 5.0);
    (0..9).for_each(|_| open.send(()).unwrap());
    answered(&rig, 1);
    rig.run_to(130.0);
    let mut dry = vec![(62, 71.6, 71.7), (127, 71.7, 71.8), (60, 71.8, 72.0), (127, 71.9, 72.6)];
    dry.extend([(72, 72.0, 72.8), (74, 72.0, 72.1)]);
    assert_eq!(rig.in_steps(), dry);
}

#[test]
fn a_phrase_that_was_asked_for_ahead_is_there_at_the_line_even_in_one_block() {
    let mut rig = Rig::new(Way::Octaves);
    (rig.offline, rig.settings) = (false, model::Settings::to(1));
    rig.note(60, 1.0, 3.0);
    rig.block = 600; // a tenth of a step
    rig.run_to(61.0);
    answered(&rig, 1);
    // The closing and the line in one block: there is no time for the worker between them.
    rig.block = 60_000;
    rig.run_to(70.0);
    assert_eq!((rig.in_steps(), rig.shared.meters.late()), (vec![(72, 65.0, 67.0)], 0));
    assert_eq!(rig.fake.answers.load(Ordering::SeqCst), 1);
}

#[test]
fn settings_that_are_no_numbers_are_answered_all_the_same() {
    for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 5.0, -3.0] {
        let mut rig = Rig::new(Way::Octaves);
        rig.settings = model::Settings::to(1);
        (rig.settings.amount, rig.settings.variation, rig.settings.target[3]) = (wild, wild, wild.min(0.0));
        let feel = &mut rig.options.manner.feel;
        (feel.humanise, feel.velocity) = (wild.min(0.0), Some(wild));
        rig.note(60, 1.0, 3.0);
        rig.run_to(140.0);
        assert_eq!(rig.in_steps(), [(72, 65.0, 67.0)], "{wild}");
        assert_eq!((rig.shared.meters.late(), rig.shared.meters.timeouts()), (0, 0));
    }
}

#[test]
fn a_dead_worker_means_dry_notes_and_none_counted_late() {
    for offline in [false, true] {
        let mut rig = Rig::new(Way::Octaves);
        (rig.offline, rig.settings) = (offline, model::Settings::to(1));
        rig.note(60, 1.0, 3.0);
        rig.note(61, 70.0, 71.0);
        rig.run_to(63.0);
        rig.worker.die();
        while rig.seat.is_alive() {
            std::thread::yield_now();
        }
        rig.run_to(200.0);
        assert_eq!(rig.in_steps().iter().map(|note| note.1).collect::<Vec<_>>(), [65.0, 134.0]);
        assert_eq!(rig.in_steps()[1].0, 61);
        assert_eq!(rig.shared.meters.late(), 0);
    }
}

#[test]
fn a_worker_that_dies_while_instances_wait_leaves_all_of_them_dry_and_is_known_to_be_dead() {
    let (open, gate) = unbounded();
    let mut rigs = vec![Rig::new(Way::Gated(gate))];
    rigs.extend([rigs[0].beside(), rigs[0].beside()]);
    for (index, rig) in rigs.iter_mut().enumerate() {
        (rig.offline, rig.settings) = (false, model::Settings::to(1));
        rig.note(60 + index as u8, 1.0, 3.0);
        rig.note(70 + index as u8, 60.0, 100.0); // held over the line
        rig.run_to(63.8);
    }
    rigs[0].worker.die();
    (0..9).for_each(|_| open.send(()).unwrap_or(()));
    while rigs[0].seat.is_alive() {
        std::thread::yield_now();
    }
    for (index, rig) in rigs.iter_mut().enumerate() {
        rig.run_to(300.0);
        let pitch = 60 + index as u8;
        assert_eq!(rig.in_steps(), [(pitch, 65.0, 67.0), (pitch + 10, 124.0, 164.0)]);
        assert!(!rig.active && !rig.seat.is_alive());
        assert_eq!(rig.shared.meters.late(), 0);
    }
}

#[test]
fn without_a_pack_the_music_passes_unchanged_and_a_bounce_does_not_wait() {
    let mut rig = Rig::new(Way::Missing);
    rig.settings = model::Settings::to(1);
    rig.note(60, 1.0, 3.0);
    rig.note(61, 70.0, 71.0);
    rig.run_to(200.0);
    assert_eq!(rig.in_steps(), [(60, 65.0, 67.0), (61, 134.0, 135.0)]);
    assert!(rig.shared.is_dry());
    assert_eq!((rig.shared.meters.late(), rig.shared.meters.timeouts()), (0, 0));
}

#[test]
fn a_panic_in_the_network_means_dry_notes() {
    let mut rig = Rig::new(Way::Panics);
    rig.note(60, 1.0, 3.0);
    rig.run_to(140.0);
    assert_eq!(rig.in_steps(), [(60, 65.0, 67.0)]);
    assert!(rig.shared.pack().problem.is_some());
}

#[test]
fn answers_of_another_time_or_pack_are_dropped() {
    let (open, gate) = unbounded();
    let mut rig = Rig::new(Way::Gated(gate));
    (rig.offline, rig.settings) = (false, model::Settings::to(1));
    rig.note(60, 1.0, 3.0);
    rig.run_to(64.0 + 2.0);
    rig.jump(0.0);
    (0..9).for_each(|_| open.send(()).unwrap());
    answered(&rig, 1);
    rig.run_to(66.0 + 100.0);
    assert!(rig.in_steps().iter().all(|note| note.0 == 60));
    // Another pack while the answer is wanted: it is asked for again.
    let mut rig = Rig::new(Way::Octaves);
    rig.settings = model::Settings::to(1);
    rig.note(60, 1.0, 3.0);
    rig.run_to(63.9);
    rig.shared.announce(2, PackView::default());
    rig.seat.choose(2, Some(PackSource::Default));
    rig.shared.publish(2);
    rig.run_to(100.0);
    assert_eq!(rig.in_steps(), [(72, 65.0, 67.0)]);
}

#[test]
fn empty_phrases_cost_nothing() {
    let mut rig = Rig::new(Way::Octaves);
    rig.run_to(400.0);
    assert_eq!(rig.fake.answers.load(Ordering::SeqCst), 0);
}

#[test]
fn jobs_are_never_lost() {
    let mut rig = Rig::new(Way::Octaves);
    rig.offline = false;
    for i in 0..40 {
        let at = f64::from(i) * 16.0;
        rig.note(60, at, at + 3.0);
        if i % 7 == 3 {
            rig.run_to(at);
            rig.jump(f64::from(i));
        }
    }
    rig.run_to(700.0);
    rig.playing = false;
    rig.run_to(701.0);
    let all = crate::link::JOBS;
    // The worker may be busy with other tests' jobs: it gets its time, ten seconds at most.
    for _ in 0..10_000 {
        if rig.audio.answers.idle() == all {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        rig.run_to(701.0 + 0.1);
        rig.audio.answers.collect();
    }
    assert_eq!(rig.audio.answers.idle(), all);
}
