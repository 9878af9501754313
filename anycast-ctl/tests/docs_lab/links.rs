//! Links lead to pages, headings and files that are there.

use std::path::Path;

use xtask::markdown::{Page, pages, root};

use crate::Complaints;

/// Directories at the top of the repository, whose files text names.
const TOP: &[&str] =
    &["anycast-common/", "anycast-ctl/", "anycast-ebpf/", "dist/", "docs/", "xtask/", ".ci/"];

#[test]
fn every_link_leads_somewhere() {
    let mut complaints = Complaints::default();
    let pages = pages().unwrap();
    let mut count = 0;
    for page in &pages {
        for (line, target) in page.links().into_iter().filter(|(_, target)| !target.contains("://")) {
            count += 1;
            let (file, heading) =
                target.split_once('#').map_or((target.as_str(), None), |(file, it)| (file, Some(it)));
            let here = Path::new(&page.path).parent().unwrap();
            let path = if file.is_empty() { page.path.clone() } else { plain(&here.join(file)) };
            if !root().join(&path).exists() {
                complaints.add(page, line, format!("there is no {path}"));
            }
            let led = pages.iter().find(|it| it.path == path).map(Page::anchors);
            if let Some(heading) = heading
                && !led.is_some_and(|anchors| anchors.iter().any(|anchor| anchor == heading))
            {
                complaints.add(page, line, format!("{path} has no heading #{heading}"));
            }
        }
    }
    println!("{count} links");
    assert!(count > 50, "{count}");
    complaints.expect_none();
}

#[test]
fn every_file_that_is_named_is_there() {
    let mut complaints = Complaints::default();
    let mut count = 0;
    for page in pages().unwrap() {
        for (line, name) in page.spans() {
            let is_path = TOP.iter().any(|top| name.starts_with(top)) && !name.contains([' ', '*', '{', '…']);
            if !is_path {
                continue;
            }
            count += 1;
            let there = ["", ".rs"].iter().any(|end| root().join(format!("{name}{end}")).exists());
            if !there {
                complaints.add(&page, line, format!("there is no `{name}`"));
            }
        }
    }
    println!("{count} files are named");
    complaints.expect_none();
}

/// Without `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|it| it.to_str()) {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
