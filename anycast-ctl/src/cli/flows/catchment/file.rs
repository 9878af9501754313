//! Where a catchment is written to.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::cli::output;

/// A file that can be written, or stdout.
pub struct Target(Option<(PathBuf, File)>);

impl Target {
    /// Opens it, and leaves what is in it until something else is written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self(None));
        }
        let opened = File::options().write(true).create(true).truncate(false).open(path);
        let file = opened.with_context(|| format!("open {} for writing", path.display()))?;
        Ok(Self(Some((path.to_owned(), file))))
    }

    pub const fn is_stdout(&self) -> bool {
        self.0.is_none()
    }

    /// Writes all of it in the place of what was there.
    pub fn write(self, text: &str) -> anyhow::Result<()> {
        let Some((path, mut file)) = self.0 else { return output::print(text) };
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        written.with_context(|| format!("write {}", path.display()))
    }
}
