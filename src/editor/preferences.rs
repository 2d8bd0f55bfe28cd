//! What a user wants of every editor: looks, size, where files go. In a file of the user's, not in projects.

use std::fs;
use std::path::PathBuf;

use directories::{ProjectDirs, UserDirs};
use gui::Look;
use serde::{Deserialize, Serialize};

/// What is kept. Whatever a file lacks or says wrongly is the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The light look.
    light: bool,
    /// How large everything is drawn, in percent.
    zoom: u16,
    /// Where MIDI files go; none: the usual folder.
    midi: Option<PathBuf>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { light: false, zoom: 100, midi: None }
    }
}

fn file() -> Option<PathBuf> {
    Some(ProjectDirs::from("org", "Contrafact", "Contrafact")?.config_dir().join("editor.json"))
}

impl Preferences {
    /// The user's.
    pub fn read() -> Self {
        let text = file().and_then(|file| fs::read_to_string(file).ok());
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// Keeps them. Where that fails they last as long as the plug-in does.
    fn write(&self) {
        let Some(file) = file() else { return };
        if let (Some(folder), Ok(text)) = (file.parent(), serde_json::to_string_pretty(self)) {
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(&file, text));
        }
    }

    /// Colours.
    pub fn look(&self) -> Look {
        if self.light { Look::Light } else { Look::Dark }
    }

    /// How large everything is drawn, in percent: 100..=200.
    pub fn zoom(&self) -> u16 {
        self.zoom.clamp(100, 200)
    }

    /// The folder of MIDI files: the user's choice, else one among the documents.
    pub fn midi(&self) -> PathBuf {
        let usual = || {
            let documents = UserDirs::new().and_then(|dirs| Some(dirs.document_dir()?.join("Contrafact")));
            let data = || Some(ProjectDirs::from("org", "Contrafact", "Contrafact")?.data_dir().join("midi"));
            documents.or_else(data).unwrap_or_else(|| std::env::temp_dir().join("Contrafact"))
        };
        self.midi.clone().unwrap_or_else(usual)
    }

    /// Other colours.
    pub fn set_look(&mut self, look: Look) {
        self.light = look == Look::Light;
        self.write();
    }

    /// Another size.
    pub fn set_zoom(&mut self, percent: u16) {
        self.zoom = percent;
        self.write();
    }

    /// Another folder; an empty name for the usual one.
    ///
    /// # Errors
    /// Where that is no whole path.
    pub fn set_midi(&mut self, name: &str) -> Result<(), String> {
        let name = name.trim();
        let path = PathBuf::from(name);
        if !name.is_empty() && !path.is_absolute() {
            return Err(format!("{name}: this is no whole path; write it from the root on"));
        }
        self.midi = (!name.is_empty()).then_some(path);
        self.write();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_lacks_is_the_default() {
        let read = |text: &str| serde_json::from_str::<Preferences>(text).unwrap_or_default();
        assert_eq!(read("{}"), Preferences::default());
        assert_eq!(read("nonsense"), Preferences::default());
        let some = read(r#"{"zoom": 9000, "light": true, "unknown": 1}"#);
        assert_eq!((some.zoom(), some.look()), (200, Look::Light));
    }
}
