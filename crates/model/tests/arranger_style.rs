//! How the arranger of the pack that ships writes: every number of its style does what it says. Random
//! weights have no figures, so these are the real ones.

mod common;

use common::{NoChance, phrase, plainly, shipped};
use model::SLOTS;
use model::arranger::{Asked, Busy, Drawn, Style};
use phrase::{PITCHES, Roll, STEPS};

/// The upper notes of a random phrase: what it plays itself neither holds a figure nor leaps.
fn tune(seed: u64) -> Roll {
    let all = phrase(seed).roll();
    Roll::from_cells(|step, row| row > 36 && all.sounding[step] >> row & 1 == 1)
}

/// What holds a figure repeats rhythms of the bar before; what leads the bass on takes octave leaps out.
#[test]
fn figures_hold_and_basses_go_by_step() {
    let (sizes, decoder) = shipped();
    let base = sizes.style;
    let target = [0.0, 1.0, 0.0];
    let write = |input: &Roll, figure: f32, approach: f32| {
        // Random notes have no harmony to keep to.
        let mut style = base;
        (style.foreign, style.texture, style.bass_texture) = ([0.0; SLOTS], [0.0; SLOTS], None);
        (style.figure[1], style.approach[1]) = (figure, approach);
        decoder.write(input, &plainly(&target), &style.at(1.0, true), &NoChance)
    };
    let (mut alike, mut leaps) = ([0; 2], [0; 2]);
    for seed in 0..24 {
        for (place, logits) in [0.0, 4.0].into_iter().enumerate() {
            alike[place] += phrase::alike(&phrase::inner_rhythm(&write(&tune(seed), logits, 0.0))).0;
            let bass = phrase::low_bass(&write(&phrase(seed).roll(), 0.0, logits));
            leaps[place] += phrase::Motion::of(&bass).leaps;
        }
    }
    assert!(alike[1] > alike[0] + 4, "{alike:?}");
    assert!(leaps[1] < leaps[0], "{leaps:?}");
}

/// An accompaniment strikes where its texture does, no thicker for it, and a phrase's first bass note leaps
/// less.
#[test]
fn figures_are_the_textures_and_basses_go_over_borders() {
    let (sizes, decoder) = shipped();
    let (target, base) = ([0.0, 1.0, 0.0], sizes.style);
    // Where no classical accompaniment strikes unasked, over a bass on one and three.
    let is_stroke = |step: usize| step % 8 == 3;
    let manner = Roll::from_cells(|step, row| match row {
        55 => true,
        36 | 40 => is_stroke(step),
        12 => step % 8 < 4,
        _ => false,
    });
    let low = Roll::from_cells(|step, row| row == 34 && step >= 60 || row == 50);
    let write = |seed: u64, texture: f32, border: f32| {
        let mut style = base;
        (style.foreign, style.bass_texture, style.deep) = ([0.0; SLOTS], None, [0.0; SLOTS]);
        (style.texture[1], style.figure[1], style.border) = (texture, 0.0, border);
        let asked = Asked { manner: Some(&manner), before: Some(&low), ..plainly(&target) };
        decoder.write(&tune(seed), &asked, &style.at(1.0, true), &NoChance)
    };
    let (mut on, mut strokes, mut notes, mut leaps) = ([0; 2], [0; 2], [0; 2], [0; 2]);
    for seed in 0..24 {
        for place in 0..2 {
            let answer = write(seed, 4.0 * place as f32, 1.0);
            let inner = phrase::inner_strikes(&answer);
            for (step, struck) in inner.iter().enumerate().filter(|(_, struck)| **struck != 0) {
                strokes[place] += 1;
                on[place] += usize::from(is_stroke(step));
                notes[place] += struck.count_ones() as usize;
            }
            let first = phrase::low_bass(&write(seed, 0.0, [1.0, 4.0][place]));
            leaps[place] +=
                usize::from(first.iter().min_by_key(|note| note.start).is_some_and(|n| n.row < 22));
        }
    }
    let share = |place: usize| on[place] as f32 / strokes[place] as f32;
    assert!(share(1) > share(0) + 0.2, "{on:?} of {strokes:?}");
    let thick = |place: usize| notes[place] as f32 / strokes[place] as f32;
    assert!(thick(1) < 1.25 * thick(0), "{notes:?} in {strokes:?}");
    assert!(leaps[1] + 2 < leaps[0], "{leaps:?}");
}

/// Long notes of a tune come ahead of their beats in a genre that anticipates, unless they are to be left,
/// and answers have more notes in a genre that has more.
#[test]
fn tunes_are_phrased_and_answers_are_as_busy_as_the_genre() {
    let (sizes, decoder) = shipped();
    // A tune in half notes over C, F, G and C, each held for a bar.
    let roll = Roll::from_cells(|step, row| {
        let root = [24, 29, 31, 24][step / 16];
        row == 48 + step / 8 % 5 || row == root || row == root + 7
    });
    let write = |amount: f32, phrased: bool, habit: f32, octaves: f32| {
        let mut style = sizes.style;
        style.anticipated = Some([habit; SLOTS]);
        style.busy = Some(Busy { octaves: [octaves; SLOTS], extent: 1.0 });
        let asked = Asked { source: 1, amount, phrased, ..plainly(&[1.0, 0.0, 0.0]) };
        decoder.write(&roll, &asked, &style.at(0.75, true), &NoChance)
    };
    // Of the seven notes that have room for it, how many sound an eighth ahead.
    let ahead = |answer: &Roll| (1..8).filter(|half| answer.get(8 * half - 1, 48 + half % 5)).count();
    assert_eq!(ahead(&write(1.0, true, 1.0, -1.0)), 7);
    assert_eq!(ahead(&write(1.0, false, 1.0, -1.0)), 0);
    assert_eq!(ahead(&write(0.0, true, 1.0, -1.0)), 0);
    let notes = |octaves: f32| write(1.0, false, 0.0, octaves).notes().count();
    assert!(notes(1.0) > notes(-1.0) + 8, "{} and {}", notes(1.0), notes(-1.0));
}

/// New notes keep to the classes of their half bar, as far as they are asked to.
#[test]
fn new_notes_keep_to_what_is_played() {
    let (sizes, decoder) = shipped();
    // A chord a bar, each of four notes.
    let input = Roll::from_cells(|step, row| {
        let root = [24, 29, 31, 24][step / 16];
        [0, 4, 7, 12].iter().any(|above| row == root + above)
    });
    let asked = Asked { harmony: 1.0, ..plainly(&[1.0, 0.0, 0.0]) };
    let foreign = |logits: f32| {
        let mut style = sizes.style;
        style.foreign = [logits; SLOTS];
        let answer = decoder.write(&input, &asked, &style.at(1.0, true), &NoChance);
        let is_foreign = |note: &phrase::RollNote| {
            let half = note.start / 8 * 8;
            let own = (half..half + 8).fold(0, |own, step| own | input.sounding[step]);
            (0..PITCHES).all(|row| own >> row & 1 == 0 || row % 12 != note.row % 12)
        };
        // What sounds already may be struck again.
        let is_new =
            |note: &phrase::RollNote| note.start == 0 || answer.sounding[note.start - 1] >> note.row & 1 == 0;
        let new = || answer.notes().filter(is_new);
        (new().filter(is_foreign).count(), new().count())
    };
    let ((some, _), (few, notes)) = (foreign(0.0), foreign(6.0));
    assert!(few < some && notes > 8, "{few} of {notes}, before {some}");
}

/// The more an answer follows the harmony, the nearer it comes to it, a little at the full amount too.
#[test]
fn answers_follow_the_harmony_by_amount() {
    let (sizes, decoder) = shipped();
    let input = Roll::from_cells(|step, row| {
        let root = [24, 29, 31, 24][step / 16];
        [0, 4, 7, 11].iter().any(|above| row == root + above)
    });
    let asked = plainly(&[0.0, 0.0, 1.0]);
    let kept = |follow: f32, amount: f32| {
        let mut style = sizes.style;
        style.follow = [follow; SLOTS];
        let answer = decoder.write(&input, &asked, &style.at(amount, true), &NoChance);
        phrase::harmony_kept(&input, &answer).unwrap()
    };
    assert!(kept(120.0, 0.75) > kept(0.0, 0.75), "{} {}", kept(120.0, 0.75), kept(0.0, 0.75));
    assert!(kept(120.0, 1.0) > kept(0.0, 1.0), "{} {}", kept(120.0, 1.0), kept(0.0, 1.0));
    // Less and less towards the full amount, and never nothing.
    let follow = |amount: f32| sizes.style.at(amount, true).follow[0] / sizes.style.follow[0];
    let shares = [0.5, 0.75, 0.8, 1.0].map(follow);
    assert!(shares.is_sorted_by(|a, b| a > b) && shares[0] == 1.0 && shares[3] > 0.05, "{shares:?}");
    let before = Style { followed: 0.0, ..sizes.style };
    assert_eq!(before.at(1.0, true).follow, [0.0; SLOTS], "packs of before follow nothing there");
}

/// Where a genre walks, its bass is struck on beats; where no texture of the pack is as asked, it still
/// plays.
#[test]
fn a_genre_that_walks_is_played_on_every_beat() {
    let (sizes, decoder) = shipped();
    let on_beats = |walks: f32, strokes: f32| {
        let mut style = sizes.style;
        style.drawn = Drawn { walks: [walks; SLOTS], strokes: [strokes; SLOTS] };
        let struck = |seed: u64| {
            let answer =
                decoder.write(&tune(seed), &plainly(&[1.0, 0.0, 0.0]), &style.at(1.0, true), &NoChance);
            let bass = phrase::low_bass(&answer);
            bass.iter().filter(|note| note.start % 4 == 0 && !note.tied_in).count()
        };
        (0..16).map(struck).sum::<usize>()
    };
    let [any, walking, unknown] = [(0.0, 0.0), (1.0, 0.0), (1.0, 16.0)].map(|(w, s)| on_beats(w, s));
    assert!(walking > any + 16, "{walking} in place of {any}");
    assert_eq!(unknown, any, "no bass of the pack walks under chords on every 16th");
}

/// What sounds at a phrase's end goes on over the border where its classes are played there, and nowhere
/// else.
#[test]
fn chords_of_the_harmony_are_held_over_the_border() {
    let (sizes, decoder) = shipped();
    // C, E and G from the last off-beat before the phrase on, under a tune.
    let before = Roll::from_cells(|step, row| step >= 62 && [28, 31, 36].contains(&row) || row == 54);
    let held = |root: usize, tied: f32| {
        let input =
            Roll::from_cells(|_, row| [0, 4, 7].iter().any(|third| row == 24 + root + third) || row == 54);
        let asked = Asked { before: Some(&before), ..plainly(&[1.0, 0.0, 0.0]) };
        let mut style = sizes.style;
        style.tied = [tied; SLOTS];
        let answer = decoder.write(&input, &asked, &style.at(1.0, true), &NoChance);
        let goes_on = answer.sounding[0] & !answer.onset[0];
        [28, 31, 36].iter().filter(|row| goes_on >> **row & 1 == 1).count()
    };
    let all = |tied: f32| (0..12).map(|root| held(root, tied)).sum::<usize>();
    assert!(all(8.0) > all(0.0), "{} in place of {}", all(8.0), all(0.0));
    // Into F sharp nothing of it goes on.
    assert_eq!(held(6, 8.0), held(6, 0.0));
}

/// Chords out of key are struck less where that is asked, and the tune's notes are left to it.
#[test]
fn chords_keep_to_the_key_and_tunes_do_not() {
    let (sizes, decoder) = shipped();
    // C major, with an E flat over an F sharp in the second half of each bar, and a tune that passes both.
    let tune = |step: usize| 48 + [0, 4, 7, 6, 7, 3, 4, 0][step / 2 % 8];
    let input = Roll::from_cells(|step, row| {
        let chord: &[usize] = if step % 16 < 8 { &[12, 24, 28, 31] } else { &[18, 27, 31, 36] };
        chord.contains(&row) || row == tune(step)
    });
    let outside = |diatonic: f32| {
        let mut style = sizes.style;
        // What else has something against such notes is another matter.
        (style.diatonic, style.astray) = ([diatonic; SLOTS], [0.0; SLOTS]);
        (style.chromatic, style.foreign) = ([0.0; SLOTS], [0.0; SLOTS]);
        let answer = decoder.write(&input, &plainly(&[0.0, 0.0, 1.0]), &style.at(0.9, true), &NoChance);
        let is_outside = |note: &&phrase::RollNote| 0b0101_0100_1010 >> (note.row % 12) & 1 == 1;
        let notes: Vec<_> = answer.notes().collect();
        let (tunes, chords): (Vec<_>, Vec<_>) = notes.iter().partition(|note| note.row == tune(note.start));
        [tunes, chords].map(|notes| notes.into_iter().filter(is_outside).count())
    };
    let [[before, chords], [after, fewer]] = [0.0, 12.0].map(outside);
    assert!(fewer < chords, "{fewer} in place of {chords}");
    assert!(before > 4 && after >= before, "{after} of the tune's {before}");
}

/// Chords are as thick, as tight, as low and as often struck as asked, and rub as little.
#[test]
fn chords_are_voiced_as_asked() {
    let (sizes, decoder) = shipped();
    // A song's chords in whole bars, over their roots, and a tune in quarters.
    let song = |seed: usize| {
        Roll::from_cells(|step, row| {
            let root = [0, 9, 5, 7, 2, 4][(step / 16 + seed) % 6];
            let third = if [2, 4, 9].contains(&root) { 3 } else { 4 };
            [12, 24, 24 + third, 31].iter().any(|member| row == root + member)
                || row == 50 + [0, 2, 4, 5, 7][(step / 4 * 7 + step / 16 + seed) % 5]
        })
    };
    // Strikes, voices, low voices, rubs and tight strikes of answers in jazz.
    let count = |edit: &dyn Fn(&mut Style)| {
        let mut style = sizes.style;
        (style.thick, style.seconds, style.tight) = ([0.0; SLOTS], [0.0; SLOTS], [0.0; SLOTS]);
        (style.deep, style.comps, style.chords) = ([0.0; SLOTS], [0.0; SLOTS], [0.0; SLOTS]);
        edit(&mut style);
        let [mut strikes, mut voices, mut low, mut rubs, mut tight] = [0; 5];
        for seed in 0..8 {
            let answer =
                decoder.write(&song(seed), &plainly(&[1.0, 0.0, 0.0]), &style.at(0.9, true), &NoChance);
            for keys in phrase::inner_strikes(&answer).into_iter().filter(|keys| *keys != 0) {
                strikes += 1;
                voices += keys.count_ones();
                low += phrase::under_c3(keys).count_ones();
                rubs += (keys & keys >> 1).count_ones();
                tight += u32::from((0..phrase::PITCHES).any(|row| (keys >> row & 0x1f).count_ones() > 2));
            }
        }
        [strikes, voices, low, rubs, tight]
    };
    let [strikes, voices, low, rubs, tight] = count(&|_| ());
    let [often, thin, ..] = count(&|style| style.thick = [3.0; SLOTS]);
    assert!(thin * strikes < voices * often, "{thin} in {often}, {voices} in {strikes}");
    let without = count(&|style| style.seconds = [4.0; SLOTS])[3];
    assert!(without < rubs, "{without} in place of {rubs}");
    let without = count(&|style| style.tight = [8.0; SLOTS])[4];
    assert!(2 * without < tight, "{without} in place of {tight}");
    let without = count(&|style| style.deep = [8.0; SLOTS])[2];
    assert!(2 * without < low, "{without} in place of {low}");
    let more = count(&|style| style.comps = [2.0; SLOTS])[0];
    assert!(more > strikes, "{more} in place of {strikes}");
    let [often, thick, ..] = count(&|style| style.chords = [2.0; SLOTS]);
    assert!(thick * strikes > voices * often, "{thick} in {often}, {voices} in {strikes}");
    // Inner cells of steps that `takes` picks which go on, or go on for a third step or more, and strikes
    // there.
    let lengths = |edit: &dyn Fn(&mut Style), takes: fn(usize) -> bool| {
        let mut style = sizes.style;
        (style.short, style.between, style.let_go) = ([0.0; SLOTS], [0.0; SLOTS], [0.0; SLOTS]);
        edit(&mut style);
        let mut counts = [0; 3];
        for seed in 0..8 {
            let Roll { sounding, onset } =
                decoder.write(&song(seed), &plainly(&[1.0, 0.0, 0.0]), &style.at(0.9, true), &NoChance);
            for step in (1..STEPS).filter(|&step| takes(step)) {
                let all = sounding[step];
                let tune_and_bass = (1 << all.checked_ilog2().unwrap_or(0)) | all & all.wrapping_neg();
                let goes_on = all & !onset[step] & !tune_and_bass;
                counts[0] += goes_on.count_ones();
                counts[1] += (goes_on & !onset[step - 1]).count_ones();
                counts[2] += onset[step].count_ones();
            }
        }
        counts
    };
    let (long, cut) =
        (lengths(&|_| (), |_| true)[0], lengths(&|style| style.short = [6.0; SLOTS], |_| true)[0]);
    assert!(cut < long, "{cut} in place of {long}");
    let between = |step: usize| step % 2 == 1;
    let often = |logits: f32| {
        let ask = |style: &mut Style| (style.comps, style.between) = ([12.0; SLOTS], [logits; SLOTS]);
        lengths(&ask, between)[2]
    };
    assert!(often(12.0) < often(0.0), "{} in place of {}", often(12.0), often(0.0));
    let long = lengths(&|_| (), between)[1];
    let go = |style: &mut Style| style.let_go = [8.0; SLOTS];
    let held = lengths(&go, between)[1];
    assert!(2 * held < long, "{held} in place of {long}");
    // Without limits low voices are as low as they come.
    let style = Style { deep: [3.0; SLOTS], seconds: [1.0; SLOTS], tight: [2.0; SLOTS], ..sizes.style };
    let (kept, free) = (style.at(0.5, true), style.at(0.5, false));
    let close = |style: &Style| [style.deep, style.seconds, style.tight];
    assert_eq!((close(&kept), close(&free)), (close(&style), [[0.0; SLOTS]; 3]));
}

/// Thirds are not left out where they are asked for, nor are sevenths, but where the harmony is kept.
#[test]
fn chords_have_their_thirds_and_guide_tones() {
    let (sizes, decoder) = shipped();
    // Half bars of C major that have an E, and a B, in an answer to its root and fifth under a tune.
    let has = |complete: f32, guide: f32, harmony: f32| {
        let mut style = sizes.style;
        (style.complete, style.guide) = ([complete; SLOTS], [guide; SLOTS]);
        let mut found = [0; 2];
        for third in [0, 2, 5, 7] {
            let input = Roll::from_cells(|step, row| {
                [12, 31, 36].contains(&row) || row == 48 + [0, third, 4, 7][step / 4 % 4] && step % 16 > 7
            });
            let asked = Asked { harmony, ..plainly(&[0.0, 0.0, 1.0]) };
            let answer = decoder.write(&input, &asked, &style.at(0.8, true), &NoChance);
            for classes in phrase::chroma(&answer) {
                found[0] += u32::from(classes[4] > 0.0);
                found[1] += u32::from(classes[11] > 0.0);
            }
        }
        found
    };
    let [thirds, sevenths] = has(0.0, 0.0, 0.1);
    assert!(has(12.0, 0.0, 0.1)[0] > thirds, "{} in place of {thirds}", has(12.0, 0.0, 0.1)[0]);
    assert!(has(0.0, 20.0, 0.1)[1] > sevenths, "{} in place of {sevenths}", has(0.0, 20.0, 0.1)[1]);
    assert_eq!(has(12.0, 20.0, 0.0), has(0.0, 0.0, 0.0), "chords are kept");
}

/// A jazz bass that walks under songs in C major: without what the style has against it, more of its notes
/// are out of key, more of its leaps awkward, and it goes back and forth more.
#[test]
fn basses_keep_to_the_key_and_move_by_the_genres_intervals() {
    let (sizes, decoder) = shipped();
    let target = [1.0, 0.0, 0.0];
    let walks = Roll::from_cells(|step, row| row == 12 + [0, 4, 7, 9][step / 4 % 4] || row == 60);
    // Quarters of a tune in the key over held triads.
    let song = |seed: usize| {
        let root = |bar: usize| [24, 29, 31, 33][(bar + seed) % 4];
        Roll::from_cells(|step, row| {
            let third = if root(step / 16) == 33 { 3 } else { 4 };
            let chord = row.checked_sub(root(step / 16)).is_some_and(|over| [0, third, 7].contains(&over));
            chord || row == 48 + [0, 2, 4, 5, 7, 9, 11][(step / 4 * 3 + seed) % 7]
        })
    };
    let count = |change: fn(&mut Style)| {
        let mut style = sizes.style;
        change(&mut style);
        let mut counted = [0; 4];
        for seed in 0..16 {
            let asked = Asked { source: 2, manner: Some(&walks), ..plainly(&target) };
            let answer = decoder.write(&song(seed), &asked, &style.at(1.0, true), &NoChance);
            let bass = phrase::low_bass(&answer);
            let motion = phrase::Motion::of(&bass);
            let outside = bass.iter().filter(|note| 0b1010_1011_0101 >> (note.row % 12) & 1 == 0).count();
            let back = bass.windows(3).filter(|of| of[0].row == of[2].row && of[0].row != of[1].row).count();
            let all = [bass.len(), outside, motion.awkward as usize, back];
            counted.iter_mut().zip(all).for_each(|(sum, more)| *sum += more);
        }
        counted
    };
    let shipped = count(|_| {});
    let astray = count(|style| style.astray = [0.0; SLOTS]);
    assert!(5 * astray[1] > 6 * shipped[1], "out of key: {astray:?} without, {shipped:?} with");
    let free = count(|style| style.moves = None);
    assert!(5 * free[2] > 6 * shipped[2], "awkward: {free:?} without, {shipped:?} with");
    let circling = count(|style| style.moves.as_mut().unwrap().returns = [0.0; SLOTS]);
    assert!(circling[3] > shipped[3], "back and forth: {circling:?} without, {shipped:?} with");
}

/// A stroke that every pitch is asked for comes on the lowest that is likely at all.
#[test]
fn strokes_are_asked_of_the_pitch_that_comes_nearest() {
    let (sizes, decoder) = shipped();
    let target = [1.0, 0.0, 0.0];
    let walks = Roll::from_cells(|step, row| row == 24 && step % 4 < 3 || row == 60);
    let heights = |nearest: bool| {
        let mut style = sizes.style;
        (style.nearest, style.bass_texture) = (nearest, Some([3.0; SLOTS]));
        let rows = (0..16).flat_map(|seed| {
            let asked = Asked { source: 2, manner: Some(&walks), ..plainly(&target) };
            let answer = decoder.write(&tune(seed), &asked, &style.at(1.0, true), &NoChance);
            phrase::low_bass(&answer).iter().map(|note| note.row).collect::<Vec<_>>()
        });
        let rows: Vec<usize> = rows.collect();
        rows.iter().sum::<usize>() as f32 / rows.len() as f32
    };
    let (every, nearest) = (heights(false), heights(true));
    assert!(nearest > every + 1.0, "rows {every} and {nearest}");
}
