//! The parameters and what is saved. Ids and ranges never change: projects and automation refer to them.

mod asked;
mod kinds;
pub mod table;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gui::Control;
use nice_plug::params::internals::ParamPtr;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;

use crate::audio::stage::Choice;
use crate::link::{FrozenField, ModelsField, Shared};
use crate::packs::{PackField, Selection};
pub use asked::{asked, corners, values};
pub use table::{ROWS, Row, Table};
use texts::key_value;

/// All parameters of an instance, and what else a project saves of it.
#[derive(Params)]
pub struct PluginParams {
    /// The pack, by name and hash.
    #[persist = "pack"]
    pub pack: PackField,

    /// The phrase that is frozen, if one is.
    #[persist = "frozen"]
    pub frozen: FrozenField,

    /// The phrases that the user takes as models.
    #[persist = "models"]
    pub models: ModelsField,

    /// The parameters.
    #[nested]
    table: Table,

    /// How many states were loaded.
    #[nested]
    states: States,
}

impl Deref for PluginParams {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}

// SAFETY: the pointers are of fields of this object, which the wrapper keeps.
unsafe impl Params for Table {
    fn param_map(&self) -> Vec<(String, ParamPtr, String)> {
        let each = |(row, pointers): (&Row, Vec<ParamPtr>)| {
            row.each()
                .into_iter()
                .zip(pointers)
                .map(|((id, ..), pointer)| (id, pointer, String::new()))
                .collect::<Vec<_>>()
        };
        self.pointers().into_iter().flat_map(each).collect()
    }
}

/// Counts the states that were loaded: the framework tells of one only by bringing its fields.
#[derive(Default)]
struct States(AtomicU32);

// SAFETY: it has no parameters.
unsafe impl Params for States {
    fn param_map(&self) -> Vec<(String, ParamPtr, String)> {
        Vec::new()
    }

    fn deserialize_fields(&self, _: &BTreeMap<String, String>) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

impl PluginParams {
    /// The parameters at their defaults; the slots have the names that `shared` holds at any time.
    pub fn new(selection: Arc<Selection>, shared: &Arc<Shared>) -> Self {
        Self {
            pack: PackField(selection),
            frozen: FrozenField(shared.clone()),
            models: ModelsField(shared.clone()),
            table: Table::new(shared),
            states: States::default(),
        }
    }

    /// Changes when a state has been loaded, after its values are there.
    pub fn states(&self) -> u32 {
        self.states.0.load(Ordering::Acquire)
    }

    /// What was chosen on stage, as the CLAP's events have it: parameters' numbers, and their values as steps
    /// from the lowest. A target ends a blend, as a click on its corner of the pad does. Real-time safe.
    pub fn chosen(&self, choice: Choice) -> impl Iterator<Item = (u32, f64)> {
        const TARGET: u32 = clap_id("target");
        const BLEND: u32 = clap_id("blend");
        const KEY: u32 = clap_id("key");
        let (first, second) = match choice {
            Choice::Target(slot) => ((TARGET, slot.into()), self.blend.value().then_some((BLEND, 0.0))),
            Choice::Key(lock) => ((KEY, key_value(lock).into()), None),
        };
        std::iter::once(first).chain(second)
    }

    /// The parameters that the window moves, and the lowest value of each in the window's units.
    pub fn controls(&self) -> Vec<(Control, ParamPtr, f32)> {
        let each = |(row, pointers): (&'static Row, Vec<ParamPtr>)| {
            row.each()
                .into_iter()
                .zip(pointers)
                .map(|((_, _, control), pointer)| (control, pointer, row.kind.least()))
                .collect::<Vec<_>>()
        };
        self.pointers().into_iter().flat_map(each).collect()
    }

    /// Makes a state whole before it is loaded. What it does not know because it is older, or holds nothing
    /// usable for, gets its default: without that, the value from before would stay. What is out of range is
    /// clamped: the framework takes any number, and an index that an enum does not have panics when it is
    /// saved next.
    pub fn complete(state: &mut PluginState) {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err(String::new())));
        let defaults = Self::new(selection, &shared);
        for (id, param, _) in defaults.param_map() {
            // SAFETY: the pointer is of `defaults`, which lives on.
            let value = unsafe { mended(param, state.params.get(&id)) };
            state.params.insert(id, value);
        }
        state.fields.entry("pack".to_string()).or_insert_with(|| "{}".to_string());
        state.fields.entry("frozen".to_string()).or_insert_with(|| "null".to_string());
        state.fields.entry("models".to_string()).or_insert_with(|| "{}".to_string());
    }
}

/// The number by which the framework's CLAP knows a parameter: made of its id as Java hashes strings, without
/// the highest bit.
const fn clap_id(id: &str) -> u32 {
    let (mut hash, mut at) = (0u32, 0);
    while at < id.len() {
        hash = hash.wrapping_mul(31).wrapping_add(id.as_bytes()[at] as u32);
        at += 1;
    }
    hash & !(1 << 31)
}

/// The nearest value that a parameter can have; its default where there is none, or one of another type.
///
/// # Safety
///
/// The parameter lives.
unsafe fn mended(param: ParamPtr, value: Option<&ParamValue>) -> ParamValue {
    // SAFETY: the caller's word.
    unsafe {
        match (param, value) {
            (ParamPtr::FloatParam(param), Some(ParamValue::F32(value))) if value.is_finite() => {
                ParamValue::F32(value.clamp((*param).preview_plain(0.0), (*param).preview_plain(1.0)))
            }
            (ParamPtr::FloatParam(param), _) => ParamValue::F32((*param).default_plain_value()),
            (ParamPtr::IntParam(param), Some(ParamValue::I32(value))) => {
                ParamValue::I32((*value).clamp((*param).preview_plain(0.0), (*param).preview_plain(1.0)))
            }
            (ParamPtr::IntParam(param), _) => ParamValue::I32((*param).default_plain_value()),
            (ParamPtr::BoolParam(_), Some(ParamValue::Bool(value))) => ParamValue::Bool(*value),
            (ParamPtr::BoolParam(param), _) => ParamValue::Bool((*param).default_plain_value()),
            (ParamPtr::EnumParam(param), Some(ParamValue::I32(value))) => {
                ParamValue::I32((*value).clamp(0, (*param).len() as i32 - 1))
            }
            (ParamPtr::EnumParam(param), Some(ParamValue::String(id))) if (*param).set_from_id(id) => {
                ParamValue::String(id.clone())
            }
            (ParamPtr::EnumParam(param), _) => ParamValue::I32((*param).default_plain_value()),
        }
    }
}
