//! A host that opens the editor, closes it, destroys the plugin and returns from `main`: it ends well, every
//! time.
//!
//! A program of its own that runs itself: what is tested is how a process ends. More often than every day:
//!
//! ```sh
//! CONTRAFACT_EXITS=400 cargo test --test exit
//! ```

mod common;

#[cfg(target_os = "linux")]
fn main() {
    match std::env::var("CONTRAFACT_EXIT_WINDOW") {
        Ok(window) => linux::host(window.parse().expect("a window's number")),
        Err(_) => linux::run(),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::common::{BLOCK, RATE, display, instance, packs_folder};

    /// The exit code of a host that has found a thread left behind.
    const LEFT: i32 = 3;
    /// Runs of every day.
    const RUNS: usize = 24;
    /// How long the window is open: at first and at last not even until it is drawn.
    const OPEN: [u64; 4] = [0, 60, 150, 400];

    /// The host returns at once when the plugin is gone. Where a thread is left then, it says so by its exit
    /// code.
    pub fn host(window: u32) {
        let before = threads().len();
        use_it(window);
        let after = threads();
        if after.len() > before {
            eprintln!("left: {after:?}");
            std::process::exit(LEFT);
        }
    }

    /// The names of this process's threads.
    fn threads() -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("Linux tells").flatten();
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok()).collect()
    }

    fn use_it(window: u32) {
        let open = std::env::var("CONTRAFACT_EXIT_AFTER").expect("how long").parse().expect("milliseconds");
        let mut plugin = instance();
        plugin.start(RATE, BLOCK).expect("it starts");
        let mut editor = plugin.open_editor(window).expect("the editor opens");
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(open) {
            editor.host().pump();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Runs the host again and again.
    pub fn run() {
        packs_folder();
        let Some(display) = display(1280, 1024) else { return };
        let runs = std::env::var("CONTRAFACT_EXITS").map_or(RUNS, |runs| runs.parse().expect("a number"));
        let program = std::env::current_exe().expect("a test knows its program");
        let (mut failed, mut left) = (Vec::new(), 0);
        for run in 0..runs {
            let window = display.window(1040, 760);
            let status = Command::new(&program)
                .env("CONTRAFACT_EXIT_WINDOW", window.to_string())
                .env("CONTRAFACT_EXIT_AFTER", OPEN[run % OPEN.len()].to_string())
                .status()
                .expect("it runs");
            display.destroy(window);
            if status.code() == Some(LEFT) {
                left += 1;
            } else if !status.success() {
                failed.push((run, status.signal(), status.code()));
            }
        }
        assert!(
            failed.is_empty(),
            "{} of {runs} hosts ended badly (run, signal, code): {failed:?}",
            failed.len()
        );
        // The window's thread, left in nearly half of the runs, crashed one host in eighty. Once in a hundred
        // runs another thread is still on its way out.
        assert!(left <= runs / 8, "{left} of {runs} hosts found a thread left when the plugin was gone");
        println!("{runs} hosts ended well, {left} with a thread still there");
    }
}
