//! Servers of a few lines, and what hostile ones do.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::spawn_local,
    time::sleep,
};

/// What a test sends at most before it gives up on the other side to end.
const TOO_MUCH: u64 = 1 << 30;

/// Handles each connection on a task of its own.
pub async fn serve<F: Future<Output = ()> + 'static>(
    handle: impl Fn(TcpStream) -> F + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(handle(stream));
        }
    });
    address
}

/// Reads something, answers that, and closes.
pub async fn answering(answer: impl AsRef<[u8]> + 'static) -> SocketAddr {
    let answer = Rc::new(answer);
    serve(move |mut stream| {
        let answer = answer.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all((*answer).as_ref()).await;
        }
    })
    .await
}

/// Accepts, and says nothing.
pub async fn hanging() -> SocketAddr {
    serve(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await
}

/// Reads something, and resets the connection.
pub async fn resetting() -> SocketAddr {
    serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await
}

/// Answers a byte now and then.
pub async fn trickling(answer: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        for byte in answer {
            let _ = stream.write_all(&[*byte]).await;
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_secs(60)).await;
    })
    .await
}

/// Answers a head and then the same again and again; counts what somebody took.
pub async fn flooding(head: &'static [u8], rest: &'static [u8]) -> (SocketAddr, Rc<Cell<u64>>) {
    let sent = Rc::new(Cell::new(0));
    let counted = sent.clone();
    let address = serve(move |mut stream| {
        let counted = counted.clone();
        async move {
            let _ = stream.write_all(head).await;
            flood(&mut stream, rest, &counted).await;
        }
    })
    .await;
    (address, sent)
}

pub async fn flood(stream: &mut (impl AsyncWrite + Unpin), rest: &[u8], counted: &Cell<u64>) {
    let rest = rest.repeat((16 << 10) / rest.len());
    while counted.get() < TOO_MUCH && stream.write_all(&rest).await.is_ok() {
        counted.set(counted.get() + rest.len() as u64);
    }
}

/// A port that nobody listens on.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

/// Answers each datagram with those that the function makes of it.
pub async fn datagrams(answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + 'static) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    spawn_local(async move {
        let mut datagram = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
            for answer in answers(&datagram[..length]) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}
