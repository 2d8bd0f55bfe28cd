//! What is remembered of phrases, and earlier answers that come back.

use std::sync::Arc;
use std::time::Duration;

use super::rig::Rig;
use crate::link::{Frozen, Played, Take};
use crate::worker::fake::Way;

/// The takes, once the worker has been told of so many.
fn takes(rig: &Rig, count: usize) -> Vec<Arc<Take>> {
    for _ in 0..2000 {
        let takes: Vec<_> = rig.shared.takes(None).unwrap().1.into_iter().map(|(take, _)| take).collect();
        if takes.len() >= count {
            return takes;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the worker was not told of {count} takes");
}

/// Four phrases of one note each, answered an octave higher.
fn rig() -> Rig {
    let mut rig = Rig::new(Way::Octaves);
    rig.settings = model::Settings::to(1);
    for (phrase, pitch) in [60, 62, 64, 65].into_iter().enumerate() {
        rig.note(pitch, 64.0 * phrase as f64 + 1.0, 64.0 * phrase as f64 + 3.0);
    }
    rig
}

/// The first answer is brought as undo brings it, and has come as far as the audio thread.
fn bring_first(rig: &mut Rig) {
    let first = takes(rig, 1)[0].clone();
    let frozen = Frozen::new(&first.phrase(&first.played), first.first, first.length);
    rig.shared.load_frozen(Some(frozen));
    while !rig.audio.answers.has_fetched() {
        rig.run_to(rig.elapsed as f64 / 6000.0 + 0.1);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_entered_is_remembered_as_it_was_played() {
    let mut rig = rig();
    rig.run_to(64.0 * 6.0 + 8.0);
    let (takes, heard) = (takes(&rig, 4), rig.in_steps());
    let played = |(index, take): (usize, &Arc<Take>)| {
        let line = 64.0 * (index as f64 + 1.0);
        let note = take.played[0];
        (note.pitch, line + note.onset, line + note.end())
    };
    assert_eq!(takes.iter().enumerate().map(played).collect::<Vec<_>>(), heard);
    for (index, take) in takes.iter().enumerate() {
        assert_eq!((take.kind, take.input[0].pitch + 12), (Played::Answer, take.played[0].pitch));
        assert_eq!((take.position, take.first, take.length), (64 * index as i64, 0, 64.0));
        assert_eq!(take.settings.target, rig.settings.target);
    }
    assert_eq!(takes.len(), 4, "a phrase without notes is none");
}

#[test]
fn an_earlier_answer_comes_back_at_the_next_entry_and_not_before() {
    let mut rig = rig();
    rig.run_to(129.5);
    rig.options.freeze = false;
    bring_first(&mut rig);
    assert!(rig.shared.is_bringing());
    rig.options.freeze = true;
    rig.run_to(64.0 * 5.0 + 8.0);
    assert!(!rig.shared.is_bringing());
    let second = (74, 129.0, 131.0);
    let first = |phrase: f64| (72, 64.0 * phrase + 1.0, 64.0 * phrase + 3.0);
    assert_eq!(rig.in_steps(), [first(1.0), second, first(3.0), first(4.0), first(5.0)]);
    rig.options.freeze = false;
    rig.run_to(64.0 * 6.0 + 8.0);
    assert_eq!(rig.in_steps().len(), 5, "thawed, and nothing was played since");
}

#[test]
fn who_thinks_better_of_it_before_the_entry_hears_the_answer() {
    let mut rig = rig();
    rig.run_to(129.5);
    bring_first(&mut rig);
    rig.run_to(64.0 * 5.0 + 8.0);
    let pitches: Vec<_> = rig.in_steps().iter().map(|note| note.0).collect();
    assert_eq!(pitches, [72, 74, 76, 77]);
    assert!(!rig.shared.is_bringing());
}

#[test]
fn without_an_answer_the_phrase_itself_is_remembered() {
    let mut rig = Rig::new(Way::Missing);
    rig.note(60, 1.0, 3.0);
    rig.run_to(80.0);
    let take = takes(&rig, 1)[0].clone();
    assert_eq!((take.kind, take.played.len()), (Played::Dry, 1));
    assert_eq!(take.played[0].pitch, 60);
}
