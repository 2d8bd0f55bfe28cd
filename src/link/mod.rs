//! What an instance's threads hand each other: phrases to be answered, what was played, the frozen phrase,
//! models, meters.
//!
//! Audio thread, worker and editor all use this room, and it uses none of them.
//!
//! ```text
//!   saved ──▶ shared ──▶ meters
//!               ├──▶ frozen, models ◀── (worker, editor)
//!               └──▶ history ──▶ job ──▶ loose, manner
//!   desk ──▶ bell, job          live
//! ```

mod bell;
mod desk;
mod frozen;
mod history;
mod job;
mod live;
mod loose;
mod manner;
mod meters;
mod models;
mod saved;
mod shared;

pub use bell::{Bell, LIVES};
pub use desk::{Desk, Hatch, JOBS};
pub use frozen::Frozen;
#[cfg(test)]
pub use history::History;
pub use history::{Analysis, Take};
#[cfg(test)]
pub use job::BREAKS;
pub use job::{Errand, Job, Outcome, Played, Ticket};
pub use live::{Live, Show, Watch, ends};
pub use loose::Spare;
pub use manner::{Manner, Processor, Terms, unit};
pub use meters::{Heads, Stage};
pub use models::{ModelRolls, Models};
pub use saved::{FrozenField, ModelsField};
pub use shared::{PackView, Shared};
