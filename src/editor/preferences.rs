//! What a user wants of every window: colours, size, where files go. In a file of the user's, not in
//! projects.
//!
//! Several windows share the file, in one process or in many. So each reads it anew, changes what its user
//! has changed, and puts the whole in place of the old one at once; what the others have written stays.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use directories::{ProjectDirs, UserDirs};
use gui::Look;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What is kept. Whatever a file lacks is the default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The light look.
    light: bool,
    /// How large everything is drawn, in percent.
    zoom: u16,
    /// Where MIDI files go; none: the usual folder.
    midi: Option<PathBuf>,
    /// The words for somebody new were understood.
    welcomed: bool,
}

impl Default for Kept {
    fn default() -> Self {
        Self { light: false, zoom: 100, midi: None, welcomed: false }
    }
}

/// The user's preferences, as this window knows them.
#[derive(Clone, Debug)]
pub struct Preferences {
    /// Where they are kept; none where the system names no folder: then they last as long as the plug-in
    /// does.
    file: Option<PathBuf>,
    kept: Kept,
}

/// More bytes than this are no preferences.
const MOST: u64 = 1 << 20;

/// The windows of this process write one after another.
static WRITING: Mutex<()> = Mutex::new(());

/// How often, and how long after, what was refused for a moment is tried again: a tenth of a second in all.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// A path that is written in full.
const WHOLE: &str = if cfg!(windows) { r"C:\music" } else { "/music" };

impl Preferences {
    /// The user's, and what is to be said where they cannot be read.
    pub fn read() -> (Self, Option<String>) {
        let dirs = ProjectDirs::from("org", "Contrafact", "Contrafact");
        Self::of(dirs.map(|dirs| dirs.config_dir().join("editor.json")))
    }

    fn of(file: Option<PathBuf>) -> (Self, Option<String>) {
        let (text, problem) = match file.as_deref().map(contents) {
            Some(Ok(text)) => (text, None),
            Some(Err(problem)) => (Map::new(), Some(problem)),
            None => (Map::new(), None),
        };
        let kept = serde_json::from_value(Value::Object(text)).unwrap_or_default();
        (Self { file, kept }, problem)
    }

    /// Colours.
    pub fn look(&self) -> Look {
        if self.kept.light { Look::Light } else { Look::Dark }
    }

    /// How large everything is drawn, in percent: 100..=200.
    pub fn zoom(&self) -> u16 {
        self.kept.zoom.clamp(100, 200)
    }

    /// The folder of MIDI files: the user's choice, else one among the documents.
    pub fn midi(&self) -> PathBuf {
        let usual = || {
            let documents = UserDirs::new().and_then(|dirs| Some(dirs.document_dir()?.join("Contrafact")));
            let data = || Some(ProjectDirs::from("org", "Contrafact", "Contrafact")?.data_dir().join("midi"));
            documents.or_else(data).unwrap_or_else(|| std::env::temp_dir().join("Contrafact"))
        };
        self.kept.midi.clone().unwrap_or_else(usual)
    }

    /// Whether this is the user's first time.
    pub fn is_new(&self) -> bool {
        !self.kept.welcomed
    }

    /// It was, and is not any more.
    ///
    /// # Errors
    /// As [`Self::set_look`].
    pub fn set_welcomed(&mut self) -> Result<(), String> {
        self.kept.welcomed = true;
        self.keep("welcomed", json!(true))
    }

    /// Other colours.
    ///
    /// # Errors
    /// They could not be kept; they last as long as the window does.
    pub fn set_look(&mut self, look: Look) -> Result<(), String> {
        self.kept.light = look == Look::Light;
        self.keep("light", json!(self.kept.light))
    }

    /// Another size.
    ///
    /// # Errors
    /// As [`Self::set_look`].
    pub fn set_zoom(&mut self, percent: u16) -> Result<(), String> {
        self.kept.zoom = percent;
        self.keep("zoom", json!(percent))
    }

    /// Another folder; an empty name for the usual one.
    ///
    /// # Errors
    /// It is no absolute path, or as [`Self::set_look`].
    pub fn set_midi(&mut self, name: &str) -> Result<(), String> {
        let name = name.trim();
        let path = PathBuf::from(name);
        if !name.is_empty() && !path.is_absolute() {
            return Err(format!("{name}: this is no absolute path; write all of it, as in {WHOLE}"));
        }
        self.kept.midi = (!name.is_empty()).then_some(path);
        self.keep("midi", json!(self.kept.midi))
    }

    /// Changes one thing in the file, as it is by now.
    fn keep(&self, name: &str, value: Value) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        let _alone = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut text, problem) = match contents(file) {
            Ok(text) => (text, None),
            Err(problem) if file.exists() => return Err(problem),
            // What was there is kept aside, and said.
            Err(problem) => (Map::new(), Some(problem)),
        };
        text.insert(name.to_string(), value);
        replace(file, &Value::Object(text)).map_err(|error| {
            format!("{}: your choice cannot be kept ({error}); free the folder for writing", file.display())
        })?;
        problem.map_or(Ok(()), Err)
    }
}

/// What the file says; nothing where there is none. One that says nothing sensible is kept aside, for the
/// user to mend.
fn contents(file: &Path) -> Result<Map<String, Value>, String> {
    // A pipe in its place would be waited for, for ever.
    let small = |what: fs::Metadata| match what.is_file() && what.len() <= MOST {
        true => fs::read_to_string(file),
        false => Err(std::io::Error::other("it is no small file")),
    };
    let text = match patiently(|| fs::metadata(file).and_then(small)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => String::new(),
        Err(error) => {
            return Err(format!("{}: it cannot be read ({error}); allow that", file.display()));
        }
    };
    let reason = match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(map) => match serde_json::from_value::<Kept>(Value::Object(map.clone())) {
            Ok(_) => return Ok(map),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let aside = file.with_extension("bad.json");
    match fs::rename(file, &aside) {
        Ok(()) => Err(format!(
            "{}: these preferences cannot be understood ({reason}); they are kept as {}, and the usual ones \
             hold",
            file.display(),
            aside.file_name().unwrap_or_default().to_string_lossy(),
        )),
        Err(error) => Err(format!(
            "{}: these preferences cannot be understood ({reason}) nor kept aside ({error}); remove them",
            file.display()
        )),
    }
}

/// Does what Windows refuses for a moment, where another process has the file open or puts it in place.
fn patiently<T>(mut act: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    for _ in 0..TRIES {
        match act() {
            Err(error) if cfg!(windows) && error.kind() == std::io::ErrorKind::PermissionDenied => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    act()
}

/// Puts a new file in the place of the old one: who reads it sees one or the other, whole.
fn replace(file: &Path, text: &Value) -> std::io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let new = folder.join(format!(".editor-{}-{count}.json", std::process::id()));
    let written = File::create(&new).and_then(|mut to| {
        to.write_all(format!("{text:#}\n").as_bytes())?;
        to.sync_all()
    });
    let done = written.and_then(|()| patiently(|| fs::rename(&new, file)));
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(folder: &Path) -> PathBuf {
        folder.join("contrafact/editor.json")
    }

    fn open(folder: &Path) -> (Preferences, Option<String>) {
        Preferences::of(Some(at(folder)))
    }

    fn write(folder: &Path, text: impl AsRef<[u8]>) {
        fs::create_dir_all(at(folder).parent().unwrap()).unwrap();
        fs::write(at(folder), text).unwrap();
    }

    #[test]
    fn what_a_file_lacks_is_the_default() {
        let home = tempfile::tempdir().unwrap();
        let (fresh, problem) = open(home.path());
        assert_eq!((fresh.kept, problem), (Kept::default(), None));
        write(home.path(), r#"{"zoom": 9000, "light": true, "unknown": 1}"#);
        let (some, problem) = open(home.path());
        assert_eq!((some.zoom(), some.look(), problem), (200, Look::Light, None));
    }

    #[test]
    fn two_windows_keep_each_others_choices() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), r#"{"of the future": [1, 2]}"#);
        let (mut one, mut other) = (open(home.path()).0, open(home.path()).0);
        one.set_zoom(150).unwrap();
        other.set_look(Look::Light).unwrap();
        one.set_midi(WHOLE).unwrap();
        assert_eq!(one.look(), Look::Dark, "an open window stays as it is");
        let (both, _) = open(home.path());
        assert_eq!((both.zoom(), both.look(), both.midi()), (150, Look::Light, PathBuf::from(WHOLE)));
        let text = fs::read_to_string(at(home.path())).unwrap();
        assert!(text.contains("of the future"), "{text}");
        assert!(one.set_midi("music").unwrap_err().contains("absolute"));
    }

    #[test]
    fn a_user_is_welcomed_once() {
        let home = tempfile::tempdir().unwrap();
        let mut first = open(home.path()).0;
        assert!(first.is_new());
        first.set_look(Look::Light).unwrap();
        assert!(open(home.path()).0.is_new(), "until it is understood");
        first.set_welcomed().unwrap();
        assert!(!first.is_new());
        let again = open(home.path()).0;
        assert!(!again.is_new() && again.look() == Look::Light);
    }

    /// Windows that write all the time, and one that reads: it never sees half a file, and nothing is lost or
    /// left.
    #[test]
    fn a_file_is_whole_whoever_writes() {
        let home = tempfile::tempdir().unwrap();
        open(home.path()).0.set_midi(WHOLE).unwrap();
        std::thread::scope(|scope| {
            for zoom in [110, 120] {
                let mut window = open(home.path()).0;
                scope.spawn(move || (0..100).for_each(|_| window.set_zoom(zoom).unwrap()));
            }
            let mut window = open(home.path()).0;
            scope.spawn(move || (0..100).for_each(|_| window.set_look(Look::Light).unwrap()));
            for _ in 0..300 {
                let (read, problem) = open(home.path());
                assert_eq!((read.midi(), problem), (PathBuf::from(WHOLE), None));
            }
        });
        let (last, _) = open(home.path());
        assert!([110, 120].contains(&last.zoom()) && last.look() == Look::Light);
        assert_eq!(fs::read_dir(at(home.path()).parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_bad_file_is_kept_aside_and_said() {
        for bad in [&b"nonsense"[..], br#"{"zoom": "large"}"#, b"[]", &[0xff, 0xfe], b""] {
            let home = tempfile::tempdir().unwrap();
            write(home.path(), bad);
            let (mut read, problem) = open(home.path());
            let problem = problem.unwrap();
            assert!(problem.contains("editor.json") && problem.contains("editor.bad.json"), "{problem}");
            assert_eq!(read.kept, Kept::default());
            assert_eq!(fs::read(at(home.path()).with_extension("bad.json")).unwrap(), bad);
            read.set_zoom(125).unwrap();
            let (again, problem) = open(home.path());
            assert_eq!((again.zoom(), problem), (125, None));
        }
    }

    #[test]
    fn what_is_no_file_is_neither_read_nor_replaced() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(at(home.path())).unwrap();
        let (mut window, problem) = open(home.path());
        assert!(problem.unwrap().contains("no small file"));
        assert!(window.set_zoom(150).is_err() && at(home.path()).is_dir());
    }

    #[test]
    fn where_nothing_can_be_kept_the_user_is_told() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("contrafact"), "a file, where the folder should be").unwrap();
        let mut window = open(home.path()).0;
        assert!(window.set_zoom(150).unwrap_err().contains("editor.json"));
        assert_eq!(window.zoom(), 150, "for this window it holds");
    }
}
