//! An image that is being made: no systemd runs, not even /proc is there.

use std::process::Command;

use crate::{package, root::root};

const CHANGE: &str = r#"
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cp "$3" "$4" "$2/root/tmp"
cd /
chroot "$2/root" sh -e -c '
    dpkg --install "/tmp/$1"
    anycast-ctl --version
    getent passwd anycast
    dpkg --install "/tmp/$2"
    dpkg --remove anycast
    test -e /etc/anycast/site.toml
    dpkg --purge anycast
    test ! -e /etc/anycast
    test ! -e /usr/bin/anycast-ctl
' sh "${3##*/}" "${4##*/}"
"#;

#[test]
fn the_package_is_installed_upgraded_and_removed_where_nothing_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (package(directory.path(), "1.0"), package(directory.path(), "1.1"));
    let place = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-e", "-c", CHANGE, "sh"])
        .args([&root(), place.path(), &first, &second])
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{text}");
}
