//! Datagrams of many flows, and the first that reaches the new backend.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anycast_common::{flow::Flow, hash::expand_seed, slot::Table};
use anycast_ctl::maglev::{self, Member};
use anyhow::{Context as _, ensure};
use xtask::lab::OwnedLab;

use crate::{BACKENDS, PORT, SEED, SLOTS};

/// Flows of the client that the new backend will own; three times as many are others'.
const WANTED: usize = 8;
/// Between two packets of a wanted flow.
const PAUSE: Duration = Duration::from_micros(50);
/// Protocol number of UDP.
const UDP: u8 = 17;

/// Addresses of the backends that are there from the start.
pub fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    (0..BACKENDS as u16).map(|number| Ipv4Addr::new(10, 9, (number >> 8) as u8, number as u8))
}

/// A client that sends all the time.
pub struct Flows {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Flows {
    pub fn start(lab: &OwnedLab) -> anyhow::Result<Self> {
        let vip = SocketAddr::from((lab.plan().vips.v4, PORT));
        let (wanted, others) = ports(lab)?;
        let bind = |port: &u16| UdpSocket::bind(("0.0.0.0", *port)).context("binding a port of the client");
        let client = &lab.plan().client.name;
        let (wanted, others): (Vec<_>, Vec<_>) = lab.inside(client, || {
            let wanted = wanted.iter().map(bind).collect::<anyhow::Result<_>>()?;
            Ok((wanted, others.iter().map(bind).collect::<anyhow::Result<_>>()?))
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let turns = wanted.iter().zip(others.chunks(others.len() / wanted.len())).cycle();
            for (wanted, others) in turns {
                // A full queue loses a datagram; the next one follows.
                others.iter().chain([wanted]).for_each(|socket| drop(socket.send_to(&[0; 18], vip)));
                thread::sleep(PAUSE);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        Ok(Self { stop, thread })
    }

    pub fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.join());
    }
}

/// Source ports of flows that the new backend will own, and of others.
fn ports(lab: &OwnedLab) -> anyhow::Result<(Vec<u16>, Vec<u16>)> {
    let new = lab.plan().spares[0].addresses.v4;
    let members: Vec<Member> =
        addresses().chain([new]).map(|address| Member::new(IpAddr::from(address), 1)).collect();
    let owners = maglev::table(&members, SLOTS, SEED)?;
    let (key, table) = (expand_seed(SEED), Table::new(0, SLOTS));
    let is_wanted = |port: &u16| {
        let flow = Flow {
            source: IpAddr::from(lab.plan().client.addresses.v4).into(),
            destination: IpAddr::from(lab.plan().vips.v4).into(),
            source_port: *port,
            destination_port: PORT,
            protocol: UDP,
        };
        usize::from(owners[table.slot_of(flow.hash(&key)) as usize]) == BACKENDS
    };
    let (mut wanted, mut others): (Vec<u16>, Vec<u16>) = (1024..=u16::MAX).partition(is_wanted);
    ensure!(wanted.len() >= WANTED, "only {} flows of the client would be the new backend's", wanted.len());
    wanted.truncate(WANTED);
    others.truncate(3 * WANTED);
    Ok((wanted, others))
}

/// The new backend's side.
pub struct Arrivals(Mutex<mpsc::Receiver<Instant>>);

impl Arrivals {
    pub fn start(lab: &OwnedLab) -> anyhow::Result<Self> {
        let vip = lab.plan().vips.v4;
        let listen = || UdpSocket::bind((vip, PORT)).context("binding the VIP's port at a backend");
        // Takes what is not the new backend's, so that nobody sends errors; it is never read.
        let gateway = lab.inside(&lab.plan().backends[0].name, listen)?;
        let socket = lab.inside(&lab.plan().spares[0].name, listen)?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let _gateway = gateway;
            while socket.recv(&mut [0; 32]).is_ok() && sender.send(Instant::now()).is_ok() {}
        });
        Ok(Self(Mutex::new(receiver)))
    }

    /// When the first packet arrives, or did.
    pub fn first(&self) -> anyhow::Result<Instant> {
        let receiver = self.0.lock().map_err(|_| anyhow::anyhow!("the receiver has panicked"))?;
        receiver.recv_timeout(Duration::from_secs(10)).context("waiting for a packet at the new backend")
    }

    /// Forgets what has arrived: how many packets.
    pub fn forget(&self) -> usize {
        self.0.lock().map_or(0, |receiver| receiver.try_iter().count())
    }
}
