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
    let path_text = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => DriverError::Unreachable(format!(
            "there is no pipe {path_text}: `mkfifo` it, beside the other one, where ExaBGP looks for them (its log says), and \
             start ExaBGP with exabgp.api.cli=true and exabgp.api.pipename=exabgp"
        )),
        io::ErrorKind::PermissionDenied => DriverError::Refused(format!(
            "the pipe {path_text} may not be opened: give this daemon's user the right to read and write it"
        )),
        io::ErrorKind::InvalidInput => DriverError::Refused(format!(
            "{path_text} is no pipe: remove it, `mkfifo` it, and start ExaBGP again"
        )),
        _ if error.raw_os_error() == Some(libc::ENXIO) => DriverError::Unreachable(format!(
            "nobody reads the pipe {path_text}: start ExaBGP, with exabgp.api.cli=true, and see in its log that it uses these \
             pipes"
        )),
        _ => DriverError::Unreachable(format!("open the pipe {path_text}: {error}")),
    }
}
