//! Where an instance's program, links and maps are pinned, and whether they are ours.
//!
//! ```text
//!  BPFFS/edge/INSTANCE/program                the loaded program
//!                      links/INTERFACE        its attachments
//!                      maps-6/IDENTITY, …     6: the layout's version
//!                      maps-6-next/…          maps that are to take their place
//! ```
//!
//! Maps are made under the second name, and get the first one when every attachment has the program that uses them. Which
//! of the two are in use does not follow from their names but from what was written down: `identity` of the runtime
//! document. So a process that ends at any instant leaves what the next one takes over or removes.

use std::path::{Path, PathBuf};

use anycast_common::{LAYOUT_VERSION, hash::KEY_WORDS, identity::Identity};
use aya::maps::{Array, Map, MapData, MapError};

use super::{PinsError, shape};
use crate::bpffs::{self, Lock};

/// The pins of one instance.
#[derive(Clone, Debug)]
pub struct Pins {
    instance: String,
    directory: PathBuf,
}

/// Maps that can be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedMaps(pub(super) PathBuf);

impl Pins {
    /// Those of that instance; whether there are any is another question.
    ///
    /// # Errors
    /// `Bpffs` when they could not be there.
    pub fn of(bpffs: &Path, instance: &str) -> Result<Self, PinsError> {
        bpffs::check(bpffs)?;
        Ok(Self { instance: instance.to_owned(), directory: bpffs.join("edge").join(instance) })
    }

    /// Keeps everybody else from them, as long as the lock lives.
    ///
    /// # Errors
    /// `InUse`, or `Bpffs`
    pub fn lock(&self) -> Result<Lock, PinsError> {
        let lock = Lock::try_take(&self.directory)?;
        lock.ok_or_else(|| PinsError::InUse { instance: self.instance.clone() })
    }

    /// The directory of all of them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether anything is pinned.
    ///
    /// # Errors
    /// `Bpffs`
    pub fn exist(&self) -> Result<bool, PinsError> {
        Ok(!bpffs::list(&self.directory)?.is_empty())
    }

    /// The maps that were written down as `identity`, if they are there and can be used; `None` if nothing is there but
    /// perhaps what a process left that ended while it made them.
    ///
    /// # Errors
    /// `OtherLayout`, `Foreign` or `OtherKey`: something is pinned that must not be used as it is. `Read`: nobody knows.
    pub fn find(
        &self,
        identity: Option<u64>,
        key: &[u64; KEY_WORDS],
    ) -> Result<Option<PinnedMaps>, PinsError> {
        for directory in [self.maps(), self.next_maps()] {
            let Some(found) = read_identity(&directory)? else { continue };
            if Some(found.identity) != identity || found.layout != u64::from(LAYOUT_VERSION) {
                continue;
            }
            shape::check(&directory)?;
            return if found.has_key(key) {
                Ok(Some(PinnedMaps(directory)))
            } else {
                Err(PinsError::OtherKey { instance: self.instance.clone() })
            };
        }
        let names = bpffs::list(&self.directory)?;
        let other = names.iter().find(|name| layout_of(name).is_some_and(|found| found != LAYOUT_VERSION));
        if let Some(other) = other {
            return Err(PinsError::OtherLayout {
                instance: self.instance.clone(),
                directory: self.directory.join(other),
            });
        }
        if self.maps().exists() || !self.links()?.is_empty() {
            return Err(PinsError::Foreign {
                instance: self.instance.clone(),
                directory: self.directory.clone(),
            });
        }
        Ok(None)
    }

    /// An empty directory for maps that are to be made, beside those that were written down as `identity`.
    ///
    /// # Errors
    /// `Bpffs`, or `Read` when it is not known whether what is there is in use.
    pub fn begin(&self, identity: Option<u64>) -> Result<PinnedMaps, PinsError> {
        let next = self.next_maps();
        if identity.is_some() && read_identity(&next)?.map(|found| found.identity) == identity {
            // In use since before their name was theirs: what comes now may end before anything else is written down.
            bpffs::remove_all(&self.maps())?;
            bpffs::rename(&next, &self.maps())?;
        }
        bpffs::remove_all(&next)?;
        bpffs::create(&next)?;
        bpffs::create(&self.directory.join("links"))?;
        Ok(PinnedMaps(next))
    }

    /// Makes `maps` the only ones: every attachment has a program that uses them. Returns them by the name that they have then.
    ///
    /// # Errors
    /// `Bpffs`
    pub fn finish(&self, maps: &PinnedMaps) -> Result<PinnedMaps, PinsError> {
        for name in bpffs::list(&self.directory)? {
            let path = self.directory.join(&name);
            if name.starts_with("maps-") && path != maps.0 {
                bpffs::remove_all(&path)?;
            }
        }
        if maps.0 != self.maps() {
            bpffs::rename(&maps.0, &self.maps())?;
        }
        Ok(PinnedMaps(self.maps()))
    }

    /// Removes everything. The program is detached first. Maps are made to look like those that somebody began to make, so
    /// that a process that ends before all of them are gone leaves nothing that the next one must not touch.
    ///
    /// # Errors
    /// `Bpffs`
    pub fn remove(&self) -> Result<(), PinsError> {
        bpffs::remove_all(&self.directory.join("links"))?;
        bpffs::remove(&self.program())?;
        let (maps, next) = (self.maps(), self.next_maps());
        if maps.exists() {
            bpffs::remove_all(&next)?;
            bpffs::rename(&maps, &next)?;
        }
        bpffs::remove(&next.join(shape::IDENTITY))?;
        Ok(bpffs::remove_all(&self.directory)?)
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.directory.join("program")
    }

    /// The attachment to an interface.
    pub fn link(&self, interface: &str) -> PathBuf {
        self.directory.join("links").join(bpffs::encode(interface))
    }

    /// The attachments there are, by interface.
    ///
    /// # Errors
    /// `Bpffs`
    pub fn links(&self) -> Result<Vec<(String, PathBuf)>, PinsError> {
        let directory = self.directory.join("links");
        let named = |name: String| (bpffs::decode(&name), directory.join(&name));
        Ok(bpffs::list(&directory)?.into_iter().map(named).collect())
    }

    pub(super) fn maps(&self) -> PathBuf {
        self.directory.join(format!("maps-{LAYOUT_VERSION}"))
    }

    fn next_maps(&self) -> PathBuf {
        self.directory.join(format!("maps-{LAYOUT_VERSION}-next"))
    }
}

/// The layout that a directory's name tells.
fn layout_of(name: &str) -> Option<u32> {
    let version = name.strip_prefix("maps-")?;
    version.strip_suffix("-next").unwrap_or(version).parse().ok()
}

/// What maps say of themselves; `None` for those that were not finished, or are something else.
///
/// # Errors
/// `Read`: maps that are there and cannot be read are not to be taken for unfinished ones, which would be removed.
fn read_identity(directory: &Path) -> Result<Option<Identity>, PinsError> {
    let path = directory.join(shape::IDENTITY);
    if !path.exists() {
        return Ok(None);
    }
    let failed = |error: MapError| PinsError::Read { path: path.clone(), error: with_causes(&error) };
    let Ok(map) = Map::from_map_data(MapData::from_pin(&path).map_err(failed)?) else { return Ok(None) };
    let Ok(map) = Array::<MapData, [u64; Identity::WORDS]>::try_from(map) else { return Ok(None) };
    let identity = Identity::from_words(map.get(&0, 0).map_err(failed)?);
    Ok((identity != Identity::default()).then_some(identity))
}

/// An error with what it came of: aya tells the system's answer only then.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut told: Vec<String> = Vec::new();
    for cause in causes.map(ToString::to_string) {
        // Some repeat theirs.
        if told.last().is_none_or(|last| !last.ends_with(&cause)) {
            told.push(cause);
        }
    }
    told.join(": ")
}

#[cfg(test)]
mod tests {
    use super::layout_of;

    #[test]
    fn a_directory_of_maps_tells_its_layout() {
        assert_eq!(layout_of("maps-1"), Some(1));
        assert_eq!(layout_of("maps-12-next"), Some(12));
        assert_eq!(layout_of("links"), None);
        assert_eq!(layout_of("maps-x"), None);
    }
}
