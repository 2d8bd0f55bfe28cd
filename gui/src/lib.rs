//! The editor: draws a [`Snapshot`], sends [`Intent`]s. Knows neither the host nor the network, and nothing
//! of threads: whoever calls [`View::show`] brings both together.
//!
//! One file for each thing that is drawn; [`View`] lays them out.

mod banner;
mod control;
mod details;
mod hand;
mod header;
mod history;
mod intent;
mod meters;
mod morph;
mod pad;
mod panel;
mod roll;
mod rolls;
mod scene;
mod snapshot;
mod status;
mod theme;
mod view;
mod welcome;
mod widgets;

pub use control::{Control, Field, Kind, Page};
pub use intent::Intent;
pub use snapshot::{Live, Models, Pack, Snapshot, Stage, Take};
pub use theme::Look;
pub use view::View;
