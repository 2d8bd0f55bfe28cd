//! What is known around a phrase when it is answered: what was answered before, what was heard, the user's
//! models.

use std::sync::Arc;

use model::{Context, Heard, Settings, WhenSilent};
use phrase::Roll;

use crate::link::ModelRolls;

/// A [`Context`] that owns what it tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Around {
    /// What was answered for the 64 steps in front of what is played; `None` where that is not known.
    pub before: Option<Roll>,
    /// What was answered last to somebody's playing.
    pub heard: Option<Heard>,
    /// By what ratio the phrases before swung, alone or with this one; `None` where that is straight.
    pub swing: Option<f64>,
    /// The user's models.
    pub models: Arc<ModelRolls>,
}

impl Around {
    /// As the model is told it.
    pub fn context(&self) -> Context<'_> {
        Context {
            before: self.before.as_ref(),
            heard: self.heard.as_ref(),
            swing: self.swing,
            corners: Some(&self.models.corners),
            manner: Some(&self.models.manner),
            key: None,
        }
    }

    /// What of it an answer with these settings depends on, of a pack that remembers or not. Without the rest
    /// a loop's every pass finds its answers again.
    pub fn needed(mut self, settings: &Settings, remembers: bool) -> Self {
        let rests = settings.silent == WhenSilent::Rest;
        if rests && !remembers {
            self.before = None;
        }
        if rests {
            self.heard = None;
        }
        if settings.morph.is_none() && !settings.textured {
            self.models = Arc::default();
        }
        self
    }
}

/// Whether a place in the song has draws of its own, with these settings.
pub fn draws(settings: &Settings) -> bool {
    settings.variation > 0.0 || settings.silent != WhenSilent::Rest
}
