//! An ICMP or ICMPv6 echo (RFC 792, RFC 4443 section 4).

use std::io;

use socket2::{Protocol, Socket, Type};

use self::echo::Echo;
use super::{Target, deadline::Deadline, fault::Fault, random, socket, udp::MAX_DATAGRAMS};

mod echo;

/// `IP_PMTUDISC_PROBE` and `IPV6_PMTUDISC_PROBE`, ip(7): nothing is fragmented, and what was learned about the path on other
/// occasions does not count.
const PROBE: libc::c_int = 3;

/// `ICMP_FILTER` of raw(7): a mask of the types that are not wanted.
const ICMP_FILTER: libc::c_int = 1;
/// `ICMPV6_FILTER` (include/uapi/linux/icmpv6.h): the same for 256 types.
const ICMPV6_FILTER: libc::c_int = 1;

const NO_RIGHT: &str =
    "this host may not send echoes: give it CAP_NET_RAW, or its group the right in net.ipv4.ping_group_range";

pub async fn ask(full_size: bool, target: &Target, deadline: &Deadline) -> Result<String, Fault> {
    let is_v6 = target.address.is_ipv6();
    let (socket, raw) = open(target)?;
    let (level, name) = if is_v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)
    } else {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)
    };
    if full_size {
        let set = socket::set_option(&socket, level, name, &PROBE);
        set.map_err(|error| Fault::local("forbid fragments", &error))?;
    }
    let size = full_size.then_some(target.mtu).flatten().map(|mtu| mtu.saturating_sub(target.ip_header()));
    let echo = Echo::new(random(), is_v6, raw, size.unwrap_or_default().into());
    let socket = socket::joined(socket, target)?;
    let sent = deadline.during("send: no room", socket.send(&echo.request())).await?;
    sent.map_err(|error| fault(&error, target))?;
    let mut buffer = vec![0; echo.largest_reply()];
    // A raw socket is shown the replies to everybody's echoes to that address.
    for _ in 0..MAX_DATAGRAMS {
        let received = deadline.during("no answer", socket.recv(&mut buffer)).await?;
        let length = received.map_err(|error| fault(&error, target))?;
        if echo.is_reply(buffer.get(..length).unwrap_or_default()) {
            return Ok("answered".to_owned());
        }
    }
    Err(Fault::failed(format!("{MAX_DATAGRAMS} packets, none of them the answer")))
}

/// A ping socket where this process's group may have one (`net.ipv4.ping_group_range`, icmp(7)), else a raw one, which takes
/// `CAP_NET_RAW`. Answers whether it is raw.
fn open(target: &Target) -> Result<(Socket, bool), Fault> {
    let protocol = if target.address.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match socket::create(target, Type::DGRAM, Some(protocol)) {
        Err(error) if refused(&error) => {}
        Err(error) => return Err(Fault::local("open a socket", &error)),
        Ok(socket) => return Ok((socket::direct(socket, target)?, false)),
    }
    let raw = socket::create(target, Type::RAW, Some(protocol));
    let raw = raw.map_err(|error| match error {
        error if refused(&error) => Fault::own(NO_RIGHT),
        error => Fault::local("open a socket", &error),
    })?;
    let socket = socket::direct(raw, target)?;
    let only = if target.address.is_ipv4() {
        socket::set_option(&socket, libc::SOL_RAW, ICMP_FILTER, &!(1_u32 << echo::REPLY_V4))
    } else {
        let mut unwanted = [u32::MAX; 8];
        if let Some(word) = unwanted.get_mut(usize::from(echo::REPLY_V6 / 32)) {
            *word = !(1 << (echo::REPLY_V6 % 32));
        }
        socket::set_option(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &unwanted)
    };
    only.map_err(|error| Fault::local("filter what the socket receives", &error))?;
    Ok((socket, true))
}

fn fault(error: &io::Error, target: &Target) -> Fault {
    match (error.raw_os_error(), target.mtu) {
        (Some(libc::EMSGSIZE), Some(mtu)) => {
            Fault::failed(format!("a packet of {mtu} bytes is too large for the way to the backend"))
        }
        (Some(_) | None, Some(_) | None) => Fault::remote("echo", error),
    }
}
