//! Lines that people can read: at most 110 columns, strings, comments and pages too, which rustfmt leaves
//! alone.

use std::fs;
use std::path::Path;

const COLUMNS: usize = 110;
/// What git ignores, or others wrote.
const NOT_OURS: [&str; 6] = ["target", "runs", ".git", "corpus", "artifacts", "bundled"];

#[test]
fn no_line_is_over_110_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a workspace");
    let (mut read, mut long) = (0, Vec::new());
    look(root, &mut read, &mut long);
    assert!(read > 300, "only {read} files were found");
    assert!(long.is_empty(), "over {COLUMNS} columns:\n{}", long.join("\n"));
}

fn look(folder: &Path, read: &mut usize, long: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !NOT_OURS.iter().any(|other| name == *other) {
                look(&path, read, long);
            }
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !["rs", "toml", "md", "py", "c", "css", "yml"].contains(&ending)
            && name != "run"
            && name != "cross"
        {
            continue;
        }
        *read += 1;
        let text = fs::read_to_string(&path).expect("text of ours is UTF-8");
        for (number, line) in text.lines().enumerate() {
            // The rows of a Markdown table cannot be broken, in docs of code neither.
            let text = if ending == "rs" { line.trim_start().trim_start_matches(['/', '!']) } else { line };
            let is_row = ["md", "rs"].contains(&ending) && text.trim_start().starts_with('|');
            // Nor can a name of somebody else's that fills a line.
            let is_name = line.split_whitespace().any(|word| word.chars().count() > COLUMNS - 10);
            if line.chars().count() > COLUMNS && !is_row && !is_name {
                long.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
}
