//! The documentation as programs see it: pages, their blocks, and the marks that tell how a block is tested.
//!
//! A block is what stands between fences, or is indented by four spaces behind an empty line. What a test must know of it is in
//! HTML comments in front of it, so that readers of the page do not see them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

pub mod shell;

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is, from the top of the repository.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A block of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Number of its first line, the fence not counted.
    pub line: usize,
    /// What the fence says; empty when it says nothing, or the block is indented.
    pub language: String,
    /// Whether it is indented rather than fenced.
    pub indented: bool,
    /// Without the indentation that the whole block has.
    pub text: String,
    /// Comments in front of it, without `<!--` and `-->`.
    pub marks: Vec<String>,
}

/// Every page that readers are given, in the order of their paths.
pub fn pages() -> Result<Vec<Page>> {
    let root = root();
    let mut paths: Vec<PathBuf> =
        ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)).into();
    collect(&root.join("docs"), &mut paths)?;
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let path = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
        Ok(Page { path, text })
    };
    paths.into_iter().map(read).collect()
}

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

fn collect(directory: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry.with_context(|| format!("list {}", directory.display()))?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|it| it == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

impl Page {
    /// Its blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut marks = Vec::new();
        let mut lines = self.text.lines().enumerate().peekable();
        // An indented line behind one of text goes on with it.
        let mut after_text = false;
        while let Some((index, line)) = lines.next() {
            let trimmed = line.trim();
            let is_text = !trimmed.is_empty() && !trimmed.starts_with("<!--");
            let is_indented = line.starts_with("    ");
            if let Some(language) = trimmed.strip_prefix("```") {
                let margin = line.len() - line.trim_start().len();
                let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
                let text: Vec<&str> = inside.map(|line| line.get(margin..).unwrap_or_default()).collect();
                let (language, marks) = (language.trim().to_owned(), std::mem::take(&mut marks));
                blocks.push(Block {
                    line: index + 2,
                    language,
                    indented: false,
                    text: text.join("\n"),
                    marks,
                });
            } else if is_indented && is_text && !after_text {
                let mut text = vec![line];
                let goes_on = |line: &str| line.starts_with("    ") || line.trim().is_empty();
                while let Some((_, line)) = lines.next_if(|(_, line)| goes_on(line)) {
                    text.push(line);
                }
                let text: Vec<&str> = text.iter().map(|line| line.get(4..).unwrap_or_default()).collect();
                let (text, marks) = (text.join("\n").trim_end().to_owned(), std::mem::take(&mut marks));
                blocks.push(Block { line: index + 1, language: String::new(), indented: true, text, marks });
            } else if let Some(comment) = trimmed.strip_prefix("<!--").and_then(|it| it.strip_suffix("-->")) {
                marks.push(comment.trim().to_owned());
            } else if is_text {
                marks.clear();
            }
            after_text = is_text && !is_indented && !trimmed.starts_with("```");
        }
        blocks
    }

    /// What is set as code within a line, outside of blocks: line number and text.
    pub fn spans(&self) -> Vec<(usize, String)> {
        let mut spans = Vec::new();
        for (number, line) in self.prose() {
            let parts: Vec<&str> = line.split('`').collect();
            // A span that goes over the end of a line is not looked at.
            let whole = if parts.len() % 2 == 1 { parts.len() } else { parts.len() - 1 };
            let inside = parts.into_iter().take(whole).skip(1).step_by(2);
            spans.extend(inside.map(|span| (number, span.replace("\\|", "|"))));
        }
        spans
    }

    /// Where its links lead: line number and target.
    pub fn links(&self) -> Vec<(usize, String)> {
        let targets = self.prose().into_iter().flat_map(|(number, line)| {
            let ends = line.match_indices("](").map(|(at, found)| at + found.len());
            let targets = ends.filter_map(|at| Some(line.get(at..)?.split_once(')')?.0.to_owned()));
            targets.map(|target| (number, target)).collect::<Vec<_>>()
        });
        targets.collect()
    }

    /// Names by which links find its headings.
    pub fn anchors(&self) -> Vec<String> {
        let titles = self.prose().into_iter().filter_map(|(_, line)| {
            let title = line.trim_start_matches('#');
            (title.len() < line.len()).then(|| title.trim().to_lowercase())
        });
        let anchor = |title: String| {
            let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
            kept.map(|char| if char == ' ' { '-' } else { char }).collect()
        };
        titles.map(anchor).collect()
    }

    /// Lines outside of fenced and indented blocks, with their numbers.
    fn prose(&self) -> Vec<(usize, &str)> {
        let mut fenced = false;
        let mut prose = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            } else if !fenced && !line.starts_with("    ") {
                prose.push((index + 1, line));
            }
        }
        prose
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# A page: `x`\n\nWords `one two` and\n    no block [there](a.md#b).\n\n<!-- lab: on web-1 -->\n\n```sh\n\
                        ls\n```\n\n    cat x    what it is\n\n    cat y\n\n<!-- not run: why -->\nno block\n\n- item\n  ```\n  in\n  ```\n";

    fn page() -> Page {
        Page { path: "p.md".into(), text: TEXT.into() }
    }

    #[test]
    fn blocks_are_found_with_their_marks() {
        let blocks = page().blocks();
        let found: Vec<(usize, &str, bool, &str, usize)> = blocks
            .iter()
            .map(|it| (it.line, it.language.as_str(), it.indented, it.text.as_str(), it.marks.len()))
            .collect();
        let expected = [
            (9, "sh", false, "ls", 1),
            (12, "", true, "cat x    what it is\n\ncat y", 0),
            (21, "", false, "in", 0),
        ];
        assert_eq!(found, expected);
        assert_eq!(blocks.first().map(|it| it.marks.clone()), Some(vec!["lab: on web-1".to_owned()]));
    }

    #[test]
    fn prose_has_spans_links_and_anchors() {
        let page = page();
        let spans: Vec<(usize, String)> =
            [(1, "x"), (3, "one two")].map(|(line, it)| (line, it.to_owned())).into();
        assert_eq!(page.spans(), spans);
        assert_eq!(page.anchors(), ["a-page-x"]);
        let other = Page { path: String::new(), text: "See [it](a.md#b) and [there](c.md).".into() };
        assert_eq!(other.links(), [(1, "a.md#b".to_owned()), (1, "c.md".to_owned())]);
    }

    #[test]
    fn the_readme_is_a_page() {
        assert!(pages().unwrap().iter().any(|page| page.path == "README.md" && !page.blocks().is_empty()));
    }
}
