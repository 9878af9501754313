//! The examples of docs/api.md do what they say.

use std::process::Command;

use crate::harness::steering;

#[test]
fn every_curl_of_the_documentation_works() {
    let lab = steering(2, 0);
    let text = include_str!("../../../docs/api.md");
    let commands: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert!(commands.len() >= 14, "{commands:?}");
    let directory = tempfile::tempdir().unwrap();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("SOCKET", lab.socket()).current_dir(directory.path());
        let output = shell.output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command}: {answer}");
        let refused = answer.starts_with("{\"error\"");
        assert_eq!(refused, command.contains("If-Match"), "{command}: {answer}");
        if refused {
            assert!(answer.contains("\"current\":{\"revision\":"), "{answer}");
        }
    }
}
