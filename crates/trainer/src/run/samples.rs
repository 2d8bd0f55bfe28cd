//! What a run sounds like so far: a few phrases there and back, as MIDI and as pictures.

use std::path::Path;

use anyhow::{Context, Result};
use model::{Answer, Ask, LoadedPack, Pack, Role, Settings, SpaceFamily, WriterFamily};
use phrase::{Phrase, Roll, STEPS, STEPS_PER_BEAT, Song, join};

use super::{Naming, Trainee, blank};
use crate::dataset::{Dataset, Split};
use crate::picture::{self, Cells, Picture};

/// Phrases a direction.
const PHRASES: usize = 4;
const TEMPO: f64 = 120.0;
const VELOCITY: f32 = 0.7;

/// Names of a direction's songs.
const DIRECTION: [&str; 3] = ["origin", "transfer", "cycle"];
/// Names of a space's songs.
const SPACE: [&str; 3] = ["origin", "again", "between"];
/// Names of a writer's songs.
const WRITER: [&str; 3] = ["origin", "written", "whole"];

/// One direction: phrases as they were, transferred, and transferred back, one after another in a song each.
/// Of a space: phrases as they were, out of their points, and out of the middle of two.
#[derive(Debug)]
pub struct Sample {
    /// `jazz-to-pop`, `jazz-space`.
    pub name: String,
    /// What files call its songs.
    pub what: [&'static str; 3],
    /// The phrases, what was made of them, and what was made of that.
    pub songs: [Song; 3],
}

impl Sample {
    /// The transfer under the origin.
    pub fn picture(&self) -> Picture {
        let [origin, transfer, _] = self.songs.each_ref().map(Cells::of);
        picture::draw(&self.name.replace('-', " "), &origin, &transfer)
    }

    /// Writes `name-origin.mid`, the other two likewise, and `name.png`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: the folder of samples could not be made", folder.display()))?;
        for (song, what) in self.songs.iter().zip(self.what) {
            song.write(&folder.join(format!("{}-{what}.mid", self.name)))?;
        }
        picture::write(&self.picture(), &folder.join(format!("{}.png", self.name)))
    }
}

/// A sample of each direction as the trainee's pack would play it now; see [`played_by`].
///
/// # Errors
/// Where the network cannot compute.
pub fn samples(trainee: &dyn Trainee, data: &Dataset) -> Result<Vec<Sample>> {
    let data = &trainee.genres(data)?;
    // Weights as a file holds them, and everything else that an exported pack says of how it plays.
    let pack = blank(trainee, data, &Naming::plain("sample"))?;
    played_on(&Pack::from_bytes("sample", &pack.to_bytes()?)?, data, trainee.sample_first())
}

/// A sample of each part of a pack that plays: of each direction of its transfer, of evenly spread phrases of
/// the validation split, or of the training split where a genre has no other. `data` has the pack's genres in
/// its order.
///
/// # Errors
/// Where the network cannot compute.
pub fn played_by(pack: &Pack, data: &Dataset) -> Result<Vec<Sample>> {
    played_on(pack, data, 0)
}

/// The same, directions of the first `first` training phrases where that is not 0.
fn played_on(pack: &Pack, data: &Dataset, first: usize) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    if pack.card.parts.transfer.is_some() {
        samples.extend(transferred(pack, data, first)?);
    }
    if let Some(family) = &pack.card.parts.space {
        samples.extend(spaced(pack, family, data)?);
    }
    if let Some(family) = &pack.card.parts.writer {
        samples.extend(written(pack, family, data)?);
    }
    Ok(samples)
}

/// A sample of each direction.
fn transferred(pack: &Pack, data: &Dataset, first: usize) -> Result<Vec<Sample>> {
    let mut transfer = LoadedPack::new(pack)?;
    let genres = data.genres();
    let mut samples = Vec::new();
    for from in 0..genres.len() {
        let origins = phrases(data, from, first);
        for to in (0..genres.len()).filter(|&to| to != from) {
            let answers = played(&mut transfer, &origins, from, to)?;
            let cycles = played(&mut transfer, &answers, to, from)?;
            let songs = [&origins, &answers, &cycles].map(|phrases| join(phrases, &Song::new(TEMPO)));
            let name = format!("{}-to-{}", genres[from], genres[to]);
            samples.push(Sample { name, what: DIRECTION, songs });
        }
    }
    Ok(samples)
}

/// A sample of each genre's phrases in a space: out of their points, and half way to the next one.
fn spaced(pack: &Pack, family: &SpaceFamily, data: &Dataset) -> Result<Vec<Sample>> {
    let genres = data.genres();
    let mut space = family.sizes().build(&pack.weights.part(Role::Space), genres.len())?;
    let mut sample = |genre: usize, name: &String| -> Result<Sample> {
        let origins = phrases(data, genre, 0);
        let mut points = vec![vec![0.0; space.dims()]; origins.len()];
        for (origin, point) in origins.iter().zip(&mut points) {
            space.encode(&origin.roll(), point)?;
        }
        let shares: Vec<f32> = (0..genres.len()).map(|other| f32::from(u8::from(other == genre))).collect();
        let mut made = [Vec::new(), Vec::new()];
        for (index, point) in points.iter().enumerate() {
            let next = &points[(index + 1) % points.len()];
            let middle: Vec<f32> = point.iter().zip(next).map(|(a, b)| 0.5 * (a + b)).collect();
            for (made, point) in made.iter_mut().zip([point, &middle]) {
                let ask = Ask { shares: &shares, key: None, density: 0.0, position: 0, seed: 1, near: &[] };
                let mut answer = Answer::default();
                space.decode(point, &ask, &mut answer)?;
                made.push(Phrase::of_roll(&answer.cells, (index * STEPS) as i64, TEMPO, VELOCITY));
            }
        }
        let [again, between] = &made;
        let songs = [&origins, again, between].map(|phrases| join(phrases, &Song::new(TEMPO)));
        Ok(Sample { name: format!("{name}-space"), what: SPACE, songs })
    };
    genres.iter().enumerate().map(|(genre, name)| sample(genre, name)).collect()
}

/// A sample of what a writer makes of each genre's phrases: these, what goes on from them, and one after the
/// other.
fn written(pack: &Pack, family: &WriterFamily, data: &Dataset) -> Result<Vec<Sample>> {
    let genres = data.genres();
    let mut writer = family.sizes().build(&pack.weights.part(Role::Writer), genres.len())?;
    let mut sample = |genre: usize, name: &String| -> Result<Sample> {
        let origins = phrases(data, genre, 0);
        let shares: Vec<f32> = (0..genres.len()).map(|other| f32::from(u8::from(other == genre))).collect();
        let (mut written, mut whole) = (Vec::new(), Vec::new());
        for (index, origin) in origins.iter().enumerate() {
            let (before, mut next) = (origin.roll(), Roll::EMPTY);
            let density = before.onsets() as f32 / (STEPS / STEPS_PER_BEAT) as f32;
            let ask = Ask { shares: &shares, key: None, density, position: 0, seed: 1, near: &[] };
            writer.write(&before, STEPS, &ask, &mut next)?;
            let at =
                |place: usize, roll: &Roll| Phrase::of_roll(roll, (place * STEPS) as i64, TEMPO, VELOCITY);
            written.push(at(index, &next));
            whole.extend([at(2 * index, &before), at(2 * index + 1, &next)]);
        }
        let songs = [&origins, &written, &whole].map(|phrases| join(phrases, &Song::new(TEMPO)));
        Ok(Sample { name: format!("{name}-writer"), what: WRITER, songs })
    };
    genres.iter().enumerate().map(|(genre, name)| sample(genre, name)).collect()
}

/// The first `first` training phrases, or for 0 some that are spread.
fn phrases(data: &Dataset, genre: usize, first: usize) -> Vec<Phrase> {
    let items = [Split::Valid, Split::Train].map(|split| data.split(genre, split));
    let items = items.into_iter().find(|items| !items.is_empty()).unwrap_or_default();
    let spread = PHRASES.min(items.len());
    let training = data.split(genre, Split::Train);
    let count = if first > 0 { first.min(training.len()) } else { spread };
    let item = |i: usize| if first > 0 { &training[i].roll } else { &items[i * items.len() / spread].roll };
    (0..count).map(|i| Phrase::of_roll(item(i), (i * STEPS) as i64, TEMPO, VELOCITY)).collect()
}

fn played(transfer: &mut LoadedPack, phrases: &[Phrase], from: usize, to: usize) -> Result<Vec<Phrase>> {
    let settings = Settings { source: Some(from as u8), ..Settings::to(to) };
    let mut answer = |phrase: &Phrase| {
        let mut out = Phrase::new(phrase.position, phrase.tempo);
        transfer.transfer(phrase, &settings, &mut out)?;
        Ok(out)
    };
    phrases.iter().map(&mut answer).collect()
}
