//! An image that is being made: no systemd runs, not even /proc is there.

use std::{path::Path, process::Command};

use crate::{package, root::root};

/// Files are put into /tmp of a copy of the Debian, where the script is run.
const CHANGE: &str = r#"
lower=$1 place=$2 script=$3
shift 3
mount -t tmpfs tmpfs "$place"
mkdir "$place/upper" "$place/work" "$place/root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$place/upper,workdir=$place/work" "$place/root"
cp "$@" "$place/root/tmp"
cd /
chroot "$place/root" sh -e -c "$script"
"#;

/// Runs a script in such an image, with these files in its /tmp; it must succeed.
pub fn change(files: &[&Path], script: &str) {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-e", "-c", CHANGE, "sh"])
        .args([root().as_path(), place.path()])
        .arg(script)
        .args(files)
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{text}");
}

#[test]
fn the_package_is_installed_upgraded_and_removed_where_nothing_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (package(directory.path(), "1.0"), package(directory.path(), "1.1"));
    let name = |package: &Path| package.file_name().unwrap().to_str().unwrap().to_owned();
    let script = format!(
        "dpkg --install /tmp/{}
        anycast-ctl --version
        getent passwd anycast
        dpkg --install /tmp/{}
        dpkg --remove anycast
        test -e /etc/anycast/site.toml
        dpkg --purge anycast
        test ! -e /etc/anycast
        test ! -e /usr/bin/anycast-ctl",
        name(&first),
        name(&second)
    );
    change(&[&first, &second], &script);
}
