//! Which notes make a phrase sound like a genre to a classifier: pictures, and data that an editor can draw.
//!
//! The measure is [`model::saliency`], the attribution of Brunner et al. 2019: positive gradient times input.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use model::saliency;
use phrase::{CutOptions, LOWEST, PITCHES, Roll, STEPS, STEPS_PER_BAR, Song, cut};
use serde::Serialize;

use crate::dataset::{Dataset, Split, write_whole};
use crate::evaluate::judge::{ear, hear};
use crate::evaluate::report::rolls;

/// What is attributed.
#[derive(Clone, Debug, clap::Args)]
pub struct AttributeOptions {
    /// Who hears: a pack, or a file that `classify` wrote.
    pub judge: PathBuf,
    /// What is heard: a MIDI file, every phrase of it, or a dataset, of each genre the phrases that are heard right with
    /// the highest gradients.
    pub input: PathBuf,
    /// The folder to write: a picture (SVG) a phrase, and attribution.json.
    #[arg(short, long)]
    pub output: PathBuf,
    /// The genre that the notes are to speak for, by name; by default what the judge hears, or the dataset's own.
    #[arg(long)]
    pub genre: Option<String>,
    /// Which songs of a dataset.
    #[arg(long, value_enum, default_value = "test")]
    pub split: Split,
    /// Phrases of each genre of a dataset.
    #[arg(long, default_value_t = 8)]
    pub limit: usize,
}

/// A phrase and what speaks in it.
#[derive(Clone, Debug, Serialize)]
pub struct Attribution {
    /// Its picture's file.
    pub picture: String,
    /// Its first step in the song; 0 for phrases of a dataset, which does not know.
    pub position: i64,
    /// The genre that the cells speak for.
    pub genre: String,
    /// The judge's probability of that genre.
    pub probability: f64,
    /// How strongly the strongest cell speaks: the gradient there.
    pub strongest: f32,
    /// The cells that speak.
    pub cells: Vec<Cell>,
}

/// A cell that speaks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// Its step, 0..64.
    pub step: usize,
    /// Its MIDI pitch.
    pub pitch: u8,
    /// How much, relative to the strongest: 0.25 to 1.
    pub value: f32,
}

/// What `attribution.json` holds.
#[derive(Debug, Serialize)]
struct Record<'a> {
    judge: String,
    genres: &'a [String],
    phrases: &'a [Attribution],
}

struct NamedClassifier {
    classifier: crate::classifier::BuiltClassifier,
    genres: Vec<String>,
}

/// A phrase with its name and place.
struct Heard {
    name: String,
    position: i64,
    roll: Roll,
}

/// Attributes, and writes pictures and data.
///
/// # Errors
/// When the judge or the input is none, the genre is not the judge's, nothing can be attributed, or a file cannot be
/// written.
pub fn attribute(options: &AttributeOptions) -> Result<Vec<Attribution>> {
    let (classifier, genres) = ear(&options.judge).context("the judge is a classifier's file or a pack")?;
    let classifier = NamedClassifier { classifier, genres };
    let genre = options.genre.as_deref().map(|name| classifier.place(name)).transpose()?;
    let extension = options.input.extension().unwrap_or_default().to_ascii_lowercase();
    let phrases = if extension == "mid" || extension == "midi" {
        let mut all = Vec::new();
        for phrase in song(&options.input)? {
            all.push((classifier.attribute(&phrase, genre)?, phrase.roll));
        }
        all
    } else {
        chosen(&classifier, options, genre)?
    };
    let folder = &options.output;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: the folder could not be made", folder.display()))?;
    for (attribution, roll) in &phrases {
        let mut weights = Box::new([[0.0; PITCHES]; STEPS]);
        for cell in &attribution.cells {
            weights[cell.step][usize::from(cell.pitch - LOWEST)] = cell.value;
        }
        write_whole(&folder.join(&attribution.picture), rolls::speaking(roll, &weights).as_bytes())?;
    }
    let phrases: Vec<Attribution> = phrases.into_iter().map(|(attribution, _)| attribution).collect();
    let record =
        Record { judge: options.judge.display().to_string(), genres: &classifier.genres, phrases: &phrases };
    write_whole(&folder.join("attribution.json"), serde_json::to_string_pretty(&record)?.as_bytes())?;
    Ok(phrases)
}

impl NamedClassifier {
    fn place(&self, name: &str) -> Result<usize> {
        let found = self.genres.iter().position(|genre| genre == name);
        found.with_context(|| format!("the judge hears {}, not {name}", self.genres.join(", ")))
    }

    /// What speaks in `phrase` for `genre`, or for what is heard.
    fn attribute(&self, phrase: &Heard, genre: Option<usize>) -> Result<Attribution> {
        let p = hear(&self.classifier, &phrase.roll)?;
        let best = (0..p.len()).fold(0, |best, genre| if p[genre] > p[best] { genre } else { best });
        let genre = genre.unwrap_or(best);
        let crate::classifier::BuiltClassifier::Papers(classifier) = &self.classifier else {
            bail!("only a judge of the papers' build says what it listens to; train one without --build")
        };
        let found = saliency(classifier, &phrase.roll, genre)?;
        let mut cells = Vec::new();
        for (step, rows) in found.cells.iter().enumerate() {
            for (row, &value) in rows.iter().enumerate().filter(|(_, value)| **value > 0.0) {
                cells.push(Cell { step, pitch: LOWEST + row as u8, value });
            }
        }
        Ok(Attribution {
            picture: format!("{}.svg", phrase.name),
            position: phrase.position,
            genre: self.genres[genre].clone(),
            probability: p[genre],
            strongest: found.strongest,
            cells,
        })
    }
}

/// Every phrase of a MIDI file that has cells.
fn song(path: &Path) -> Result<Vec<Heard>> {
    let cut = cut(&Song::read(path)?, &CutOptions { drop_drums: true, min_cells: 1, ..CutOptions::whole() });
    if cut.rolls.is_empty() {
        bail!("{}: nothing sounds in it but drums", path.display());
    }
    let phrases = cut.phrases.iter().zip(cut.rolls).map(|(phrase, roll)| Heard {
        name: format!("bar-{}", phrase.position / STEPS_PER_BAR as i64 + 1),
        position: phrase.position,
        roll,
    });
    Ok(phrases.collect())
}

/// Of each genre the phrases heard right, by falling gradient.
fn chosen(
    classifier: &NamedClassifier,
    options: &AttributeOptions,
    genre: Option<usize>,
) -> Result<Vec<(Attribution, Roll)>> {
    let data = Dataset::read(&options.input)?;
    let mut all = Vec::new();
    for (place, name) in data.genres().iter().enumerate() {
        let own = classifier.place(name).context("the judge does not know a genre of the dataset")?;
        let mut right = Vec::new();
        for (index, item) in data.split(place, options.split).iter().enumerate() {
            let p = hear(&classifier.classifier, &item.roll)?;
            if (0..p.len()).all(|other| p[other] <= p[own]) {
                let name = format!("{name}-{}", index + 1);
                let phrase = Heard { name, position: 0, roll: item.roll };
                right.push((classifier.attribute(&phrase, Some(genre.unwrap_or(own)))?, item.roll));
            }
        }
        right.sort_by(|a, b| b.0.strongest.total_cmp(&a.0.strongest));
        right.truncate(options.limit);
        all.extend(right);
    }
    ensure!(
        !all.is_empty(),
        "{}: no phrase of the {} split is heard right",
        options.input.display(),
        options.split.name()
    );
    Ok(all)
}
