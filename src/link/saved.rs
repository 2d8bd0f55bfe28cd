//! The frozen phrase as part of the saved state.

use std::sync::Arc;

use nice_plug::params::persist::PersistentField;

use super::{Frozen, Shared};

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
