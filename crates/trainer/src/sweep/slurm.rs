//! A sweep as a job array for SLURM. Queues, limits and machines are SLURM's business.

use std::path::Path;

use super::file::{Setting, SweepFile};

/// A script for `sbatch` whose tasks do the runs `indices` (at most `jobs` at a time); `lines` are further
/// `#SBATCH` options.
pub fn script(
    sweep: &SweepFile,
    indices: &[usize],
    [folder, program, file]: [&Path; 3],
    jobs: Option<usize>,
    lines: &[String],
) -> String {
    let threads = match sweep.options.get("threads") {
        Some(Setting::Whole(threads)) => *threads,
        _ => 2,
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let most = jobs.map_or(String::new(), |jobs| format!("%{jobs}"));
    let log = folder.join(&sweep.folder).join("slurm-%A_%a.log");
    let mut text = format!(
        "#!/bin/sh\n# {} runs that are not done. Submitted again, each goes on where it stopped.\n#SBATCH \
         --job-name={}\n#SBATCH --array={}{most}\n#SBATCH --cpus-per-task={threads}\n#SBATCH --output={}\n# \
         Two minutes before the time limit a run saves its checkpoint.\n#SBATCH --signal=B:TERM@120\n",
        indices.len(),
        quoted(&name),
        ranges(indices),
        quoted(&log.display().to_string()),
    );
    lines.iter().for_each(|line| text += &format!("#SBATCH {line}\n"));
    let [folder, program, file] = [folder, program, file].map(|path| quoted(&path.display().to_string()));
    text + &format!("cd {folder} && exec {program} sweep {file} --only \"$SLURM_ARRAY_TASK_ID\"\n")
}

/// `0-2,5,7-9`.
fn ranges(indices: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &index in indices {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => ranges.push((index, index)),
        }
    }
    let range = |&(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// One word for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_ranges_and_words_are_quoted() {
        assert_eq!(ranges(&[0, 1, 2, 5, 7, 8]), "0-2,5,7-8");
        assert_eq!(ranges(&[]), "");
        assert_eq!((quoted("a/b-c.toml").as_str(), quoted("it's").as_str()), ("a/b-c.toml", "'it'\\''s'"));
    }
}
