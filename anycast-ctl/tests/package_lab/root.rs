//! A clean Debian: what debootstrap makes of the release that this host has, kept for the next run.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::source;

/// What it has beside the essential packages.
const PACKAGES: &str = "systemd-sysv,iproute2,bird2,frr";

/// Its directory, which nobody changes.
pub fn root() -> PathBuf {
    let release = codename();
    let roots = source().target.join("roots");
    fs::create_dir_all(&roots).unwrap();
    // Tests of two runs would make it both.
    let lock = File::create(roots.join("lock")).unwrap();
    lock.lock().unwrap();
    // A comma would end the name among a mount's options.
    let name = format!("{release}+{}", PACKAGES.replace(',', "+"));
    let root = roots.join(&name);
    if !root.exists() {
        let begun = roots.join(format!("{name}.begun"));
        if begun.exists() {
            fs::remove_dir_all(&begun).unwrap();
        }
        eprintln!("making {}, for this run and others", root.display());
        debootstrap(&release, &begun);
        fs::rename(&begun, &root).unwrap();
    }
    root
}

/// In memory first: dpkg waits for the disk after each file.
fn debootstrap(release: &str, to: &Path) {
    let memory = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs tmpfs \"$1\" && debootstrap --variant=minbase --include=\"$4\" \"$3\" \"$1/root\" \"$5\" \
                  && rm -f \"$1\"/root/var/cache/apt/archives/*.deb && cp -a \"$1/root\" \"$2\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .args([memory.path(), to])
        .args([release, PACKAGES, &mirror(release)])
        .output()
        .unwrap();
    let tail =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().rev().take(20).collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "debootstrap: {}\n{}", tail(&output.stdout), tail(&output.stderr));
}

fn codename() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.expect("the release of this Debian").to_owned()
}

/// Where this host's apt takes packages of that release from.
fn mirror(release: &str) -> String {
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(RELEASE) $(COMPONENT) $(SITE)"]);
    let list = String::from_utf8(apt.output().unwrap().stdout).unwrap();
    let wanted = format!("{release} main ");
    let site = list.lines().find_map(|line| line.strip_prefix(&wanted));
    let site = site.expect("a source of this release among apt's");
    // Images of clouds have a list of mirrors, which only apt can read.
    let Some(list) = site.strip_prefix("mirror+file:") else { return site.to_owned() };
    let list = fs::read_to_string(format!("/{}", list.trim_start_matches('/'))).unwrap();
    let mut mirrors = list.lines().filter_map(|line| line.split_whitespace().next());
    mirrors.find(|word| !word.starts_with('#')).expect("a mirror in apt's list").to_owned()
}
