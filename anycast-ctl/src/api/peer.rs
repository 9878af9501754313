//! Who is at the other end of a connection.

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use nix::unistd::{Uid, User};
use tokio::net::{UnixListener, unix::UCred};

use crate::store::Author;

/// The process that opened a connection, as the kernel noted it then (`SO_PEERCRED`, unix(7)). Handlers take it as
/// `ConnectInfo<Peer>`.
#[derive(Clone, Copy, Debug)]
pub struct Peer(Option<UCred>);

impl Peer {
    /// It, as the author of a change. Looks its user's name up, which may take a while where users are not local.
    pub fn author(&self) -> Author {
        // The kernel knows the peer of every connected Unix socket. Its own word for one that it cannot name is nobody.
        let nobody = (65_534, 0);
        let (uid, pid) = self.0.map_or(nobody, |peer| (peer.uid(), peer.pid().unwrap_or_default()));
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
        Author::User { uid, user, pid }
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self(stream.io().peer_cred().ok())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::ConnectInfo, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
    };

    use super::*;

    #[tokio::test]
    async fn a_handler_learns_who_asks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let who = |ConnectInfo(peer): ConnectInfo<Peer>| async move { peer.author().to_string() };
        let service = Router::new().route("/", get(who)).into_make_service_with_connect_info::<Peer>();
        tokio::spawn(axum::serve(listener, service).into_future());

        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let user = User::from_uid(Uid::current()).unwrap().unwrap().name;
        let expected = format!("\r\n\r\n{user} (pid {})", std::process::id());
        assert!(answer.ends_with(&expected), "{answer}");
    }
}
