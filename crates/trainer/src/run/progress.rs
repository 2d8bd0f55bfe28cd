//! How far a run is, on the terminal, or in a log a line at a time.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// Between two lines where no terminal draws a bar.
const PAUSE: Duration = Duration::from_secs(30);

/// A bar with a message, the rate and the time left.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    what: &'static str,
    /// Without a terminal: when the last line was printed.
    printed: Option<Instant>,
    begun: (Instant, u64),
}

impl Progress {
    /// At `step` of `steps`; `what` names the steps.
    pub fn new(what: &'static str, step: u64, steps: u64) -> Self {
        let template = format!("{what} {{pos}}/{{len}} {{wide_bar}} {{per_sec}}  {{msg}}  {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps).with_style(style).with_position(step);
        // The rate is of this call's steps, not of those that an earlier one did.
        bar.reset_eta();
        let now = Instant::now();
        let printed = (!std::io::stderr().is_terminal()).then_some(now);
        Self { bar, what, printed, begun: (now, step) }
    }

    /// `step` is done.
    pub fn set(&mut self, step: u64, message: impl FnOnce() -> String) {
        match &mut self.printed {
            None => {
                self.bar.set_position(step);
                self.bar.set_message(message());
            }
            Some(printed) if printed.elapsed() >= PAUSE => {
                *printed = Instant::now();
                let steps = self.bar.length().unwrap_or(step);
                let (start, first) = self.begun;
                let a_step = start.elapsed().div_f64((step - first).max(1) as f64);
                let left = HumanDuration(a_step.mul_f64(steps.saturating_sub(step) as f64));
                let (what, seconds) = (self.what, a_step.as_secs_f64());
                eprintln!("{what} {step}/{steps}  {seconds:.2} s each  {}  {left} left", message());
            }
            Some(_) => {}
        }
    }

    /// Prints a line without tearing the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Leaves the bar as it stands.
    pub fn end(&self) {
        self.bar.abandon();
    }
}
