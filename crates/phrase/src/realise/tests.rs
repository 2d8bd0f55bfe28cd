use proptest::prelude::*;

use super::*;
use crate::{DRUM_CHANNEL, LOWEST, Note, Tie, tie};

fn phrase(notes: &[Note]) -> Phrase {
    let mut phrase = Phrase::new(0, 120.0);
    notes.iter().for_each(|&note| assert!(phrase.push(note)));
    phrase.sort();
    phrase
}

fn note(pitch: u8, onset: f64, length: f64) -> Note {
    Note::new(pitch, 0, 0.5, onset, length)
}

fn answer(input: &Phrase, answer: &[u128; STEPS], first: usize) -> Phrase {
    let mut out = Phrase::new(7, 1.0);
    realise(input, &Roll { sounding: *answer, onset: input.roll().onset }, first, &mut out);
    out
}

/// The cells of one pitch.
fn cells(pitch: u8, steps: Range<usize>) -> [u128; STEPS] {
    std::array::from_fn(|step| u128::from(steps.contains(&step)) << (pitch - 24))
}

/// The notes that come back for one pitch.
fn realised(input: &[Note], pitch: u8, steps: Range<usize>) -> Vec<Note> {
    answer(&phrase(input), &cells(pitch, steps), 0).notes.to_vec()
}

#[test]
fn runs_of_a_column() {
    assert_eq!(Runs::of(0).count(), 0);
    assert_eq!(Runs::of(0b110_0111).collect::<Vec<_>>(), [0..3, 5..7]);
    assert_eq!(Runs::of(u64::MAX).map(|run| (run.start, run.end)).collect::<Vec<_>>(), [(0, 64)]);
    assert_eq!(Runs::of(1 << 63 | 1).collect::<Vec<_>>(), [0..1, 63..64]);
}

#[test]
fn a_kept_note_keeps_its_timing_and_a_dropped_one_goes() {
    let played = Note { velocity: 0.9, ..note(60, 4.2, 3.1) };
    assert_eq!(realised(&[played], 60, 4..7), [played]);
    assert_eq!(realised(&[played], 60, 0..0), []);
}

#[test]
fn repeated_notes_stay_repeated() {
    let four = [0.0, 1.05, 2.0, 2.95].map(|onset| note(60, onset, 0.9));
    assert_eq!(realised(&four, 60, 0..4), four);
}

#[test]
fn two_onsets_in_a_step_and_two_channels_on_a_pitch_both_come_back() {
    let trill = [note(60, 0.0, 0.2), note(60, 0.3, 0.6)];
    assert_eq!(realised(&trill, 60, 0..1), trill);
    let unison = [note(60, 0.0, 8.0), Note { channel: 1, ..note(60, 4.0, 2.0) }];
    assert_eq!(realised(&unison, 60, 0..8), unison);
}

#[test]
fn a_note_stops_where_the_answer_stops() {
    assert_eq!(realised(&[note(60, 4.2, 8.0)], 60, 4..6), [note(60, 4.2, 6.0 - 4.2)]);
}

#[test]
fn a_note_goes_on_where_the_answer_goes_on() {
    assert_eq!(realised(&[note(60, 4.2, 2.0)], 60, 4..10), [note(60, 4.2, 10.0 - 4.2)]);
    assert_eq!(realised(&[note(60, 4.0, 2.0)], 60, 4..64), [note(60, 4.0, 60.0)]);
}

#[test]
fn a_filled_gap_lengthens_up_to_the_next_onset_even_an_early_one() {
    let two = [note(60, 0.0, 2.0), note(60, 5.75, 2.0)];
    assert_eq!(realised(&two, 60, 0..8), [note(60, 0.0, 5.75), two[1]]);
    let other = Note { channel: 3, ..two[1] };
    assert_eq!(realised(&[two[0], other], 60, 0..8), [note(60, 0.0, 6.0), other]);
}

#[test]
fn what_another_note_covers_is_no_gap() {
    let over = [note(60, 0.0, 8.0), Note { channel: 1, ..note(60, 2.0, 2.0) }];
    let out = realised(&over, 60, 0..12);
    assert_eq!(out, [note(60, 0.0, 12.0), over[1]]);
}

#[test]
fn a_new_note_before_an_owned_onset_stops_there() {
    let out = realised(&[note(60, 5.75, 2.0)], 60, 2..8);
    // The onset at 5.75 is also the groove of that place in the beat: a quarter of a step early.
    assert_eq!(out, [Note { length: 4.0, ..note(60, 1.75, 0.0) }, note(60, 5.75, 2.0)]);
}

#[test]
fn a_note_whose_onset_was_dropped_is_struck_anew() {
    assert_eq!(realised(&[note(60, 4.0, 8.0)], 60, 6..12), [note(60, 6.0, 6.0)]);
}

#[test]
fn a_new_note_takes_the_groove_of_its_step_or_beat() {
    let played = [note(40, 2.2, 1.0), note(41, 2.4, 1.0), note(42, 7.0, 1.0), note(43, 10.0, 1.0)];
    let onset = |step: usize| answer(&phrase(&played), &cells(80, step..step + 2), 0).notes[0].onset;
    assert!((onset(2) - 2.3).abs() < 1e-12); // The step's mean.
    assert!((onset(6) - 6.2).abs() < 1e-12); // The mean of 0.2, 0.4 and 0.0 on that place in the beat.
    assert_eq!(onset(4), 4.0); // Nothing to learn from.
}

#[test]
fn a_new_note_lasts_a_step_though_it_comes_late() {
    let played = [note(40, 2.4, 1.0)];
    let new = answer(&phrase(&played), &cells(80, 6..7), 0).notes[0];
    assert!((new.onset - 6.4).abs() < 1e-12 && (new.length - 1.0).abs() < 1e-12);
    let last = answer(&phrase(&[note(40, 63.4, 0.5)]), &cells(80, 63..64), 0).notes[0];
    assert_eq!((last.onset, last.end()), (63.0, 64.0));
}

#[test]
fn a_new_note_is_struck_like_its_neighbours() {
    let loud = Note { velocity: 0.9, channel: 4, ..note(60, 0.0, 4.0) };
    let soft = Note { velocity: 0.2, channel: 5, ..note(60, 40.0, 4.0) };
    let input = phrase(&[loud, soft]);
    let near = |step: usize| answer(&input, &cells(64, step..step + 1), 0).notes[0];
    assert!(near(2).channel == 4 && near(2).velocity > 0.85);
    assert!(near(41).channel == 5 && near(41).velocity < 0.25);
    let nobody = answer(&phrase(&[]), &cells(64, 3..5), 0).notes[0];
    assert_eq!(nobody, Note::new(64, 0, 0.7, 3.0, 2.0));
}

#[test]
fn drums_and_far_pitches_pass() {
    let drum = Note { channel: DRUM_CHANNEL, ..note(36, 3.2, 0.1) };
    let low = note(12, 3.2, 0.1);
    assert_eq!(answer(&phrase(&[drum, low]), &[0; STEPS], 0), phrase(&[drum, low]));
}

#[test]
fn a_held_note_stays_held_where_its_last_cell_stays() {
    let held = Note { tied_out: true, ..note(60, 50.0, 14.0) };
    assert_eq!(realised(&[held], 60, 50..64), [held]);
    assert_eq!(realised(&[held], 60, 50..63), [note(60, 50.0, 13.0)]);
    // Struck anew inside the held note: still held, on its channel.
    let held = Note { channel: 3, ..held };
    let out = realised(&[held], 60, 56..64);
    assert_eq!(out, [Note { onset: 56.0, length: 8.0, ..held }]);
    // Nothing held: a note up to the border ends there.
    assert_eq!(realised(&[note(60, 50.0, 2.0)], 60, 50..64), [note(60, 50.0, 14.0)]);
}

#[test]
fn a_tied_piece_stays_tied_and_a_tail_is_never_lost() {
    let piece = Note { tied_in: true, ..note(60, 0.0, 3.2) };
    assert_eq!(realised(&[piece], 60, 0..3), [piece]);
    assert_eq!(realised(&[piece], 60, 0..9), [Note { length: 9.0, ..piece }]);
    let tail = Note { length: 0.3, ..piece };
    assert_eq!(realised(&[tail], 60, 0..0), [tail]);
    // A new note on the tail's key ends it.
    assert_eq!(
        realised(&[tail], 60, 0..4),
        [Note { length: 0.0, ..tail }, Note { velocity: 0.7, ..note(60, 0.0, 4.0) }]
    );
}

#[test]
fn nothing_sounds_before_the_line() {
    let early = Note { length: 2.4, ..note(60, -0.4, 0.0) };
    assert_eq!(realised(&[early], 60, 0..2), [note(60, 0.0, 2.0)]);
    // One that also ends before the line moves as it is; where its key is struck again by then it goes.
    let grace = note(60, -0.4, 0.2);
    assert_eq!(realised(&[grace], 60, 0..1), [note(60, 0.0, 0.2)]);
    assert_eq!(realised(&[grace, note(60, 0.1, 2.0)], 60, 0..2), [note(60, 0.0, 0.1), note(60, 0.1, 2.0)]);
    assert_eq!(realised(&[grace, note(60, -0.1, 2.1)], 60, 0..2), [note(60, 0.0, 2.0)]);
}

#[test]
fn a_window_plays_from_its_first_step() {
    let gone = note(60, 4.0, 8.0);
    let over = note(62, 30.0, 8.0);
    let tail = note(64, 30.0, 2.3);
    let early = note(65, 31.7, 2.0);
    let drum = Note { channel: DRUM_CHANNEL, ..note(36, 31.0, 2.0) };
    let input = phrase(&[gone, over, tail, early, drum]);
    let out = answer(&input, &input.roll().sounding, 32);
    let tied = |pitch, length| Note { tied_in: true, ..note(pitch, 32.0, length) };
    let expected = [
        Note { channel: DRUM_CHANNEL, ..tied(36, 1.0) },
        tied(62, 6.0),
        Note { length: tail.end() - 32.0, ..tied(64, 0.0) },
        Note { length: early.end() - 32.0, ..note(65, 32.0, 0.0) },
    ];
    assert_eq!(out, phrase(&expected));
}

#[test]
fn what_the_input_did_not_hold_over_the_windows_line_is_struck_there() {
    let input = phrase(&[note(60, 4.0, 8.0)]);
    assert_eq!(answer(&input, &cells(60, 4..40), 32).notes[..], [note(60, 32.0, 8.0)]);
    assert_eq!(answer(&input, &cells(70, 30..40), 32).notes[..], [note(70, 32.0, 8.0)]);
}

#[test]
fn what_finds_no_room_is_new_and_counted() {
    let mut input = Phrase::new(0, 120.0);
    for i in 0..MAX_NOTES {
        let step = (i / 16) as f64;
        assert!(input.push(Note { channel: (i % 16) as u8 % 9, ..note(60 + (i % 16) as u8, step, 1.0) }));
    }
    input.sort();
    let mut full = input.roll().sounding;
    full[0] |= 1;
    let out = answer(&input, &full, 0);
    assert_eq!(out.overflow, 1);
    assert_eq!(out.notes, input.notes);
}

/// A note of a phrase as capture makes them, none of them early on the first step.
fn notes(longest: f64) -> impl Strategy<Value = Note> {
    (20..112u8, 0..3u8, 0.01..=1.0f32, 0.0..63.4f64, 0.01..longest, 0..20u8).prop_map(
        |(pitch, channel, velocity, onset, length, tied)| {
            let channel = if channel == 2 { DRUM_CHANNEL } else { channel };
            let mut note = Note::new(pitch, channel, velocity, onset, length);
            if tied == 0 {
                (note.onset, note.tied_in) = (0.0, true);
            }
            if note.end() >= 63.5 {
                (note.length, note.tied_out) = (64.0 - note.onset, true);
            }
            note
        },
    )
}

/// Phrases from sparse to crowded, on few or many pitches.
fn phrases() -> impl Strategy<Value = Phrase> {
    (prop::collection::vec(notes(12.0), 0..150), 1..90u8).prop_map(|(mut notes, pitches)| {
        notes.iter_mut().for_each(|note| note.pitch = 20 + (note.pitch - 20) % pitches);
        phrase(&notes)
    })
}

/// Answers that look like a network's: the input's cells, some taken and some added, in runs.
fn answers() -> impl Strategy<Value = (Phrase, [u128; STEPS])> {
    let changes = prop::collection::vec((0..PITCHES, 0..STEPS, 1..20usize, any::<bool>()), 0..60);
    (phrases(), changes).prop_map(|(input, changes)| {
        let mut roll = input.roll();
        for (row, start, length, sounds) in changes {
            // Half of the changes where the music is.
            let row = match input.notes.get(row).and_then(Note::row) {
                Some(played) if start % 2 == 0 => played,
                _ => row,
            };
            (start..(start + length).min(STEPS)).for_each(|step| roll.set(step, row, sounds));
        }
        (input, roll.sounding)
    })
}

/// Pairs of notes of one key, the first one starting no later, that overlap.
fn overlaps(notes: &[Note]) -> usize {
    let pairs = |i: usize| notes[i + 1..].iter().map(move |b| (&notes[i], b));
    (0..notes.len())
        .flat_map(pairs)
        .filter(|(a, b)| a.pitch == b.pitch && a.channel == b.channel && a.end() > b.onset + 1e-9)
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_inputs_own_cells_return_the_input(input in phrases()) {
        let mut input = input;
        input.position = 640;
        prop_assert_eq!(answer(&input, &input.roll().sounding, 0), input);
    }

    #[test]
    fn what_was_played_is_what_its_own_cells_give(input in phrases(), first in 0..=STEPS) {
        let (mut played, mut of_cells) = (Phrase::new(3, 4.0), Phrase::new(0, 120.0));
        as_played(&input, first, &mut played);
        realise(&input, &input.roll(), first, &mut of_cells);
        prop_assert_eq!(played, of_cells);
    }

    #[test]
    fn the_notes_cover_exactly_the_answer((input, cells) in answers(), first in 0..STEPS) {
        prop_assert_eq!(answer(&input, &cells, 0).roll().sounding, cells);
        let window = answer(&input, &cells, first).roll();
        prop_assert_eq!(&window.sounding[first..], &cells[first..]);
        prop_assert!(window.sounding[..first].iter().all(|&bits| bits == 0));
    }

    #[test]
    fn notes_are_sorted_in_bounds_and_of_some_length((input, cells) in answers(), first in 0..STEPS) {
        let out = answer(&input, &cells, first);
        prop_assert!(out.notes.is_sorted_by(|a, b| a.order(b).is_le()));
        for note in &out.notes {
            prop_assert!(note.onset >= first as f64 && note.end() <= STEPS as f64 + 1e-9, "{:?}", note);
            let ended_tail = note.tied_in && note.cells().is_none();
            prop_assert!(note.length > 0.0 || ended_tail, "{:?}", note);
            prop_assert!(!note.tied_out || (note.end() - STEPS as f64).abs() < 1e-9);
            prop_assert!(!note.tied_in || note.onset == first as f64);
            prop_assert!((0.0..=1.0).contains(&note.velocity));
        }
    }

    #[test]
    fn no_key_is_struck_while_it_sounds((input, cells) in answers(), first in 0..STEPS,
        strikes in any::<[u64; 2]>()) {
        // Overlaps of the input's own may come back; take the phrases that have none.
        let mut clean = Phrase::new(0, 120.0);
        for note in &input.notes {
            clean.push(*note);
            if overlaps(&clean.notes) > 0 {
                clean.notes.pop();
            }
        }
        let mut out = answer(&clean, &cells, first);
        prop_assert_eq!(overlaps(&out.notes), 0, "{:?} from {:?}", out.notes, clean.notes);
        // Nor where an answer strikes anew, and holds through what the input struck.
        let mut roll = Roll { sounding: cells, ..Roll::EMPTY };
        for (step, onset) in roll.onset.iter_mut().enumerate() {
            let bits = strikes.map(|bits| bits.rotate_left(7 * step as u32));
            *onset = (u128::from(bits[0]) << 64 | u128::from(bits[1])) & cells[step];
        }
        realise(&clean, &roll, first, &mut out);
        prop_assert_eq!(overlaps(&out.notes), 0, "{:?} from {:?}", out.notes, clean.notes);
        prop_assert_eq!(&out.roll().sounding[first..], &cells[first..]);
    }

    #[test]
    fn notes_without_a_cell_always_come_back((input, cells) in answers()) {
        let out = answer(&input, &cells, 0);
        for note in input.notes.iter().filter(|note| !note.in_roll()) {
            prop_assert!(out.notes.contains(note));
        }
    }

    #[test]
    fn a_kept_note_is_untouched_wherever_else_the_answer_differs((input, cells) in answers()) {
        let out = answer(&input, &cells, 0);
        for note in &input.notes {
            let (Some(steps), Some(row)) = (note.cells(), note.row()) else { continue };
            let column = Roll::column(&cells, row);
            let sounds = |step: usize| step < STEPS && column >> step & 1 == 1;
            if steps.clone().all(sounds) && !sounds(steps.end) {
                prop_assert!(out.notes.contains(note), "{:?}", note);
            }
        }
    }

    #[test]
    fn what_is_held_finds_its_piece_again(input in phrases()) {
        let mut next = Phrase::new(64, 120.0);
        for held in input.notes.iter().filter(|note| note.tied_out) {
            next.push(Note { onset: 0.0, length: 5.0, tied_in: true, tied_out: false, ..*held });
        }
        next.sort();
        let (now, next) = (answer(&input, &input.roll().sounding, 0), answer(&next, &next.roll().sounding,
            0));
        for held in now.notes.iter().filter(|note| note.tied_out) {
            prop_assert!(tie(held, &next, 0).is_some());
        }
    }

    #[test]
    fn absurd_notes_do_not_panic(
        times in prop::collection::vec((any::<f64>(), any::<f64>(), any::<u8>(), any::<bool>(),
            any::<bool>()), 0..30),
        cells in prop::collection::vec(any::<u128>(), STEPS),
        first in any::<usize>(),
    ) {
        let mut input = Phrase::new(i64::MIN, f64::NAN);
        for (onset, length, key, tied_in, tied_out) in times {
            input.push(Note { tied_in, tied_out, ..Note::new(key, key, f32::NAN, onset, length) });
        }
        input.sort();
        let out = answer(&input, &cells.try_into().unwrap(), first);
        prop_assert!(out.notes.len() + out.overflow as usize > 0 || first > 0);
    }
}

#[test]
fn an_answer_strikes_anew_where_it_says_so_and_where_the_input_does() {
    // Held for 8 steps, struck again at 8; the answer goes on to 16 and strikes at 4, 8 and 12.
    let input = phrase(&[note(60, 0.0, 7.5), note(60, 8.0, 4.0)]);
    let mut roll = Roll { sounding: cells(60, 0..16), ..Roll::EMPTY };
    for step in [4, 8, 12] {
        roll.onset[step] |= 1 << 36;
    }
    // Where nothing sounds, an onset says nothing.
    roll.onset[30] |= 1 << 36;
    let mut out = Phrase::new(0, 120.0);
    realise(&input, &roll, 0, &mut out);
    let notes: Vec<_> = out.notes.iter().map(|note| (note.onset, note.end())).collect();
    assert_eq!(notes, [(0.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0)]);
    // With the input's onsets the same cells are its two notes, the second one lengthened; without any, one.
    for (onset, expected) in
        [(input.roll().onset, &[(0.0, 7.5), (8.0, 16.0)][..]), ([0; STEPS], &[(0.0, 16.0)])]
    {
        roll.onset = onset;
        realise(&input, &roll, 0, &mut out);
        let notes: Vec<_> = out.notes.iter().map(|note| (note.onset, note.end())).collect();
        assert_eq!(notes, expected);
    }
}

#[test]
fn a_new_note_is_struck_as_it_is_told_and_a_kept_one_as_it_was() {
    // Kept at 60; new at 64 from step 4, and at 67 from step 8 on, whose velocity is not told.
    let input = phrase(&[note(60, 0.0, 4.0)]);
    let mut roll = Roll { sounding: cells(60, 0..4), ..Roll::EMPTY };
    for (pitch, steps) in [(64, 4..8), (67, 8..12)] {
        let new = cells(pitch, steps);
        roll.sounding.iter_mut().zip(new).for_each(|(all, new)| *all |= new);
    }
    let mut told = [[0; PITCHES]; STEPS];
    (told[0][36], told[4][40], told[5][40]) = (9, 127, 3);
    let (mut struck, mut plain) = (Phrase::new(0, 120.0), Phrase::new(0, 120.0));
    realise_said(&input, &roll, &Said { velocities: Some(&told), ties: false }, 0, &mut struck);
    realise(&input, &roll, 0, &mut plain);
    let velocities = |phrase: &Phrase| phrase.notes.iter().map(|note| note.velocity).collect::<Vec<_>>();
    let own = input.notes[0].velocity;
    assert_eq!(velocities(&struck), [own, 1.0, own]);
    assert_eq!(velocities(&plain), [own, own, own]);
}

/// Of an answer that knows the one before, what sounds on the first step without a start there is held over
/// the line, and what is new and sounds to the last step may be held over the next.
#[test]
fn new_notes_are_held_over_the_lines_where_the_answer_says_so() {
    let mut input = Phrase::new(0, 120.0);
    input.push(Note::new(60, 3, 0.5, 0.25, 2.0));
    let row = |pitch: u8| usize::from(pitch - LOWEST);
    let mut answer = Roll::from_cells(|step, at| {
        at == row(60) && step < 2 || at == row(48) && step < 8 || at == row(52) && (40..64).contains(&step)
    });
    answer.onset[0] &= !(1 << row(48));
    let notes = |answer: &Roll, ties: bool, first: usize| {
        let mut out = Phrase::new(0, 120.0);
        realise_said(&input, answer, &Said { velocities: None, ties }, first, &mut out);
        let of = |pitch: u8| out.notes.iter().find(|note| note.pitch == pitch).copied();
        (of(48), of(52).unwrap(), out.notes.len())
    };
    let (bass, chord, count) = notes(&answer, true, 0);
    assert_eq!(bass.map(|note| (note.tied_in, note.onset, note.end())), Some((true, 0.0, 8.0)));
    assert_eq!((chord.tied_in, chord.tied_out, chord.end(), count), (false, true, 64.0, 3));
    // The answer before ends in the same way: the bass goes on.
    let before = Note { tied_out: true, ..Note::new(48, 3, 0.9, 40.0, 24.0) };
    let mut out = Phrase::new(64, 120.0);
    realise_said(&input, &answer, &Said { velocities: None, ties: true }, 0, &mut out);
    assert!(matches!(Tie::of(&before, &out, 0), Tie::Hold(_)));
    // A start on the first step is struck; and who knows nothing of the answer before ties nothing.
    answer.onset[0] |= 1 << row(48);
    assert!(notes(&answer, true, 0).0.is_some_and(|note| !note.tied_in));
    let (bass, chord, _) = notes(&answer, false, 0);
    assert!(bass.is_some_and(|note| !note.tied_in) && !chord.tied_out);
    // Of a window that slides the part that is played begins with what sounds on.
    answer.onset[0] &= !(1 << row(48));
    let (bass, ..) = notes(&answer, true, 4);
    assert_eq!(bass.map(|note| (note.tied_in, note.onset, note.end())), Some((true, 4.0, 8.0)));
    assert!(notes(&answer, false, 4).0.is_some_and(|note| !note.tied_in));
}
