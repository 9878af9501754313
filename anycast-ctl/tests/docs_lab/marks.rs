//! What a page says of its blocks, in comments above them.
//!
//! ```text
//! <!-- lab: fresh, on web-1 -->      what the block needs; holds until another says otherwise
//! <!-- fails: pool remove web -->    the command with these words ends with an error
//! <!-- not run: needs a real NIC --> only read, by the programs' own parsers
//! <!-- run by: bird_lab -->          another test has this page, and runs the block
//! <!-- all run by: example_lab -->   the same of every block, once in the page
//! ```

use std::fs;

use xtask::markdown::{Block, Page, root};

/// What a block needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// A lab in that state, from here on.
    pub state: Option<State>,
    /// The host it is typed on, from here on.
    pub host: Option<String>,
    /// Words of commands that end with an error.
    pub fails: Vec<String>,
    /// Why it is not run here.
    pub not_run: Option<String>,
}

/// What hosts are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The package is installed, and nothing is set up.
    Fresh,
    /// Servers hold the VIP, and the daemon steers to them.
    Running,
}

/// Reads what is said of a block; an error says what is wrong with it.
pub fn read(page: &Page, block: &Block) -> Result<Marks, String> {
    let mut marks = Marks { not_run: all_run_by(page)?, ..Marks::default() };
    for mark in &block.marks {
        let Some((key, value)) = mark.split_once(':').map(|(key, value)| (key, value.trim())) else {
            continue;
        };
        match key {
            "lab" => value.split(',').map(str::trim).try_for_each(|word| lab(&mut marks, word))?,
            "fails" => marks.fails.push(value.to_owned()),
            "not run" => marks.not_run = Some(value.to_owned()),
            "run by" => marks.not_run = Some(run_by(page, value)?),
            _ => {}
        }
    }
    Ok(marks)
}

fn lab(marks: &mut Marks, word: &str) -> Result<(), String> {
    match word.split_once(' ') {
        None if word == "fresh" => marks.state = Some(State::Fresh),
        None if word == "running" => marks.state = Some(State::Running),
        Some(("on", host)) => marks.host = Some(host.to_owned()),
        _ => return Err(format!("`lab: {word}` is none of `fresh`, `running` and `on HOST`")),
    }
    Ok(())
}

fn all_run_by(page: &Page) -> Result<Option<String>, String> {
    let test = page.text.split_once("<!-- all run by: ").and_then(|(_, rest)| rest.split_once(" -->"));
    test.map(|(test, _)| run_by(page, test)).transpose()
}

/// A test that runs blocks of a page has it in its sources.
fn run_by(page: &Page, test: &str) -> Result<String, String> {
    let directory = root().join("anycast-ctl/tests").join(test);
    let sources = fs::read_dir(&directory).map_err(|_| format!("`run by: {test}`: there is no such test"))?;
    let has_it =
        |path| fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("/{}\"", page.path)));
    if !sources.filter_map(Result::ok).any(|source| has_it(source.path())) {
        return Err(format!("`run by: {test}`: that test does not include {}", page.path));
    }
    Ok(format!("run by {test}"))
}

#[test]
fn marks_are_read() {
    let page = Page { path: "docs/api.md".into(), text: String::new() };
    let block = |marks: &[&str]| Block {
        line: 1,
        language: "sh".into(),
        indented: false,
        text: String::new(),
        marks: marks.iter().map(|mark| (*mark).to_owned()).collect(),
    };
    let read = |marks: &[&str]| read(&page, &block(marks));
    let marks = read(&["lab: fresh, on web-1", "fails: a b", "about: something"]).unwrap();
    let fails = vec!["a b".to_owned()];
    let expected = Marks { state: Some(State::Fresh), host: Some("web-1".into()), fails, not_run: None };
    assert_eq!(marks, expected);
    assert_eq!(read(&["run by: lab"]).unwrap().not_run.unwrap(), "run by lab");
    assert!(read(&["run by: bird_lab"]).unwrap_err().contains("does not include docs/api.md"));
    assert!(read(&["run by: no_lab"]).unwrap_err().contains("no such test"));
    assert!(read(&["lab: broken"]).unwrap_err().contains("none of"));
}
