//! ExaBGP's named pipes, those of its command line.

use std::{io, path::Path};

use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

use super::talk::Talk;
use crate::announce::driver::DriverError;

/// Opens both pipes of a directory and begins.
///
/// # Errors
/// They are missing, may not be opened, nobody reads them, or ExaBGP does not answer.
pub async fn open(directory: &Path) -> Result<Talk<Receiver, Sender>, DriverError> {
    let (input, output) = (directory.join("exabgp.in"), directory.join("exabgp.out"));
    // Without waiting for a reader; when there is none, this says so at once.
    let writer = OpenOptions::new().open_sender(&input).map_err(|error| refusal(&input, &error))?;
    // ExaBGP opens its end for each line and closes it again: with an end of our own the pipe does not end each time.
    let reader = OpenOptions::new()
        .read_write(true)
        .open_receiver(&output)
        .map_err(|error| refusal(&output, &error))?;
    let mut talk = Talk::new(reader, writer);
    talk.begin().await.map_err(|error| {
        DriverError::Unreachable(format!("ask ExaBGP over the pipes in {}: {error}", directory.display()))
    })?;
    Ok(talk)
}

fn refusal(path: &Path, error: &io::Error) -> DriverError {
    let at = path.display();
    match error.raw_os_error() {
        Some(libc::ENOENT) => DriverError::Unreachable(format!(
            "there is no pipe {at}: `mkfifo` it, beside the other one, where ExaBGP looks for them (its log says), and start \
             ExaBGP with exabgp.api.cli=true and exabgp.api.pipename=exabgp"
        )),
        Some(libc::ENXIO) => DriverError::Unreachable(format!(
            "nobody reads the pipe {at}: start ExaBGP, with exabgp.api.cli=true, and see in its log that it uses these pipes"
        )),
        Some(libc::EACCES | libc::EPERM) => DriverError::Refused(format!(
            "the pipe {at} may not be opened: give this daemon's user the right to read and write it"
        )),
        // What the system opened without complaint, and is something else.
        None => {
            DriverError::Refused(format!("{at} is no pipe: remove it, `mkfifo` it, and start ExaBGP again"))
        }
        Some(_) => DriverError::Unreachable(format!("open the pipe {at}: {error}")),
    }
}
