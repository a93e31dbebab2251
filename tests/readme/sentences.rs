//! The sentences that docs/troubleshooting.md explains are those the program says.

use std::fs;

use super::pages::{Page, collect, root};

/// What stands for a value in the pages.
const VALUES: [&str; 3] = ["…", "443", "game.example.com"];

/// Every text of the program. A backslash at the end of a line joins the next one to it.
fn program() -> String {
    let mut files = Vec::new();
    for folder in ["src", "crates"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            collect(&folder, "rs", &mut files);
        }
    }
    let mut text = String::new();
    for file in files {
        let source = fs::read_to_string(file).unwrap();
        let mut parts = source.split("\\\n");
        text += parts.next().unwrap_or_default();
        parts.for_each(|part| text += part.trim_start());
    }
    text
}

/// The parts of each explained sentence that hold no value: the first column of tables that explain one.
fn explained(page: &Page) -> Vec<String> {
    let rows = page.text.lines().filter(|line| line.starts_with("| `"));
    let sentences = rows.filter_map(|row| row.split('`').nth(1));
    let parts = sentences.flat_map(|sentence| {
        let mut parts = vec![sentence];
        for value in VALUES {
            parts = parts
                .into_iter()
                .flat_map(|part| part.split(value))
                .collect();
        }
        parts
    });
    parts
        .map(|part| part.trim_matches([' ', ':']).to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

#[test]
fn explained_sentences_are_said() {
    let program = program();
    for name in ["docs/troubleshooting.md", "docs/troubleshooting.zh-CN.md"] {
        let parts = explained(&Page::read(name));
        assert!(parts.len() > 15, "{parts:?}");
        for part in parts {
            assert!(program.contains(&part), "{name}: nothing says {part:?}");
        }
    }
}
