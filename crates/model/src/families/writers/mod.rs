//! Writers: symbols one after another, each a set of rows that are struck at once (see [`phrase::symbols`]).
//!
//! [`lstm`] says what is struck, when the next thing is, and what is held under it; [`seqgan`] tokens of both
//! at once. What they share is here: the [`book`] of symbols, how one is drawn ([`Style`]), how events become
//! cells ([`mod@line`]), and that all music is read and written in C major or its relative minor ([`Moved`]).

pub mod book;
pub mod draw;
pub mod kernels;
pub mod line;
pub mod lstm;
mod moved;
pub mod seqgan;

pub use book::Book;
pub use draw::Style;
pub use moved::Moved;

/// The most different symbols of a network.
const MOST_SYMBOLS: usize = 20_000;
/// The most units anywhere.
const WIDEST: usize = 1024;
