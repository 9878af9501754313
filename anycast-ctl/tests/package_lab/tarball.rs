//! The tarball, by the commands of docs/packages.md, in a Debian where nothing runs.

use xtask::dist;

use crate::{image::change, source, stripped};

const CHECKS: &str = r#"
anycast-ctl --version
test "$(stat --format='%a %U %G' /etc/anycast/site.toml)" = "640 root anycast"
anycast-ctl validate /etc/anycast/site.toml && exit 1
for unit in anycast anycast-watchdog; do
    file=/usr/local/lib/systemd/system/$unit.service
    grep -q "^ExecStart=/usr/local/bin/anycast-ctl " $file
    grep /usr/bin/anycast-ctl $file && exit 1
done
true
"#;

#[test]
fn the_tarball_is_installed_as_the_docs_say() {
    let directory = tempfile::tempdir().unwrap();
    let binary = stripped(directory.path());
    let archive = dist::trial_tarball(&source(), &binary, &directory.path().join("out")).unwrap();
    let page = include_str!("../../../docs/packages.md");
    let (_, block) = page.split_once("<!-- run by: package_lab -->\n\n").unwrap();
    let commands: Vec<&str> = block.lines().map_while(|line| line.strip_prefix("    ")).collect();
    assert!(commands[0].starts_with("tar ") && commands.len() > 2, "{commands:?}");
    // No systemd is there to be told of new units.
    change(&[&archive], &format!("export SYSTEMD_OFFLINE=1\ncd /tmp\n{}\n{CHECKS}", commands.join("\n")));
}
