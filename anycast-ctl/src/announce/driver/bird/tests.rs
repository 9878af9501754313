use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, thread};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, unix::OwnedWriteHalf},
};

use super::*;
use crate::announce::driver::Route;

const WELCOME: &str = "0001 BIRD 2.0.12 ready.\n";
const NONE_MATCH: &str = "8003 No protocols match\n";

/// A BIRD that greets and then answers whatever it is asked by these texts, one after the other, and hangs up.
async fn driven(answers: &[&str]) -> Result<Bird, DriverError> {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bird.ctl");
    let listener = UnixListener::bind(&socket).unwrap();
    let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (questions, mut out) = stream.into_split();
        let mut questions = BufReader::new(questions).lines();
        let mut answers = answers.into_iter();
        say(&mut out, &answers.next().unwrap_or_default()).await;
        for answer in answers {
            let Ok(Some(_)) = questions.next_line().await else { return };
            say(&mut out, &answer).await;
        }
        drop(directory);
    });
    connect_to(&socket).await
}

async fn say(out: &mut OwnedWriteHalf, text: &str) {
    let _ = out.write_all(text.as_bytes()).await;
}

async fn connect_to(socket: &Path) -> Result<Bird, DriverError> {
    let settings = BirdSettings { socket: socket.to_owned(), ..BirdSettings::default() };
    let surroundings =
        Surroundings { instance: "anycast0".to_owned(), run_dir: Path::new("/run/anycast").into() };
    connect(&Announce::default(), &settings, &surroundings).await
}

fn wanted() -> Wanted {
    let route = Route { prefix: "192.0.2.1/32".parse().unwrap(), level: Level::Announced };
    Wanted::from([("web".to_owned(), route)])
}

fn text(error: DriverError) -> String {
    error.to_string()
}

#[tokio::test]
async fn what_is_no_bird_is_told() {
    for (greeting, said) in [
        ("HTTP/1.1 400 Bad Request\r\n", "it says `HTTP/1.1 400 Bad Request`: "),
        ("\u{1b}[31m\n", "it says `\\u{1b}[31m`: "),
        (" a line of nothing\n", "it says ` a line of nothing`: "),
        ("0002 BIRD 2.0.12 ready.\n", "connecting to BIRD at "),
        ("0001 squid\n", "it says `squid`: "),
    ] {
        let error = driven(&[greeting]).await.unwrap_err();
        assert!(matches!(&error, DriverError::Garbled(text) if text.contains(said)), "{error:?}");
        let advice = ": see whether [announce.bird] socket is the control socket of BIRD 2";
        assert!(text(error).ends_with(advice));
    }
}

#[tokio::test]
async fn no_answer_is_read_without_end() {
    let endless = "x".repeat(70_000);
    let error = driven(&[&endless]).await.unwrap_err();
    assert!(matches!(error, DriverError::Garbled(_)), "{error:?}");
    assert!(text(error).len() < 400);
    let many = format!("{}{}", WELCOME, "1002-a line\n".repeat(2_000_000));
    let error = driven(&[&many]).await.unwrap_err();
    assert!(
        matches!(&error, DriverError::Garbled(text) if text.contains("more than an answer can have")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_bird_of_another_time_is_refused() {
    let error = driven(&["0001 BIRD 1.6.8 ready.\n"]).await.unwrap_err();
    assert!(matches!(&error, DriverError::Refused(text) if text.ends_with("take BIRD 2")), "{error:?}");
}

#[tokio::test]
async fn a_bird_that_only_lets_look_is_refused() {
    let error = driven(&[WELCOME, "8007 Access denied\n"]).await.unwrap_err();
    assert!(
        matches!(&error, DriverError::Refused(text) if text.contains("only lets this daemon look")),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told() {
    for half in ["", "1002-up  BGP", "1002-up  BGP\n", "000"] {
        let mut bird = driven(&[WELCOME, NONE_MATCH, half]).await.unwrap();
        let error = bird.bring(&wanted()).await.unwrap_err();
        assert!(matches!(error, DriverError::Unreachable(_)), "{half}: {error:?}");
        let told = text(error);
        assert!(told.contains("to answer `show protocols`: it hung up"), "{told}");
    }
}

#[tokio::test]
async fn an_answer_of_another_kind_is_told() {
    let mut bird =
        driven(&[WELCOME, NONE_MATCH, "0000 \n", "0013 Daemon is up and running\n"]).await.unwrap();
    let error = bird.bring(&wanted()).await.unwrap_err();
    let DriverError::Garbled(told) = error else { panic!("{error:?}") };
    assert!(told.starts_with("giving `enable \"anycast_web\"` to BIRD at "), "{told}");
}

#[tokio::test]
async fn a_bird_that_says_nothing_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bird.ctl");
    let _listener = UnixListener::bind(&socket).unwrap();
    let error = connect_to(&socket).await.unwrap_err();
    let at = socket.display();
    let told = format!(
        "waiting for BIRD at {at} to answer the connection: nothing came for 4 s: see whether it hangs, by `birdc show status`"
    );
    assert_eq!(error, DriverError::Unreachable(told));
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bird.ctl");
    let told = text(connect_to(&socket).await.unwrap_err());
    assert!(told.ends_with("no such file or directory (os error 2): start BIRD, or set [announce.bird] socket to the path it was given by -s"));
    drop(UnixListener::bind(&socket).unwrap());
    let told = text(connect_to(&socket).await.unwrap_err());
    assert!(told.ends_with("nobody listens there any more: start BIRD"), "{told}");
}

#[test]
fn a_socket_of_somebody_else_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("bird.ctl");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _listener = runtime().block_on(async { UnixListener::bind(&socket) }).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
    // Only this thread is somebody else; a user that is no root cannot be and is refused nothing of its own.
    let told = thread::spawn(move || {
        nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
        runtime().block_on(connect_to(&socket)).map(drop)
    });
    let outcome = told.join().unwrap();
    if nix::unistd::Uid::effective().is_root() {
        let told = text(outcome.unwrap_err());
        assert!(told.ends_with("permission denied (os error 13): let this daemon's user write to it, by the group that BIRD runs as"), "{told}");
    }
}

#[tokio::test]
async fn protocols_are_read_however_their_lines_look() {
    let listing = "2002-Name       Proto      Table      State  Since         Info\n\
                   1002-device1    Device     ---        up     14:34:16.757  \n\
                   1006-\n\
                   1002-up         BGP        ---        up     2026-11-28 14:34:17  Established   \n\
                   1006-  BGP state:          Established\n     Neighbor address: fe80::2%eth0\n     Neighbor AS:      4200000000\n\
                   1002-down       BGP        ---        start  14:34:16.757  Active        Socket: No route to host\n\
                   1006-  BGP state:          Active\n     Last error:       Socket: No route to host\n \n\
                   1002-short\n\
                   +2026-11-28 a line of the log\n\
                   1002-anycast_web Static     master4    down   2026-11-28    \n\
                   0000 \n";
    let mut bird = driven(&[WELCOME, NONE_MATCH, "1000-BIRD 2.0.12\n0013 up\n", listing]).await.unwrap();
    let seen = bird.look(&wanted()).await.unwrap();
    let names: Vec<&str> = seen.peers.iter().map(|peer| peer.name.as_str()).collect();
    assert_eq!(names, ["up", "down"]);
    assert_eq!(seen.peers[0].address, Some("fe80::2".parse().unwrap()));
    assert_eq!(seen.peers[0].asn, Some(4_200_000_000));
    assert_eq!(seen.peers[0].since.as_deref(), Some("2026-11-28 14:34:17"));
    assert_eq!((seen.peers[0].established, seen.peers[1].established), (true, false));
    assert_eq!(seen.peers[1].error.as_deref(), Some("Socket: No route to host"));
    assert!(seen.routes.is_empty(), "{seen:?}");
}

#[test]
fn names_of_protocols_say_whose_they_are() {
    let settings =
        BirdSettings { shutdown_protocol: Some("gs_{vip}_x".to_owned()), ..BirdSettings::default() };
    let names = Names::of(&settings);
    for (name, is_own) in [
        ("anycast_web", true),
        ("anycast_", false),
        ("gs_web_x", true),
        ("gs__x", false),
        ("gs_web", false),
        ("other", false),
    ] {
        assert_eq!(names.cover(name), is_own, "{name}");
    }
    let any = Names::of(&BirdSettings { protocol: "{vip}".to_owned(), ..BirdSettings::default() });
    assert!(!any.cover("other"));
}

#[test]
fn vips_that_share_a_protocol_fail() {
    let route = |prefix: &str| Route { prefix: prefix.parse().unwrap(), level: Level::Announced };
    let wanted = Wanted::from([
        ("web-6".to_owned(), route("192.0.2.1/32")),
        ("web_6".to_owned(), route("192.0.2.2/32")),
    ]);
    let mut failures = Failures::new();
    let targets = Names::of(&BirdSettings::default()).targets(&wanted, &mut failures);
    assert_eq!(targets.len(), 1);
    assert_eq!(
        failures["web_6"],
        "another VIP has the protocol `anycast_web_6` as well: BIRD's names have letters, digits and _ only: rename one"
    );
}
