//! What is written for people while a run goes on: metrics, TensorBoard, samples, charts. None of it may end a run: what
//! fails is said once, and tried again the next time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::log::Log;
use super::progress::Progress;
use super::samples::samples;
use super::tensorboard::Events;
use super::{METRICS, PLOT, SAMPLES, Trainee, plots};
use crate::core::Losses;
use crate::dataset::Dataset;

/// The files of one session.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    names: Vec<&'static str>,
    log: Option<Log>,
    events: Option<Events>,
    bar: Progress,
    mean: Vec<f32>,
    /// Complaints that were printed: each once.
    told: BTreeSet<String>,
}

impl Watch {
    /// Opens the files in `folder` for what comes after the trainee's step.
    pub fn open(trainee: &dyn Trainee, folder: &Path) -> Self {
        let (step, names) = (trainee.step(), trainee.losses());
        let mut watch = Self {
            folder: folder.to_path_buf(),
            log: None,
            events: None,
            bar: Progress::new("step", step, trainee.steps()),
            mean: Vec::new(),
            told: BTreeSet::new(),
            names,
        };
        watch.log = watch.tried(Log::open(&folder.join(METRICS), &watch.names, step));
        watch.events = watch.tried(Events::create(folder, step));
        watch
    }

    /// After each step.
    pub fn step(&mut self, step: u64, losses: &Losses) {
        let losses = &losses.values(&self.names);
        let written = self.log.as_mut().map(|log| log.add(step, losses));
        written.and_then(|written| self.tried(written));
        let written = self.events.as_mut().map(|events| events.scalars(step, &self.names, losses));
        written.and_then(|written| self.tried(written));
        if self.mean.is_empty() {
            self.mean = losses.to_vec();
        }
        self.mean.iter_mut().zip(losses).for_each(|(mean, loss)| *mean += 0.05 * (loss - *mean));
        let short = |name: &str| name.chars().take(3).collect::<String>();
        let told = || {
            let all = self.names.iter().zip(&self.mean);
            all.map(|(name, loss)| format!("{} {loss:.3}", short(name))).collect::<Vec<_>>().join("  ")
        };
        self.bar.set(step, told);
    }

    /// Draws the chart of the losses so far.
    pub fn plot(&mut self) {
        let drawn = plots::draw(&self.folder.join(METRICS), &self.names, &self.folder.join(PLOT));
        self.tried(drawn);
    }

    /// Lets the networks play a few phrases.
    pub fn samples(&mut self, trainee: &dyn Trainee, data: &Dataset) {
        let step = trainee.step();
        let folder = self.folder.join(SAMPLES).join(format!("step-{step:06}"));
        for sample in self.tried(samples(trainee, data)).unwrap_or_default() {
            let written = sample.write(&folder);
            self.tried(written);
            let written =
                self.events.as_mut().map(|events| events.picture(step, &sample.name, &sample.picture()));
            written.and_then(|written| self.tried(written));
        }
    }

    /// At the end.
    pub fn end(&self) {
        self.bar.end();
    }

    fn tried<V>(&mut self, result: Result<V>) -> Option<V> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let complaint = format!("{error:#}");
                // The place differs from step to step, the cause does not.
                if self.told.insert(error.root_cause().to_string()) {
                    self.bar.say(&format!("warning: {complaint}; the training goes on"));
                }
                None
            }
        }
    }
}
