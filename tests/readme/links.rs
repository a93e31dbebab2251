//! Relative links lead to files and headings that exist.

use std::path::Path;

use super::pages::{Page, root};

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "md")
}

/// What is wrong with a link of a page, if anything.
fn broken(page: &Page, link: &str) -> Option<String> {
    if ["https:", "http:", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = Path::new(&page.name).parent().unwrap();
    let target = if path.is_empty() {
        Path::new(&page.name).to_owned()
    } else {
        folder.join(path)
    };
    if !root().join(&target).exists() {
        return Some(format!("{}: {link} leads to no file", page.name));
    }
    if anchor.is_empty() || !is_page(&target) {
        return None;
    }
    let anchors = Page::read(target.to_str().unwrap()).anchors();
    let known = anchors.iter().any(|own| own == anchor);
    (!known).then(|| format!("{}: {link} leads to no heading of {anchors:?}", page.name))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = Page::all();
    let problems: Vec<_> = pages
        .iter()
        .flat_map(|page| {
            page.links()
                .into_iter()
                .filter_map(|link| broken(page, &link))
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let links: usize = pages.iter().map(|page| page.links().len()).sum();
    assert!(links > 100, "{links} links were found: are they read?");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let page = Page::read("docs/deploy.md");
    assert_eq!(broken(&page, "operate.md#exit-codes"), None);
    assert_eq!(broken(&page, "#the-firewall"), None);
    for link in [
        "missing.md",
        "../docs/missing.svg",
        "operate.md#missing",
        "#missing",
    ] {
        assert!(broken(&page, link).is_some(), "{link}");
    }
}

/// Each page of `docs/` can be reached from the README, directly or by way of others.
#[test]
fn every_page_can_be_reached_from_the_readme() {
    let mut reached = vec!["README.md".to_owned()];
    let mut next = 0;
    while next < reached.len() {
        let page = Page::read(&reached[next]);
        next += 1;
        let folder = Path::new(&page.name).parent().unwrap();
        for link in page.links() {
            let path = link.split('#').next().unwrap_or_default();
            let target = root().join(folder).join(path);
            let Ok(target) = target.canonicalize() else {
                continue;
            };
            let Ok(name) = target.strip_prefix(root().canonicalize().unwrap()) else {
                continue;
            };
            let name = name.to_str().unwrap().to_owned();
            if is_page(&target) && !reached.contains(&name) {
                reached.push(name);
            }
        }
    }
    let docs = Page::all()
        .into_iter()
        .filter(|page| page.name.starts_with("docs/"));
    let lost: Vec<_> = docs
        .map(|page| page.name)
        .filter(|name| !reached.contains(name))
        .collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
}
