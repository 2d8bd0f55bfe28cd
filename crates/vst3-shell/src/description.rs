//! What hosts are told about the plugin before they make an instance.

use std::ffi::CStr;

/// The plugin's identity as a VST3.
pub struct Description {
    /// The class id, as it stands in projects. Never changes.
    pub class_id: [u8; 16],
    /// The id of the CLAP plugin inside.
    pub clap_id: &'static CStr,
    /// Name for people.
    pub name: &'static str,
    /// Who makes it.
    pub vendor: &'static str,
    /// Where to read about it; may be empty.
    pub url: &'static str,
    /// Where to write to; may be empty.
    pub email: &'static str,
    /// The version.
    pub version: &'static str,
    /// VST3 subcategories, `|` between them.
    pub subcategories: &'static str,
}

impl Description {
    /// The class id in the order of bytes that this system's hosts use, so that projects move between
    /// systems: Windows stores the first three fields of a GUID little endian.
    pub(crate) fn platform_class_id(&self) -> [u8; 16] {
        let id = self.class_id;
        if !cfg!(target_os = "windows") {
            return id;
        }
        let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        order.map(|at| id[at])
    }
}
