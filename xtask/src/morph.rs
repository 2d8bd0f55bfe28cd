//! `morph`: eleven points from a phrase of one song to a phrase of another, by the pack's space.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use model::{Answer, CORNERS, Context, LoadedPack, Pack, Role, Settings};
use phrase::{CutOptions, Phrase, Roll, STEPS, Song, cut, join};
use trainer::picture::{self, Cells};

use crate::bench::{median, percentile};
use crate::genres;
use crate::play::check_percent;

/// Points, both ends among them.
const POINTS: usize = 11;

/// Options of `morph`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where it begins: a phrase of this MIDI file.
    from: PathBuf,
    /// Where it ends: a phrase of this one.
    to: PathBuf,
    /// Which phrase of the first file, from 1 on; the one with the most notes if not given.
    #[arg(long)]
    from_phrase: Option<usize>,
    /// Which phrase of the second file.
    #[arg(long)]
    to_phrase: Option<usize>,
    /// The genre of what lies between: a name, or a slot's number; the pack's first if not given.
    #[arg(long)]
    genre: Option<String>,
    /// How far the points are left, in percent.
    #[arg(long, default_value_t = 0.0)]
    variation: f32,
    /// Which draw, when there is variation.
    #[arg(long, default_value_t = 0)]
    seed: u32,
    /// The MIDI file to write, with a picture (.png) beside it.
    #[arg(short, long)]
    output: PathBuf,
    /// A pack in place of the one inside the plugin.
    #[arg(long)]
    pack: Option<PathBuf>,
}

/// Plays the points and writes them.
pub fn run(arguments: &Arguments) -> Result<()> {
    check_percent("variation", arguments.variation)?;
    if arguments.output.extension().is_none_or(|end| end != "mid") {
        bail!("{} must end in .mid", arguments.output.display());
    }
    let pack = match &arguments.pack {
        Some(path) => Pack::read(path)?,
        None => Pack::from_bytes("the default pack", model::default_pack())?,
    };
    let mut loaded = LoadedPack::new(&pack)?;
    loaded.check(Role::Space)?;
    let genre = arguments.genre.as_deref().map(|genre| genres::slot(&pack.card.genres, genre));
    let genre = usize::from(genre.transpose()?.unwrap_or(0));
    let (from, tempo) = phrase(&arguments.from, arguments.from_phrase)?;
    let (to, _) = phrase(&arguments.to, arguments.to_phrase)?;
    let mut corners = [Roll::EMPTY; CORNERS];
    (corners[0], corners[1]) = (from, to);
    let context = Context { corners: Some(&corners), ..Context::default() };
    let (mut phrases, mut times) = (Vec::new(), Vec::new());
    for point in 0..POINTS {
        let share = point as f32 / (POINTS - 1) as f32;
        let settings = Settings {
            source: Some(genre as u8),
            morph: Some([1.0 - share, share, 0.0, 0.0]),
            variation: arguments.variation / 100.0,
            seed: arguments.seed,
            ..Settings::to(genre)
        };
        let input = Phrase::new((point * STEPS) as i64, tempo);
        let (mut answer, mut out) = (Answer::default(), input.clone());
        let start = Instant::now();
        loaded.recast(&input, &context, &settings, &mut answer)?;
        times.push(start.elapsed());
        answer.realise(&input, 0, &mut out);
        phrases.push(out);
    }
    let song = join(&phrases, &Song::new(tempo));
    song.write(&arguments.output)?;
    let image = arguments.output.with_extension("png");
    let ends: Vec<Phrase> = [(0, &from), (POINTS - 1, &to)]
        .map(|(point, roll)| Phrase::of_roll(roll, (point * STEPS) as i64, tempo, 0.7))
        .into();
    let title = format!("{} to {}", stem(&arguments.from), stem(&arguments.to));
    let ends = join(&ends, &Song::new(tempo));
    picture::write(&picture::draw(&title, &Cells::of(&ends), &Cells::of(&song)), &image)?;
    println!("points   {} in {}", POINTS, arguments.output.display());
    println!("picture  {}", image.display());
    for (point, phrase) in phrases.iter().enumerate() {
        let roll = phrase.roll();
        let [a, b] = [&from, &to].map(|end| distance(end, &roll));
        println!(
            "{:>5} %  {:>3} notes, distance to the first {a:.2}, to the second {b:.2}",
            100 * point / (POINTS - 1),
            phrase.notes.len()
        );
    }
    // The ends are the phrases themselves, and cost nothing.
    let mut between: Vec<Duration> = times[1..POINTS - 1].to_vec();
    between.sort_unstable();
    let ms = |time: Duration| 1e3 * time.as_secs_f64();
    println!(
        "time     {:.2} ms a point (median; most {:.2})",
        ms(median(&between)),
        ms(percentile(&between, 99))
    );
    Ok(())
}

/// A phrase of a song, with its tempo.
fn phrase(path: &Path, number: Option<usize>) -> Result<(Roll, f64)> {
    let song = Song::read(path)?;
    let phrases = cut(&song, &CutOptions { drop_drums: true, ..CutOptions::whole() }).phrases;
    let name = path.display();
    let found = match number {
        Some(number) => number.checked_sub(1).and_then(|index| phrases.get(index)),
        None => phrases.iter().max_by_key(|phrase| phrase.notes.len()),
    };
    match found {
        Some(phrase) if !phrase.roll().is_empty() => Ok((phrase.roll(), phrase.tempo)),
        _ => bail!("{name}: it has no such phrase with notes, only {} phrases; name another", phrases.len()),
    }
}

/// The share of cells that sound in one of two phrases only.
fn distance(a: &Roll, b: &Roll) -> f32 {
    let count = |of: fn(u128, u128) -> u128| -> u32 {
        a.sounding.iter().zip(&b.sounding).map(|(a, b)| of(*a, *b).count_ones()).sum()
    };
    count(|a, b| a ^ b) as f32 / count(|a, b| a | b).max(1) as f32
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
