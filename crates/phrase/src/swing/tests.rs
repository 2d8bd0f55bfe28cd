use proptest::prelude::*;

use super::*;
use crate::{Song, SongNote, Track, nearest};

/// A number from -1 to 1 of a hash.
fn noise(seed: u64) -> f64 {
    (crate::mix(seed) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Four bars of eighths as a player swings them at a tempo, each onset late or early by up to `most` seconds.
/// Some beats lack their first or second eighth.
fn eighths(ratio: f64, bpm: f64, most: f64, seed: u64) -> Vec<f64> {
    let swing = Swing { ratio, confidence: 1.0 };
    let beats = (0..32).filter(|eighth| !crate::mix(seed ^ eighth).is_multiple_of(5));
    let onset = |eighth: u64| {
        let late = most * noise(seed ^ (eighth << 20)) * bpm / 60.0 * STEPS_PER_BEAT as f64;
        swing.swing(2.0 * eighth as f64) + late
    };
    let mut onsets: Vec<f64> = beats.map(onset).collect();
    onsets.sort_by(f64::total_cmp);
    onsets
}

#[test]
fn known_ratios_are_heard_at_all_tempos_through_jitter() {
    let (mut off, mut count, mut unheard) = (Vec::new(), 0, 0);
    for seed in 0..2000u64 {
        let share = |salt: u64| (noise(seed * 7 + salt) + 1.0) / 2.0;
        let (ratio, bpm) = (0.57 + 0.13 * share(1), 80.0 + 180.0 * share(2));
        let heard = Swing::of(eighths(ratio, bpm, 0.015, seed));
        count += 1;
        if heard.is_swung() {
            off.push((heard.ratio - ratio).abs());
        } else {
            unheard += 1;
        }
    }
    off.sort_by(f64::total_cmp);
    let within = off.iter().filter(|off| **off <= 0.03).count() as f64 / off.len() as f64;
    assert!(within > 0.99, "{within} within .03, worst {:?}", off.last());
    assert!(unheard * 10 < count, "{unheard} of {count} unheard");
}

#[test]
fn straight_time_is_never_swung() {
    let swung = |onsets: &[f64]| Swing::of(onsets.iter().copied()).is_swung();
    for seed in 0..2000 {
        let bpm = 80.0 + (seed % 180) as f64;
        assert!(!swung(&eighths(0.5, bpm, 0.015, seed)), "eighths {seed}");
    }
    // 16ths, dotted eighths with a 16th, triplets, a march of quarters; a player who is late throughout; too
    // little.
    let times = |step: f64, count: usize| (0..count).map(|i| step * i as f64).collect::<Vec<_>>();
    let dotted: Vec<f64> =
        (0..16).flat_map(|beat| [4.0 * f64::from(beat), 4.0 * f64::from(beat) + 3.0]).collect();
    let late: Vec<f64> = times(2.0, 32).iter().map(|step| step + 0.33).collect();
    for onsets in [
        times(1.0, 64),
        dotted,
        times(4.0 / 3.0, 48),
        times(4.0, 16),
        late,
        eighths(0.62, 120.0, 0.0, 1)[..12].to_vec(),
    ] {
        assert!(!swung(&onsets), "{onsets:?}");
    }
    assert_eq!(Swing::of([]), Swing::STRAIGHT);
    assert!(Swing::of(times(1.0, 64)).confidence > 0.6);
    assert!(!swung(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300]));
}

#[test]
fn chords_and_some_16ths_do_not_hide_it() {
    let mut onsets = eighths(0.64, 140.0, 0.005, 3);
    let chords: Vec<f64> = onsets.iter().map(|onset| onset + 0.05).collect();
    onsets.extend(chords);
    onsets.extend([11.3, 41.3, 53.0]);
    onsets.sort_by(f64::total_cmp);
    let heard = Swing::of(onsets);
    assert!((heard.ratio - 0.64).abs() < 0.02 && heard.confidence > 0.5, "{heard:?}");
}

#[test]
fn what_was_heard_adds_up() {
    let mut all = OffBeats::default();
    for seed in 0..4 {
        let mut some = OffBeats::default();
        some.hear(eighths(0.61, 200.0, 0.01, seed).into_iter().take(8));
        assert!(some.swing().confidence < 0.7);
        all.add(&some);
    }
    assert!((all.swing().ratio - 0.61).abs() < 0.03, "{:?}", all.swing());
}

#[test]
fn a_second_eighth_lands_on_its_16th() {
    let swing = Swing { ratio: 0.64, confidence: 1.0 };
    assert!((swing.straighten(4.0 + 4.0 * 0.64) - 6.0).abs() < 1e-9);
    assert_eq!(swing.straighten(8.0), 8.0);
    // The 16ths of a swung beat, and of the beat before the phrase.
    assert_eq!([0.0, 0.32, 0.64, 0.82].map(|place| nearest(swing.straighten(4.0 * place))), [0, 1, 2, 3]);
    assert_eq!(nearest(swing.straighten(-0.4)), -1);
    assert_eq!(Swing::STRAIGHT.straighten(1.7), 1.7);
}

fn song(tracks: &[&[f64]]) -> Song {
    let mut song = Song::new(120.0);
    for onsets in tracks {
        let note =
            |onset: &f64| SongNote { pitch: 60, channel: 0, velocity: 0.5, onset: *onset, length: 1.0 };
        song.tracks.push(Track { notes: onsets.iter().map(note).collect(), ..Track::default() });
    }
    song
}

#[test]
fn songs_are_straightened_phrase_by_phrase_and_straight_ones_left_alone() {
    let straight: Vec<f64> = (0..64).map(|i| 2.0 * f64::from(i)).collect();
    let untouched = song(&[&straight]);
    let after = straightened(&untouched);
    assert_eq!((after.song, after.phrases, after.swung, after.ternary), (untouched, 2, 0, 0));

    // Two swung phrases, and one that is too short to tell.
    let swing = Swing { ratio: 0.63, confidence: 1.0 };
    let swung: Vec<f64> = straight.iter().chain(&[130.0, 134.0]).map(|step| swing.swing(*step)).collect();
    let after = straightened(&song(&[&swung]));
    assert_eq!((after.phrases, after.swung), (3, 3));
    for (note, step) in after.song.tracks[0].notes.iter().zip(straight.iter().chain(&[130.0, 134.0])) {
        assert!((note.onset - step).abs() < 0.05, "{} for {step}", note.onset);
    }
}

#[test]
fn triplets_that_mean_swing_are_read_so_and_others_are_not() {
    let third = 4.0 / 3.0;
    // Straight accompaniment, and a tune that writes swing as the last of three, with one whole triplet.
    let accompaniment: Vec<f64> = (0..16).map(|i| 2.0 * f64::from(i)).collect();
    let swung = [0.0, 2.0 * third, 4.0, 4.0 + 2.0 * third, 8.0, 8.0 + 2.0 * third, 12.0, 12.0 + 2.0 * third];
    let tune: Vec<f64> =
        swung.iter().copied().chain([16.0, 16.0 + third, 16.0 + 2.0 * third, 20.0, 22.0]).collect();
    let after = straightened(&song(&[&accompaniment, &tune]));
    assert_eq!(after.ternary, 5);
    let steps: Vec<i64> = after.song.tracks[1].notes.iter().map(|note| nearest(note.onset)).collect();
    assert_eq!(steps, [0, 2, 4, 6, 8, 10, 12, 14, 16, 17, 18, 20, 22]);
    assert!(after.song.tracks[0].notes.iter().zip(&accompaniment).all(|(note, step)| note.onset == *step));

    let triplets: Vec<f64> = (0..24).map(|i| third * f64::from(i)).collect();
    let after = straightened(&song(&[&triplets]));
    assert_eq!((after.song, after.ternary), (song(&[&triplets]), 0));
}

proptest! {
    #[test]
    fn the_maps_are_monotone_and_inverse(
        ratio in 0.5..0.75f64, a in -64.0..256.0f64, b in -64.0..256.0f64, seed in any::<u64>()
    ) {
        let swing = Swing { ratio, confidence: 1.0 };
        for (there, back) in [
            (Swing::straighten as fn(&Swing, f64) -> f64, Swing::swing as fn(&Swing, f64) -> f64),
            (Swing::swing, Swing::straighten),
        ] {
            prop_assert!((back(&swing, there(&swing, a)) - a).abs() < 1e-9);
            prop_assert_eq!(a <= b, there(&swing, a) <= there(&swing, b));
        }
        // Any onsets give a ratio that can be used.
        let heard = Swing::of((0..50).map(|i| noise(seed ^ i) * 70.0));
        prop_assert!((0.5..0.75).contains(&heard.ratio) && (0.0..=1.0).contains(&heard.confidence));
    }
}

#[test]
fn a_phrase_of_few_off_beats_goes_on_swinging_and_a_straight_one_ends_it() {
    let phrase = |onsets: &[f64]| {
        let mut phrase = Phrase::new(0, 120.0);
        onsets.iter().for_each(|&onset| {
            phrase.push(crate::Note::new(60, 0, 0.5, onset, 1.0));
        });
        phrase
    };
    let after = |onsets: &[f64], before: f64| Swing::of_phrase_after(&phrase(onsets), before).ratio;
    // Three late off-beats show nothing by themselves.
    let late = [0.0, 2.6, 4.0, 6.6, 8.0, 10.6, 12.0];
    assert_eq!((after(&late, 0.5), after(&late, 0.63)), (0.5, 0.63));
    assert_eq!(after(&late, 0.57), 0.5, "they lie elsewhere");
    assert_eq!(after(&[0.0, 2.0, 4.0, 6.0, 8.0], 0.63), 0.5, "even ones");
    assert_eq!(after(&[], 0.63), 0.63, "nobody plays");
    assert_eq!(after(&[0.0, 4.0, 8.0], 0.63), 0.63, "only on the beat");
    assert_eq!(after(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.63), 0.5, "16ths");
    // Enough of them say more than what was before.
    let swung: Vec<f64> = (0..32).map(|i| Swing::at(0.6).swing(2.0 * f64::from(i))).collect();
    assert!((after(&swung, 0.66) - 0.6).abs() < 0.01);
}
