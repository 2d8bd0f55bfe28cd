//! The history as the editor draws it: each take is made ready once, not for every frame.

use std::sync::Arc;

use model::{Own, Settings};
use phrase::{BandPart, Key, KeyLock, Phrase};

use crate::link::{Analysis, Frozen, Played, Shared, Take};

/// Under this fit an estimated key is a guess (see [`Key::fit`]), and not said.
const SURE: f32 = 0.6;

/// What is drawn of the history, and what it was made of.
#[derive(Debug, Default)]
pub struct Takes {
    version: Option<u64>,
    /// The takes as the worker remembers them.
    pub raw: Vec<Arc<Take>>,
    /// The same as they are drawn.
    pub drawn: Vec<Arc<gui::Take>>,
    /// Which of them have their analysis.
    known: Vec<bool>,
    /// The key that is heard in the newest one.
    pub key: Option<String>,
    /// The frozen phrase, as it is drawn.
    frozen: Option<(Frozen, Arc<gui::Take>)>,
}

impl Takes {
    /// Takes over what is new.
    pub fn update(&mut self, shared: &Shared) {
        let Some((version, takes)) = shared.takes(self.version) else { return };
        self.version = Some(version);
        let (raw, drawn, known) =
            (std::mem::take(&mut self.raw), std::mem::take(&mut self.drawn), std::mem::take(&mut self.known));
        for (take, analysis) in takes {
            let before = raw.iter().position(|old| Arc::ptr_eq(old, &take));
            let ready = match before {
                Some(index) if known[index] == analysis.is_some() => drawn[index].clone(),
                _ => Arc::new(draw(&take, analysis.as_deref())),
            };
            self.raw.push(take);
            self.drawn.push(ready);
            self.known.push(analysis.is_some());
        }
        let sure = |key: &Key| key.fit >= SURE;
        let newest = self.raw.last().map(|take| take.phrase(&take.input).roll());
        self.key = newest.and_then(|roll| Key::of(&roll)).filter(sure).map(|key| key.to_string());
        self.frozen = None;
    }

    /// The take of a number.
    pub fn find(&self, id: u64) -> Option<&Arc<Take>> {
        self.raw.iter().find(|take| take.id == id)
    }

    /// The frozen phrase: one of the takes, or, where a project brought it, one without a number.
    pub fn of_frozen(&mut self, frozen: Frozen) -> Arc<gui::Take> {
        if let Some((known, take)) = &self.frozen
            && *known == frozen
        {
            return take.clone();
        }
        let is = |take: &Arc<Take>| self::frozen(take) == frozen;
        let take = match self.raw.iter().rposition(is) {
            Some(index) => self.drawn[index].clone(),
            None => {
                let mut phrase = Phrase::new(0, 120.0);
                frozen.write(&mut phrase);
                Arc::new(gui::Take {
                    played: phrase.notes.to_vec(),
                    kept: vec![true; phrase.notes.len()],
                    first: frozen.first().into(),
                    length: frozen.length() as f32,
                    answered: true,
                    title: "frozen, of this project".into(),
                    ..gui::Take::default()
                })
            }
        };
        self.frozen = Some((frozen, take.clone()));
        take
    }
}

/// What a take is frozen as.
pub fn frozen(take: &Take) -> Frozen {
    Frozen::new(&take.phrase(&take.played), take.first, take.length)
}

/// What was done, short: "classical > jazz".
pub fn title(take: &Take) -> String {
    let name = |slot: usize| take.genres.get(slot).cloned().unwrap_or_else(|| format!("slot {}", slot + 1));
    match take.kind {
        Played::Nothing => return "silence".into(),
        Played::Dry => return "as played".into(),
        Played::Answer => {}
    }
    match take.report.own {
        Own::Morphed => return "morph".into(),
        Own::Varied => return "a variation".into(),
        Own::Written if take.input.is_empty() => return "went on".into(),
        Own::Written | Own::None => {}
    }
    let target = &take.settings.target;
    let mut to: Vec<_> =
        (0..target.len().min(take.genres.len().max(1))).filter(|&slot| target[slot] > 0.005).collect();
    to.sort_by(|&a, &b| target[b].total_cmp(&target[a]));
    let to: Vec<_> = to.into_iter().map(name).collect();
    match to.is_empty() {
        true => name(take.report.source.into()),
        false => format!("{} > {}", name(take.report.source.into()), to.join(" + ")),
    }
}

/// What is worth saying of the settings that made it, short.
fn text(take: &Take) -> String {
    let (settings, manner) = (take.settings, take.manner);
    let mut parts = vec![format!("amount {:.0} %", settings.amount * 100.0)];
    if settings.variation > 0.0 {
        parts.push(format!("variation {:.0} % #{}", settings.variation * 100.0, settings.seed));
    }
    if settings.harmony != Settings::to(0).harmony {
        parts.push(format!("harmony {:.0} %", settings.harmony * 100.0));
    }
    if !settings.limits {
        parts.push("no voicing limits".into());
    }
    if manner.guards.melody {
        parts.push("melody kept".into());
    }
    match manner.guards.key {
        KeyLock::Off => {}
        KeyLock::Auto => parts.push("key auto".into()),
        KeyLock::Key(tonic, mode) => parts.push(format!("key {}", Key { tonic, mode, fit: 1.0 })),
    }
    if manner.feel.swing > 0.0 {
        parts.push(format!("swing {:.0} %", manner.feel.swing * 100.0));
    }
    let only: Vec<_> = BandPart::ALL.iter().filter(|part| manner.band.plays[**part as usize]).collect();
    if only.len() < BandPart::ALL.len() {
        let names: Vec<_> = only.iter().map(|part| part.name()).collect();
        parts.push(if names.is_empty() { "no part".into() } else { format!("{} only", names.join(" and ")) });
    }
    parts.join(", ")
}

fn draw(take: &Take, analysis: Option<&Analysis>) -> gui::Take {
    let genres = take.genres.len();
    let mut drawn = gui::Take {
        id: take.id,
        input: take.input.clone(),
        played: take.played.clone(),
        first: take.first.into(),
        length: take.length as f32,
        answered: take.kind == Played::Answer,
        title: title(take),
        settings: if take.kind == Played::Answer { text(take) } else { String::new() },
        change: (take.report.change.added, take.report.change.removed),
        ..gui::Take::default()
    };
    if let Some(analysis) = analysis {
        drawn.before = analysis.before[..genres.min(analysis.before.len())].to_vec();
        drawn.after = analysis.after[..genres.min(analysis.after.len())].to_vec();
        drawn.saliency = analysis.saliency.clone();
    }
    drawn.compare();
    drawn
}
