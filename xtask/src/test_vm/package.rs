//! Kernels as Debian packages them: the cloud flavour, which is small and boots in seconds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{file, unpack};
use crate::progress::run_step;

const PREFIX: &str = "linux-image-";
const FLAVOUR: &str = "-cloud-amd64";

/// Where a kernel comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Package {
    /// The name of a package that apt knows.
    Apt(String),
    /// A package's file.
    File(PathBuf),
}

/// What programs are attached by on the way out, before Linux 6.6. Some kernels have them built in.
const OPTIONAL_MODULES: [&str; 2] = ["sch_ingress", "cls_bpf"];

/// What a package brings.
pub struct Kernel {
    /// As `uname -r` says it.
    pub release: String,
    pub image: PathBuf,
    /// Modules, compressed or not.
    pub modules: Vec<PathBuf>,
}

impl Package {
    /// The packages that are meant; without words, the newest of each series.
    pub fn find(wanted: &[String]) -> Result<Vec<Self>> {
        let (files, words): (Vec<&String>, Vec<&String>) =
            wanted.iter().partition(|word| word.ends_with(".deb"));
        let mut packages: Vec<Self> = files.into_iter().map(|path| Self::File(path.into())).collect();
        if words.is_empty() && !packages.is_empty() {
            return Ok(packages);
        }
        let mut search = Command::new("apt-cache");
        search.args(["search", "--names-only", &format!("^{PREFIX}[0-9].*{FLAVOUR}$")]);
        let output = search.output().context("ask apt-cache for kernels")?;
        let output = String::from_utf8_lossy(&output.stdout);
        let releases: Vec<&str> = output.lines().filter_map(release).collect();
        for release in chosen(&releases, &words)? {
            packages.push(Self::Apt(format!("{PREFIX}{release}{FLAVOUR}")));
        }
        Ok(packages)
    }

    /// Downloads what is not here yet, and takes it apart.
    pub fn unpack(&self, directory: &Path) -> Result<Kernel> {
        let root = directory.join("kernel");
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
        }
        match self {
            Self::Apt(name) => unpack(&download(name, directory)?, &root)?,
            Self::File(path) => unpack(path, &root)?,
        }
        let find_image = || file(&root, &|name| name == "vmlinuz" || name.starts_with("vmlinuz-"));
        let image = match (self, find_image()?) {
            (Self::Apt(name), None) => {
                for part in parts(name) {
                    unpack(&download(&part, directory)?, &root)?;
                }
                find_image()?
            }
            (_, image) => image,
        };
        let image = image.context("find the package's kernel")?;
        let module = |name: &str| file(&root, &|file: &str| file.starts_with(&format!("{name}.ko")));
        let mut modules = vec![module("veth")?.context("find the package's veth.ko")?];
        for name in OPTIONAL_MODULES {
            modules.extend(module(name)?);
        }
        let release = release_of(&image).context("find the release in the name of the package's kernel")?;
        Ok(Kernel { release, image, modules })
    }
}

/// What a package of later kernels (7.3, in Debian's backports) is divided into: it has nothing itself.
fn parts(image: &str) -> [String; 2] {
    let rest = image.trim_start_matches(PREFIX);
    [format!("linux-binary-{rest}"), format!("linux-modules-{rest}")]
}

/// `/boot/vmlinuz-RELEASE`, or `/usr/lib/modules/RELEASE/vmlinuz`.
fn release_of(image: &Path) -> Option<String> {
    let name = image.file_name()?.to_str()?;
    match name.strip_prefix("vmlinuz-") {
        Some(release) => Some(release.to_owned()),
        None => Some(image.parent()?.file_name()?.to_str()?.to_owned()),
    }
}

/// Debian's static busybox: everything a guest has beside what is tested.
pub fn busybox(directory: &Path) -> Result<PathBuf> {
    let root = directory.join("busybox");
    if !root.exists() {
        unpack(&download("busybox-static", directory)?, &root)?;
    }
    Ok(root.join("bin").join("busybox"))
}

fn download(name: &str, directory: &Path) -> Result<PathBuf> {
    let is_it = |file: &str| file.starts_with(&format!("{name}_")) && file.ends_with(".deb");
    if file(directory, &is_it)?.is_none() {
        let mut apt = Command::new("apt-get");
        apt.args(["download", name]).current_dir(directory);
        run_step(&format!("downloading {name}"), &mut apt)?;
    }
    file(directory, &is_it)?.with_context(|| format!("find the package {name} after its download"))
}

/// The release in a line of `apt-cache search`, unless it stands for whichever is the newest.
fn release(line: &str) -> Option<&str> {
    let name = line.split_whitespace().next()?;
    let release = name.strip_prefix(PREFIX)?.strip_suffix(FLAVOUR)?;
    (numbers(release).len() > 2).then_some(release)
}

/// The newest release of each series, or what the words select, in order.
fn chosen<'a>(releases: &[&'a str], words: &[&String]) -> Result<Vec<&'a str>> {
    let mut sorted = releases.to_vec();
    sorted.sort_by_key(|release| numbers(release));
    let newest = |series: &[u32]| sorted.iter().rev().find(|release| numbers(release).starts_with(series));
    if words.is_empty() {
        let mut series: Vec<Vec<u32>> =
            sorted.iter().map(|release| numbers(release).into_iter().take(2).collect()).collect();
        series.dedup();
        return Ok(series.iter().filter_map(|series| newest(series)).copied().collect());
    }
    let find = |word: &&String| match newest(&numbers(word)) {
        Some(release) if !numbers(word).is_empty() => Ok(*release),
        _ => bail!("find kernel {word}: apt knows {}; `apt-get update` may help", sorted.join(", ")),
    };
    words.iter().map(find).collect()
}

/// `6.1.0-56` and `6.12.117+deb12`, so that they sort.
fn numbers(release: &str) -> Vec<u32> {
    release.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_in_both_layouts_of_packages() {
        let release = |path: &str| release_of(Path::new(path)).unwrap();
        assert_eq!(release("/k/boot/vmlinuz-6.1.0-56-cloud-amd64"), "6.1.0-56-cloud-amd64");
        let divided = "7.3.4+deb13-cloud-amd64";
        assert_eq!(release(&format!("/k/usr/lib/modules/{divided}/vmlinuz")), divided);
        assert_eq!(
            parts("linux-image-7.3.4+deb13-cloud-amd64"),
            ["linux-binary-7.3.4+deb13-cloud-amd64", "linux-modules-7.3.4+deb13-cloud-amd64"]
        );
    }

    #[test]
    fn the_newest_of_each_series_is_taken_unless_others_are_named() {
        let lines = [
            "linux-image-6.12-cloud-amd64 - Linux for x86-64 cloud (meta-package)",
            "linux-image-6.12.117+deb12-cloud-amd64 - Linux 6.12 for x86-64 cloud (signed)",
            "linux-image-6.1.0-9-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)",
            "linux-image-6.1.0-56-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)",
            "linux-image-6.12.99+deb12-cloud-amd64 - Linux 6.12 for x86-64 cloud (signed)",
        ];
        let releases: Vec<&str> = lines.iter().filter_map(|line| release(line)).collect();
        assert_eq!(chosen(&releases, &[]).unwrap(), ["6.1.0-56", "6.12.117+deb12"]);
        let word = |word: &str| chosen(&releases, &[&word.to_owned()]);
        assert_eq!(word("6.1").unwrap(), ["6.1.0-56"]);
        assert_eq!(word("6.12.99").unwrap(), ["6.12.99+deb12"]);
        assert!(word("5.10").unwrap_err().to_string().contains("6.1.0-56"));
        assert!(word("new").is_err());
    }
}
