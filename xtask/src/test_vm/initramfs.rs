//! All that a guest has, as the archive that its kernel unpacks.

use std::{
    fs,
    fs::File,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::host_tool::find;

/// Mount points and places for what follows.
const DIRECTORIES: [&str; 8] = ["bin", "proc", "sys", "dev", "tmp", "run", "etc", "host"];

/// The host's own programs that a guest needs; busybox has an `ip` that knows too little.
const HOST_TOOLS: [&str; 2] = ["ip", "ethtool"];

/// Packs busybox, the modules, the programs with the libraries they load, and the guest's script.
pub fn build(directory: &Path, busybox: &Path, modules: &[PathBuf], programs: &[PathBuf]) -> Result<PathBuf> {
    let root = directory.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("remove {}", root.display()))?;
    }
    for name in DIRECTORIES {
        fs::create_dir_all(root.join(name)).with_context(|| format!("create {name} in the guest"))?;
    }
    copy(busybox, &root.join("bin/busybox"))?;
    symlink("busybox", root.join("bin/sh")).context("link the guest's shell")?;
    let init = root.join("init");
    fs::write(&init, include_str!("guest.sh")).context("write the guest's script")?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).context("make the script executable")?;

    for module in modules {
        let file = module.file_name().unwrap_or_default().to_string_lossy();
        let name = file.split_once(".ko").map_or(&*file, |(name, _)| name);
        let target = root.join(format!("{name}.ko"));
        let target = File::create(&target).with_context(|| format!("create {}", target.display()))?;
        if file.ends_with(".xz") {
            run(Command::new(busybox).arg("xzcat").arg(module).stdout(target))?;
        } else {
            run(Command::new("cat").arg(module).stdout(target))?;
        }
    }
    for name in HOST_TOOLS {
        let program = find(name).with_context(|| format!("find {name}"))?;
        add(&root, &program, &root.join("host").join(name))?;
    }
    for program in programs {
        let target = root.join("host").join(plain_name(program));
        add(&root, program, &target)?;
        run(Command::new("strip").arg(&target))?;
    }
    pack(&root, busybox, directory.join("initramfs"))
}

/// A program's name without the hash that cargo adds to those of tests.
pub fn plain_name(program: &Path) -> String {
    let file = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match file.rsplit_once('-').filter(|(_, hash)| hash.len() == 16) {
        Some((name, _)) => name.to_owned(),
        None => file,
    }
}

/// Copies a program, and its libraries to where it looks for them.
fn add(root: &Path, program: &Path, target: &Path) -> Result<()> {
    copy(program, target)?;
    // Of a static one it says that there are none.
    let output = Command::new("ldd").arg(program).output().context("start ldd")?;
    for library in
        String::from_utf8_lossy(&output.stdout).split_whitespace().filter(|word| word.starts_with('/'))
    {
        let target = root.join(library.trim_start_matches('/'));
        if !target.exists() {
            let parent = target.parent().unwrap_or(root);
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
            copy(Path::new(library), &target)?;
        }
    }
    Ok(())
}

fn pack(root: &Path, busybox: &Path, archive: PathBuf) -> Result<PathBuf> {
    let output = File::create(&archive).with_context(|| format!("create {}", archive.display()))?;
    let script = format!("find . | '{}' cpio -o -H newc 2>/dev/null", busybox.display());
    run(Command::new("sh").args(["-c", &script]).current_dir(root).stdout(output))?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copy {} into the guest", from.display()))?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("start {}", name.display()))?;
    ensure!(status.success(), "make the guest: {} ended with {status}", name.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_test_is_no_part_of_its_name() {
        assert_eq!(plain_name(Path::new("/t/deps/check_path-3d068bc00acc390c")), "check_path");
        assert_eq!(plain_name(Path::new("/t/debug/anycast-ctl")), "anycast-ctl");
    }
}
