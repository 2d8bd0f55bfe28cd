//! A run's folder: what is in it, and what becomes of it when numbers, disk or the user stop the run.

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use candle_core::{Device, Tensor};
use common::{dataset, options};
use model::{Parts, Weights};
use phrase::Song;
use trainer::core::{Losses, NotFinite};
use trainer::dataset::Dataset;
use trainer::families::resnet::{NAME, ResnetOptions, plan};
use trainer::run::checkpoint::OPTIONS;
use trainer::run::tensorboard::{self, Kind, What};
use trainer::run::{self, Checkpoint, METRICS, Needs, Record, RunOptions, Trainee};

fn run(folder: &Path) -> RunOptions {
    RunOptions { every: 2, keep_every: 4, samples: 4, threads: 1, ..RunOptions::in_folder(folder) }
}

fn start(data: &Dataset, options: &ResnetOptions, run: &RunOptions) -> Result<Box<dyn Trainee>> {
    run::start(data, plan(options.clone(), data)?, run)
}

/// Trains until the end, or until step `stop` as if Ctrl-C came then.
fn drive(data: &Dataset, options: &ResnetOptions, run: &RunOptions) -> Result<bool> {
    run::drive(&mut *start(data, options, run)?, data, run, &AtomicBool::new(false))
}

#[test]
fn a_run_leaves_all_its_files() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    let run = run(folder.path());
    assert!(drive(&data, &options(5), &run).unwrap());

    let record = Record::read(folder.path()).unwrap();
    assert_eq!((record.kind.as_str(), record.sessions.len()), (NAME, 1));
    assert_eq!(record.data.phrases["high"], [20, 6, 6]);
    assert_eq!(record.options["steps"], 5);

    let table = std::fs::read_to_string(folder.path().join(METRICS)).unwrap();
    assert!(table.starts_with("step,adversarial,cycle,identity,keep,discriminator\n1,"), "{table}");
    assert_eq!(table.lines().count(), 6);
    let svg = std::fs::read_to_string(folder.path().join("losses.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>") && svg.contains("discriminator"));

    let kept = folder.path().join("step-000004.safetensors");
    assert_eq!(Checkpoint::read(&kept, NAME).unwrap().header["step"], 4);
    assert_eq!(Checkpoint::read(&run.checkpoint(), NAME).unwrap().header["step"], 5);

    let samples = folder.path().join("samples/step-000004");
    let song = |name: &str| Song::read(&samples.join(name)).unwrap();
    let origin = song("high-to-low-origin.mid");
    assert!(origin.notes().count() > 100 && origin.notes().any(|note| note.onset >= 3.0 * 64.0));
    assert!(origin.notes().all(|note| note.pitch > 24 + 42));
    song("low-to-high-cycle.mid");
    let png = std::fs::read(samples.join("low-to-high.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));

    let events = events(folder.path());
    assert_eq!(events.len(), 1);
    let events = tensorboard::read(&events[0]).unwrap();
    assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".to_string())));
    let (mut scalars, mut pictures) = (Vec::new(), Vec::new());
    for event in &events[1..] {
        let Some(What::Summary(summary)) = &event.what else { panic!("{event:?}") };
        for value in &summary.values {
            match value.kind.as_ref().unwrap() {
                Kind::Scalar(x) => scalars.push((event.step, value.tag.as_str(), *x)),
                Kind::Image(image) => pictures.push((event.step, value.tag.as_str(), &image.encoded)),
            }
        }
    }
    assert_eq!((scalars.len(), scalars[0].1), (25, "loss/adversarial"));
    let first: f32 = table.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    assert!((scalars[0].2 - first).abs() < 1e-4);
    assert_eq!(pictures[1], (4, "samples/low-to-high", &png));
}

fn events(folder: &Path) -> Vec<std::path::PathBuf> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut events: Vec<_> =
        paths.filter(|path| path.to_string_lossy().contains(tensorboard::PREFIX)).collect();
    events.sort();
    events
}

#[test]
fn a_damaged_event_file_is_told_from_a_sound_one() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    drive(&data, &options(1), &run(folder.path())).unwrap();
    let path = &events(folder.path())[0];
    let sound = std::fs::read(path).unwrap();
    for (at, fault) in [(2, "length"), (sound.len() - 6, "damaged")] {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        std::fs::write(path, bytes).unwrap();
        let error = tensorboard::read(path).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
    std::fs::write(path, &sound[..sound.len() - 1]).unwrap();
    assert!(tensorboard::read(path).unwrap_err().to_string().contains("cut"));
}

#[test]
fn a_resumed_run_writes_the_table_of_an_unbroken_one() {
    let (data, whole, broken) = (dataset(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drive(&data, &options(6), &run(whole.path())).unwrap();
    drive(&data, &options(6), &run(broken.path())).unwrap();
    // From the step that was kept, the two later ones are done again.
    let again = RunOptions { resume: true, at: Some(4), threads: 2, ..run(broken.path()) };
    drive(&data, &options(6), &again).unwrap();
    let table = |folder: &Path| std::fs::read_to_string(folder.join(METRICS)).unwrap();
    assert_eq!(table(whole.path()), table(broken.path()));
    let bytes = |folder: &Path| std::fs::read(folder.join(run::CHECKPOINT)).unwrap();
    assert_eq!(bytes(whole.path()), bytes(broken.path()));

    let sessions = Record::read(broken.path()).unwrap().sessions;
    assert_eq!(sessions.iter().map(|session| session.step).collect::<Vec<_>>(), [0, 4]);
    // TensorBoard forgets what the first file says of the steps that were done again.
    let second = tensorboard::read(&events(broken.path())[1]).unwrap();
    assert_eq!(
        (second[1].step, &second[1].what),
        (5, &Some(What::Session(tensorboard::Session { status: 1 })))
    );
}

#[test]
fn ctrl_c_saves_what_is_done() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    let run = run(folder.path());
    let mut gan = start(&data, &options(9), &run).unwrap();
    gan.train(&data, 1).unwrap();
    assert!(!run::drive(&mut *gan, &data, &run, &AtomicBool::new(true)).unwrap());
    assert_eq!(Checkpoint::read(&run.checkpoint(), NAME).unwrap().header["step"], 1);
}

#[test]
fn options_that_the_command_line_gives_replace_the_checkpoints() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    drive(&data, &options(2), &run(folder.path())).unwrap();
    let resume = |given: &[&str], options: &ResnetOptions| {
        let given = given.iter().map(|name| name.to_string()).collect();
        start(&data, options, &RunOptions { resume: true, given, ..run(folder.path()) })
    };
    let mut other = ResnetOptions { rate: 0.5, channels: 16, ..options(7) };
    other.terms.cycle = 9.0;
    let kept = |trainee: Box<dyn Trainee>| -> ResnetOptions {
        serde_json::from_value(trainee.configuration()).unwrap()
    };
    assert_eq!(kept(resume(&[], &other).unwrap()), options(2));
    let gan = resume(&["steps", "rate", "cycle"], &other).unwrap();
    assert_eq!((gan.step(), gan.steps()), (2, 7));
    let changed = kept(gan);
    assert_eq!((changed.rate, changed.terms.cycle, changed.channels), (0.5, 9.0, 8));
    let changed = &Record::read(folder.path()).unwrap().sessions[2].changed;
    assert_eq!(changed, &["rate 0.5 (was 0.001)", "steps 7 (was 2)", "cycle 9.0 (was 5.0)"]);
    let error = format!("{:#}", resume(&["channels"], &other).unwrap_err());
    assert!(
        error.contains("another configuration (channels 16 (was 8))") && error.contains("--anew"),
        "{error}"
    );
}

#[test]
fn a_checkpoint_of_something_else_is_refused_in_a_sentence() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    let resume = RunOptions { resume: true, ..run(folder.path()) };
    let error = format!("{:#}", start(&data, &options(2), &resume).unwrap_err());
    assert!(error.contains("checkpoint.safetensors") && error.contains("--anew"), "{error}");
    drive(&data, &options(2), &run(folder.path())).unwrap();

    let error = Checkpoint::read(&resume.checkpoint(), "pairwise").unwrap_err().to_string();
    assert!(error.contains("of a resnet run, not of a pairwise one"), "{error}");
    let mut less = data.clone();
    less.items[0][0].pop();
    let error = start(&less, &options(2), &resume).unwrap_err().to_string();
    assert!(error.contains("another dataset") && error.contains("--anew"), "{error}");
    // The folder is not taken by a new run without a word.
    let error = start(&data, &options(2), &run(folder.path())).unwrap_err().to_string();
    assert!(error.contains("--resume") && error.contains("--anew") && error.contains("--run"), "{error}");
    let gan = start(&data, &options(2), &RunOptions { anew: true, ..run(folder.path()) }).unwrap();
    assert!(gan.step() == 0 && events(folder.path()).is_empty());
}

#[test]
fn a_genre_without_phrases_is_named() {
    let (mut data, folder) = (dataset(), tempfile::tempdir().unwrap());
    data.items[1][0].clear();
    let error = drive(&data, &options(2), &run(folder.path())).unwrap_err().to_string();
    assert!(error.contains("no training phrase of low"), "{error}");
}

/// What a step does instead; its loss.
type Fault = fn(&mut Fragile) -> Result<f32>;

/// A single number that counts steps; at `at` the fault happens.
#[derive(Debug)]
struct Fragile {
    step: u64,
    value: f32,
    at: u64,
    fault: Fault,
    /// Where the run is, for faults of its folder.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has such faults"))]
    folder: std::path::PathBuf,
}

const FRAGILE: &str = "fragile";

impl Trainee for Fragile {
    fn family(&self) -> &'static str {
        FRAGILE
    }

    fn needs(&self) -> Needs {
        Needs::TRANSFER
    }

    fn step(&self) -> u64 {
        self.step
    }

    fn steps(&self) -> u64 {
        20
    }

    fn losses(&self) -> Vec<&'static str> {
        vec!["loss"]
    }

    fn train(&mut self, _: &Dataset, _: usize) -> Result<Losses> {
        let loss = if self.step + 1 == self.at { (self.fault)(self)? } else { 1.0 };
        self.step += 1;
        self.value += 1.0;
        Ok(Losses::new([("loss", loss)]))
    }

    fn configuration(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn checkpoint(&self) -> Result<Checkpoint> {
        let header = serde_json::json!({ OPTIONS: {}, "step": self.step });
        let mut checkpoint = Checkpoint::new(FRAGILE, header);
        checkpoint.tensors.insert("value".to_string(), Tensor::new(&[self.value], &Device::Cpu)?);
        Ok(checkpoint)
    }

    fn pack(&self, _: &Dataset) -> Result<(Parts, Weights)> {
        anyhow::bail!("nothing to play")
    }

    fn recipe(&self) -> String {
        String::new()
    }
}

/// Drives a fragile run into its fault; its error and the value in the checkpoint that it left.
fn broken(folder: &Path, at: u64, fault: Fault) -> (Option<String>, f32) {
    let mut trainee = Fragile { step: 0, value: 0.0, at, fault, folder: folder.to_path_buf() };
    let run = RunOptions { every: 4, keep_every: 0, ..run(folder) };
    let error = run::drive(&mut trainee, &dataset(), &run, &AtomicBool::new(false)).err();
    let checkpoint = Checkpoint::read(&run.checkpoint(), FRAGILE).unwrap();
    let value = checkpoint.tensor("value").unwrap().to_vec1::<f32>().unwrap()[0];
    (error.map(|error| format!("{error:#}")), value)
}

#[test]
fn a_number_that_is_none_stops_the_run_and_keeps_the_last_good_checkpoint() {
    let faults: [(Fault, &str); 3] = [
        (|_| Ok(f32::NAN), "at step 6 the loss loss"),
        (
            |trainee| Err(NotFinite { step: trainee.step + 1, what: "a gradient".to_string() }.into()),
            "a gradient",
        ),
        (
            |trainee| {
                trainee.value = f32::INFINITY;
                Ok(1.0)
            },
            "value is not finite",
        ),
    ];
    for (fault, what) in faults {
        let folder = tempfile::tempdir().unwrap();
        let (error, value) = broken(folder.path(), 6, fault);
        let error = error.unwrap();
        assert_eq!(value, 4.0, "{error}");
        for part in [what, "step 4", "--resume", "lower"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn the_gan_says_when_its_numbers_burst() {
    let (data, folder) = (dataset(), tempfile::tempdir().unwrap());
    let options = ResnetOptions { rate: 1e30, ..options(20) };
    let error =
        drive(&data, &options, &RunOptions { every: 1, ..run(folder.path()) }).unwrap_err().to_string();
    assert!(error.contains("not finite any more") && error.contains("--resume"), "{error}");
    let kept = Checkpoint::read(&folder.path().join(run::CHECKPOINT), NAME).unwrap();
    assert_eq!(kept.fault().unwrap(), None);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_and_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (error, value) = broken(folder.path(), 6, |trainee| {
        // The next checkpoint goes where there is never any room.
        std::os::unix::fs::symlink("/dev/full", trainee.folder.join("checkpoint.part"))?;
        Ok(1.0)
    });
    let error = error.unwrap();
    assert_eq!(value, 4.0, "{error}");
    for part in ["step 8", "step 4", "checkpoint.safetensors", "room", "--resume"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_only_people_read_may_fail() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(METRICS)).unwrap();
    std::fs::create_dir(folder.path().join("losses.part")).unwrap();
    std::fs::write(folder.path().join("samples"), "no folder").unwrap();
    let (error, value) = broken(folder.path(), 99, |_| Ok(1.0));
    assert_eq!((error, value), (None, 20.0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_table_goes_on_after_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(METRICS);
    let mut log = run::Log::open(&path, &["a", "b"], 0).unwrap();
    log.add(1, &[0.5, 1.0]).unwrap();
    drop(log);
    let full = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let error = format!("{:#}", run::Log::to(full).add(2, &[0.5, 1.0]).unwrap_err());
    assert!(error.contains("metrics.csv") && error.contains("space"), "{error}");
    // A cut line is no step.
    std::fs::write(&path, "step,a,b\n1,0.50000,1.00000\n2,0.50").unwrap();
    run::Log::open(&path, &["a", "b"], 3).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "step,a,b\n1,0.50000,1.00000\n");
}
