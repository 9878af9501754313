//! Markdown, as the pages need it.

use std::fmt::Write as _;

/// A page that is being written.
pub struct Page {
    text: String,
}

impl Page {
    /// A page of that title, made from what `source` names.
    pub fn new(title: &str, source: &str) -> Self {
        let text = format!(
            "# {title}\n\n<!-- Made by `cargo test -p anycast-ctl --test reference`; what to change is {source}. -->\n"
        );
        Self { text }
    }

    /// A heading below the title's, of that depth: 2 and more.
    pub fn heading(&mut self, depth: usize, title: &str) {
        self.block(&format!("{} {title}", "#".repeat(depth)));
    }

    /// A paragraph, or several.
    pub fn block(&mut self, text: &str) {
        write!(self.text, "\n{}\n", text.trim_end()).unwrap();
    }

    /// Text to be read as it stands.
    pub fn literal(&mut self, text: &str) {
        self.block(&format!("```text\n{}\n```", text.trim_end()));
    }

    /// A table; columns whose name ends with a colon are aligned to the right. Nothing when it has no rows.
    pub fn table<const N: usize>(&mut self, columns: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return;
        }
        let names = columns.map(|column| column.trim_end_matches(':').to_owned());
        let lines = columns.map(|column| if column.ends_with(':') { "---:" } else { "---" });
        writeln!(self.text, "\n{}\n|{}|", row(&names), lines.join("|")).unwrap();
        for cells in rows {
            writeln!(self.text, "{}", row(&cells)).unwrap();
        }
    }

    /// All of it.
    pub fn text(self) -> String {
        self.text
    }
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| line(cell).replace('|', "\\|")).collect();
    let cells: Vec<String> =
        cells.into_iter().map(|cell| format!("{cell}{}", if cell.is_empty() { "" } else { " " })).collect();
    format!("| {}|", cells.join("| "))
}

/// Text on one line, as a table's cell wants it.
pub fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Set as code.
pub fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A number as people read it.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// The name by which links find a heading.
pub fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

/// Documentation of code without its links: `[`X`]` is `X`.
pub fn unlinked(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").replace("crate::", "")
}

#[test]
fn cells_stay_in_their_columns() {
    let mut page = Page::new("A", "b");
    page.table(["x", "n:"], [["a | b\nc".to_owned(), number(1_234_567)], [String::new(), number(12)]]);
    let table = page.text().split_once("-->\n\n").unwrap().1.to_owned();
    assert_eq!(table, "| x | n |\n|---|---:|\n| a \\| b c | 1,234,567 |\n| | 12 |\n");
    assert_eq!(anchor("[pool.check] and `x`_y"), "poolcheck-and-x_y");
}
