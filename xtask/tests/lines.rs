//! Lines that people can read: at most 110 columns, strings, comments and pages too, which rustfmt leaves
//! alone; and no figure that Markdown takes for a quotation.

use std::fs;
use std::path::Path;

const COLUMNS: usize = 110;
/// What git ignores, or others wrote.
const NOT_OURS: [&str; 6] = ["target", "runs", ".git", "corpus", "artifacts", "bundled"];

#[test]
fn no_line_is_over_110_columns() {
    none(&format!("over {COLUMNS} columns"), |line, ending| {
        // The rows of a Markdown table cannot be broken, in docs of code neither.
        let text = if ending == "rs" { line.trim_start().trim_start_matches(['/', '!']) } else { line };
        let is_row = ["md", "rs"].contains(&ending) && text.trim_start().starts_with('|');
        // Nor can a name of somebody else's that fills a line.
        let is_name = line.split_whitespace().any(|word| word.chars().count() > COLUMNS - 10);
        line.chars().count() > COLUMNS && !is_row && !is_name
    });
}

/// "71 > 75" that is broken before the sign becomes a quotation.
#[test]
fn no_page_quotes() {
    none("read as a quotation", |line, ending| ending == "md" && line.trim_start().starts_with('>'));
}

/// No line of ours is `bad`, given the ending of its file's name.
fn none(what: &str, bad: impl Fn(&str, &str) -> bool) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in a workspace");
    let (mut read, mut found) = (0, Vec::new());
    look(root, &bad, &mut read, &mut found);
    assert!(read > 300, "only {read} files were found");
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

fn look(folder: &Path, bad: &impl Fn(&str, &str) -> bool, read: &mut usize, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !NOT_OURS.iter().any(|other| name == *other) {
                look(&path, bad, read, found);
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
            if bad(line, ending) {
                found.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
}
