//! Real TCP: the neighbour's stack is the client's, and what it sends to a VIP goes through a tunnel, full-size uploads
//! included.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    thread,
    time::Duration,
};

use crate::{
    harness::{Host, Pair, stdout},
    traffic::{Way, Wire},
};

const PORT: u16 = 8080;

/// More than any buffer on the way holds.
const BYTES: usize = 8 << 20;

/// An interface whose packets a program reads, which ends with its descriptor.
fn tun(host: &Host, name: &str) -> File {
    host.enter(|| {
        let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun").unwrap();
        // SAFETY: integers, an address and a name: zeroes are a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: the request lives through the call, which reads and writes a `struct ifreq`.
        let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        file
    })
}

/// In an edge host's place: puts every packet that the neighbour sends to the VIP into a tunnel, until the interface goes.
fn forward(mut packets: File, wire: &Wire, way: Way) {
    let mut packet = [0; 2048];
    while let Ok(length) = packets.read(&mut packet) {
        if length == 0 || packet[0] >> 4 != if way.inner.1.contains(':') { 6 } else { 4 } {
            continue;
        }
        wire.send(&way.around(packet[..length].to_owned()));
    }
}

/// Uploads, and takes back what the server got.
fn echo(pair: &Pair, way: Way) {
    let (client, vip) = way.inner;
    let vip: IpAddr = vip.parse().unwrap();
    let packets = tun(&pair.neighbour, "vip0");
    pair.neighbour.run("ip", "link set vip0 up");
    pair.neighbour.run("ip", &format!("route replace {vip} dev vip0 src {client}"));
    let listener = pair.backend.enter(|| TcpListener::bind(SocketAddr::new(vip, PORT))).unwrap();
    let wire = Wire::new(&pair.neighbour);
    // Neither is waited for: after a failure they would never end.
    thread::spawn(move || forward(packets, &wire, way));
    thread::spawn(move || {
        let (mut stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), client.parse::<IpAddr>().unwrap());
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        stream.write_all(&received).unwrap();
    });

    let server = SocketAddr::new(vip, PORT);
    let stream = pair.neighbour.enter(|| TcpStream::connect_timeout(&server, Duration::from_secs(5)));
    let mut stream = stream.unwrap_or_else(|error| panic!("{way:?}: {error}"));
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let sent: Vec<u8> = (0..BYTES).map(|byte| (byte >> 3) as u8).collect();
    stream.write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap_or_else(|error| panic!("{way:?}: {error}"));
    assert!(back == sent, "{way:?}: {} bytes of {BYTES} came back, or others", back.len());
    pair.neighbour.run("ip", "link delete vip0");
}

#[test]
fn uploads_and_downloads_go_through_every_tunnel() {
    for mode in ["native", "generic"] {
        let pair = Pair::new();
        let start = format!("--interface eth0 --from 10.0.0.10 --from fd00::10 --mode {mode}");
        stdout(&pair.backend.receive(&start));
        for way in Way::all() {
            echo(&pair, way);
        }
        let status = pair.backend.status();
        let packets = |label: &str| status.counters.iter().find(|it| it.reason == label).unwrap().packets;
        for tunnel in ["ipip", "gue"] {
            assert!(packets(tunnel) > (4 * BYTES / 1412) as u64, "{mode}: {status:?}");
        }
        let dropped =
            status.counters.iter().filter(|it| it.verdict == "drop").map(|it| it.packets).sum::<u64>();
        assert_eq!(dropped, 0, "{mode}: {status:?}");
    }
}
