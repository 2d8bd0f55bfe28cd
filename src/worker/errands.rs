//! What the worker does for an instance besides answers: keeps, forgets or brings its frozen phrase,
//! remembers its takes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::link::{Errand, Frozen, Job, Outcome, Shared};

/// Runs an errand; one that breaks down brings nothing.
pub fn run(shared: &Shared, job: &mut Job) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| go(shared, job))).unwrap_or_else(|panic| {
        // A panic's payload may panic when it is dropped.
        std::mem::forget(panic);
        Outcome::Superseded
    })
}

fn go(shared: &Shared, job: &mut Job) -> Outcome {
    match job.errand {
        Errand::Freeze => {
            let frozen = Frozen::new(&job.answer, job.settings.first, job.length);
            shared.freeze_unless_brought(job.loaded, Some(frozen));
        }
        Errand::Thaw => shared.freeze_unless_brought(job.loaded, None),
        Errand::Fetch => match shared.frozen() {
            Some(frozen) => {
                (job.settings.first, job.length) = (frozen.first(), frozen.length());
                frozen.write(&mut job.answer);
            }
            None => return Outcome::Superseded,
        },
        Errand::Remember => shared.remember(job),
        Errand::Answer => {}
        #[cfg(test)]
        Errand::Break => panic!("told to break down"),
    }
    Outcome::Done
}
