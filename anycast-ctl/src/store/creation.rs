//! The making of a store's directory and file.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use super::{
    error::{Failure, StoreError, at},
    file::StoreFile,
    tables,
};

/// Name of the store in its directory.
const NAME: &str = "store.redb";

/// Name of one that is being made: it is a store when it has its final name.
const UNFINISHED: &str = "store.redb.new";

/// Where the store of a state directory is.
pub fn path(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// Opens the file of the store, and makes an empty store, with its directory, where there is none.
pub fn open_or_create(directory: &Path) -> Result<StoreFile, StoreError> {
    create_directory(directory)?;
    let path = path(directory);
    loop {
        if let Some(file) = StoreFile::open(&path, false)? {
            return Ok(file);
        }
        if let Some(file) = create(directory, &path)? {
            return Ok(file);
        }
    }
}

/// Mode 0700; directories above it, where they are missing, 0755.
fn create_directory(directory: &Path) -> Result<(), StoreError> {
    let step = "create the state directory";
    if let Some(above) = directory.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(at(step, above))?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        created => created.map_err(at(step, directory)),
    }
}

/// Makes an empty store under another name and gives it its own when it is whole: a crash in between leaves no store,
/// rather than half of one. `None` when another process was faster.
fn create(directory: &Path, path: &Path) -> Result<Option<StoreFile>, StoreError> {
    let step = "create the store";
    let unfinished = directory.join(UNFINISHED);
    let Some(file) = StoreFile::open(&unfinished, true)? else { return Ok(None) };

    // Its maker may have given it its final name between our open and our lock: it must not be emptied then.
    let ours = file.file().metadata().map_err(at("look at", &unfinished))?;
    let there = fs::symlink_metadata(&unfinished).ok();
    if there.is_none_or(|there| (there.dev(), there.ino()) != (ours.dev(), ours.ino())) {
        return Ok(None);
    }
    // Or just before our open, which then made another file: the store is there, and must not be replaced. Nobody else makes it
    // from here on, as that takes the lock that we have.
    if fs::symlink_metadata(path).is_ok() {
        fs::remove_file(&unfinished).map_err(at("remove", &unfinished))?;
        return Ok(None);
    }
    file.file().set_len(0).map_err(at(step, &unfinished))?;
    initialise(file.clone()).map_err(|failure| failure.told(step, &unfinished))?;
    fs::rename(&unfinished, path).map_err(at(step, path))?;
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(at("sync the state directory", directory))?;
    Ok(Some(file))
}

fn initialise(file: StoreFile) -> Result<(), Failure> {
    let database = redb::Builder::new().create_with_backend(file)?;
    tables::initialise(&database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looked_before_the_store_was_there_does_not_make_it_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path());
        let maker = create(directory.path(), &path).unwrap().unwrap();
        let made = fs::metadata(&path).unwrap().ino();
        assert!(create(directory.path(), &path).unwrap().is_none());
        assert_eq!(fs::metadata(&path).unwrap().ino(), made);
        assert!(!directory.path().join(UNFINISHED).exists());
        drop(maker);
    }
}
