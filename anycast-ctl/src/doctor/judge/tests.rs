//! Each check, with the thing right and broken.

use super::*;
use crate::{
    api::types::{CapabilityStatus, RightsStatus, XdpMode},
    config,
    doctor::facts::{Channels, Daemon, Device, Instance, Kernel, Limits, SiteFile, XdpFeatures},
    host::{Held, Network, Way},
    interface::{AttachedXdp, Interface},
    preflight::Surroundings,
    privilege::{self, Need},
};

const SITE: &str = r#"
interfaces = ["eth0"]
[[pool]]
name = "web"
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"
[[pool]]
name = "here"
delivery = "local"
[[pool.backend]]
name = "own"
address = "10.0.0.1"
[[vip]]
name = "www"
address = "192.0.2.1"
services = ["tcp/80"]
pool = "web"
[[vip]]
name = "dns"
address = "192.0.2.2"
services = ["udp/53"]
pool = "here"
"#;

fn held(address: &str, interface: &str) -> Held {
    Held {
        address: address.parse().unwrap(),
        length: 32,
        interface: interface.into(),
        tentative: false,
        duplicate: false,
        nodad: false,
        accept_dad: Some(1),
        ndisc_notify: Some(0),
    }
}

/// An edge host on which everything is right.
fn facts() -> Facts {
    let interface = Interface {
        index: 2,
        name: "eth0".into(),
        alternative_names: vec![],
        mac: Some([2, 0, 0, 0, 0, 1]),
        mtu: 1500,
        up: true,
        rx_queues: 2,
        xdp: Some(AttachedXdp { program_id: 7, mode: XdpMode::Native }),
    };
    let device = Device {
        interface,
        program: Some("anycast".into()),
        attached: Some(XdpMode::Native),
        driver: Some("ice".into()),
        features: Some(XdpFeatures(0x7f)),
        tx_queues: 2,
        channels: Some(Channels { receive: 2, most: 8, combined: true }),
        lro: Some(false),
        gro: Some(true),
        strips_vlan: Some(true),
        vlans: vec![],
        master: None,
        rp_filter: Some(0),
        arp_ignore: Some(1),
        accept_local: Some(true),
        forwarding: [Some(0), Some(0)],
    };
    Facts {
        surroundings: Surroundings { capabilities: u64::MAX, release: "6.1.0".into(), btf: true },
        kernel: Kernel {
            jit: Some(1),
            jit_harden: Some(0),
            mitigations: vec![("spectre_v2".into(), "Mitigation: Retpolines".into())],
            clock_synchronised: Some(true),
        },
        limits: Limits {
            cpus: 2,
            memory: Some(1 << 30),
            cgroup: None,
            memlock: Some(8 << 20),
            files: Some(65_536),
            neighbours: [Some(1024); 2],
        },
        instance: Instance {
            name: "anycast".into(),
            bpffs: "/sys/fs/bpf/anycast".into(),
            has_bpffs: true,
            layouts: vec![anycast_common::LAYOUT_VERSION],
            pinned: true,
            state_directory: "/var/lib/anycast/anycast".into(),
            state_root: "/var/lib".into(),
            state_writable: true,
            state_free: Some(1 << 40),
            socket: "/run/anycast/anycast.sock".into(),
            daemon: Daemon::Runs {
                version: env!("CARGO_PKG_VERSION").into(),
                pid: 42,
                rights: Some(rights()),
            },
        },
        site: Some(Ok(config::parse(SITE, "site.toml").unwrap())),
        devices: vec![device],
        missing: vec![],
        existing: vec!["lo".into(), "eth0".into()],
        network: Network {
            addresses: vec![held("10.0.0.1", "eth0"), held("192.0.2.2", "lo")],
            ways: vec![Way { interfaces: vec!["eth0".into()], mtu: 1500, ..Way::default() }],
        },
    }
}

/// Those of a daemon that was given everything.
fn rights() -> RightsStatus {
    let capability = |need: &Need| CapabilityStatus::from(need);
    let held = privilege::DAEMON.iter().map(capability).collect();
    RightsStatus {
        uid: 990,
        user: Some("anycast".into()),
        gid: 991,
        held,
        missing: vec![],
        no_new_privs: true,
    }
}

/// What is found when that is changed, but for what is as it must be.
fn broken(change: impl FnOnce(&mut Facts)) -> Vec<Finding> {
    let mut facts = facts();
    change(&mut facts);
    judge(&facts).into_iter().filter(|finding| finding.state != State::Ok).collect()
}

/// The same of the only interface.
fn device(change: impl FnOnce(&mut Device)) -> Vec<Finding> {
    broken(|facts| change(&mut facts.devices[0]))
}

/// One complaint: `STATE CHECK`, and what its advice contains.
#[track_caller]
fn assert_one(findings: &[Finding], expected: &str, advice: &str) {
    let [finding] = findings else { panic!("{findings:#?}") };
    assert_eq!(format!("{} {}", finding.state.label(), finding.check), expected);
    let given = finding.advice.as_deref().unwrap();
    assert!(given.contains(advice), "{given}");
}

#[test]
fn a_good_host_has_every_check_and_no_complaint() {
    assert_eq!(broken(|_| ()), []);
    let checks: Vec<String> = judge(&facts()).into_iter().map(|finding| finding.check).collect();
    assert_eq!(checks, Check::ALL.iter().map(|check| check.label()).collect::<Vec<_>>());
}

#[test]
fn kernel_and_rights() {
    assert_one(&broken(|it| it.surroundings.release = "5.14.2".into()), "fail kernel", "newer kernel");
    assert_one(&broken(|it| it.surroundings.release = "5.15.0".into()), "warn kernel", "newer kernel");
    assert_one(&broken(|it| it.surroundings.release = "vendor".into()), "warn kernel", "docs/kernels.md");
    assert_one(&broken(|it| it.surroundings.capabilities = 0), "fail rights", "sudo");
    assert_one(&broken(|it| it.surroundings.btf = false), "warn btf", "CONFIG_DEBUG_INFO_BTF");
    assert_one(&broken(|it| it.kernel.jit = Some(0)), "fail jit", "sysctl -w net.core.bpf_jit_enable=1");
    assert_one(&broken(|it| it.kernel.jit = Some(2)), "warn jit", "sysctl -w net.core.bpf_jit_enable=1");
    assert_one(&broken(|it| it.kernel.jit_harden = Some(2)), "warn jit_harden", "net.core.bpf_jit_harden=1");
    assert_one(&broken(|it| it.kernel.clock_synchronised = Some(false)), "warn clock", "set-ntp true");
    for unknown in [broken(|it| it.kernel = Kernel::default()), broken(|it| it.kernel.jit_harden = Some(1))] {
        assert_eq!(unknown, []);
    }
}

#[test]
fn what_can_run_out() {
    let absent = |facts: &mut Facts| {
        facts.instance.daemon = Daemon::Absent;
        facts.instance.pinned = false;
    };
    let little = broken(|it| (absent(it), it.limits.memory = Some(50 << 20)).1);
    assert_one(&little[..1], "fail memory", "[maps]");
    let group = broken(|it| (absent(it), it.limits.cgroup = Some(50 << 20)).1);
    assert_one(&group[..1], "fail memory", "MemoryMax");
    assert_eq!(broken(|it| it.limits.memory = Some(1)), [], "the maps are there already");
    assert_eq!(broken(|it| it.limits.memory = None), []);

    assert_one(&broken(|it| it.limits.files = Some(1024)), "warn files", "prlimit --pid 42 --nofile=2048");
    let before = broken(|it| (absent(it), it.limits.files = Some(1024)).1);
    assert_one(&before[..1], "warn files", "ulimit -n 2048");
    assert_eq!(broken(|it| it.limits.files = None), []);

    let old = broken(|it| it.surroundings.release = "5.10.0".into());
    assert_one(&old[1..], "fail memlock", "ulimit -l unlimited");
    let old = broken(|it| (it.surroundings.release, it.limits.memlock) = ("5.10.0".into(), None));
    assert_eq!(old.len(), 1, "{old:#?}");

    let full = broken(|it| it.limits.neighbours[0] = Some(128));
    assert_one(&full, "fail neighbours", "sysctl -w net.ipv4.neigh.default.gc_thresh3=1024");
    assert_eq!(broken(|it| it.limits.neighbours = [None, Some(1)]), [], "no backend has an IPv6 address");
}

#[test]
fn files_and_daemon_of_the_instance() {
    assert_one(&broken(|it| it.instance.has_bpffs = false), "fail bpffs", "mount -t bpf bpf /sys/fs/bpf");
    let read_only = broken(|it| it.instance.state_writable = false);
    assert_one(&read_only, "fail state_directory", "--state-dir");
    assert_one(
        &broken(|it| it.instance.state_free = Some(1 << 20)),
        "warn state_directory",
        "df -h /var/lib",
    );
    assert_one(&broken(|it| it.instance.layouts.push(0)), "fail pins", "anycast-ctl --instance anycast down");
    let runs = |version: &str, rights| Daemon::Runs { version: version.into(), pid: 42, rights };
    let other = runs("0.0.9", Some(rights()));
    assert_one(&broken(|it| it.instance.daemon = other), "warn daemon", "restart the daemon");
    let silent = runs(env!("CARGO_PKG_VERSION"), None);
    assert_one(&broken(|it| it.instance.daemon = silent), "warn privileges", "restart the daemon");
    let mut fewer = rights();
    fewer.missing = fewer.held.split_off(3);
    assert_eq!(fewer.missing[0].name, "CAP_NET_RAW");
    let fewer = runs(env!("CARGO_PKG_VERSION"), Some(fewer));
    assert_eq!(broken(|it| it.instance.daemon = fewer.clone()), [], "no check of the site needs it");
    let pings = SITE.replace("name = \"web\"\n", "name = \"web\"\ncheck = { type = \"icmp\" }\n");
    let found = broken(|it| {
        it.instance.daemon = fewer;
        it.site = Some(Ok(config::parse(&pings, "site.toml").unwrap()));
    });
    assert_one(&found, "warn privileges", "AmbientCapabilities=CAP_NET_RAW in its unit");
    assert!(
        found[0].found.contains(
            "anycast (uid 990), with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON alone, lacks CAP_NET_RAW"
        )
    );
    let silent = Daemon::Silent("no permission".into());
    let silent = broken(|it| (it.instance.daemon, it.instance.pinned) = (silent, false));
    assert_one(&silent, "fail daemon", "sudo");
    let [daemon, pins] = &broken(|it| it.instance.daemon = Daemon::Absent)[..] else { panic!() };
    assert_one(std::slice::from_ref(daemon), "warn daemon", "anycast-ctl run");
    assert_one(std::slice::from_ref(pins), "warn pins", "anycast-ctl run");
    assert_eq!(broken(|it| it.instance.pinned = false), [], "a daemon that pins nothing");

    let file = SiteFile { path: "site.toml".into(), problem: "line 3: …".into() };
    assert_one(&broken(|it| it.site = Some(Err(file))), "fail site", "anycast-ctl validate site.toml");
    assert_eq!(broken(|it| it.site = None), []);
}

#[test]
fn vips() {
    let missing = broken(|it| drop(it.network.addresses.pop()));
    assert_one(&missing, "fail vip", "ip address add 192.0.2.2/32 dev lo");
    assert_eq!(missing[0].subject.as_deref(), Some("dns"));
    let loud = broken(|it| it.network.addresses.push(held("192.0.2.1", "eth0")));
    assert_one(
        &loud,
        "warn vip",
        "ip address delete 192.0.2.1/32 dev eth0 && ip address add 192.0.2.1/32 dev lo",
    );
    assert_eq!(broken(|it| it.network.addresses.push(held("192.0.2.1", "lo"))), []);
}

#[test]
fn interface_and_driver() {
    let unknown = broken(|it| it.missing.push("eth1".into()));
    assert_one(&unknown, "fail interface", "ip link show");
    assert!(unknown[0].found.contains("did you mean `eth0`"), "{unknown:?}");
    assert_one(&device(|it| it.interface.up = false), "fail interface", "ip link set dev eth0 up");
    assert_one(&device(|it| it.interface.mac = None), "fail interface", "name the interface");

    let detached = |device: &mut Device| (device.attached, device.interface.xdp) = (None, None);
    assert_eq!(device(detached), []);
    let none = |it: &mut Device| (detached(it), it.features = Some(XdpFeatures(0))).1;
    assert_one(&device(none), "warn driver", "use an interface");
    let veth = |it: &mut Device| {
        none(it);
        it.driver = Some("veth".into());
        it.channels = Some(Channels { receive: 2, most: 4, combined: false });
    };
    assert_one(&device(veth), "warn driver", "ethtool -L eth0 rx 4");
    let old = |driver: &'static str| {
        move |it: &mut Device| (detached(it), (it.features, it.driver) = (None, Some(driver.into()))).1
    };
    assert_eq!(device(old("ice")), []);
    assert_one(&device(old("e1000e")), "warn driver", "use an interface");
    assert_eq!(device(|it| (detached(it), (it.features, it.driver) = (None, None)).1), []);

    let generic = |it: &mut Device| (it.attached, it.gro) = (Some(XdpMode::Generic), Some(false));
    assert_one(&device(generic), "warn driver", "--xdp-mode native");
    let only = |it: &mut Device| (generic(it), it.features = Some(XdpFeatures(0))).1;
    assert_one(&device(only), "warn driver", "restart the daemon when");
    let merged = device(|it| (generic(it), it.gro = Some(true)).1);
    assert_one(&merged[1..], "warn gro", "ethtool -K eth0 gro off");

    let foreign = device(|it| (it.attached, it.program) = (None, Some("xdp_fw".into())));
    assert_one(&foreign, "fail other_program", "ip link set dev eth0 xdpdrv off");
    assert!(foreign[0].found.contains("`xdp_fw` (id 7)"), "{foreign:?}");
    let skb = Some(AttachedXdp { program_id: 7, mode: XdpMode::Generic });
    let foreign = device(|it| (it.attached, it.interface.xdp) = (None, skb));
    assert_one(&foreign, "fail other_program", "ip link set dev eth0 xdpgeneric off");
}

#[test]
fn sizes_queues_and_offloads() {
    assert_one(&device(|it| it.interface.mtu = 1200), "fail mtu", "ip link set dev eth0 mtu 1500");
    assert_eq!(device(|it| it.interface.mtu = 9000), []);
    let linear = device(|it| (it.interface.mtu, it.features) = (9000, Some(XdpFeatures(3))));
    assert_one(&linear, "warn mtu", "ip link set dev eth0 mtu 3498");
    let old = broken(|it| (it.surroundings.release, it.devices[0].interface.mtu) = ("5.15.0".into(), 9000));
    assert_one(&old[1..], "warn mtu", "mtu 3498");

    let one = Some(Channels { receive: 1, most: 8, combined: true });
    assert_one(&device(|it| it.channels = one), "warn queues", "ethtool -L eth0 combined 2");
    let one = Some(Channels { receive: 1, most: 8, combined: false });
    assert_one(&device(|it| it.channels = one), "warn queues", "ethtool -L eth0 rx 2");
    assert_eq!(device(|it| it.channels = Some(Channels { receive: 1, most: 1, combined: true })), []);
    assert_eq!(device(|it| (it.channels, it.lro, it.gro, it.strips_vlan) = (None, None, None, None)), []);

    assert_one(&device(|it| it.lro = Some(true)), "fail lro", "ethtool -K eth0 lro off");
    assert_one(
        &device(|it| it.vlans = vec!["eth0.5".into()]),
        "warn vlan_offload",
        "ethtool -K eth0 rxvlan off",
    );
    assert_eq!(device(|it| (it.vlans, it.strips_vlan) = (vec!["eth0.5".into()], Some(false))), []);

    let part_of = |kind: &'static str| move |it: &mut Device| it.master = Some(("up0".into(), kind.into()));
    assert_one(&device(part_of("bond")), "warn membership", "name up0 in `interfaces`");
    assert_one(&device(part_of("team")), "warn membership", "name up0 in `interfaces`");
    assert_one(&device(part_of("bridge")), "warn membership", "ip link set dev eth0 nomaster");
    assert_eq!(device(part_of("vrf")), []);
}

#[test]
fn what_the_host_itself_does_with_packets_to_vips() {
    let strict = |it: &mut Facts| it.devices[0].rp_filter = Some(1);
    assert_eq!(broken(strict), [], "the way back leaves by the same interface");
    let elsewhere = |it: &mut Facts| (strict(it), it.network.ways[0].interfaces = vec!["eth1".into()]).1;
    assert_one(&broken(elsewhere), "fail rp_filter", "sysctl -w net.ipv4.conf.eth0.rp_filter=2");
    let steered = |it: &mut Facts| {
        elsewhere(it);
        it.network.addresses.clear();
    };
    assert_eq!(broken(steered), [], "nothing is delivered to this host");

    assert_one(&device(|it| it.arp_ignore = Some(0)), "warn arp_ignore", "net.ipv4.conf.all.arp_ignore=1");
    let not_held = |it: &mut Facts| (it.network.addresses.clear(), it.devices[0].arp_ignore = Some(0)).1;
    assert_eq!(broken(not_held), []);

    let checked = |check: &str| {
        let text = SITE.replace("name = \"web\"\n", &format!("name = \"web\"\n{check}"));
        let site = config::parse(&text, "site.toml").unwrap();
        move |it: &mut Facts| {
            it.site = Some(Ok(site));
            it.devices[0].accept_local = Some(false);
            it.network.addresses.push(held("192.0.2.1", "lo"));
        }
    };
    let by_vip = "check = { type = \"tcp\", via = \"vip\" }\n";
    assert_one(&broken(checked(by_vip)), "warn accept_local", "sysctl -w net.ipv4.conf.eth0.accept_local=1");
    assert_eq!(broken(checked(&by_vip.replace("vip", "direct"))), []);
    let not_held = |it: &mut Facts| {
        checked(by_vip)(it);
        it.network.addresses.pop();
    };
    assert_eq!(broken(not_held), []);

    let circle = device(|it| it.forwarding[0] = Some(1));
    assert_one(
        &circle,
        "warn forwarding",
        "sysctl -w net.ipv4.conf.eth0.forwarding=0, or ip route add blackhole 192.0.2.1",
    );
    assert_eq!(device(|it| it.forwarding[1] = Some(1)), [], "there is no IPv6 VIP");
}
