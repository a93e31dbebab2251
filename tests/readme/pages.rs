//! A page of documentation, taken apart: headings, code, links.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository: the nearest folder above that has the README.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .find(|folder| folder.join("README.zh-CN.md").is_file());
    root.expect("there is a README").to_owned()
}

/// One Markdown file.
pub struct Page {
    /// Its path from the root, as `docs/deploy.md`.
    pub name: String,
    pub text: String,
}

/// A block between fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub language: String,
    pub text: String,
}

impl Page {
    pub fn read(name: &str) -> Page {
        let text = fs::read_to_string(root().join(name));
        Page {
            name: name.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    }

    /// Every page of the repository, in order.
    pub fn all() -> Vec<Page> {
        let mut names = Vec::new();
        collect(&root(), "md", &mut names);
        names.sort();
        let root = root();
        let names = names.iter().map(|path| path.strip_prefix(&root).unwrap());
        names
            .map(|path| Page::read(path.to_str().unwrap()))
            .collect()
    }

    /// Lines outside of fences, and the blocks between them.
    fn parts(&self) -> (Vec<&str>, Vec<Block>) {
        let (mut prose, mut blocks) = (Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        for line in self.text.lines() {
            let fence = line.trim_start().strip_prefix("```");
            match (fence, open.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(language), None) => {
                    open = Some(Block {
                        language: language.to_owned(),
                        text: String::new(),
                    });
                }
                (None, Some(mut block)) => {
                    block.text += line;
                    block.text.push('\n');
                    open = Some(block);
                }
                (None, None) => prose.push(line),
            }
        }
        assert!(open.is_none(), "{}: a fence stays open", self.name);
        (prose, blocks)
    }

    pub fn blocks(&self) -> Vec<Block> {
        self.parts().1
    }

    /// Level and text of each heading.
    pub fn headings(&self) -> Vec<(usize, String)> {
        let headings = self
            .parts()
            .0
            .into_iter()
            .filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                let text = line.trim_start_matches('#');
                (line.len() - text.len(), text.trim().to_owned())
            })
            .collect()
    }

    /// What can stand behind a `#` in a link to this page, as GitHub and its like make it.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        for (_, heading) in self.headings() {
            let anchor = slug(&heading);
            let same = anchors.iter().filter(|other| **other == anchor).count();
            anchors.push(anchor.clone());
            if same > 0 {
                anchors.push(format!("{anchor}-{same}"));
            }
        }
        anchors
    }

    /// Paragraphs and table rows outside of fences, each in one line.
    fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![String::new()];
        for line in self.parts().0 {
            let apart = line.trim().is_empty() || line.trim_start().starts_with(['|', '-', '#']);
            if apart {
                paragraphs.push(String::new());
            }
            let last = paragraphs.last_mut().expect("one is there from the start");
            last.push_str(line);
            last.push(' ');
        }
        paragraphs
    }

    /// What stands between back quotes.
    pub fn spans(&self) -> Vec<String> {
        let paragraphs = self.paragraphs();
        let odd = |text: &String| -> Vec<String> {
            text.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        paragraphs.iter().flat_map(odd).collect()
    }

    /// Where links and pictures lead.
    pub fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for paragraph in self.paragraphs() {
            let prose: Vec<&str> = paragraph.split('`').step_by(2).collect();
            let prose = prose.join("code");
            for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
                let behind = prose.split(open).skip(1);
                links.extend(behind.filter_map(|rest| Some(rest.split_once(close)?.0.to_owned())));
            }
        }
        links
    }
}

/// Every file with this ending below a folder, but for what is fetched or built.
pub fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            let made = ["target", "node_modules"].contains(&&*name);
            if !made && (!name.starts_with('.') || name == ".github") {
                collect(&path, ending, found);
            }
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
}

fn slug(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter);
    let letters = heading.chars().filter(kept);
    letters.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            name: "a.md".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_page_is_taken_apart() {
        let page = page(
            "# One, `two` & 三（四）\n\nSee [b](b.md#x) and `wulin\ncheck`, not `[c](c.md)`.\n\n```sh\n# no heading\nls\n```\n\n\
             ![d](d.svg)\n\n## Twice\n## Twice\n",
        );
        assert_eq!(page.headings()[0], (1, "One, `two` & 三（四）".to_owned()));
        assert_eq!(
            page.anchors(),
            ["one-two--三四", "twice", "twice", "twice-1"]
        );
        assert_eq!(page.links(), ["b.md#x", "d.svg"]);
        assert_eq!(page.spans(), ["two", "wulin check", "[c](c.md)"]);
        let block = Block {
            language: "sh".to_owned(),
            text: "# no heading\nls\n".to_owned(),
        };
        assert_eq!(page.blocks(), [block]);
    }
}
