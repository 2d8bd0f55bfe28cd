use phrase::Note;

use super::*;
use crate::roles::{Space, Writer};
use crate::{SLOTS, Transfer};

/// Answers with what it is asked.
#[derive(Debug)]
struct Same;

impl Transfer for Same {
    fn recast(&mut self, _: &crate::Question, _: &mut Answer) -> Result<(), ModelError> {
        Ok(())
    }
}

/// Strikes the highest row of what was before on every beat, and remembers what it was asked.
#[derive(Debug, Default)]
struct Pulse(std::sync::Arc<std::sync::Mutex<Vec<(usize, i64, f32)>>>);

impl Writer for Pulse {
    fn write(&mut self, before: &Roll, steps: usize, ask: &Ask, out: &mut Roll) -> Result<(), ModelError> {
        self.0.lock().unwrap().push((steps, ask.position, ask.density));
        let all = before.sounding.iter().fold(0, |all, bits| all | bits);
        let row = 127 - all.leading_zeros() as usize;
        for step in (0..steps).step_by(4) {
            out.sounding[step] |= 1 << row;
            out.onset[step] |= 1 << row;
        }
        Ok(())
    }
}

/// A point is how often each row sounds; its phrase holds the rows that sound more often than not.
#[derive(Debug)]
struct Rows;

impl Space for Rows {
    fn dims(&self) -> usize {
        PITCHES
    }

    fn encode(&mut self, input: &Roll, point: &mut [f32]) -> Result<(), ModelError> {
        for (row, number) in point.iter_mut().enumerate() {
            *number = Roll::column(&input.sounding, row).count_ones() as f32 / STEPS as f32;
        }
        Ok(())
    }

    fn decode(&mut self, point: &[f32], _: &Ask, out: &mut Answer) -> Result<(), ModelError> {
        out.cells = Roll::from_cells(|_, row| point[row] > 0.5);
        Ok(())
    }
}

type Asked = std::sync::Arc<std::sync::Mutex<Vec<(usize, i64, f32)>>>;

fn loaded() -> (LoadedPack, Asked) {
    let pulse = Pulse::default();
    let asked = pulse.0.clone();
    let pack = LoadedPack {
        transfer: Some(Box::new(Same)),
        dynamics: None,
        feel: None,
        writer: Some(Box::new(pulse)),
        space: Some(Box::new(Rows)),
        classifier: None,
        genres: 2,
        threshold: 0.0,
    };
    (pack, asked)
}

/// Notes of a pitch on these beats.
fn phrase(position: i64, pitch: u8, beats: &[usize]) -> Phrase {
    let mut phrase = Phrase::new(position, 120.0);
    for beat in beats {
        phrase.push(Note::new(pitch, 0, 0.5, 4.0 * *beat as f64, 2.0));
    }
    phrase
}

fn settings(silent: WhenSilent) -> Settings {
    Settings { source: Some(0), silent, ..Settings::to(1) }
}

fn bars(roll: &Roll) -> [bool; BARS] {
    std::array::from_fn(|bar| {
        roll.onset[bar * STEPS_PER_BAR..][..STEPS_PER_BAR].iter().any(|bits| *bits != 0)
    })
}

fn heard(rested: u32) -> Heard {
    let answer = phrase(0, 60, &[0, 1, 2, 3, 8, 9]).roll();
    Heard { answer, since: 0, rested }
}

#[test]
fn music_goes_on_after_the_last_note_and_for_so_many_bars() {
    let (mut pack, asked) = loaded();
    let mut answer = Answer::default();
    let mut play = |input: &Phrase, heard: Option<&Heard>, settings: &Settings| {
        let before = heard.map(|heard| heard.answer);
        let context = Context { before: before.as_ref(), heard, ..Context::default() };
        let report = pack.recast(input, &context, settings, &mut answer).unwrap();
        (bars(&answer.cells), report.own, answer.velocities.is_some())
    };
    let on = settings(WhenSilent::Continue);
    let (two, none) = (phrase(64, 64, &[0, 4]), phrase(128, 60, &[]));
    assert_eq!(play(&two, None, &on), ([true; 4], Own::Written, true), "after what it holds itself");
    assert_eq!(asked.lock().unwrap().pop(), Some((32, 64 + 32, 2.0 / 8.0)));
    assert_eq!(play(&none, None, &on).1, Own::None, "nobody has played yet");
    assert_eq!(play(&none, Some(&heard(20)), &on), ([true; 4], Own::Written, true));
    assert_eq!(asked.lock().unwrap().pop(), Some((64, 128, 6.0 / 8.0)));
    let two_bars = Settings { silent_bars: 2, ..on };
    assert_eq!(play(&none, Some(&heard(8)), &two_bars).0, [true, true, false, false]);
    assert_eq!(play(&none, Some(&heard(40)), &two_bars).1, Own::None);
    assert_eq!(play(&none, Some(&heard(0)), &settings(WhenSilent::Rest)).1, Own::None);
    assert_eq!(play(&none, Some(&heard(0)), &settings(WhenSilent::Fill)).1, Own::None);
    let gaps = phrase(64, 64, &[4, 12]);
    assert_eq!(play(&gaps, Some(&heard(0)), &settings(WhenSilent::Fill)).0, [true; 4]);
    assert_eq!(play(&gaps, Some(&heard(0)), &on).0, [false, true, false, true], "only what comes after");
}

#[test]
fn where_nobody_plays_the_answer_rests() {
    // Bars 1 and 4 are played; a note of the first is held into the second.
    let mut played = phrase(0, 60, &[0, 2, 12]);
    played.push(Note::new(48, 0, 0.5, 12.0, 7.0));
    let mut answer = phrase(0, 72, &(0..16).collect::<Vec<_>>());
    answer.push(Note::new(40, 0, 0.5, 14.0, 10.0));
    let written = answer.roll();
    let mut rested = written;
    rest(&played.roll(), 0, &mut rested);
    assert_eq!(bars(&rested), [true, false, false, true]);
    assert_eq!(rested.sounding[16..], {
        let mut own = written.sounding;
        own[16..48].iter_mut().for_each(|bits| *bits &= 1 << 16);
        own[16..].to_vec()
    });
    for played in [phrase(0, 60, &[]), phrase(0, 60, &[0, 4, 8, 12])] {
        let mut same = written;
        rest(&played.roll(), 0, &mut same);
        assert_eq!(same, written);
    }
    // What was played before the first step stands, and so does a note that is held over it.
    let mut late = written;
    rest(&played.roll(), 24, &mut late);
    assert_eq!(bars(&late), [true, true, false, true]);
    // A network that knows no starts.
    let mut silent = written;
    silent.onset = [0; STEPS];
    rest(&played.roll(), 0, &mut silent);
    assert!(silent.sounding[24..48].iter().all(|bits| *bits == 0) && silent.sounding[48] != 0);
    // A note that the player takes over in the middle is his.
    let mut tied = phrase(0, 60, &[0]);
    tied.push(Note::new(60, 0, 0.5, 44.0, 8.0));
    let mut tied = tied.roll();
    rest(&played.roll(), 0, &mut tied);
    assert_eq!([tied.get(46, 36), tied.get(48, 36)], [false, true]);
    assert_eq!(tied.onset[48], 1 << 36);
}

#[test]
fn music_that_has_become_thin_reads_what_was_heard_again() {
    let (mut pack, _) = loaded();
    let heard = heard(0);
    let mut next = |before: &Roll| {
        let context = Context { before: Some(before), heard: Some(&heard), ..Context::default() };
        let mut answer = Answer::default();
        pack.recast(&phrase(64, 60, &[]), &context, &settings(WhenSilent::Continue), &mut answer).unwrap();
        127 - answer.cells.sounding[0].leading_zeros()
    };
    let dense: Vec<usize> = (0..16).collect();
    assert_eq!(next(&phrase(0, 50, &dense).roll()), 50 - 24, "it goes on from itself");
    assert_eq!(next(&phrase(0, 50, &[0, 4, 8, 12]).roll()), 60 - 24, "and from what was heard");
}

#[test]
fn what_is_held_and_what_is_played_stays_where_bars_are_filled() {
    let (mut pack, _) = loaded();
    let mut input = phrase(0, 64, &[0]);
    input.push(Note::new(48, 0, 0.5, 12.0, 6.0));
    let mut answer = Answer::default();
    let on = settings(WhenSilent::Continue);
    pack.recast(&input, &Context::default(), &on, &mut answer).unwrap();
    let own = input.roll();
    for step in 0..STEPS {
        assert_eq!(own.sounding[step] & !answer.cells.sounding[step], 0, "step {step}");
    }
    assert!(answer.cells.onset[16] != 0);
    // A note that is held through a bar is music: nothing is written over it.
    let held = {
        let mut held = Phrase::new(0, 120.0);
        held.push(Note::new(60, 0, 0.5, 0.0, 64.0));
        held
    };
    let report = pack.recast(&held, &Context::default(), &on, &mut answer).unwrap();
    assert_eq!((report.own, answer.cells), (Own::None, held.roll()));
}

#[test]
fn a_variation_at_no_distance_is_the_phrase_and_goes_on_in_its_place() {
    let (mut pack, _) = loaded();
    let heard = Heard { since: 16, ..heard(0) };
    let context = Context { heard: Some(&heard), ..Context::default() };
    let vary = Settings { distance: 0.0, first: 48, ..settings(WhenSilent::Vary) };
    let mut answer = Answer::default();
    let report = pack.recast(&phrase(0, 60, &[]), &context, &vary, &mut answer).unwrap();
    assert_eq!(report.own, Own::Varied);
    assert_eq!(answer.cells.sounding[48..], heard.answer.sounding[16..32], "its second bar is due");
    let far = Settings { distance: 1.0, ..vary };
    pack.recast(&phrase(0, 60, &[]), &context, &far, &mut answer).unwrap();
    let drawn = answer.clone();
    pack.recast(&phrase(0, 60, &[]), &context, &far, &mut answer).unwrap();
    assert_eq!(answer, drawn, "the same draw at the same place");
    pack.recast(&phrase(64, 60, &[]), &context, &far, &mut answer).unwrap();
    assert_ne!(answer, drawn, "another one elsewhere");
}

#[test]
fn a_morph_plays_its_corners_and_what_lies_between() {
    let (mut pack, _) = loaded();
    let mut corners = [Roll::EMPTY; CORNERS];
    corners[0] = Roll::from_cells(|_, row| row == 3);
    corners[1] = Roll::from_cells(|_, row| row == 7);
    let context = Context { corners: Some(&corners), ..Context::default() };
    let play = |pack: &mut LoadedPack, morph, context: &Context| {
        let mut answer = Answer::default();
        let settings = Settings { morph: Some(morph), ..settings(WhenSilent::Rest) };
        let input = phrase(0, 60, &[0]);
        let own = pack.recast(&input, context, &settings, &mut answer).unwrap().own;
        (own, answer.cells)
    };
    assert_eq!(play(&mut pack, [1.0, 0.0, 0.0, 0.0], &context), (Own::Morphed, corners[0]));
    assert_eq!(play(&mut pack, [0.3, 0.7, 0.0, 0.0], &context), (Own::Morphed, corners[1]));
    assert_eq!(play(&mut pack, [0.0, 0.0, 1.0, 0.0], &context).0, Own::Morphed, "an empty corner");
    assert_eq!(play(&mut pack, [1.0; 4], &Context::default()).0, Own::None);
    // Without a space the nearest corner plays.
    pack.space = None;
    assert_eq!(play(&mut pack, [0.4, 0.6, 0.0, 0.0], &context), (Own::Morphed, corners[1]));
    let nothing = Settings { target: [0.0; SLOTS], ..settings(WhenSilent::Continue) };
    let mut answer = Answer::default();
    assert_eq!(pack.recast(&phrase(0, 60, &[0]), &context, &nothing, &mut answer).unwrap().own, Own::None);
}

#[test]
fn a_morph_asks_no_transfer_and_has_the_targets_feel() {
    let (mut pack, _) = loaded();
    (pack.transfer, pack.feel) = (None, Some(crate::feel::tests::feel()));
    let corners = [Roll::from_cells(|_, row| row == 3); CORNERS];
    let context = Context { corners: Some(&corners), ..Context::default() };
    // There is neither a classifier nor a source that is told.
    let settings = Settings { morph: Some([1.0; CORNERS]), ..Settings::to(1) };
    let mut answer = Answer::default();
    let input = phrase(0, 60, &[0]);
    assert_eq!(pack.recast(&input, &context, &settings, &mut answer).unwrap().own, Own::Morphed);
    assert!(answer.timing.new > 0.6 && answer.timing.has_offsets, "{:?}", answer.timing);
}
