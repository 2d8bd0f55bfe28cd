//! The window's controls and the parameters that they move. Both follow from the table of parameters.

use std::sync::Arc;

use gui::{Control, Field};
use nice_plug::context::gui::GuiContext;
use nice_plug::params::internals::ParamPtr;

use crate::params::{PluginParams, ROWS};

/// What is said of each control, in the order of the window's pages.
pub fn fields() -> Vec<Field> {
    let mut rows: Vec<_> = ROWS.iter().collect();
    rows.sort_by_key(|row| row.rank);
    let field = |row: &crate::params::Row| {
        let (control, kind) = (Control(row.id), row.kind.drawn()?);
        Some(Field { control, name: row.name, hint: row.hint, kind, page: row.page })
    };
    rows.into_iter().filter_map(field).collect()
}

/// The parameters of an instance as the window moves them. Values are in the controls' own units.
pub struct Controls {
    handles: Vec<(Control, ParamPtr, f32)>,
    /// What the handles point into.
    _params: Arc<PluginParams>,
}

impl Controls {
    /// Those of `params`.
    pub fn of(params: &Arc<PluginParams>) -> Self {
        Self { handles: params.controls(), _params: params.clone() }
    }

    fn find(&self, control: Control) -> Option<(ParamPtr, f32)> {
        self.handles.iter().find(|(of, ..)| *of == control).map(|&(_, param, least)| (param, least))
    }

    /// A control's value; 0 where there is none.
    pub fn value(&self, control: Control) -> f32 {
        let Some((param, least)) = self.find(control) else { return 0.0 };
        // SAFETY: here and below the parameters live as long as this.
        let (normalised, steps) = unsafe { (param.unmodulated_normalized_value(), param.step_count()) };
        match steps {
            Some(steps) => (normalised * steps as f32).round() + least,
            None => normalised,
        }
    }

    /// Every control with its value.
    pub fn values(&self) -> Vec<(Control, f32)> {
        self.handles.iter().map(|(control, ..)| (*control, self.value(*control))).collect()
    }

    /// Takes hold of a control's parameter.
    pub fn begin(&self, host: &GuiContext, control: Control) {
        if let Some((param, _)) = self.find(control) {
            // SAFETY: as above.
            unsafe { host.raw_begin_set_parameter(param) };
        }
    }

    /// Sets it.
    pub fn set(&self, host: &GuiContext, control: Control, value: f32) {
        if let Some((param, least)) = self.find(control) {
            // SAFETY: as above.
            unsafe {
                let steps = param.step_count().unwrap_or(1) as f32;
                host.raw_set_parameter_normalized(param, ((value - least) / steps).clamp(0.0, 1.0));
            }
        }
    }

    /// Lets it go.
    pub fn end(&self, host: &GuiContext, control: Control) {
        if let Some((param, _)) = self.find(control) {
            // SAFETY: as above.
            unsafe { host.raw_end_set_parameter(param) };
        }
    }

    /// Sets it to its default, as one gesture.
    pub fn reset(&self, host: &GuiContext, control: Control) {
        if let Some((param, _)) = self.find(control) {
            // SAFETY: as above.
            unsafe {
                host.raw_begin_set_parameter(param);
                host.raw_set_parameter_normalized(param, param.default_normalized_value());
                host.raw_end_set_parameter(param);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gui::Kind;
    use nice_plug::prelude::Params;

    use super::*;
    use crate::link::Shared;
    use crate::packs::Selection;

    #[test]
    fn every_parameter_has_one_control_whose_value_it_can_show() {
        let shared = Arc::new(Shared::default());
        let selection = Arc::new(Selection::new(shared.clone(), Err("none".into())));
        let params = Arc::new(PluginParams::new(selection, &shared));
        let controls = Controls::of(&params);
        assert_eq!(controls.values().len(), params.param_map().len());
        for field in fields() {
            if let Kind::Choice(names) = &field.kind {
                assert!(names.len() > controls.value(field.control) as usize);
            }
        }
        assert_eq!((controls.value(Control::TARGET), controls.value(Control::AMOUNT)), (1.0, 0.75));
        assert_eq!((controls.value(Control::weight(7)), controls.value(Control("highest"))), (1.0, 127.0));
        assert_eq!((controls.value(Control("limits")), controls.value(Control("none"))), (1.0, 0.0));
    }
}
