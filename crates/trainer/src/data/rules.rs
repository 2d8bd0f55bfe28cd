//! The rules of cutting on the command line: a preset, then flags, then changes by name.

use anyhow::{Context, Result, ensure};
use phrase::CutOptions;
use serde::Serialize;
use serde_json::Value;

/// Where the rules of cutting start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Rules {
    /// This project's: nearest 16th, 4/4 sections, no drums, at least 8 onsets and no empty bar a phrase.
    #[default]
    Training,
    /// The published code of the 2018 paper (CycleGAN genre transfer).
    Papers,
    /// The published code of the 2019 paper (spectral norm and self-attention): at least 2 cells a phrase,
    /// and no multiples of four.
    #[value(name = "papers-2019")]
    Papers2019,
}

/// Their heading in the help text.
const HEADING: &str = "Rules of cutting (where not given, as --rules has them)";

/// Changes of single rules; what is not given is as the preset has it. Named as the fields of [`CutOptions`].
#[derive(Clone, Debug, Default, Serialize, clap::Args)]
pub struct RuleFlags {
    /// How times become 16ths: `nearest` (training), as the plugin hears them, or `floor` (papers; their
    /// code, the text says nothing).
    #[arg(help_heading = HEADING, long, value_parser = ["nearest", "floor"])]
    pub grid: Option<String>,
    /// A note also sounds on the step on which it ends, one step longer than it is (papers: pypianoroll 0.1;
    /// training: no).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub inclusive_ends: Option<bool>,
    /// A repeated note keeps a silent step before it, so that it stays repeated in an array (papers: yes,
    /// pypianoroll 0.1; training: no, onsets are kept beside the cells).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub rearticulate: Option<bool>,
    /// Refuse songs whose first time signature comes after the start (papers: yes; training: no).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub signature_at_start: Option<bool>,
    /// Where the first bar begins: `song`, at the start (training), or `signature`, at the first time
    /// signature, dropping notes that end before it (papers, whose code takes that for the first beat).
    #[arg(help_heading = HEADING, long = "first-bar", value_parser = ["song", "signature"])]
    #[serde(rename = "start")]
    pub first_bar: Option<String>,
    /// Refuse songs with more than one time signature (papers: yes; training: no).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub single_signature: Option<bool>,
    /// Refuse songs with a time signature other than 4/4 (papers and training: yes).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub four_four: Option<bool>,
    /// Instead of refusing a song for its time signatures keep its 4/4 sections, each cut from its own first
    /// bar (papers: no; training: yes).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub sections: Option<bool>,
    /// Take songs without a time signature, which MIDI means as 4/4 (papers: no, their filter drops them;
    /// training: yes).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub unknown_signature: Option<bool>,
    /// Refuse songs with more sounding tracks (drums and --leave-out not counted): symphonies, which the
    /// papers dropped by hand. No limit in any preset.
    #[arg(help_heading = HEADING, long, value_name = "N")]
    pub max_tracks: Option<usize>,
    /// Leave out the drum channel (papers and training: yes; there is no network for drums).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub drop_drums: Option<bool>,
    /// Leave out tracks whose name contains one of these words, capitals or not.
    #[arg(help_heading = HEADING, long, value_delimiter = ',', value_name = "WORDS")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leave_out: Vec<String>,
    /// Bars from one phrase's start to the next: 4 (papers and training: phrases do not overlap), or 2 or 1
    /// for twice or four times the phrases.
    #[arg(help_heading = HEADING, long, value_name = "BARS",
        value_parser = clap::value_parser!(u8).range(1..=4))]
    pub hop_bars: Option<u8>,
    /// Keep a last phrase that its song does not fill, with silence after it (papers: an option of their code
    /// that is off; training: kept if it passes the rules below).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub pad_tail: Option<bool>,
    /// Drop phrases at a song's end until their number is a multiple of four (2018 code: yes, a left-over;
    /// 2019 and training: no).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub multiple_of_four: Option<bool>,
    /// Drop phrases with fewer sounding cells (2018: 1; 2019: 2; training: 1).
    #[arg(help_heading = HEADING, long, value_name = "N")]
    pub min_cells: Option<u32>,
    /// Drop phrases in which fewer notes start (papers: 0; training: 8).
    #[arg(help_heading = HEADING, long, value_name = "N")]
    pub min_onsets: Option<u32>,
    /// Drop phrases with a bar in which nothing sounds (papers: no; training: yes).
    #[arg(help_heading = HEADING, long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    pub no_empty_bar: Option<bool>,
    /// Changes any rule by the name that the dataset has for it, as name=value: for example `min_onsets=4`.
    #[arg(help_heading = HEADING, long = "rule", value_name = "NAME=VALUE")]
    #[serde(skip)]
    pub changes: Vec<String>,
}

impl RuleFlags {
    /// The preset with these changes.
    ///
    /// # Errors
    /// When a change by name has no such rule or a value that does not fit.
    pub fn applied(&self, preset: Rules) -> Result<CutOptions> {
        let preset = match preset {
            Rules::Training => CutOptions::training(),
            Rules::Papers => CutOptions::papers(),
            Rules::Papers2019 => CutOptions::papers_2019(),
        };
        let mut rules = serde_json::to_value(preset)?;
        if let Value::Object(flags) = serde_json::to_value(self)? {
            flags
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .for_each(|(name, value)| rules[name] = value);
        }
        for change in &self.changes {
            let (name, value) =
                change.split_once('=').with_context(|| format!("--rule {change}: write it as name=value"))?;
            let names = || rules.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(", "));
            ensure!(
                rules.get(name).is_some(),
                "--rule {change}: there is no such rule; there are: {}",
                names().unwrap_or_default()
            );
            rules[name] = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        }
        serde_json::from_value(rules).context("--rule: a value does not fit its rule")
    }
}
