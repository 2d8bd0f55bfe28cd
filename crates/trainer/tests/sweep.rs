//! Sweeps: what a file expands to, and what is done again and what not.

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use common::dataset;
use trainer::run::{CHECKPOINT, CLASSIFIER, METRICS};
use trainer::sweep::file::{Setting, SweepFile};
use trainer::sweep::{self, State, slurm, summary};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_trainer"))
}

fn read(text: &str, name: &str) -> anyhow::Result<SweepFile> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    SweepFile::read(&path)
}

#[test]
fn the_papers_grid_is_54_runs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/sweep-papers.toml");
    let sweep = SweepFile::read(&path).unwrap();
    let points = sweep.points().unwrap();
    assert_eq!(points.len(), 54);
    assert_eq!(points[1].name, "model-base_pair-jazz+classic_sigma-0.01");
    assert_eq!(
        sweep.flags(&points[53]),
        ["--model=full", "--network=papers", "--pair=classic,pop", "--preset=papers", "--sigma=5"]
    );
}

#[test]
fn a_file_in_json_is_the_same_and_the_order_of_its_keys_no_matter() {
    let toml = "dataset = 'd'\nfolder = 'f'\ncommand = 'train'\n[options]\nauto = true\nrate = \
                0.5\n[grid]\nb = [1, 2]\na = ['x']\n";
    let json = r#"{"grid": {"a": ["x"], "b": [1, 2]}, "options": {"rate": 0.5, "auto": true},
        "command": "train", "folder": "f", "dataset": "d"}"#;
    let sweep = read(toml, "s.toml").unwrap();
    assert_eq!(sweep, read(json, "s.json").unwrap());
    let points = sweep.points().unwrap();
    assert_eq!(points.iter().map(|point| point.name.as_str()).collect::<Vec<_>>(), ["a-x_b-1", "a-x_b-2"]);
    assert_eq!(sweep.flags(&points[1]), ["--a=x", "--auto", "--b=2", "--rate=0.5"]);
}

#[test]
fn several_grids_are_one_sweep() {
    let grids = "[[grid]]\nmodel = ['base', 'full']\n[[grid]]\nmodel = ['full']\nattention = [true]\n";
    let sweep = read(&format!("dataset = 'd'\nfolder = 'f'\n{grids}"), "s.toml").unwrap();
    let points = sweep.points().unwrap();
    let names: Vec<_> = points.iter().map(|point| (point.index, point.name.as_str())).collect();
    assert_eq!(names, [(0, "model-base"), (1, "model-full"), (2, "attention-true_model-full")]);
    assert_eq!(sweep.flags(&points[2]), ["--attention", "--model=full"]);
}

#[test]
fn a_file_that_is_no_sweep_is_refused_in_a_sentence() {
    let head = "dataset = 'd'\nfolder = 'f'\n";
    for (text, part) in [
        ("nothing".to_string(), "no sweep file"),
        (format!("{head}speed = 1\n[grid]\n"), "speed"),
        (format!("{head}[grid]\na = []\n"), "no values"),
        (format!("{head}grid = []\n"), "no grid"),
        (format!("{head}grid = 3\n"), "[[grid]]"),
        (format!("{head}[[grid]]\na = [1]\n[[grid]]\na = [1]\n"), "a run in common"),
        (format!("{head}[grid]\na = [1, 1]\n"), "the same name"),
        (format!("{head}[grid]\na = ['x y', 'x+y']\n"), "the same name"),
        (
            format!(
                "{head}[grid]\n{}",
                "abcdefghijklmnopq".chars().map(|c| format!("{c} = [1, 2]\n")).collect::<String>()
            ),
            "10000",
        ),
    ] {
        let error = format!("{:#}", read(&text, "s.toml").unwrap_err());
        assert!(error.contains("s.toml") && error.contains(part), "{error}");
    }
}

#[test]
#[cfg_attr(windows, ignore = "the paths of a job array are those of a cluster")]
fn the_job_array_is_of_what_is_left() {
    let mut sweep = read("dataset = 'd'\nfolder = 'runs'\n[grid]\na = [1, 2]\n", "s.toml").unwrap();
    sweep.options.insert("threads".to_string(), Setting::Whole(8));
    let paths = ["/my work", "/bin/trainer", "s.toml"].map(Path::new);
    let script = slurm::script(&sweep, &[0, 1, 3], paths, Some(4), &["--gres=gpu:1".to_string()]);
    for line in [
        "#!/bin/sh\n",
        "#SBATCH --array=0-1,3%4\n",
        "#SBATCH --cpus-per-task=8\n",
        "#SBATCH --output='/my work/runs/slurm-%A_%a.log'\n",
        "#SBATCH --signal=B:TERM@120\n",
        "#SBATCH --gres=gpu:1\n",
        "\ncd '/my work' && exec /bin/trainer sweep s.toml --only \"$SLURM_ARRAY_TASK_ID\"\n",
    ] {
        assert!(script.contains(line), "{line:?} in\n{script}");
    }
}

/// Two runs of the smallest networks, three steps each.
fn tiny(folder: &Path) -> SweepFile {
    let data = folder.join("data.safetensors");
    dataset().write(&data).unwrap();
    let text = format!(
        "dataset = {data:?}\nfolder = {:?}\ncommand = 'train-resnet'\n[options]\nsteps = 3\nbatch = \
         2\nchannels = 8\nblocks = 1\nthreads = 1\nsamples = 0\n[grid]\nrate = [0.001, \
         0.002]\n[export]\nlistener-steps = 2\nlistener-batch = 2\nlistener-width = 8\n[evaluate]\nlimit = \
         3\nthreads = 1\nno-features = true\n",
        folder.join("runs"),
    );
    read(&text, "s.toml").unwrap()
}

#[test]
fn runs_are_done_once_and_one_that_fails_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = tiny(folder.path());
    let points = sweep.points().unwrap();
    let works = sweep::works(&sweep, &points, program());
    let states = || works.iter().map(sweep::Work::state).collect::<Vec<_>>();
    assert_eq!(states(), [State::New, State::New]);

    // The first cannot make its folder.
    std::fs::create_dir_all(&sweep.folder).unwrap();
    std::fs::write(works[0].folder(), "in the way").unwrap();
    let failed = sweep::all(&works, 2, &AtomicBool::new(false));
    assert!(failed.len() == 1 && failed[0].contains("rate-0.001"), "{failed:?}");
    assert_eq!(states(), [State::New, State::Done]);
    std::fs::remove_file(works[0].folder()).unwrap();

    let second = std::fs::metadata(works[1].folder().join(CHECKPOINT)).unwrap().modified().unwrap();
    assert_eq!(sweep::all(&works, 1, &AtomicBool::new(false)), [""; 0]);
    assert_eq!(states(), [State::Done, State::Done]);
    assert_eq!(std::fs::metadata(works[1].folder().join(CHECKPOINT)).unwrap().modified().unwrap(), second);
    // The judge is the other's.
    let classifier = |work: &sweep::Work| std::fs::read(work.folder().join(CLASSIFIER)).unwrap();
    assert_eq!(classifier(&works[0]), classifier(&works[1]));

    let path = folder.path().join("summary.csv");
    summary::write(&works, &path).unwrap();
    let table = std::fs::read_to_string(&path).unwrap();
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let head = rows.headers().unwrap().clone();
    assert!(head.iter().any(|name| name.starts_with("S_tot by ")), "{table}");
    let rows: Vec<_> = rows.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert_eq!(
        rows[1].iter().take(6).collect::<Vec<_>>(),
        ["1", "rate-0.002", "done", "0.002", "high", "low"]
    );
    let change: f64 = rows[1][head.iter().position(|name| name == "change A to B").unwrap()].parse().unwrap();
    assert!(change > 0.0, "{table}");
    assert_eq!(summary::count(&works), "2 runs: 2 done, 0 half done, 0 not begun");

    // The papers' percentages, the losses and the change, as the runs' own files have them.
    let column = |name: &str| -> f64 {
        let place =
            head.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}: {table}"));
        rows[1][place].parse().unwrap()
    };
    let evaluation = std::fs::read(works[1].folder().join("evaluation.json")).unwrap();
    let evaluation: serde_json::Value = serde_json::from_slice(&evaluation).unwrap();
    for (place, names) in [["A", "A to B", "A to B to A"], ["B", "B to A", "B to A to B"]].iter().enumerate()
    {
        let direction = &evaluation["directions"][place];
        for (kind, name) in names.iter().enumerate() {
            let expected = direction["verdicts"][0]["heard"][kind].as_f64().unwrap();
            assert!((column(&format!("P {name}")) - expected).abs() < 1e-4, "{name}");
        }
    }
    let spread = evaluation["directions"][0]["effect"]["total"]["sd"].as_f64().unwrap();
    assert!((column("change sd A to B") - spread).abs() < 1e-4);
    let metrics = std::fs::read_to_string(works[1].folder().join(METRICS)).unwrap();
    let names: Vec<&str> = metrics.lines().next().unwrap().split(',').collect();
    let cycle = names.iter().position(|name| *name == "cycle").unwrap();
    let values: Vec<f64> =
        metrics.lines().skip(1).map(|line| line.split(',').nth(cycle).unwrap().parse().unwrap()).collect();
    // 20 phrases are ten batches of 2, more than the run has steps: the mean is over all of it.
    assert_eq!(column("losses at step"), values.len() as f64);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((column("cycle loss") - mean).abs() < 1e-4);
    let text = std::fs::read_to_string(path.with_extension("md")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("| A→B→A |") && lines[0].contains("S_tot by own classifier"), "{text}");
    assert_eq!(lines[3].matches('|').count(), lines[0].matches('|').count());
    assert!(lines[3].contains(&format!("| {:.1} |", 100.0 * column("P A to B"))), "{text}");
    let picture = std::fs::read_to_string(path.with_extension("svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("rate-0.002, high and low"), "{picture}");
}

#[test]
#[cfg_attr(windows, ignore = "a console's Ctrl-C goes to all processes, and cannot be sent to one")]
fn a_run_goes_on_where_it_stopped_and_again_where_its_options_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut sweep = tiny(folder.path());
    sweep.grid = vec![Default::default()];
    let points = sweep.points().unwrap();
    let state = |sweep: &SweepFile| sweep::works(sweep, &points, program())[0].state();
    // An interruption before the first step leaves a checkpoint of it; `run` says that it is not the end.
    let stop = AtomicBool::new(true);
    sweep.options.insert("steps".to_string(), Setting::Whole(100_000));
    assert!(!sweep::works(&sweep, &points, program())[0].run(&stop, |_| ()).unwrap());
    assert!(!matches!(state(&sweep), State::Done | State::Trained));
    sweep.options.insert("steps".to_string(), Setting::Whole(3));
    let run = |sweep: &SweepFile| {
        let works = sweep::works(sweep, &points, program());
        let told = std::sync::Mutex::new(Vec::new());
        assert!(
            works[0]
                .run(&AtomicBool::new(false), |what| told.lock().unwrap().push(what.to_string()))
                .unwrap()
        );
        told.into_inner().unwrap().join(" ")
    };
    assert_eq!(run(&sweep), "training exporting evaluating");
    assert_eq!(run(&sweep), "");
    sweep.evaluate.insert("limit".to_string(), Setting::Whole(2));
    assert_eq!(state(&sweep), State::Exported);
    assert_eq!(run(&sweep), "evaluating");
    // Longer: from the three steps that are done.
    sweep.options.insert("steps".to_string(), Setting::Whole(5));
    assert_eq!(state(&sweep), State::Half(3));
    assert_eq!(run(&sweep), "training exporting evaluating");
    let log = std::fs::read_to_string(sweep.folder.join("run/log.txt")).unwrap();
    assert!(log.contains("from here on: steps 5 (was 3)"), "{log}");

    sweep.options.insert("colour".to_string(), Setting::Text("red".to_string()));
    let works = sweep::works(&sweep, &points, program());
    let error = format!("{:#}", works[0].run(&AtomicBool::new(false), |_| ()).unwrap_err());
    assert!(error.contains("log.txt"), "{error}");
}

#[test]
fn the_command_lists_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    dataset().write(&folder.path().join("d")).unwrap();
    let file: PathBuf = folder.path().join("s.toml");
    std::fs::write(&file, "dataset = 'd'\nfolder = 'runs'\n[grid]\nsigma = [0, 1]\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(program());
        command.current_dir(folder.path()).args(["sweep", "s.toml"]).args(arguments);
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (well, text, _) = run(&["--list"]);
    assert!(well && text.contains("   1  not begun                 sigma-1\n"), "{text}");
    assert!(text.contains("2 runs: 0 done, 0 half done, 2 not begun"), "{text}");
    assert!(folder.path().join("runs/summary.csv").exists());
    let (well, text, _) = run(&["--slurm"]);
    assert!(well && text.contains("--array=0-1\n"), "{text}");
    let (well, _, error) = run(&["--only", "7"]);
    assert!(!well && error.contains("no run 7"), "{error}");
}
