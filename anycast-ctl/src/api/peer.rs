//! Who is at the other end of a connection.

use nix::unistd::{Uid, User};
use tokio::net::{UnixStream, unix::UCred};

use crate::store::Author;

/// The process that opened a connection, as the kernel noted it then (`SO_PEERCRED`, unix(7)). Handlers take it as
/// `ConnectInfo<Peer>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer(Option<UCred>);

impl Peer {
    /// Whoever opened that connection.
    pub fn of(stream: &UnixStream) -> Self {
        Self(stream.peer_cred().ok())
    }

    /// It, as the author of a change. Looks its user's name up, which may take a while where users are not local.
    pub fn author(&self) -> Author {
        // The kernel knows the peer of every connected Unix socket. Its own word for one that it cannot name is nobody.
        let nobody = (65_534, 65_534, 0);
        let credentials = |peer: UCred| (peer.uid(), peer.gid(), peer.pid().unwrap_or_default());
        let (uid, gid, pid) = self.0.map_or(nobody, credentials);
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        Author::User { uid, gid: Some(gid), user, pid }
    }

    /// Whether it runs as that user.
    pub fn is(&self, uid: Uid) -> bool {
        self.0.is_some_and(|peer| Uid::from_raw(peer.uid()) == uid)
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::Gid;

    use super::*;

    #[tokio::test]
    async fn the_kernel_names_whoever_connects() {
        let (_, ours) = UnixStream::pair().unwrap();
        let user = User::from_uid(Uid::current()).unwrap().unwrap().name;
        let author = Peer::of(&ours).author();
        assert!(Peer::of(&ours).is(Uid::current()) && !Peer::default().is(Uid::current()));
        let (uid, gid, pid) = (Uid::current(), Gid::current(), std::process::id());
        assert_eq!(author.to_string(), format!("{user} (pid {pid})"));
        assert_eq!(author.credentials(), format!("{user} (pid {pid}, uid {uid}, gid {gid})"));
    }
}
