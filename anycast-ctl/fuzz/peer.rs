//! The other end of a socket: where a target says its input to whoever comes.

use std::{
    cell::OnceCell,
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anycast_ctl::{
    announce::driver::{self, DriverError, Level, Route, Seen, Surroundings, Wanted},
    model::Announce,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    runtime::{Builder, Runtime},
};

use crate::text::is_one_line;

/// The environment's variable that names a directory for what targets make; without it they make one.
const VARIABLE: &str = "ANYCAST_FUZZ_DIRECTORY";

/// A directory of this process.
pub fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = match env::var_os(VARIABLE) {
            Some(directory) => PathBuf::from(directory),
            None => env::temp_dir().join(format!("anycast-fuzz-{}", std::process::id())),
        };
        fs::create_dir_all(&directory).unwrap();
        directory
    })
}

/// Runs both ends on this thread. The runtime outlives the input: what it has to do with the input ends with the future.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
    }
    RUNTIME.with(|runtime| {
        let runtime = runtime.get_or_init(|| Builder::new_current_thread().enable_all().build().unwrap());
        runtime.block_on(future)
    })
}

/// Says everything at once, then nothing more, and listens to the end.
pub async fn say(stream: UnixStream, text: &[u8]) {
    let (mut reader, mut writer) = stream.into_split();
    let saying = async {
        // Whoever heard enough hangs up.
        let _ = writer.write_all(text).await;
        drop(writer);
    };
    let listening = async {
        let mut heard = [0; 4_096];
        while reader.read(&mut heard).await.is_ok_and(|bytes| bytes > 0) {}
    };
    tokio::join!(saying, listening);
}

/// Drives the routing daemon of a site, which says the input, and looks at what comes of it.
pub async fn drive(announce: &Announce) {
    let surroundings = Surroundings::of("fuzz", &directory().join("anycast.sock"));
    if let Err(error) = follow(announce, &surroundings).await {
        is_one_line(&error.to_string());
    }
}

async fn follow(announce: &Announce, surroundings: &Surroundings) -> Result<(), DriverError> {
    let mut announcer = driver::connect(announce, surroundings).await?;
    let wanted = wanted();
    shown(&announcer.look(&wanted).await?, &wanted);
    let failures = announcer.bring(&wanted).await?;
    for (vip, text) in &failures {
        assert!(wanted.contains_key(vip), "{vip} is nobody's");
        is_one_line(text);
    }
    shown(&announcer.look(&wanted).await?, &wanted);
    Ok(())
}

/// A route at each level.
fn wanted() -> Wanted {
    let route =
        |vip: &str, prefix: &str, level| (vip.to_owned(), Route { prefix: prefix.parse().unwrap(), level });
    Wanted::from([
        route("www", "192.0.2.1/32", Level::Announced),
        route("dns", "2001:db8::53/128", Level::ShuttingDown),
        route("old", "198.51.100.0/24", Level::Withdrawn),
    ])
}

fn shown(seen: &Seen, wanted: &Wanted) {
    is_line(&seen.daemon);
    for (vip, route) in &seen.routes {
        assert!(wanted.contains_key(vip), "{vip} is nobody's");
        route.trouble.iter().for_each(|text| is_one_line(text));
        route.exported_to.iter().flatten().for_each(|name| is_line(name));
    }
    for peer in &seen.peers {
        [&peer.name, &peer.state].into_iter().for_each(|text| is_line(text));
        [&peer.since, &peer.error].into_iter().flatten().for_each(|text| is_line(text));
    }
}

/// A line, or nothing.
fn is_line(text: &str) {
    if !text.is_empty() {
        is_one_line(text);
    }
}
