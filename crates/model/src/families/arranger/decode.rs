//! New phrases, a step after the other. Runs on the worker thread; uses no candle and no other thread.

use phrase::{Roll, STEPS};

use super::linear::{Linear, Memory, add, norm};
use super::texture::{TEXTURE, TEXTURES, Texture};
use super::{ArrangerConfig, NAME};
use crate::{ModelError, Weights};

#[derive(Debug)]
pub(super) struct Block {
    pub(super) norm1: Vec<f32>,
    pub(super) ask: Linear,
    /// `[heads][127]`: by how far the asking step lies behind the asked one, plus 63.
    pub(super) distance: Vec<f32>,
    pub(super) answer: Linear,
    pub(super) norm2: Vec<f32>,
    pub(super) inner: Linear,
    pub(super) outer: Linear,
}

#[derive(Debug)]
pub(super) struct Part {
    pub(super) step: Vec<f32>,
    pub(super) genre: Vec<f32>,
    pub(super) blocks: Vec<Block>,
}

/// What is asked of the writer.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The genre of the input, which contrast leads away from.
    pub source: usize,
    /// Weights of the genres to write in; they sum to 1.
    pub target: &'a [f32],
    /// How far the harmony is the genre's own: 0, told class by class, over 0.5, told as triads, to 1, told
    /// as roots. Only the second edition does as asked.
    pub harmony: f32,
    /// How far the tune's phrasing and the number of notes go towards the genres' own, from 0 to 1, where the
    /// style knows them.
    pub amount: f32,
    /// Whether the tune may be phrased at all.
    pub phrased: bool,
    /// What was played in the 64 steps before `first`; `None` where nothing was, or nobody knows.
    pub before: Option<&'a Roll>,
    /// A phrase whose accompaniment is the model of this one's, in the place of one of the genre's.
    pub manner: Option<&'a Roll>,
    /// The first step that will be played. Steps in front of it are `before`'s, where there is one.
    pub first: usize,
}

/// Where an answer's chance comes from.
pub trait Chance {
    /// A logistic number for a step, a row and a decision.
    fn noise(&self, step: usize, row: usize, kind: usize) -> f32;
    /// A number from 0 to 1 for the detail of a half bar's harmony.
    fn detail(&self, half: usize) -> f32;
    /// A number from 0 to 1 for the phrasing of a note that starts on a step.
    fn phrasing(&self, step: usize) -> f32;
    /// How much a texture of this number is to be drawn, from 0 to 1.
    fn texture(&self, index: usize) -> f32;
}

/// The arranger, ready to write. Owned by the thread that runs it.
#[derive(Debug)]
pub struct Decoder {
    pub(super) config: ArrangerConfig,
    pub(super) content: Linear,
    pub(super) reader: Part,
    /// Rows of what is added for a cell of the step before, `[KINDS * 84][width]`.
    pub(super) written: Vec<f32>,
    pub(super) writer: Part,
    pub(super) norm: Vec<f32>,
    /// Direct logits, view weights and hidden units of a step, side by side.
    pub(super) direct: Linear,
    pub(super) views: Linear,
    pub(super) units: Linear,
    pub(super) seen: Vec<f32>,
    pub(super) hidden: Vec<f32>,
    /// By genre, each with its phrase's density; none in the first edition.
    pub(super) textures: Vec<Vec<(Texture, f32)>>,
}

impl Decoder {
    /// A decoder of `weights`.
    ///
    /// # Errors
    /// When a parameter is missing or has another shape than `config` needs.
    pub fn new(config: ArrangerConfig, weights: &Weights) -> Result<Self, ModelError> {
        for parameter in config.parameters() {
            weights.get(&parameter.name, &parameter.shape)?;
        }
        let tensor = |name: &str| weights.named(&format!("{NAME}{name}"));
        let flat = |name: &str| Ok::<_, ModelError>(tensor(name)?.flatten_all()?.to_vec1::<f32>()?);
        let linear = |name: &str, bias: Option<&str>| {
            let bias = bias.map(&tensor).transpose()?;
            Linear::new(&tensor(name)?, bias.as_ref())
        };
        let part = |part: &str, blocks: usize| {
            let block = |i: usize| {
                let name = |rest: &str| format!("{part}.{i}.{rest}");
                Ok::<_, ModelError>(Block {
                    norm1: flat(&name("norm1"))?,
                    ask: linear(&name("ask"), None)?,
                    distance: flat(&name("distance"))?,
                    answer: linear(&name("answer"), None)?,
                    norm2: flat(&name("norm2"))?,
                    inner: linear(&name("in"), Some(&name("in_bias")))?,
                    outer: linear(&name("out"), Some(&name("out_bias")))?,
                })
            };
            Ok::<_, ModelError>(Part {
                step: flat(&format!("{part}.step"))?,
                genre: flat(&format!("{part}.genre"))?,
                blocks: (0..blocks).map(block).collect::<Result<_, _>>()?,
            })
        };
        let mut textures = Vec::new();
        if config.edition > 1 {
            for rows in flat("textures")?.chunks_exact(TEXTURES * (TEXTURE + 1)) {
                let known =
                    rows.as_chunks::<{ TEXTURE + 1 }>().0.iter().filter(|row| row.iter().any(|&x| x != 0.0));
                let split =
                    |row: &[f32; TEXTURE + 1]| (Texture(std::array::from_fn(|i| row[i])), row[TEXTURE]);
                textures.push(known.map(split).collect());
            }
        }
        Ok(Self {
            config,
            textures,
            content: linear("content", Some("content_bias"))?,
            reader: part("reader", config.reader)?,
            written: flat("written")?,
            writer: part("writer", config.writer)?,
            norm: flat("norm")?,
            direct: linear("direct", Some("direct_bias"))?,
            views: linear("views", Some("views_bias"))?,
            units: linear("units", Some("units_bias"))?,
            seen: flat("seen")?,
            hidden: flat("hidden")?,
        })
    }

    /// What the reader makes of the content, `[64, width]`, for one mix of genres.
    pub(super) fn read(&self, content: &[f32], genres: &[f32]) -> Vec<f32> {
        let d = self.config.width;
        let mut x = vec![0.0; STEPS * d];
        self.content.apply_sparse(content, &mut x);
        self.reader.place(&mut x, 0, genres);
        let mut work = Work::new(self.config);
        work.fit(STEPS);
        let mut heard = vec![0.0; STEPS * d];
        for block in &self.reader.blocks {
            norm(&x, &block.norm1, &mut work.normed);
            block.ask.apply(&work.normed, &mut work.asked);
            let mut steps = Memory::new(d);
            work.asked.chunks_exact(3 * d).for_each(|asked| steps.push(&asked[d..2 * d], &asked[2 * d..]));
            let asked = work.asked.chunks_exact(3 * d).zip(heard.chunks_exact_mut(d));
            for (step, (asked, heard)) in asked.enumerate() {
                steps.attend(step, self.config.heads, &block.distance, &asked[..d], heard);
            }
            work.finish(block, &heard, &mut x);
        }
        x
    }
}

impl Part {
    /// Adds the embeddings of the steps from `first` on and of the genres.
    pub(super) fn place(&self, x: &mut [f32], first: usize, genres: &[f32]) {
        let d = x.len().min(self.genre.len() / genres.len());
        for (i, x) in x.chunks_exact_mut(d).enumerate() {
            add(1.0, &self.step[(first + i) * d..][..d], x);
            for (genre, &weight) in genres.iter().enumerate() {
                add(weight, &self.genre[genre * d..][..d], x);
            }
        }
    }
}

/// Room for a block's numbers, of as many rows as it is fitted to.
pub(super) struct Work {
    config: ArrangerConfig,
    pub(super) normed: Vec<f32>,
    pub(super) asked: Vec<f32>,
    pub(super) inner: Vec<f32>,
    pub(super) answer: Vec<f32>,
}

impl Work {
    pub(super) fn new(config: ArrangerConfig) -> Self {
        Self { config, normed: Vec::new(), asked: Vec::new(), inner: Vec::new(), answer: Vec::new() }
    }

    /// Makes room for so many rows.
    pub(super) fn fit(&mut self, rows: usize) {
        let ArrangerConfig { width, inner, .. } = self.config;
        self.normed.resize(rows * width, 0.0);
        self.asked.resize(rows * 3 * width, 0.0);
        self.inner.resize(rows * inner, 0.0);
        self.answer.resize(rows * width, 0.0);
    }

    /// Adds what a block heard, and what its two layers make of that, to `x`.
    pub(super) fn finish(&mut self, block: &Block, heard: &[f32], x: &mut [f32]) {
        block.answer.apply(heard, &mut self.answer);
        add(1.0, &self.answer, x);
        norm(x, &block.norm2, &mut self.normed);
        block.inner.apply(&self.normed, &mut self.inner);
        self.inner.iter_mut().for_each(|x| *x = x.max(0.0));
        block.outer.apply_sparse(&self.inner, &mut self.answer);
        add(1.0, &self.answer, x);
    }
}
