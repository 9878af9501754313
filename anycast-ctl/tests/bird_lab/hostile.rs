//! A real BIRD that does not do what it should.

use std::{
    io::{Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    thread,
};

use anycast_ctl::announce::driver::{DriverError, Level::Announced};
use nix::sys::signal::Signal;

use crate::harness::{Console, Lab, Way, both, bring};

#[tokio::test]
async fn a_bird_that_hangs_is_told() {
    let lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.edge.process.signal(Signal::SIGSTOP).unwrap();
    let error = driver.look(&both(Announced)).await.unwrap_err();
    // The kernel still accepts for it.
    let refused = lab.try_connect().await.err().unwrap();
    lab.edge.process.signal(Signal::SIGCONT).unwrap();
    let DriverError::Unreachable(text) = error else { panic!("{error:?}") };
    assert!(text.contains("to answer `show status`: nothing came for 4 s: see whether it hangs"), "{text}");
    let DriverError::Unreachable(text) = refused else { panic!("{refused:?}") };
    assert!(text.contains("nothing came for 4 s"), "{text}");
}

#[tokio::test]
async fn a_bird_that_dies_between_two_calls_is_told_and_the_next_one_is_brought_there() {
    let mut lab = Lab::new(Way::Protocols);
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.restart_edge();
    let error = driver.look(&both(Announced)).await.unwrap_err();
    assert!(matches!(&error, DriverError::Unreachable(text) if text.contains("hung up")), "{error:?}");
    assert!(lab.received("192.0.2.1/32").is_none());
    let mut driver = lab.connect().await;
    bring(&mut driver, &both(Announced)).await;
    lab.gains("192.0.2.1/32", "");
    lab.edge.process.stop().unwrap();
    let error = lab.try_connect().await.err().unwrap();
    assert!(matches!(&error, DriverError::Unreachable(text) if text.contains("start BIRD")), "{error:?}");
}

#[tokio::test]
async fn a_socket_that_only_lets_look_is_refused_before_a_vip_must_go() {
    let mut lab = Lab::new(Way::Protocols);
    let restricted = lab.directory.path().join("restricted.ctl");
    let listener = UnixListener::bind(&restricted).unwrap();
    let real = lab.edge.socket.clone();
    let proxy = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let bird = Console::open(&real).restricted();
        pass_on(client, bird);
    });
    lab.announce.bird.as_mut().unwrap().socket = restricted.clone();
    let error = lab.try_connect().await.err().unwrap();
    let text = format!(
        "BIRD at {} only lets this daemon look (8007 Access denied): remove `restrict` from the `cli` block of its \
         configuration that has this socket, or name another one in [announce.bird] socket",
        restricted.display()
    );
    assert_eq!(error, DriverError::Refused(text));
    proxy.join().unwrap();
}

fn pass_on(mut client: UnixStream, mut bird: UnixStream) {
    client.write_all(b"0001 BIRD 2.0.12 ready.\n").unwrap();
    let (mut from_client, mut to_bird) = (client.try_clone().unwrap(), bird.try_clone().unwrap());
    let forth = thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_bird);
        let _ = to_bird.shutdown(Shutdown::Both);
    });
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = bird.read(&mut buffer) {
        if client.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    forth.join().unwrap();
}
