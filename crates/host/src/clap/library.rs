//! A loaded library and the plugins in it.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

use clack_host::entry::EntryDescriptor;
use clack_host::prelude::*;

use super::ClapHost;
use super::callbacks::{Handlers, Main, Shared};
use crate::HostError;

/// A loaded `.clap` (or cdylib). It stays loaded while this or an instance of it lives, then is unloaded.
pub struct ClapLibrary {
    entry: PluginEntry,
    path: PathBuf,
}

/// What a library says of a plugin in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The id that instances are made by.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// CLAP's feature tags.
    pub features: Vec<String>,
}

fn text(of: Option<&CStr>) -> String {
    of.map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

impl ClapLibrary {
    /// Loads the library at an absolute path.
    ///
    /// # Errors
    ///
    /// The path is relative, there is no library, or it has no CLAP entry.
    pub fn load(path: &Path) -> Result<Self, HostError> {
        let fault = |reason: String| HostError::Load { path: path.to_owned(), reason };
        if !path.is_absolute() {
            return Err(fault("the path must be absolute".into()));
        }
        // SAFETY: loading runs the library's initialisers; the caller names a plugin built to be loaded by
        // hosts.
        let entry = unsafe { PluginEntry::load(path) }.map_err(|error| fault(error.to_string()))?;
        Ok(ClapLibrary { entry, path: path.to_owned() })
    }

    /// The plugins of an entry that is linked into this program, for tests that must reach both of its sides.
    ///
    /// # Errors
    ///
    /// The entry is of another CLAP or refuses to begin.
    pub fn built_in(entry: &'static EntryDescriptor) -> Result<Self, HostError> {
        let path = PathBuf::from("(built in)");
        // SAFETY: a static entry of this program is never unloaded and was made by a plugin framework, not by
        // hand.
        let loaded = unsafe { PluginEntry::load_from_raw(entry, c"") };
        let entry =
            loaded.map_err(|error| HostError::Load { path: path.clone(), reason: error.to_string() })?;
        Ok(ClapLibrary { entry, path })
    }

    /// The plugins in the library.
    ///
    /// # Errors
    ///
    /// The library has no plugin factory.
    pub fn plugins(&self) -> Result<Vec<Descriptor>, HostError> {
        let factory = self.entry.get_plugin_factory().ok_or(HostError::Missing("a plugin factory"))?;
        Ok(factory
            .plugin_descriptors()
            .map(|of| Descriptor {
                id: text(of.id()),
                name: text(of.name()),
                vendor: text(of.vendor()),
                version: text(of.version()),
                features: of.features().map(|feature| feature.to_string_lossy().into_owned()).collect(),
            })
            .collect())
    }

    /// A fresh, inactive instance of the library's first plugin.
    ///
    /// # Errors
    ///
    /// There is no plugin, or it failed to start.
    pub fn instance(&self) -> Result<ClapHost, HostError> {
        let fault = |reason: String| HostError::Load { path: self.path.clone(), reason };
        let first =
            self.plugins()?.into_iter().next().ok_or_else(|| fault("there is no plugin in it".into()))?;
        let id = CString::new(first.id).map_err(|error| fault(error.to_string()))?;
        let info = HostInfo::new("Contrafact host", "Contrafact", "", env!("CARGO_PKG_VERSION"))
            .map_err(|error| fault(error.to_string()))?;
        let instance =
            PluginInstance::<Handlers>::new(|()| Shared::new(), |_| Main::default(), &self.entry, &id, &info)
                .map_err(|error| fault(error.to_string()))?;
        Ok(ClapHost::around(instance))
    }
}
