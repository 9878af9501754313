//! The files of the page hold together.

use std::{collections::BTreeSet, fs, path::Path};

use super::*;

fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(|file| (file.path, file.text))
}

/// Below this directory, which files there are.
fn found(directory: &Path, below: &str, all: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{below}/{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found(&entry.path(), &name, all);
        } else if !name.ends_with(".rs") {
            all.insert(name.replace("/index.html", "/"));
        }
    }
}

#[test]
fn every_file_of_the_directory_is_served() {
    let mut there = BTreeSet::new();
    found(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/page"), "", &mut there);
    let served: BTreeSet<String> = texts().map(|(path, _)| path.to_owned()).collect();
    assert_eq!(served, there);
}

#[test]
fn scripts_import_what_is_served() {
    let served: BTreeSet<&str> = texts().map(|(path, _)| path).collect();
    for (path, text) in texts().filter(|(path, _)| path.ends_with(".js")) {
        let named = text.lines().filter_map(|line| line.split_once(" from \"")?.1.strip_suffix("\";"));
        for import in named {
            let directory = Path::new(path).parent().unwrap();
            let (up, rest) = import.strip_prefix("../").map_or((0, import), |rest| (1, rest));
            let directory = directory.ancestors().nth(up).unwrap();
            let wanted = directory.join(rest.trim_start_matches("./"));
            assert!(served.contains(wanted.to_str().unwrap()), "{path} imports {import}");
        }
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_is_made_html() {
    for (path, text) in texts() {
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for word in
            ["http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
        {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
    let (_, html) = texts().next().unwrap();
    assert!(!html.contains("<style") && !html.contains("style=") && !html.contains(" on"), "{html}");
}

#[test]
fn a_browser_that_has_a_file_is_not_sent_it_again() {
    let file = &FILES[0];
    let tag = tag(file.text);
    let asked = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
        answer(file, &tag, &headers)
    };
    let known = tag.to_str().unwrap();
    for value in [known, &format!("W/{known}"), &format!("\"other\", {known}"), "*"] {
        let answer = asked(value);
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{value}");
        assert_eq!(answer.headers()[header::ETAG], tag);
    }
    let answer = asked("\"other\"");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], file.kind);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], CACHE);
}
