//! What a pack's writer is worth, on songs that nobody trained on: does it expect what comes, and is what it
//! writes like music that follows. Each figure stands beside that of a model that counts
//! ([`crate::families::writers::markov`]), of the real music, and of another pack where one is given.

mod played;
mod tally;

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use candle_core::{D, Device, Tensor};
use candle_nn::ops::log_softmax;
use model::writers::lstm::{Kind, LstmSizes};
use model::writers::seqgan::{Generator, LINE, SeqganSizes};
use model::{Ops, Pack, Role, Weights, WriterFamily};
use phrase::{Roll, STEPS};
use serde::Serialize;

use super::faults::Interval;
use super::limited;
use crate::dataset::{Dataset, Split};
use crate::families::writers::lines::{Music, Passage, Stretch, Symbols};
use crate::families::writers::lstm::{Line, Network, Scored};
use crate::families::writers::markov::{Genres, ORDER};
use crate::families::writers::seqgan::tokens;
use played::Continued;
use tally::{MEASURES, Measure, Tally, intervals};

/// Stretches of a genre that are looked at, where nothing else is asked for.
const MOST: usize = 200;
/// Songs of a genre that are kept as samples.
const SAMPLES: usize = 2;

/// A writer as it is measured.
struct Asked {
    family: WriterFamily,
    weights: Weights,
    symbols: Symbols,
}

impl Asked {
    fn new(pack: &Pack) -> Result<Self> {
        let family = pack.card.parts.writer.clone().context("the pack has no writer")?;
        let weights = pack.weights.part(Role::Writer);
        Ok(Self { symbols: Symbols::read(&weights)?, family, weights })
    }

    /// Whether all of a slice counts as struck.
    fn sliced(&self) -> bool {
        matches!(&self.family, WriterFamily::Lstm(LstmSizes { kind: Kind::Tutorial, .. }))
    }

    /// What it thought of each event of a stretch, as far as it had enough before it.
    fn scores(&self, lines: &[Line]) -> Result<Vec<Vec<Option<Scored>>>> {
        let device = &Device::Cpu;
        match &self.family {
            WriterFamily::Lstm(sizes) => {
                let network = Network::new(*sizes, &self.weights, &self.symbols.book, device)?;
                if self.sliced() {
                    return network.score_windows(lines);
                }
                let all = network.score(lines)?;
                Ok(all.into_iter().map(|line| line.into_iter().map(Some).collect()).collect())
            }
            WriterFamily::Seqgan(sizes) => lines.iter().map(|line| self.tokens(sizes, line)).collect(),
        }
    }

    /// Tokens in lines of as many as it was trained on.
    fn tokens(&self, sizes: &SeqganSizes, line: &Line) -> Result<Vec<Option<Scored>>> {
        let device = &Device::Cpu;
        let generator = Generator::new(*sizes, &self.weights, Ops::KERNELS);
        let shares: Vec<f32> = (0..sizes.genres).map(|at| f32::from(u8::from(at == line.genre))).collect();
        let mut all = vec![None; line.numbers.len()];
        for start in (0..line.numbers.len().saturating_sub(1)).step_by(LINE / 2) {
            let end = (start + LINE).min(line.numbers.len());
            let told: Vec<u32> = line.numbers[start..end].iter().map(|&number| number as u32).collect();
            let read: Vec<u32> =
                [sizes.tokens as u32].into_iter().chain(told[..told.len() - 1].iter().copied()).collect();
            let count = told.len();
            let read = Tensor::from_vec(read, (1, count), device)?;
            let shares = Tensor::from_slice(&shares, (1, shares.len()), device)?;
            let logits = generator.forward(&read, &shares)?;
            let likely = log_softmax(&logits, D::Minus1)?;
            let right = Tensor::from_slice(&told, (count, 1), device)?;
            let likely = likely.gather(&right, 1)?.squeeze(1)?.to_vec1::<f32>()?;
            let best = logits.argmax(D::Minus1)?.to_vec1::<u32>()?;
            // The first half of a line knows too little, but for the first line's.
            for at in if start == 0 { 0 } else { LINE / 2 }..count {
                all[start + at] = Some(Scored {
                    symbol: -likely[at],
                    right_symbol: best[at] == told[at],
                    ..Scored::default()
                });
            }
        }
        Ok(all)
    }
}

/// Counts of a training split's symbols, and of their lengths.
pub(super) struct Counted {
    pub(super) symbols: Genres,
    pub(super) lengths: Genres,
}

/// What a length follows: the symbol before with its length, and its own symbol, which counts most.
fn around(numbers: &[usize], lengths: &[usize], at: usize) -> Vec<u32> {
    let before = at.checked_sub(1).map(|before| [numbers[before] as u32, lengths[before] as u32]);
    before.into_iter().flatten().chain([numbers[at] as u32]).collect()
}

impl Counted {
    fn of(music: &Music, asked: &Asked) -> Self {
        let genres = music.genres.len();
        let mut counted = Self {
            symbols: Genres::new(asked.symbols.len(), genres),
            lengths: Genres::new(phrase::symbols::LONGEST + 1, genres),
        };
        for (genre, passages) in music.genres.iter().enumerate() {
            for passage in passages {
                for bar in (0..passage.starts()).step_by(4) {
                    let line = Line::of(&passage.stretch(bar), genre, &asked.symbols, asked.sliced());
                    let lengths: Vec<usize> = line.events.iter().map(|event| event.length).collect();
                    for at in 0..line.events.len() {
                        if bar > 0 && line.events[at].start < STEPS {
                            continue;
                        }
                        let before: Vec<u32> =
                            line.numbers[at.saturating_sub(ORDER)..at].iter().map(|n| *n as u32).collect();
                        counted.symbols.count(genre, &before, line.numbers[at] as u32);
                        if at + 1 < line.events.len() {
                            let before = around(&line.numbers, &lengths, at);
                            counted.lengths.count(genre, &before, lengths[at] as u32);
                        }
                    }
                }
            }
        }
        counted
    }

    fn score(&self, genre: usize, line: &Line, at: usize) -> Scored {
        let before: Vec<u32> =
            line.numbers[at.saturating_sub(ORDER)..at].iter().map(|number| *number as u32).collect();
        let lengths: Vec<usize> = line.events.iter().map(|event| event.length).collect();
        let next = line.numbers[at] as u32;
        let (around, length) = (around(&line.numbers, &lengths, at), lengths[at] as u32);
        let known = at + 1 < line.events.len();
        Scored {
            symbol: -self.symbols.likelihood(genre, &before, next).ln() as f32,
            length: known.then(|| -self.lengths.likelihood(genre, &around, length).ln() as f32),
            right_symbol: self.symbols.likeliest(genre, &before) == Some(next),
            right_length: self.lengths.likeliest(genre, &around) == Some(length),
        }
    }
}

/// One measure of all that is measured.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub measure: &'static str,
    /// By [`Measured::columns`]; none where it means nothing.
    pub figures: Vec<Option<Interval>>,
}

/// One genre's figures, or those of all.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// The genre, or `all`.
    pub genre: String,
    /// Songs and stretches of 8 bars.
    pub counts: [usize; 2],
    /// Figures with 95 % intervals over songs.
    pub rows: Vec<Row>,
    /// Share of groups of 1 to 4 symbols that differ, by column.
    pub distinct: Vec<[f64; 4]>,
}

/// What was measured of a writer.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Which songs.
    pub split: Split,
    /// What is measured: the writer, perhaps another, the model that counts, and the real music.
    pub columns: Vec<String>,
    /// All genres, then each.
    pub tables: Vec<Table>,
    /// Milliseconds that four bars take, the mean.
    pub milliseconds: f64,
    /// By genre, of some songs: four bars that were played, those that were written then, and those that
    /// followed in truth.
    #[serde(skip)]
    pub samples: Vec<(String, [Roll; 3])>,
}

/// What is seen of one song, by column.
#[derive(Default)]
struct Seen {
    stretches: usize,
    tallies: Vec<Tally>,
    /// Symbols that were written, a line a stretch, by column.
    lines: Vec<Vec<Vec<u32>>>,
    /// Of the first stretch: what was played, what the writer wrote then, and what followed in truth.
    first: Option<[Roll; 3]>,
}

/// Measures the writer of a pack on the split's songs; `beside` is another pack's.
///
/// # Errors
/// When the dataset lacks a genre of the pack or has no eight bars of one, or a network cannot compute.
pub fn measure(
    pack: &Pack,
    beside: Option<&Pack>,
    data: &Dataset,
    split: Split,
    limit: usize,
) -> Result<Option<Measured>> {
    if pack.card.parts.writer.is_none() {
        return Ok(None);
    }
    let names: Vec<&str> = pack.card.genres.iter().map(String::as_str).collect();
    let data = &data.select(&names)?;
    let mut asked = vec![Asked::new(pack)?];
    if let Some(beside) = beside {
        ensure!(
            beside.card.genres == pack.card.genres,
            "the other pack has other genres, or in another order"
        );
        asked.push(Asked::new(beside)?);
    }
    let own = |music: Music| Music {
        genres: music
            .genres
            .into_iter()
            .map(|passages| {
                let any = passages.iter().any(|passage| !passage.rendered);
                passages.into_iter().filter(|passage| !(any && passage.rendered)).collect::<Vec<Passage>>()
            })
            .collect(),
    };
    let (train, test) = (own(Music::of(data, Split::Train)), own(Music::of(data, split)));
    let counted = Counted::of(&train, &asked[0]);
    let mut players: Vec<Continued> =
        asked.iter().map(|asked| Continued::new(&asked.family, &asked.weights)).collect::<Result<_>>()?;
    let columns: Vec<String> = [pack.card.name.clone()]
        .into_iter()
        .chain(beside.map(|beside| format!("{} (beside)", beside.card.name)))
        .chain(["Markov, order 3".to_string(), "real".to_string()])
        .collect();
    let mut songs: BTreeMap<(usize, u32), Seen> = BTreeMap::new();
    for genre in 0..names.len() {
        let one = Music {
            genres: (0..names.len())
                .map(|g| if g == genre { test.genres[g].clone() } else { Vec::new() })
                .collect(),
        };
        let all: Vec<(u32, Stretch)> = one
            .stretches(4)
            .filter(|(_, _, stretch)| stretch.sounding.len() == 2 * STEPS)
            .filter(|(_, _, stretch)| [0, STEPS].iter().all(|from| !stretch.phrase(*from).is_empty()))
            .map(|(_, song, stretch)| (song, stretch))
            .collect();
        ensure!(
            !all.is_empty(),
            "the {} split has no eight bars of {} without a gap; choose another with --split",
            split.name(),
            names[genre]
        );
        let mut references =
            played::References::new(&one.genres[genre], &asked[0].symbols, asked[0].sliced());
        for (song, stretch) in limited::spread(all, if limit == 0 { MOST } else { limit }) {
            let seen = songs.entry((genre, song)).or_default();
            seen.stretches += 1;
            seen.tallies.resize_with(columns.len(), Tally::default);
            seen.lines.resize_with(columns.len(), Vec::new);
            for (column, asked) in asked.iter().enumerate() {
                let line = Line::of(&stretch, genre, &asked.symbols, asked.sliced());
                let scores = asked.scores(std::slice::from_ref(&line))?.pop().unwrap_or_default();
                for (at, scored) in scores.iter().enumerate() {
                    let Some(scored) = scored.filter(|_| line.events[at].start >= STEPS) else { continue };
                    seen.tallies[column].score(&scored);
                    if column == 0 {
                        let markov = columns.len() - 2;
                        let mut counted = counted.score(genre, &line, at);
                        counted.length = counted.length.filter(|_| scored.length.is_some());
                        seen.tallies[markov].score(&counted);
                    }
                }
            }
            played::continued(
                &stretch,
                genre,
                names.len(),
                (&asked[0].symbols, asked[0].sliced()),
                &counted,
                &mut players,
                &mut references,
                song,
                seen,
            )?;
        }
    }
    let mut tables = Vec::new();
    for genre in [None].into_iter().chain((0..names.len()).map(Some)) {
        let of: Vec<&Seen> = songs
            .iter()
            .filter(|((g, _), _)| genre.is_none_or(|genre| genre == *g))
            .map(|(_, seen)| seen)
            .collect();
        let by_column: Vec<[Option<Interval>; MEASURES]> = (0..columns.len())
            .map(|column| intervals(&of.iter().map(|seen| &seen.tallies[column]).collect::<Vec<_>>()))
            .collect();
        let rows = Measure::ALL.iter().enumerate().map(|(place, measure)| Row {
            measure: measure.name(),
            figures: by_column.iter().map(|all| all[place]).collect(),
        });
        let distinct = |column: usize| {
            let lines = || of.iter().flat_map(|seen| seen.lines[column].iter().map(Vec::as_slice));
            [1, 2, 3, 4].map(|length| crate::families::writers::bleu::distinct(lines(), length))
        };
        tables.push(Table {
            genre: genre.map_or("all", |genre| names[genre]).to_string(),
            counts: [of.len(), of.iter().map(|seen| seen.stretches).sum()],
            rows: rows.collect(),
            distinct: (0..columns.len()).map(distinct).collect(),
        });
    }
    let milliseconds = players[0].milliseconds();
    let mut samples = Vec::new();
    for (genre, name) in names.iter().enumerate() {
        let firsts = songs.iter().filter(|((own, _), _)| *own == genre).filter_map(|(_, seen)| seen.first);
        samples.extend(firsts.take(SAMPLES).map(|rolls| (name.to_string(), rolls)));
    }
    Ok(Some(Measured { split, columns, tables, milliseconds, samples }))
}

impl Measured {
    /// By name, for a card.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        for table in &self.tables {
            for row in &table.rows {
                for (column, figure) in
                    [("", row.figures[0]), (" of Markov", row.figures[self.columns.len() - 2])]
                {
                    let Some(figure) = figure.filter(|figure| figure.value.is_finite()) else { continue };
                    let name = format!("writer_{}{column}.{}", row.measure.replace(' ', "_"), table.genre);
                    all.insert(name.replace(' ', "_"), (figure.value * 1e4).round() / 1e4);
                }
            }
        }
        all
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes all that is written");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        for table in &self.tables {
            let [songs, stretches] = table.counts;
            writeln!(
                text,
                "\nwriter, {} ({} split): {songs} songs, {stretches} times 4 bars and the 4 after; \
                 [95 % of songs]",
                table.genre,
                self.split.name()
            )?;
            write!(text, "{:<28}", "")?;
            self.columns.iter().try_for_each(|column| write!(text, " {column:>26}"))?;
            writeln!(text)?;
            for row in &table.rows {
                write!(text, "{:<28}", row.measure)?;
                for figure in &row.figures {
                    let figure = figure.map(|f| format!("{:.3} [{:.3}, {:.3}]", f.value, f.low, f.high));
                    write!(text, " {:>26}", figure.unwrap_or_else(|| "-".into()))?;
                }
                writeln!(text)?;
            }
            write!(text, "{:<28}", "distinct 1, 2, 3, 4")?;
            for all in &table.distinct {
                write!(text, " {:>26}", all.map(|share| format!("{share:.3}")).join(" "))?;
            }
            writeln!(text)?;
        }
        writeln!(text, "{:.2} ms for four bars", self.milliseconds)
    }
}

/// The tokens of a stretch, for those that compare them.
pub(super) fn numbers(stretch: &Stretch, symbols: &Symbols, sliced: bool) -> Vec<u32> {
    if !sliced {
        return tokens(stretch, symbols);
    }
    stretch.events(stretch.moved(), true).iter().map(|event| symbols.number(event) as u32).collect()
}
