//! Snapshots: what the plugin's threads tell, in the editor's words.

use std::sync::Arc;

use gui::{Models, Pack, Snapshot, Stage as Shown};
use model::Card;
use phrase::Phrase;

use super::EditorApp;
use crate::audio::options::{Margin, Silent, Thru};
use crate::link::{Frozen, Processor, Stage};

/// Half a step is left between a phrase's closing and its line: so many milliseconds at one quarter note a
/// minute.
const HALF_STEP: f32 = 60_000.0 / 8.0;

impl EditorApp {
    /// Everything that is drawn, as it is now.
    pub(super) fn read(&mut self) -> Snapshot {
        let (params, meters) = (&self.params, &self.shared.meters);
        let (pack, heads, (stage, beats)) = (self.shared.pack(), meters.heads(), meters.stage());
        let problem = self.problem(&pack);
        let counts = [
            (meters.late(), "answers late"),
            (meters.timeouts(), "answers missing in a bounce"),
            (meters.overflow(), "notes too many"),
            (meters.lost(), "controllers lost"),
        ];
        let notices = counts.into_iter().filter(|(count, _)| *count > 0);
        let frozen =
            if params.freeze.value() && !self.shared.is_bringing() { self.shared.frozen() } else { None };
        let playing = match frozen {
            Some(frozen) => Some(self.takes.of_frozen(frozen)),
            None => self.takes.drawn.last().cloned(),
        };
        let beat = 60_000.0 / heads.tempo.max(1.0);
        let margin = match params.margin.value() {
            Margin::None => 0.0,
            Margin::Beat => beat,
            Margin::Bar => 4.0 * beat,
        };
        let on_gpu = match params.processor.value() {
            Processor::Cpu => false,
            Processor::Gpu => pack.note.is_none(),
            Processor::Auto => pack.needs_gpu && pack.note.is_none(),
        };
        let runs = matches!(stage, Stage::Listening | Stage::Playing);
        let known = |step: f32| (!step.is_nan()).then_some(step);
        Snapshot {
            fields: self.fields.clone(),
            values: self.controls.values(),
            stage: if runs { Shown::Running } else { Shown::Waiting },
            state: self.state(stage, beats, pack.ready, problem.is_some()),
            beats: runs.then_some(beats),
            problem,
            notices: notices.map(|(count, what)| format!("{count} {what}")).collect(),
            device: if on_gpu { "GPU" } else { "CPU" }.into(),
            note: pack.note,
            took: meters.last_answer().map(|(took, _)| took.as_secs_f32() * 1e3),
            deadline: HALF_STEP / heads.tempo.max(1.0) + margin,
            key: self.takes.key.clone(),
            live: self.live.clone(),
            head: known(heads.input),
            played: known(heads.output),
            takes: self.takes.drawn.clone(),
            playing,
            models: self.models(),
            chosen: self.undo.chosen(),
            steps: self.undo.steps(&self.takes),
            folder: self.preferences.midi().display().to_string(),
            message: self.message.clone(),
            welcome: self.preferences.is_new(),
            look: self.preferences.look(),
            zoom: self.preferences.zoom(),
            pack: Pack { name: pack.name, genres: pack.genres, ..self.pack.clone() },
        }
    }

    /// The user's models as they are drawn: made ready where they have changed.
    fn models(&mut self) -> Arc<Models> {
        let rolls = self.shared.model_rolls();
        if !self.models.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, &rolls)) {
            let models = self.shared.models();
            let notes = |frozen: &Option<Frozen>| {
                frozen.as_ref().map(|frozen| {
                    let mut phrase = Phrase::new(0, 120.0);
                    frozen.write(&mut phrase);
                    phrase.notes.to_vec()
                })
            };
            let drawn =
                Models { corners: models.corners.each_ref().map(notes), manner: notes(&models.manner) };
            self.models = Some((rolls, Arc::new(drawn)));
        }
        self.models.as_ref().map(|(_, drawn)| drawn.clone()).unwrap_or_default()
    }

    /// What keeps answers from coming, and what to do.
    fn problem(&self, pack: &crate::link::PackView) -> Option<String> {
        let (params, genres) = (&self.params, pack.genres.len());
        if self.shared.is_broken() {
            return Some("A fault in Contrafact: notes pass unchanged until you load the plugin anew".into());
        }
        if let Some(problem) = &pack.problem {
            return Some(format!("Notes pass unchanged: {problem}"));
        }
        if !self.selection.worker_is_alive() {
            return Some(
                "The network's thread has died: notes pass unchanged until you load the plugin anew".into(),
            );
        }
        let target = usize::try_from(params.target.value()).unwrap_or(0);
        if params.blend.value() {
            let nothing = params.weights.iter().take(genres).all(|weight| weight.value() <= 0.0);
            let text = "Notes pass unchanged: every weight of the blend is 0; drag the pad towards a genre";
            return (genres > 0 && nothing).then(|| text.to_string());
        }
        (genres > 0 && target > genres).then(|| {
            format!("Notes pass unchanged: the pack has no genre in slot {target}; choose another target")
        })
    }

    /// What is going on, or why nothing plays, in a sentence.
    fn state(&self, stage: Stage, beats: f32, ready: bool, dry: bool) -> String {
        let count = match beats.ceil().max(1.0) {
            1.0 => "1 beat".to_string(),
            beats => format!("{beats:.0} beats"),
        };
        let params = &self.params;
        match (stage, self.undo.chosen()) {
            (Stage::Bypassed, _) => "Bypassed: your notes pass at once, unchanged".to_string(),
            (Stage::Resting, Some(take)) => format!("Stopped: phrase {take} repeats when you press play"),
            (Stage::Resting, None) if params.freeze.value() => {
                "Stopped: the frozen answer repeats when you press play".to_string()
            }
            (Stage::Resting, None) => "Stopped: press play in your host, or play a note".to_string(),
            _ if params.thru.value() == Thru::Dry => {
                "Only your input is heard; choose Hear: answers for the rest".to_string()
            }
            (_, Some(take)) if self.shared.is_bringing() => format!("Phrase {take} plays again in {count}"),
            (_, Some(take)) => format!("Phrase {take} repeats; Redo leads back to now"),
            _ if params.freeze.value() => "Frozen: this answer repeats".to_string(),
            _ if !ready && !dry => "The pack is being loaded".to_string(),
            _ if params.morph.value() && !dry && self.shared.model_rolls().has_corners() => {
                format!("The point between your corners plays; the next begins in {count}")
            }
            (Stage::Listening, _)
                if !dry && matches!(params.silent.value(), Silent::Continue | Silent::Vary) =>
            {
                let most = params.silent_bars.value().bars();
                format!("Where you rest, music goes on for at most {most} bars; the next phrase: in {count}")
            }
            (Stage::Listening, _) => format!("Nothing played in this phrase yet; the next begins in {count}"),
            (Stage::Playing, _) if dry => format!("Your phrase comes back unchanged in {count}"),
            (Stage::Playing, _) => format!("Your phrase is answered in {count}"),
        }
    }
}

/// What a pack cannot do that the window offers, each in a sentence.
pub fn lacks(card: &Card) -> Vec<String> {
    let parts = &card.parts;
    let lacks = [
        (parts.writer.is_none(), "No writer in this pack: it cannot go on."),
        (parts.space.is_none(), "No space in this pack: only corners play."),
    ];
    lacks.into_iter().filter(|(lacks, _)| *lacks).map(|(_, text)| text.to_string()).collect()
}

/// A card in lines.
pub fn card(card: &Card) -> Vec<(String, String)> {
    let line = |name: &str, text: String| (name.to_string(), text);
    let mut lines = vec![
        line("Version", card.version.clone()),
        line("Genres", card.genres.join(", ")),
        line("Recipe", card.recipe.clone()),
    ];
    lines.extend(card.data.iter().map(|data| {
        line(
            &format!("Data: {}", data.genre),
            format!("{} ({} files; {})", data.source, data.files, data.licence),
        )
    }));
    lines.extend(card.metrics.iter().map(|(name, value)| line(name, format!("{value:.3}"))));
    lines.push(line("SHA-256", card.hash.chars().take(16).collect()));
    lines
}
