//! A Chinese page is as complete as the English one beside it.

use std::collections::BTreeSet;

use super::pages::{Block, Page};

/// The pages that are there in both languages: English, then Chinese.
fn pairs() -> Vec<(Page, Page)> {
    let pages = Page::all().into_iter();
    let chinese = pages.filter(|page| page.name.ends_with(".zh-CN.md"));
    chinese
        .map(|page| (Page::read(&page.name.replace(".zh-CN", "")), page))
        .collect()
}

/// A block without comments, which are in the page's language.
fn code(block: &Block) -> (String, Vec<String>) {
    let comment = |line: &str| {
        let end = ["# ", "// "].iter().filter_map(|mark| {
            let at = line.find(mark)?;
            (at == 0 || line[..at].ends_with(' ')).then_some(at)
        });
        line[..end.min().unwrap_or(line.len())]
            .trim_end()
            .to_owned()
    };
    let lines = block
        .text
        .lines()
        .map(comment)
        .filter(|line| !line.is_empty());
    (block.language.clone(), lines.collect())
}

/// Where links lead, whichever language is there; headings have names of their own in each.
fn targets(page: &Page) -> Vec<String> {
    let links = page.links().into_iter();
    let mut targets: Vec<_> = links
        .map(|link| {
            link.split('#')
                .next()
                .unwrap_or_default()
                .replace(".zh-CN", "")
        })
        .collect();
    targets.sort();
    targets
}

/// The commands, flags and variables a page names between back quotes.
fn names(page: &Page) -> BTreeSet<String> {
    let told = ["wulin ", "--", "WULIN_", "sudo ", "systemctl ", "make "];
    let spans = page.spans().into_iter();
    spans
        .filter(|span| told.iter().any(|begin| span.starts_with(begin)))
        .collect()
}

#[test]
fn both_languages_say_the_same() {
    let pairs = pairs();
    let there: Vec<&str> = pairs
        .iter()
        .map(|(english, _)| english.name.as_str())
        .collect();
    assert_eq!(
        there,
        [
            "README.md",
            "docs/clients.md",
            "docs/deploy.md",
            "docs/troubleshooting.md"
        ]
    );
    for (english, chinese) in &pairs {
        let name = &chinese.name;
        let levels = |page: &Page| -> Vec<usize> {
            page.headings().iter().map(|heading| heading.0).collect()
        };
        assert_eq!(levels(chinese), levels(english), "headings of {name}");
        let blocks = |page: &Page| -> Vec<_> { page.blocks().iter().map(code).collect() };
        assert_eq!(blocks(chinese), blocks(english), "code of {name}");
        assert_eq!(targets(chinese), targets(english), "links of {name}");
        let (in_chinese, in_english) = (names(chinese), names(english));
        let apart: Vec<_> = in_chinese.symmetric_difference(&in_english).collect();
        assert!(apart.is_empty(), "only in one language, {name}: {apart:?}");
        let rows = |page: &Page| {
            page.text
                .lines()
                .filter(|line| line.starts_with('|'))
                .count()
        };
        assert_eq!(rows(chinese), rows(english), "table rows of {name}");
    }
}
