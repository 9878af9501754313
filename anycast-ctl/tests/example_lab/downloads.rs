//! Downloads that last, and short requests beside them: HTTP/1.1, each on a connection of its own.

use std::{
    fs,
    io::{Error, Write as _},
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use xtask::lab::Namespace;

use crate::stream::{Outcome, PATIENCE, Stream};

const WORDS: u64 = 2 << 20;
/// Bytes of the file: the numbers from 0 on, eight bytes each.
const BYTES: u64 = 8 * WORDS;
/// A download takes so much at a time.
const PIECE: usize = 8 << 10;
const PAUSE: Duration = Duration::from_millis(100);
/// One that hears nothing for so long has stalled.
const STALLED: Duration = Duration::from_secs(20);

/// Makes the file that is downloaded.
pub fn write_file(path: &Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    (0..WORDS).for_each(|word| file.write_all(&word.to_be_bytes()).unwrap());
    file.flush().unwrap();
}

/// Downloads of `/file` at a slow pace, until they are told to make haste.
pub struct Downloads {
    haste: watch::Sender<bool>,
    thread: JoinHandle<Vec<Result<String, String>>>,
    count: usize,
}

impl Downloads {
    /// So many from these VIPs in turn; returns when each has its first bytes.
    #[track_caller]
    pub fn start(namespace: &Namespace, vips: &[IpAddr], count: usize) -> Self {
        let (namespace, vips) = (namespace.try_clone().unwrap(), vips.to_vec());
        let (haste, hurries) = watch::channel(false);
        let begun = Arc::new(AtomicUsize::new(0));
        let book = begun.clone();
        let body = async move {
            let one = |number: usize| {
                let (vip, hurries, begun) = (vips[number % vips.len()], hurries.clone(), book.clone());
                let work = async move {
                    download(vip, hurries, &begun).await.map_err(|error| format!("{vip}: {error}"))
                };
                tokio::spawn(work)
            };
            let all: Vec<_> = (0..count).map(one).collect();
            let mut ended = Vec::new();
            for download in all {
                ended.push(download.await.unwrap());
            }
            ended
        };
        let thread = thread::spawn(move || {
            namespace.enter().unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body)
        });
        let start = Instant::now();
        while begun.load(Ordering::Relaxed) < count {
            assert!(start.elapsed() < STALLED && !thread.is_finished(), "{:?}", begun);
            thread::sleep(Duration::from_millis(10));
        }
        Self { haste, thread, count }
    }

    /// Whether none has ended, as they do not by themselves for more than a minute.
    pub fn all_run(&self) -> bool {
        self.haste.receiver_count() > self.count
    }

    /// Lets them come to their end. Each must be whole, and by servers of that site.
    #[track_caller]
    pub fn finish(self, site: &str) {
        self.haste.send(true).unwrap();
        let ended = self.thread.join().unwrap();
        let broken: Vec<_> = ended.iter().filter_map(|end| end.as_ref().err()).collect();
        assert!(broken.is_empty(), "{} of {} broken: {broken:#?}", broken.len(), ended.len());
        assert!(ended.iter().flatten().all(|server| server.starts_with(site)), "{ended:?}");
        println!("{} downloads by site {site} are whole", ended.len());
    }
}

/// Answers with the server's name when the file is whole.
async fn download(vip: IpAddr, hurries: watch::Receiver<bool>, begun: &AtomicUsize) -> Result<String, Error> {
    let (mut stream, server, mut rest) = open(vip, "/file").await?;
    begun.fetch_add(1, Ordering::Relaxed);
    let mut seen = 0_u64;
    loop {
        let whole = rest.len() / 8 * 8;
        for word in rest.drain(..whole).as_slice().chunks(8) {
            if *word != seen.to_be_bytes() {
                return Err(Error::other(format!("other bytes after {} of {server}'s", 8 * seen)));
            }
            seen += 1;
        }
        if !*hurries.borrow() {
            sleep(PAUSE).await;
        }
        let had = rest.len();
        rest.resize(had + PIECE, 0);
        let count = timeout(STALLED, stream.read(&mut rest[had..])).await.map_err(|_| stalled(&server))?;
        let count =
            count.map_err(|error| Error::other(format!("{server}, after {} bytes: {error}", 8 * seen)))?;
        rest.truncate(had + count);
        if count == 0 {
            let is_whole = rest.is_empty() && 8 * seen == BYTES;
            return if is_whole {
                Ok(server)
            } else {
                Err(Error::other(format!("{server} ended it at {}", 8 * seen)))
            };
        }
    }
}

fn stalled(server: &str) -> Error {
    Error::other(format!("{server} said nothing for {STALLED:?}"))
}

/// Opens a connection and asks; answers with the server's name, and the first bytes of the body.
async fn open(vip: IpAddr, path: &str) -> Result<(TcpStream, String, Vec<u8>), Error> {
    let socket = if vip.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Little is on its way at a time, so that packets go to the VIP all the while.
    socket.set_recv_buffer_size(32 << 10)?;
    let mut stream = socket.connect(SocketAddr::from((vip, 80))).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: cdn.example.org\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let end = loop {
        if let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(Error::other("it ended within the header"));
        }
    };
    let body = answer.split_off(end + 4);
    let header = String::from_utf8_lossy(&answer);
    let server = header.lines().find_map(|line| line.strip_prefix("X-Server: "));
    match server {
        Some(server) if header.starts_with("HTTP/1.1 200 ") => Ok((stream, server.to_owned(), body)),
        Some(_) | None => Err(Error::other(header.into_owned())),
    }
}

/// Requests of `/health` to these VIPs in turn, fifty a second.
pub fn requests(namespace: &Namespace, vips: &[IpAddr]) -> Stream {
    let vips: Arc<[IpAddr]> = vips.into();
    Stream::start(namespace, Duration::from_millis(20), move |number| {
        let vips = vips.clone();
        async move { request(vips[number % vips.len()]).await }
    })
}

async fn request(vip: IpAddr) -> Outcome {
    let whole = async {
        let (mut stream, server, mut body) = open(vip, "/health").await?;
        stream.read_to_end(&mut body).await?;
        Ok::<_, Error>((server, body))
    };
    match timeout(5 * PATIENCE, whole).await {
        Ok(Ok((server, body))) if body == b"fit\n" => Outcome::Answered(server),
        Ok(Ok((server, body))) => Outcome::Wrong(format!("{server}: {body:?}")),
        Ok(Err(error)) => Outcome::Lost(error.to_string()),
        Err(_) => Outcome::Lost("no answer".to_owned()),
    }
}
