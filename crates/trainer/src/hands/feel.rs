//! `learn-feel`: counts in performances where genres' players put the second eighth at which tempo, and how
//! they leave the beat, and makes a pack of these tables, to be added to others.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use model::{Card, FeelSizes, Pack, Parts as PackParts, Weights};
use phrase::{BandPart, Offsets, Parts, Phrase, STEPS, STEPS_PER_BAR, STEPS_PER_BEAT, Swing, Timing};

use super::{check, corpora, phrases, songs};
use crate::dataset::{Dataset, Split};

/// Tempi for which ratios are kept.
const TEMPI: [f64; 9] = [60.0, 90.0, 120.0, 150.0, 180.0, 210.0, 240.0, 270.0, 300.0];
/// How far a song's tempo counts for others: the standard deviation, as a share of the tempo.
const NEAR: f64 = 0.12;
/// Beats with one onset between the beats that a song needs.
const PLAIN: usize = 30;
/// The share of a beat around its start in which an onset is on it.
const ON: f64 = 0.18;
/// Notes that a place of the bar needs.
const NOTES: usize = 100;
/// Onsets further from their line than this, in steps, are of another rhythm: triplets are a third away.
const FAR: f32 = 0.25;
/// The most that players are taken to scatter, in steps.
const MOST: f32 = 0.15;
/// Where fewer of a genre's notes than this share are chords, its music is single lines, of which the low
/// ones are no bass.
const CHORDS: f32 = 0.05;

/// Options of `learn-feel`.
#[derive(Debug, clap::Args)]
pub struct FeelOptions {
    /// The dataset of performances, prepared with --straighten=false; one genre or more.
    pub dataset: PathBuf,
    /// The pack to write, of these tables alone.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// What was counted of a genre.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The genre.
    pub genre: String,
    /// Songs that tell a ratio, and all.
    pub songs: [usize; 2],
    /// The ratio at each of the tempi.
    pub ratios: Vec<f64>,
    /// How its players leave the beat.
    pub offsets: Offsets,
    /// Whether they do: false where all notes are on the grid.
    pub has_timing: bool,
}

/// Does it.
///
/// # Errors
/// When the dataset tells no timing at all.
pub fn learn(options: &FeelOptions) -> Result<Vec<Counted>> {
    let data = Dataset::read(&options.dataset)?;
    check(&data, false)?;
    let counted: Vec<Counted> = (0..data.items.len()).map(|genre| count(&data, genre)).collect();
    ensure!(
        counted.iter().any(|genre| genre.has_timing),
        "{}: every note is exactly on its 16th, which tells nothing of players' time; take performances",
        options.dataset.display()
    );
    pack(&data, &counted)?.write(&options.output)?;
    Ok(counted)
}

/// The pack of what was counted.
///
/// # Errors
/// When it cannot be made.
pub fn pack(data: &Dataset, counted: &[Counted]) -> Result<Pack> {
    let genres = counted.len();
    let mut weights = Weights::new();
    let mut table = |name: &str, rows: Vec<f32>| -> Result<()> {
        let width = rows.len() / genres.max(1);
        weights.insert(format!("feel.{name}"), Tensor::from_vec(rows, (genres, width), &Device::Cpu)?);
        Ok(())
    };
    table(
        "swing",
        counted.iter().flat_map(|genre| genre.ratios.iter().map(|ratio| *ratio as f32)).collect(),
    )?;
    let offsets = |genre: &Counted| genre.offsets.iter().flatten().flatten().copied().collect::<Vec<_>>();
    table("offsets", counted.iter().flat_map(offsets).collect())?;
    let parts = PackParts { feel: Some(FeelSizes { genres, tempi: TEMPI.to_vec() }), ..PackParts::default() };
    let names = counted.iter().map(|genre| genre.genre.clone()).collect();
    let songs: Vec<String> =
        counted.iter().map(|genre| format!("{} {}", genre.songs[0], genre.genre)).collect();
    let card = Card {
        data: corpora(data),
        recipe: format!(
            "Feel: ratios are weighted medians of songs of about the tempo ({} songs), pooled where they \
             would rise with it, offsets medians and trimmed spreads by part and 16th of the bar.",
            songs.join(", ")
        ),
        ..Card::new("Feel", names, parts)
    };
    Ok(Pack::new(card, &weights))
}

/// Counts a genre's training songs.
pub fn count(data: &Dataset, genre: usize) -> Counted {
    let name = data.info.genres[genre].name.clone();
    let all = songs(data, genre, Split::Train);
    let mut known = Vec::new();
    let mut offsets: Vec<Vec<f32>> = vec![Vec::new(); BandPart::ALL.len() * STEPS_PER_BAR];
    for song in &all {
        let phrases = phrases(song);
        let tempo = phrases.first().map_or(120.0, |phrase| phrase.tempo);
        let mut places: Vec<f64> = phrases.iter().flat_map(plain).collect();
        if places.len() >= PLAIN {
            // Who is late on the beat too does not swing by that.
            let mut on: Vec<f64> = phrases.iter().flat_map(on_the_beat).collect();
            known.push((tempo, middle(&mut places) - middle(&mut on), places.len() as f64));
        }
        phrases.iter().for_each(|phrase| leave(phrase, &mut offsets));
    }
    let has_timing = offsets.iter().flatten().any(|offset| offset.abs() > 0.01);
    let mut table = Offsets::default();
    for (numbers, offsets) in table.iter_mut().flatten().zip(&mut offsets) {
        *numbers = spread(offsets).filter(|_| has_timing).unwrap_or_default();
    }
    let of_chords: usize = offsets[STEPS_PER_BAR..2 * STEPS_PER_BAR].iter().map(Vec::len).sum();
    if (of_chords as f32) < CHORDS * offsets.iter().map(Vec::len).sum::<usize>() as f32 {
        table[BandPart::Chords as usize] = Default::default();
        table[BandPart::Bass as usize] = Default::default();
    }
    let ratios = falling(TEMPI.iter().map(|tempo| ratio(&known, *tempo)));
    Counted { genre: name, songs: [known.len(), all.len()], ratios, offsets: table, has_timing }
}

/// Where the off-beats of the beats lie that have one onset between the beats.
fn plain(phrase: &Phrase) -> Vec<f64> {
    let mut beats = [(0, 0.0, f64::NEG_INFINITY); STEPS / STEPS_PER_BEAT + 1];
    for note in &phrase.notes {
        let time = note.onset / STEPS_PER_BEAT as f64;
        let beat = (time + ON).floor();
        let (count, place, last) = &mut beats[(beat.max(0.0) as usize).min(STEPS / STEPS_PER_BEAT)];
        if time - beat > ON && time - *last > 0.06 {
            (*count, *place, *last) = (*count + 1, time - beat, time);
        }
    }
    let plain = |(count, place, _): &(i32, f64, f64)| (*count == 1 && *place < 0.8).then_some(*place);
    beats.iter().filter_map(plain).filter(|place| *place > 0.35).collect()
}

/// How far onsets on the beat are from it, in shares of it.
fn on_the_beat(phrase: &Phrase) -> impl Iterator<Item = f64> {
    let away = |time: f64| time - (time + ON).floor();
    phrase.notes.iter().map(move |note| away(note.onset / STEPS_PER_BEAT as f64)).filter(|away| *away <= ON)
}

/// The median; 0 of nothing.
fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Numbers, each with its weight, as they would never rise: neighbours that do become their mean. Swing grows
/// straighter the faster it is (Friberg and Sundstroem, *Swing Ratios and Ensemble Timing in Jazz
/// Performance*, 2002); where few songs say otherwise, chance does.
fn falling(numbers: impl Iterator<Item = [f64; 2]>) -> Vec<f64> {
    // Mean, weight, how many.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for [number, weight] in numbers {
        let mut last = (number, weight, 1);
        while let Some(before) = pools.pop_if(|before| before.0 < last.0) {
            let weight = before.1 + last.1;
            last = ((before.0 * before.1 + last.0 * last.1) / weight, weight, before.2 + last.2);
        }
        pools.push(last);
    }
    pools.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count)).collect()
}

/// The median of what songs of about this tempo have, and how much they weigh; those far away count where
/// none is near.
fn ratio(songs: &[(f64, f64, f64)], tempo: f64) -> [f64; 2] {
    let weight = |song: &(f64, f64, f64)| {
        let away = (song.0 / tempo).ln() / NEAR;
        (1e-6 + (-0.5 * away * away).exp()) * song.2.min(200.0)
    };
    let mut sorted: Vec<(f64, f64)> = songs.iter().map(|song| (song.1, weight(song))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = sorted.iter().map(|song| song.1).sum::<f64>();
    let mut sum = 0.0;
    let found = sorted.iter().find(|song| {
        sum += song.1;
        sum >= all / 2.0
    });
    [found.map_or(0.5, |song| song.0), all.max(f64::MIN_POSITIVE)]
}

/// How far a phrase's notes are from their lines in straight time, by part and place of the bar.
fn leave(phrase: &Phrase, offsets: &mut [Vec<f32>]) {
    let timing = Timing { heard: Swing::of_phrase(phrase).ratio, ..Timing::STRAIGHT };
    let mut straight = Phrase::new(phrase.position, phrase.tempo);
    timing.straight(phrase, &mut straight);
    let parts = Parts::of(&straight.roll());
    for note in &straight.notes {
        let step = note.onset_step();
        let offset = (note.onset - step as f64) as f32;
        if let (Some(part), 0..64, true) = (parts.part(note, step), step, offset.abs() < FAR) {
            offsets[part as usize * STEPS_PER_BAR + step as usize % STEPS_PER_BAR].push(offset);
        }
    }
}

/// Median and spread (of the middle two thirds); `None` of too few.
fn spread(offsets: &mut [f32]) -> Option<[f32; 2]> {
    if offsets.len() < NOTES {
        return None;
    }
    offsets.sort_by(f32::total_cmp);
    let at = |share: f32| offsets[(share * (offsets.len() - 1) as f32) as usize];
    Some([at(0.5).clamp(-MOST, MOST), ((at(0.841) - at(0.159)) / 2.0).min(MOST)])
}

/// What was counted, for people.
pub fn table(counted: &[Counted]) -> String {
    let mut text = format!("{:<10} {:>11}", "swing", "songs");
    TEMPI.iter().for_each(|tempo| text += &format!(" {tempo:>5.0}"));
    for Counted { genre, songs, ratios, has_timing, .. } in counted {
        text += &format!("\n{genre:<10} {:>5}/{:<5}", songs[0], songs[1]);
        ratios.iter().for_each(|ratio| text += &format!(" {ratio:>5.3}"));
        if !has_timing {
            text += "  no timing: every note is on its 16th";
        }
    }
    text += "\n\noffsets in steps, mean and deviation: 1st, 2nd, 3rd, 4th 16th of the beats\n";
    for Counted { genre, offsets, .. } in counted {
        for part in BandPart::ALL {
            text += &format!("{genre:<10} {:<7}", part.name());
            for place in 0..STEPS_PER_BEAT {
                let all = offsets[part as usize].iter().skip(place).step_by(STEPS_PER_BEAT);
                let [mean, deviation] =
                    all.fold([0.0; 2], |sum, of| [sum[0] + of[0] / 4.0, sum[1] + of[1] / 4.0]);
                text += &format!("  {mean:>6.3} {deviation:.3}");
            }
            text += "\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_fall_and_what_rises_is_pooled_by_weight() {
        let fall = |numbers: &[[f64; 2]]| falling(numbers.iter().copied());
        assert_eq!(fall(&[[0.7, 1.0], [0.6, 1.0], [0.6, 9.0], [0.5, 1.0]]), [0.7, 0.6, 0.6, 0.5]);
        let pooled = fall(&[[0.7, 1.0], [0.5, 1.0], [0.6, 3.0], [0.55, 1.0]]);
        assert!((pooled[1] - 0.575).abs() < 1e-12 && pooled[1] == pooled[2], "{pooled:?}");
        assert_eq!(fall(&[[0.5, 1.0], [0.6, 1.0], [0.7, 1.0]]), [0.6; 3]);
        assert_eq!(fall(&[]), [0.0; 0]);
    }
}
