use proptest::prelude::*;

use super::*;
use crate::{DRUM_CHANNEL, LOWEST, PITCHES, Velocities, realise};

/// Notes that no player could not have played: no key twice at once.
fn notes() -> impl Strategy<Value = Vec<Note>> {
    let note = (22u8..100, 0u8..11, 1u8..127, -0.5..63.4f64, 0.05..20.0f64, any::<bool>()).prop_map(
        |(pitch, channel, velocity, onset, length, tied)| {
            let mut note = Note::new(pitch, channel, f32::from(velocity) / 127.0, onset, length);
            if tied && onset < 2.0 {
                (note.onset, note.tied_in) = (0.0, true);
            } else if tied && note.end() > 60.0 {
                (note.length, note.tied_out) = (64.0 - onset, true);
            }
            note
        },
    );
    prop::collection::vec(note, 0..50).prop_map(|notes| {
        let mut free: Vec<Note> = Vec::new();
        for note in notes {
            let apart = |other: &Note| {
                (other.pitch, other.channel) != (note.pitch, note.channel)
                    || other.end() + 1.0 <= note.onset
                    || note.end() + 1.0 <= other.onset
            };
            if free.iter().all(apart) {
                free.push(note);
            }
        }
        free
    })
}

fn phrase(notes: &[Note]) -> Phrase {
    let mut phrase = Phrase::new(64, 120.0);
    notes.iter().for_each(|&note| assert!(phrase.push(note)));
    phrase.sort();
    phrase
}

fn cells(flips: &[(usize, usize)], mut cells: Roll) -> Roll {
    for &(step, row) in flips {
        let on = !cells.get(step, row);
        cells.set(step, row, on);
        if on {
            cells.onset[step] |= 1 << row;
        }
    }
    cells
}

fn offsets() -> Offsets {
    [[[0.1, 0.2]; STEPS_PER_BAR]; 3]
}

proptest! {
    /// Amount at 0: whatever is heard, what was played comes back to the bit.
    #[test]
    fn a_swung_phrase_comes_back_as_it_was_played(
        notes in notes(), ratio in 0.4..0.72f64, new in 0.5..0.7f64,
        first in prop::sample::select(vec![0usize, 32, 48])
    ) {
        let input = phrase(&notes);
        let (mut out, mut plain) = (Phrase::new(0, 1.0), Phrase::new(0, 1.0));
        let offsets = offsets();
        let timing = Timing { heard: ratio, kept: ratio, new, even: 0, offsets, has_offsets: true };
        let said = Answered { cells: &timing.roll(&input), said: Said::default(), timing: &timing };
        Hands { feel: 1.0, ..Hands::default() }.perform(&input, &said, first, &mut out);
        realise(&input, &input.roll(), first, &mut plain);
        if first == 0 {
            // But for what is moved to the line that it was early for.
            let on_time = |phrase: &Phrase| {
                phrase.notes.iter().filter(|note| note.onset != 0.0).copied().collect::<Vec<_>>()
            };
            prop_assert_eq!(out.notes.len(), plain.notes.len());
            prop_assert_eq!(on_time(&out), on_time(&plain));
        } else {
            for note in out.notes.iter().filter(|note| note.onset > first as f64) {
                prop_assert!(input.notes.contains(note), "{:?}", note);
            }
        }
    }

    /// Whatever is asked: in order, inside the window, no key twice at once, and the same again.
    #[test]
    fn times_stay_in_bounds(
        notes in notes(), flips in prop::collection::vec((0..STEPS, 0..PITCHES), 0..60),
        (heard, kept, new, feel) in (0.4..0.72f64, 0.4..0.72f64, 0.4..0.72f64, 0.0..=1.0f32),
        (split, off, dynamics, even) in (any::<bool>(), 0usize..4, 0.0..=1.0f32, any::<u16>()),
        first in prop::sample::select(vec![0usize, 32, 48])
    ) {
        let input = phrase(&notes);
        let timing = Timing { heard, kept, new, even, offsets: offsets(), has_offsets: true };
        let answer = cells(&flips, timing.roll(&input));
        let velocities: Box<Velocities> = Box::new([[77; PITCHES]; STEPS]);
        let told = Said { velocities: Some(&velocities), ..Said::default() };
        let said = Answered { cells: &answer, said: told, timing: &timing };
        let band = Band { plays: std::array::from_fn(|part| part != off), split };
        let hands = Hands { guards: Guards::OFF, dynamics, feel, seed: 3, band };
        let (mut out, mut again) = (Phrase::new(0, 1.0), Phrase::new(0, 1.0));
        hands.perform(&input, &said, first, &mut out);
        hands.perform(&input, &said, first, &mut again);
        prop_assert_eq!(&out, &again);
        for (index, note) in out.notes.iter().enumerate() {
            let placed = note.onset >= first as f64 && note.onset < 64.0 && note.length >= 0.0;
            prop_assert!(placed && note.velocity > 0.0 && note.velocity <= 1.0, "{:?}", note);
            for later in &out.notes[index + 1..] {
                prop_assert!(note.onset <= later.onset);
                let same = (later.pitch, later.channel) == (note.pitch, note.channel);
                prop_assert!(!same || note.end() <= later.onset + 1e-9, "{:?} {:?}", note, later);
            }
        }
    }

    /// A hand that does nothing is what was there before it.
    #[test]
    fn idle_hands_realise(notes in notes(), flips in prop::collection::vec((0..STEPS, 0..PITCHES), 0..60)) {
        let input = phrase(&notes);
        let answer = cells(&flips, input.roll());
        let said = Answered { cells: &answer, said: Said::default(), timing: &Timing::STRAIGHT };
        let (mut out, mut plain) = (Phrase::new(0, 1.0), Phrase::new(0, 1.0));
        prop_assert!(Hands::default().is_idle(&said));
        Hands::default().perform(&input, &said, 0, &mut out);
        realise(&input, &answer, 0, &mut plain);
        prop_assert_eq!(out, plain);
    }
}

/// Eighths of a swung tune, with room for a new bass.
fn swung() -> Phrase {
    let eighth = |i: i32| Swing::at(0.64).swing_played(2.0 * f64::from(i));
    phrase(&(0..32).map(|i| Note::new(72, 0, 0.5, eighth(i), 1.2)).collect::<Vec<_>>())
}

/// Straight times of new notes, and of what was played, in an answer with a bass in eighths.
fn second_eighths(timing: Timing) -> [Vec<f64>; 2] {
    let input = swung();
    let mut answer = timing.roll(&input);
    for step in (0..STEPS).step_by(2) {
        answer.sounding[step] |= 1 << 12;
        answer.onset[step] |= 1 << 12;
    }
    let mut out = Phrase::new(0, 1.0);
    let said = Answered { cells: &answer, said: Said::default(), timing: &timing };
    Hands::default().perform(&input, &said, 0, &mut out);
    assert_eq!(out.notes.len(), 64);
    [LOWEST + 12, 72].map(|pitch| {
        let own = out.notes.iter().filter(|note| note.pitch == pitch);
        own.skip(1).step_by(2).map(|note| (note.onset / 4.0).fract()).collect()
    })
}

#[test]
fn new_notes_swing_as_the_genre_does_and_kept_ones_as_they_did() {
    let heard = Swing::of_phrase(&swung());
    assert!((heard.ratio - 0.64).abs() < 0.01, "{heard:?}");
    let all = |places: &[f64], ratio: f64| places.iter().all(|place| (place - ratio).abs() < 1e-2);
    let jazz = Timing { heard: heard.ratio, kept: heard.ratio, new: 0.6, ..Timing::STRAIGHT };
    let [new, own] = second_eighths(jazz);
    assert!(all(&new, 0.6) && all(&own, 0.64), "{new:?} {own:?}");
    // Into a genre that does not swing, all comes back straight.
    let [new, own] = second_eighths(Timing { kept: 0.5, new: 0.5, ..jazz });
    assert!(all(&new, 0.5) && all(&own, 0.5), "{new:?} {own:?}");
    // Not straightened, the network would have heard dotted eighths.
    let roll = |timing: &Timing| timing.roll(&swung()).onset[3];
    assert_eq!((roll(&jazz), roll(&Timing::STRAIGHT).count_ones()), (0, 1));
}

#[test]
fn a_straight_tune_swings_with_its_band_but_for_beats_of_sixteenths() {
    let mut notes: Vec<Note> = (0..32).map(|i| Note::new(72, 0, 0.5, 2.0 * f64::from(i), 1.0)).collect();
    notes.push(Note::new(72, 0, 0.5, 21.0, 0.5));
    let input = phrase(&notes);
    let mut answer = input.roll();
    for step in (2..STEPS).step_by(4) {
        answer.sounding[step] |= 1 << 20;
        answer.onset[step] |= 1 << 20;
    }
    let timing = Timing { kept: 0.62, new: 0.62, even: 1 << 5, ..Timing::STRAIGHT };
    let said = Answered { cells: &answer, said: Said::default(), timing: &timing };
    let mut out = Phrase::new(0, 1.0);
    Hands::default().perform(&input, &said, 0, &mut out);
    for beat in 0..16 {
        let off = if beat == 5 { 0.5 } else { 0.62 };
        for pitch in [72, LOWEST + 20] {
            let own = out.notes.iter().filter(|note| note.pitch == pitch);
            let mut places = own.map(|note| note.onset / 4.0 - f64::from(beat));
            assert!(places.any(|place| (place - off).abs() < 1e-9), "{beat} {pitch}");
        }
    }
    assert!(out.notes.iter().any(|note| note.onset == 21.0));
}

#[test]
fn what_was_played_keeps_its_part() {
    // A tune alone, under which a bass is written: no note of it is the bass's or the chords'.
    let input =
        phrase(&(0..16).map(|i| Note::new(55 + i % 3, 0, 0.5, 4.0 * f64::from(i), 3.0)).collect::<Vec<_>>());
    let answer = cells(
        &(0..16).flat_map(|i| [(4 * i, 8), (4 * i, 40), (4 * i, 44), (4 * i, 60)]).collect::<Vec<_>>(),
        input.roll(),
    );
    let said = Answered { cells: &answer, said: Said::default(), timing: &Timing::STRAIGHT };
    let mut out = Phrase::new(0, 1.0);
    let band = Band { plays: [false, true, true], split: true };
    Hands { band, ..Hands::default() }.perform(&input, &said, 0, &mut out);
    assert!(out.notes.iter().all(|note| !(55..58).contains(&note.pitch)), "{:?}", out.notes);
    assert!(out.notes.iter().any(|note| note.channel == 2) && out.notes.iter().any(|note| note.channel == 1));
}

#[test]
fn feel_takes_new_notes_off_the_beat_and_leaves_what_was_played() {
    let input = phrase(&[Note::new(72, 0, 0.5, 0.0, 4.0), Note::new(36, DRUM_CHANNEL, 0.5, 8.0, 1.0)]);
    let mut timing = Timing { has_offsets: true, ..Timing::STRAIGHT };
    timing.offsets[BandPart::Bass as usize][8] = [0.25, 0.0];
    let answer = cells(&[(8, 10), (9, 10), (24, 10)], input.roll());
    let said = Answered { cells: &answer, said: Said::default(), timing: &timing };
    let onsets = |feel: f32| {
        let mut out = Phrase::new(0, 1.0);
        Hands { feel, ..Hands::default() }.perform(&input, &said, 0, &mut out);
        out.notes.iter().map(|note| note.onset).collect::<Vec<_>>()
    };
    assert_eq!(onsets(0.0), [0.0, 8.0, 8.0, 9.0, 24.0]);
    assert_eq!(onsets(1.0), [0.0, 8.0, 8.25, 9.0, 24.25]);
    assert_eq!(onsets(0.5), [0.0, 8.0, 8.125, 9.0, 24.125]);
}

#[test]
fn dynamics_strike_what_is_kept_as_far_as_wanted() {
    let input = phrase(&[Note::new(72, 0, 0.5, 0.0, 4.0)]);
    let mut velocities: Box<Velocities> = Box::new([[0; PITCHES]; STEPS]);
    velocities[0][48] = 127;
    velocities[8][20] = 100;
    let answer = cells(&[(8, 20)], input.roll());
    let said = Answered {
        cells: &answer,
        said: Said { velocities: Some(&velocities), ..Said::default() },
        timing: &Timing::STRAIGHT,
    };
    let struck = |dynamics: f32| {
        let mut out = Phrase::new(0, 1.0);
        Hands { dynamics, ..Hands::default() }.perform(&input, &said, 0, &mut out);
        out.notes.iter().map(|note| note.velocity).collect::<Vec<_>>()
    };
    let new = 100.0 / 127.0;
    assert_eq!([struck(0.0), struck(0.5), struck(1.0)], [vec![0.5, new], vec![0.75, new], vec![1.0, new]]);
}
