//! The frozen phrase and the models as parts of the saved state.

use std::sync::Arc;

use nice_plug::params::persist::PersistentField;

use super::{Frozen, Models, Shared};

/// Saves an instance's frozen phrase with its project, and brings it back.
#[derive(Debug)]
pub struct FrozenField(pub Arc<Shared>);

impl<'a> PersistentField<'a, Option<Frozen>> for FrozenField {
    fn set(&self, frozen: Option<Frozen>) {
        self.0.load_frozen(frozen);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&Option<Frozen>) -> R,
    {
        f(&self.0.frozen())
    }
}

/// Saves an instance's models with its project, and brings them back.
#[derive(Debug)]
pub struct ModelsField(pub Arc<Shared>);

impl<'a> PersistentField<'a, Models> for ModelsField {
    fn set(&self, models: Models) {
        self.0.set_models(models);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&Models) -> R,
    {
        f(&self.0.models())
    }
}
