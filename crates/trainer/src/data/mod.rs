//! Music in: folders of MIDI files or of the papers' arrays -> a dataset file, and back to arrays.

pub mod damage;
pub mod dataset;
pub mod export;
pub mod file;
pub mod files;
pub mod genre;
pub mod identical;
pub mod npy;
mod part;
pub mod played;
pub mod prepare;
pub mod provenance;
pub mod report;
pub mod rules;
pub mod song;
mod timing;
pub mod transpose;
pub mod view;
