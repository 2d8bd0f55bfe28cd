//! An instance's parameters: what they are called, what they show, and setting them.

use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_host::events::event_types::ParamValueEvent;
use clack_host::prelude::*;

use super::ClapHost;
use crate::HostError;

/// A parameter as the plugin describes it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The plugin's id.
    pub id: u32,
    /// Name for people.
    pub name: String,
    /// The lowest CLAP value.
    pub min: f64,
    /// The highest CLAP value.
    pub max: f64,
    /// The CLAP value that a fresh instance has.
    pub default: f64,
    /// Values are whole numbers.
    pub stepped: bool,
    /// Hosts may offer it for automation.
    pub automatable: bool,
    /// Hosts may modulate it.
    pub modulatable: bool,
    /// It is the host's bypass.
    pub bypass: bool,
    /// Hosts should not show it.
    pub hidden: bool,
}

impl ClapHost {
    /// The parameters in the plugin's order.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The parameter of that name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn param(&self, name: &str) -> Result<&Param, HostError> {
        let found = self.params.iter().find(|param| param.name == name);
        found.ok_or_else(|| HostError::NoParameter(name.into()))
    }

    /// The text that the plugin shows for a value (0..=1 of the range) of the named parameter.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or the plugin has no text for the value.
    pub fn value_text(&mut self, name: &str, normalised: f64) -> Result<String, HostError> {
        let param = self.param(name)?.clone();
        let value = param.min + normalised * (param.max - param.min);
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().ok_or(HostError::Missing("parameters"))?;
        let mut buffer = [0; 256];
        let shown = params
            .value_to_text(&handle, ClapId::new(param.id), value, &mut buffer)
            .map_err(|_| HostError::refused(format!("name value {value} of {name:?}")))?;
        Ok(String::from_utf8_lossy(shown).into_owned())
    }

    /// The named parameter's present value, 0..=1 of its range.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or the plugin does not tell.
    pub fn value(&mut self, name: &str) -> Result<f64, HostError> {
        let param = self.param(name)?.clone();
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().ok_or(HostError::Missing("parameters"))?;
        let value = params
            .get_value(&handle, ClapId::new(param.id))
            .ok_or_else(|| HostError::refused(format!("tell the value of {name:?}")))?;
        Ok((value - param.min) / (param.max - param.min))
    }

    /// Sets a parameter (0..=1 of its range) outside of processing, through the plugin's flush.
    ///
    /// # Errors
    ///
    /// There is no such parameter.
    pub fn set(&mut self, name: &str, normalised: f64) -> Result<(), HostError> {
        let param = self.param(name)?;
        let value = param.min + normalised * (param.max - param.min);
        let mut events = EventBuffer::new();
        events.push(&ParamValueEvent::new(0, ClapId::new(param.id), Pckn::match_all(), value));
        let mut out = EventBuffer::new();
        let handle = self.instance.plugin_handle();
        let params: PluginParams = handle.get_extension().ok_or(HostError::Missing("parameters"))?;
        if let Some(audio) = &mut self.audio {
            let processor = &mut audio.processor;
            processor.access_shared_handler(|shared| shared.in_audio(true));
            params.flush_active(&mut processor.plugin_handle(), &events.as_input(), &mut out.as_output());
            processor.access_shared_handler(|shared| shared.in_audio(false));
        } else if let Some(mut inactive) = self.instance.inactive_plugin_handle() {
            params.flush(&mut inactive, &events.as_input(), &mut out.as_output());
        }
        self.pump();
        Ok(())
    }

    pub(super) fn read_params(&mut self) -> Vec<Param> {
        let handle = self.instance.plugin_handle();
        let Some(params) = handle.get_extension::<PluginParams>() else { return Vec::new() };
        let mut buffer = ParamInfoBuffer::new();
        (0..params.count(&handle))
            .filter_map(|index| {
                let info = params.get_info(&handle, index, &mut buffer)?;
                Some(Param {
                    id: info.id.get(),
                    name: String::from_utf8_lossy(info.name).trim_end_matches('\0').into(),
                    min: info.min_value,
                    max: info.max_value,
                    default: info.default_value,
                    stepped: info.flags.contains(ParamInfoFlags::IS_STEPPED),
                    automatable: info.flags.contains(ParamInfoFlags::IS_AUTOMATABLE),
                    modulatable: info.flags.contains(ParamInfoFlags::IS_MODULATABLE),
                    bypass: info.flags.contains(ParamInfoFlags::IS_BYPASS),
                    hidden: info.flags.contains(ParamInfoFlags::IS_HIDDEN),
                })
            })
            .collect()
    }
}
