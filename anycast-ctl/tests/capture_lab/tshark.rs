//! Files, as tshark reads them.

use std::{collections::BTreeSet, path::Path};

use crate::edge::{Edge, ended, interrupt};

/// Values of fields of every packet of a file.
pub fn fields(path: &Path, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = xtask::host_tool::command("tshark");
    command.arg("-r").arg(path).args([
        "-n",
        "-o",
        "ip.check_checksum:TRUE",
        "-T",
        "fields",
        "-E",
        "separator=|",
    ]);
    fields.iter().for_each(|field| drop(command.args(["-e", field])));
    let output = command.output().expect("run tshark: `cargo xtask setup` installs it");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

const FIELDS: [&str; 9] = [
    "frame.interface_name",
    "frame.comment",
    "frame.len",
    "eth.dst",
    "ip.dst",
    "ip.ttl",
    "ip.checksum.status",
    "tcp.dstport",
    "tcp.seq_raw",
];

#[test]
fn tshark_reads_names_comments_and_bytes_of_both_sides() {
    let edge = Edge::start(3);
    let file = edge.host.path("www.pcapng");
    let before = edge.delivered("www4");
    let mut capture = edge.capture(&format!("-w {} --vip www4", file.display()));
    edge.fetch(20);
    edge.wait_for("every packet is counted", |edge| edge.delivered("www4") > before + 60);
    let counts = interrupt(&mut capture);
    assert_eq!(counts.code, 0, "{counts:?}");
    let delivered = edge.delivered("www4") - before;
    assert!(
        counts.err.starts_with(&format!("{delivered} packets matched; {} sides written;", delivered * 2)),
        "{counts:?}"
    );

    let packets = fields(&file, &FIELDS);
    assert_eq!(packets.len() as u64, delivered * 2, "the counters and the file agree");
    let macs: BTreeSet<String> =
        edge.host.lab.plan().backends.iter().map(|it| mac(it.addresses.v4)).collect();
    let mut backends = BTreeSet::new();
    for pair in packets.chunks(2) {
        let [came, left] = pair else { panic!("{pair:?}") };
        assert_eq!((&came[0][..], &left[0][..]), ("eth0 (in)", "eth0 (out)"));
        assert_eq!(came[1], left[1], "both sides have one comment");
        for word in [
            "verdict=tx ",
            "reason=delivered ",
            "vip=www4 ",
            "pool=web4 ",
            "delivery=l2 ",
            "why=current ",
            "base=none ",
        ] {
            assert!(came[1].contains(word), "{word}: {}", came[1]);
        }
        let backend = came[1].split(' ').find_map(|word| word.strip_prefix("backend=web4/")).unwrap();
        backends.insert(backend.to_owned());
        // The frame goes on to a backend, one hop on, otherwise as it was.
        assert_eq!((&came[2], &came[4], &came[7], &came[8]), (&left[2], &left[4], &left[7], &left[8]));
        assert!(macs.contains(&left[3]) && !macs.contains(&came[3]), "{came:?} {left:?}");
        assert_eq!(came[5].parse::<u8>().unwrap() - 1, left[5].parse::<u8>().unwrap());
        assert_eq!((&came[6][..], &left[6][..]), ("1", "1"), "checksums are right on both sides");
        assert_eq!(came[7], "80");
    }
    assert!(backends.len() > 1, "{backends:?}");
}

fn mac(address: std::net::Ipv4Addr) -> String {
    format!("02:00:00:00:02:{:02x}", address.octets()[3])
}

#[test]
fn a_pipe_is_read_while_packets_come() {
    let edge = Edge::start(1);
    let mut capture = edge.capture("-w - --side before --count 10 dst port 80");
    edge.fetch(5);
    let mut stdout = capture.child().stdout.take().unwrap();
    let file = edge.host.path("piped.pcapng");
    std::io::copy(&mut stdout, &mut std::fs::File::create(&file).unwrap()).unwrap();
    assert!(capture.wait().unwrap().success());
    assert_eq!(fields(&file, &["tcp.dstport"]), vec![vec!["80"]; 10]);

    // A reader that has what it wanted is no error.
    let mut capture = edge.capture("-w - dst port 80");
    drop(capture.child().stdout.take());
    capture.child().stdout = Some(empty());
    edge.fetch(3);
    let end = ended(&mut capture);
    assert_eq!(end.code, 0, "{end:?}");
    edge.wait_for("the capture has ended", |edge| edge.captures().is_empty());
}

/// Something to read nothing from.
fn empty() -> std::process::ChildStdout {
    let mut child = std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
    child.wait().unwrap();
    child.stdout.take().unwrap()
}

#[test]
fn a_full_disk_ends_a_capture_with_a_whole_file() {
    let edge = Edge::start(1);
    edge.host.shell("mkdir -p /mnt && mount -t tmpfs -o size=64k tmpfs /mnt");
    let mut capture = edge.capture("-w /mnt/small.pcapng --snaplen 2048");
    let start = std::time::Instant::now();
    while capture.try_wait().unwrap().is_none() {
        assert!(start.elapsed().as_secs() < 30, "the disk does not fill");
        edge.fetch(5);
    }
    let end = ended(&mut capture);
    assert_eq!(end.code, 1, "{end:?}");
    assert!(
        end.err.contains(
            "write /mnt/small.pcapng, which ends with the last packet that has its place: No space left"
        ),
        "{end:?}"
    );
    // tshark calls it an error when a file ends in the middle of a block.
    let read = edge
        .host
        .shell("tshark -n -r /mnt/small.pcapng 2>&1 | wc -l; tshark -n -r /mnt/small.pcapng >/dev/null");
    assert!(read.trim().parse::<u64>().unwrap() > 50, "{read}");
    edge.wait_for("the capture has ended", |edge| edge.captures().is_empty());
}
