//! Which pack an instance uses, and the folder that the user's packs lie in. Main and editor threads only.

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use directories::ProjectDirs;
use model::{Card, Settings};
use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Serialize};

use crate::link::{Manner, PackView, Shared};
use crate::worker::{PackSource, Seat};

/// The environment variable that names another packs folder. Read once, never set.
pub const VARIABLE: &str = "CONTRAFACT_PACKS";
/// A card is a few KiB; a header that claims to be larger belongs to no pack.
const LARGEST_HEADER: u64 = 1 << 20;
/// What is larger is refused when it is loaded, so it need not be shown.
const LARGEST_PACK: u64 = 256 << 20;

/// How a project names its pack. The empty name is the pack inside the plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PackRef {
    /// The pack's name.
    pub name: String,
    /// SHA-256 in hex, as the pack's card says.
    pub hash: String,
}

impl PackRef {
    /// Whether the pack inside the plugin is meant.
    pub fn is_default(&self) -> bool {
        self.name.is_empty()
    }
}

/// A pack in the user's folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// How a project names it.
    pub pack: PackRef,
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub card: Box<Card>,
}

/// The folder of the user's packs: the variable's, else the system's place for our data; `None` where a
/// system has none.
pub fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        named.or_else(|| Some(ProjectDirs::from("org", "Contrafact", "Contrafact")?.data_dir().join("packs")))
    };
    FOLDER.get_or_init(find).as_deref()
}

/// The packs in a folder, by name. Only their cards are read; what is no pack is passed over.
pub fn scan(folder: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let packs = paths.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors"));
    let mut found: Vec<_> = packs.filter_map(|path| read_card(&path)).collect();
    found.sort_by(|a, b| (&a.pack.name, &a.path).cmp(&(&b.pack.name, &b.path)));
    found
}

fn read_card(path: &Path) -> Option<Found> {
    // A pipe would have the main thread wait for its writer.
    let mut file = phrase::open_regular(path).ok()?;
    let size = file.metadata().ok()?.len();
    let mut head = [0; 8];
    file.read_exact(&mut head).ok()?;
    let end = u64::from_le_bytes(head).checked_add(8)?;
    if end > size.min(LARGEST_HEADER) || size > LARGEST_PACK {
        return None;
    }
    // A pack's length is checked against its header; the weights themselves need not be read for that.
    let mut bytes = vec![0; size as usize];
    bytes[..8].copy_from_slice(&head);
    file.read_exact(&mut bytes[8..end as usize]).ok()?;
    let card = model::read_card(&path.display().to_string(), &bytes).ok()?;
    Some(Found {
        pack: PackRef { name: card.name.clone(), hash: card.hash.clone() },
        path: path.to_path_buf(),
        card: Box::new(card),
    })
}

/// Finds a pack: what is to be shown of it, and where its weights are (`None` where it cannot be used).
fn resolve(pack: &PackRef, folder: Option<&Path>) -> (PackView, Option<PackSource>) {
    let view = |name: &str, genres, problem| PackView {
        name: name.to_string(),
        genres,
        problem,
        ..PackView::default()
    };
    if pack.is_default() {
        return match model::read_card("the default pack", model::default_pack()) {
            Ok(card) => (view(&card.name, card.genres, None), Some(PackSource::Default)),
            Err(error) => (view("default", Vec::new(), Some(error.to_string())), None),
        };
    }
    let packs = folder.map(scan).unwrap_or_default();
    if let Some(found) = packs.iter().find(|found| found.pack == *pack) {
        let source = PackSource::File { path: found.path.clone(), hash: pack.hash.clone() };
        return (view(&pack.name, found.card.genres.clone(), None), Some(source));
    }
    let place = folder.map_or_else(|| "the packs folder".to_string(), |folder| folder.display().to_string());
    let problem = match packs.iter().find(|found| found.pack.name == pack.name) {
        Some(other) => format!(
            "{}: this pack {} is not the one that the project was saved with; put that one into the folder \
             or choose anew",
            other.path.display(),
            pack.name
        ),
        None => format!("the pack {} is not in {place}; put it there or choose another pack", pack.name),
    };
    (view(&pack.name, Vec::new(), Some(problem)), None)
}

/// An instance's choice of a pack.
#[derive(Debug)]
pub struct Selection {
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pack: PackRef,
    stamp: u32,
    /// Missing where no worker could be started, or the instance is going.
    seat: Option<Seat>,
}

impl Selection {
    /// The default pack, at once; its weights are loaded by the worker. `failure`: why there is no seat.
    pub fn new(shared: Arc<Shared>, seat: Result<Seat, String>) -> Self {
        let (seat, failure) = match seat {
            Ok(seat) => (Some(seat), None),
            Err(failure) => (None, Some(failure)),
        };
        let state = Mutex::new(State { pack: PackRef::default(), stamp: 0, seat });
        let selection = Self { shared, state };
        selection.load(&mut selection.lock(), failure);
        selection
    }

    /// The chosen pack.
    pub fn pack(&self) -> PackRef {
        self.lock().pack.clone()
    }

    /// Chooses a pack; the same one again only where it could not be used before. Reads the packs folder.
    pub fn choose(&self, pack: PackRef) {
        let mut state = self.lock();
        if state.pack != pack || self.shared.pack().problem.is_some() {
            state.pack = pack;
            self.load(&mut state, None);
        }
    }

    /// Whether the worker is at work.
    pub fn worker_is_alive(&self) -> bool {
        self.lock().seat.as_ref().is_some_and(Seat::is_alive)
    }

    /// Phrases that nobody played are answered for the history, with these settings each.
    pub fn trail(&self, settings: Vec<Settings>, manner: Manner) {
        if let Some(seat) = &self.lock().seat {
            seat.trail(settings, manner);
        }
    }

    /// An editor was opened: what it shows of the last takes is to be found out.
    pub fn look(&self) {
        if let Some(seat) = &self.lock().seat {
            seat.look();
        }
    }

    /// The instance goes: leaves the worker, and waits for its end where it was the last.
    pub fn leave(&self) {
        let seat = self.lock().seat.take();
        drop(seat);
    }

    fn load(&self, state: &mut State, failure: Option<String>) {
        let (mut view, source) = resolve(&state.pack, folder());
        if failure.is_some() {
            view.problem = failure;
        }
        state.stamp += 1;
        self.shared.announce(state.stamp, view);
        if let Some(seat) = &state.seat {
            seat.choose(state.stamp, source);
        }
        self.shared.publish(state.stamp);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a project saves of its pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedPack {
    #[serde(flatten)]
    pack: PackRef,
    /// See [`PackView::needs_gpu`]: a project is rendered on what it was played on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    needs_gpu: bool,
}

/// The choice as part of the saved state: loading a project chooses its pack, since a host says nothing else
/// then.
#[derive(Debug)]
pub struct PackField(pub Arc<Selection>);

impl<'a> PersistentField<'a, SavedPack> for PackField {
    fn set(&self, saved: SavedPack) {
        self.0.choose(saved.pack);
        self.0.shared.set_needs_gpu(self.0.lock().stamp, saved.needs_gpu);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&SavedPack) -> R,
    {
        f(&SavedPack { pack: self.0.pack(), needs_gpu: self.0.shared.needs_gpu() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_ref() -> PackRef {
        let card = model::read_card("default", model::default_pack()).unwrap();
        PackRef { name: card.name, hash: card.hash }
    }

    #[test]
    fn a_folder_is_scanned_for_packs_only() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.safetensors"), model::default_pack()).unwrap();
        fs::write(folder.path().join("b.safetensors"), b"nonsense").unwrap();
        fs::write(folder.path().join("c.safetensors"), [0xff; 64]).unwrap();
        fs::write(folder.path().join("d.txt"), model::default_pack()).unwrap();
        fs::create_dir(folder.path().join("e.safetensors")).unwrap();
        let found = scan(folder.path());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].pack, default_ref());
        assert!(!found[0].card.genres.is_empty());
        assert!(scan(&folder.path().join("missing")).is_empty());
    }

    /// Opening a pipe without a writer would never return.
    #[test]
    #[cfg(unix)]
    fn a_pipe_or_a_device_in_the_folder_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.safetensors"), model::default_pack()).unwrap();
        let pipe = folder.path().join("b.safetensors");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("c.safetensors")).unwrap();
        assert_eq!(scan(folder.path()).len(), 1);
    }

    #[test]
    fn a_missing_or_different_pack_is_named_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let pack = PackRef { name: "Bossa nights".into(), hash: "12".into() };
        let (view, source) = resolve(&pack, Some(folder.path()));
        assert!(source.is_none() && view.problem.unwrap().contains("Bossa nights"));
        fs::write(folder.path().join("a.safetensors"), model::default_pack()).unwrap();
        let (_, source) = resolve(&default_ref(), Some(folder.path()));
        assert!(matches!(source, Some(PackSource::File { .. })));
        let (view, source) = resolve(&PackRef { hash: "12".into(), ..default_ref() }, Some(folder.path()));
        assert!(source.is_none() && view.problem.unwrap().contains("a.safetensors"));
    }

    #[test]
    fn without_a_worker_the_instance_says_so() {
        let shared = Arc::new(Shared::default());
        let selection = Selection::new(shared.clone(), Err("no thread".into()));
        assert!(shared.is_dry() && !selection.worker_is_alive());
        assert_eq!(shared.pack().problem.as_deref(), Some("no thread"));
    }
}
