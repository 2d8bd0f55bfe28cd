//! The CLAP's parameters as VST3 sees them: the same ids, values from 0 to 1.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

use clap_sys::ext::params::{
    CLAP_PARAM_IS_AUTOMATABLE, CLAP_PARAM_IS_BYPASS, CLAP_PARAM_IS_ENUM, CLAP_PARAM_IS_HIDDEN,
    CLAP_PARAM_IS_READONLY, CLAP_PARAM_IS_STEPPED, clap_param_info,
};
use vst3::Steinberg::Vst::ParameterInfo;
use vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_;

use crate::clap::Plugin;
use crate::{text, unit};

/// One parameter. What changes is atomic: hosts ask from any thread.
pub struct Param {
    /// The id in both formats.
    pub id: u32,
    name: String,
    min: f64,
    max: f64,
    default: f64,
    flags: u32,
    /// What the host has set for its views while blocks are processed; the bits of NaN for none. The plugin
    /// gets the value with a block: the host sends it there too, and a late echo here must not undo newer
    /// automation.
    view: AtomicU64,
    /// A user holds the control in the editor: the host's echoes of that wait.
    held: AtomicBool,
}

impl Param {
    /// The parameter that the plugin describes.
    pub fn new(info: &clap_param_info) -> Param {
        Param {
            id: info.id,
            name: text::read8(&info.name),
            min: info.min_value,
            max: info.max_value,
            default: info.default_value,
            flags: info.flags,
            view: AtomicU64::new(f64::NAN.to_bits()),
            held: AtomicBool::new(false),
        }
    }

    /// Steps between the values; 0 for none.
    fn steps(&self) -> f64 {
        if self.flags & CLAP_PARAM_IS_STEPPED != 0 { (self.max - self.min).round() } else { 0.0 }
    }

    /// The plain value of a normalised one. NaN counts as 0.
    pub fn plain(&self, normalised: f64) -> f64 {
        let plain = self.min + unit(normalised) * (self.max - self.min);
        if self.steps() > 0.0 { plain.round() } else { plain }
    }

    /// The normalised value (0..=1) of a plain one.
    pub fn normalised(&self, plain: f64) -> f64 {
        let range = self.max - self.min;
        if range > 0.0 { ((plain - self.min) / range).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// What the host is told.
    pub fn describe(&self, info: &mut ParameterInfo) {
        let has = |flag| self.flags & flag != 0;
        info.id = self.id;
        text::write16(&mut info.title, &self.name);
        text::write16(&mut info.shortTitle, &self.name);
        info.units = [0; 128];
        info.stepCount = self.steps() as i32;
        info.defaultNormalizedValue = self.normalised(self.default);
        info.unitId = 0;
        let mut flags = 0;
        for (there, flag) in [
            (has(CLAP_PARAM_IS_AUTOMATABLE), ParameterFlags_::kCanAutomate),
            (has(CLAP_PARAM_IS_BYPASS), ParameterFlags_::kIsBypass),
            (has(CLAP_PARAM_IS_READONLY), ParameterFlags_::kIsReadOnly),
            (has(CLAP_PARAM_IS_HIDDEN), ParameterFlags_::kIsHidden),
            (has(CLAP_PARAM_IS_ENUM), ParameterFlags_::kIsList),
        ] {
            if there {
                flags |= flag as i32;
            }
        }
        info.flags = flags;
    }

    /// What the host's views show: its own value, or the plugin's.
    pub fn shown(&self, plugin: &Plugin) -> f64 {
        let view = f64::from_bits(self.view.load(Acquire));
        if view.is_nan() { plugin.value(self.id).map_or(0.0, |plain| self.normalised(plain)) } else { view }
    }

    /// The host's views show that from now on.
    pub fn show(&self, normalised: f64) {
        self.view.store(unit(normalised).to_bits(), Release);
    }

    /// Takes what only the host's views show.
    pub fn take_view(&self) -> Option<f64> {
        let view = f64::from_bits(self.view.swap(f64::NAN.to_bits(), AcqRel));
        (!view.is_nan()).then_some(view)
    }

    /// A user takes or leaves the control in the editor.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Release);
    }

    /// Whether a user holds the control.
    pub fn is_held(&self) -> bool {
        self.held.load(Acquire)
    }

    /// A value in words.
    pub fn text(&self, plugin: &Plugin, normalised: f64) -> Option<String> {
        plugin.value_to_text(self.id, self.plain(normalised))
    }

    /// The normalised value that words mean.
    pub fn value_of(&self, plugin: &Plugin, text: &str) -> Option<f64> {
        let text = CString::new(text).ok()?;
        plugin.text_to_value(self.id, &text).map(|plain| self.normalised(plain))
    }
}

/// All parameters, in the plugin's order.
pub struct Params {
    list: Vec<Param>,
    /// Id and place, by id.
    index: Vec<(u32, usize)>,
}

impl Params {
    /// The parameters that the plugin describes.
    pub fn new(infos: &[clap_param_info]) -> Params {
        let list: Vec<_> = infos.iter().map(Param::new).collect();
        let mut index: Vec<_> = list.iter().enumerate().map(|(at, param)| (param.id, at)).collect();
        index.sort_unstable();
        Params { list, index }
    }

    /// The parameter of that id. Real-time safe.
    pub fn get(&self, id: u32) -> Option<&Param> {
        let at = self.index.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.list[self.index[at].1])
    }

    /// The parameters in order.
    pub fn list(&self) -> &[Param] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(id: u32, flags: u32, max: f64) -> clap_param_info {
        // SAFETY: zeros are valid for numbers, text and pointers.
        let mut info: clap_param_info = unsafe { std::mem::zeroed() };
        (info.id, info.flags, info.max_value, info.default_value) = (id, flags, max, max / 2.0);
        text::write8(&mut info.name, "Name");
        info
    }

    #[test]
    fn steps_and_ranges_are_kept() {
        let params = Params::new(&[param(9, CLAP_PARAM_IS_STEPPED, 8.0), param(4, 0, 2.0)]);
        let stepped = params.get(9).unwrap();
        for step in 0..=8 {
            assert_eq!(stepped.plain(stepped.normalised(f64::from(step))), f64::from(step));
        }
        assert_eq!((stepped.plain(-1.0), stepped.plain(2.0), stepped.plain(f64::NAN)), (0.0, 8.0, 0.0));
        let smooth = params.get(4).unwrap();
        assert_eq!((smooth.plain(0.3), smooth.normalised(0.6)), (0.6, 0.3));
        assert!(params.get(5).is_none());
    }

    #[test]
    fn flags_and_defaults_are_told() {
        let params = Params::new(&[param(9, CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS, 1.0)]);
        // SAFETY: zeros are valid for numbers and text.
        let mut info: ParameterInfo = unsafe { std::mem::zeroed() };
        params.list()[0].describe(&mut info);
        assert_eq!((info.id, info.stepCount, info.defaultNormalizedValue), (9, 1, 0.5));
        assert_eq!(info.flags, ParameterFlags_::kIsBypass as i32);
    }
}
