//! `anycast-ctl capture`

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anycast_common::reason::Reason;
use anyhow::Context as _;
use clap::{Args, ValueEnum, builder::PossibleValuesParser};

use super::{Common, block_on, complete, output, table};
use crate::{
    api::{
        client::Client,
        types::{CaptureSide, CaptureStatus, NewCapture},
    },
    capture::{
        expression,
        label::{DELIVERED, VERDICTS},
    },
    period,
};

mod record;
mod sink;
mod tally;

/// Show packets as the program saw and delivered them, and what it did with each
///
/// Packets are chosen, sampled and limited in the kernel. While somebody captures, the program on the interfaces is one that also
/// shows packets, for which each costs more; otherwise captures cost nothing. What cannot be shown in time is counted and left
/// out: packets never wait for it.
///
/// Without -w each packet is a line. With -w they are written as pcapng, for tshark and Wireshark: what became of each packet stands
/// in its comment, and each interface occurs as `eth0 (in)` and `eth1 (out)`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  anycast-ctl capture --vip www                              every packet to VIP www
  anycast-ctl capture --reason ttl_expired --count 10        what is dropped for that reason
  anycast-ctl capture tcp and syn and not net 10.0.0.0/8     as in tcpdump, see pcap-filter(7)
  anycast-ctl capture backend web/web-2 and why base         old flows that stay at web-2 while it is drained
  anycast-ctl capture -w web.pcapng --for 30s vip www        to a file
  anycast-ctl capture -w - vip www | tshark -r -             to another program
  anycast-ctl capture --sample 100 --by-flow --limit 1000    all packets of every hundredth flow
  anycast-ctl capture --list                                 who captures what

Words of an expression: host, net, port, portrange, with src or dst before them; ip, ip6, tcp, udp, icmp, icmp6, proto N;
syn, ack, fin, rst, psh, urg; less N, greater N; vip NAME, pool NAME, backend POOL/NAME, reason LABEL, verdict WORD, why WORD;
and, or, not, ( ). Neither `and` nor `or` binds closer: use ( ).

At the end the counts are told on stderr. Times are UTC.")]
pub struct Capture {
    #[command(flatten)]
    wanted: Wanted,
    /// Write pcapng to that file; - is stdout
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    write: Option<PathBuf>,
    /// Overwrite a file that is there
    #[arg(long, requires = "write")]
    force: bool,
    /// End after so many packets; each side of one is counted for itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after that time
    #[arg(long = "for", value_name = "TIME", value_parser = period::parse)]
    lasts: Option<Duration>,
    /// List the captures under way
    #[arg(long, conflicts_with_all = ["write", "count", "lasts", "expression"])]
    list: bool,
}

/// Which packets.
#[derive(Debug, Args)]
struct Wanted {
    /// What a packet has to be, in tcpdump's words and others; see below
    #[arg(value_name = "EXPRESSION")]
    expression: Vec<String>,
    /// Only packets to this VIP; may be repeated
    #[arg(long, value_name = "NAME", add = complete::vips())]
    vip: Vec<String>,
    /// Only packets steered to this backend; may be repeated
    #[arg(long, value_name = "POOL/NAME", add = complete::backends_of_pools())]
    backend: Vec<String>,
    /// Only packets of this outcome; may be repeated
    #[arg(long, value_name = "LABEL", value_parser = PossibleValuesParser::new(reasons()), hide_possible_values = true)]
    reason: Vec<String>,
    /// Only packets that left the program so; may be repeated
    #[arg(long, value_parser = PossibleValuesParser::new(VERDICTS))]
    verdict: Vec<String>,
    /// Only packets from or to this prefix; may be repeated
    #[arg(long, value_name = "PREFIX")]
    prefix: Vec<ipnet::IpNet>,
    /// One packet of so many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    sample: u32,
    /// Sample flows, with all their packets, instead of packets
    #[arg(long)]
    by_flow: bool,
    /// Most packets a second; 0: no limit
    #[arg(long, value_name = "PPS", default_value_t = 10_000)]
    limit: u32,
    /// Bytes of each packet
    #[arg(long, value_name = "BYTES", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=2048))]
    snaplen: u16,
    /// As packets came, as those that leave do, or both
    #[arg(long, value_enum, default_value_t = Side::Both)]
    side: Side,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    Before,
    After,
    Both,
}

impl Capture {
    pub fn execute(self, common: &Common, client: &Client) -> anyhow::Result<ExitCode> {
        if self.list {
            let captures = block_on(client.captures())?.context("ask the daemon for its captures")?;
            output::show(common, &captures, |captures| page(captures))?;
            return Ok(ExitCode::SUCCESS);
        }
        let wanted = self.wanted.to_capture();
        if let Err(error) = expression::parse(&wanted.expression) {
            let marked = error.marked(&wanted.expression);
            output::complain(&anyhow::Error::new(error));
            let _ = writeln!(std::io::stderr(), "{marked}");
            return Ok(ExitCode::from(2));
        }
        let order = record::Order {
            wanted,
            write: self.write,
            force: self.force,
            json: common.json,
            count: self.count,
            lasts: self.lasts,
        };
        block_on(record::record(client, order))??;
        Ok(ExitCode::SUCCESS)
    }
}

impl Wanted {
    fn to_capture(&self) -> NewCapture {
        let Self { sample, by_flow, limit, snaplen, side, .. } = *self;
        NewCapture {
            expression: self.expression(),
            sample,
            by_flow,
            per_second: limit,
            snap_bytes: snaplen,
            side: match side {
                Side::Before => CaptureSide::Before,
                Side::After => CaptureSide::After,
                Side::Both => CaptureSide::Both,
            },
        }
    }

    /// All that was asked for, as one expression.
    fn expression(&self) -> String {
        let any = |word: &str, values: &[String]| {
            let tests: Vec<String> = values.iter().map(|value| format!("{word} {value}")).collect();
            if tests.len() > 1 { format!("({})", tests.join(" or ")) } else { tests.join("") }
        };
        let prefixes: Vec<String> = self.prefix.iter().map(ToString::to_string).collect();
        let mut tests = vec![
            any("vip", &self.vip),
            any("backend", &self.backend),
            any("reason", &self.reason),
            any("verdict", &self.verdict),
            any("net", &prefixes),
        ];
        tests.retain(|test| !test.is_empty());
        let typed = self.expression.join(" ");
        if !typed.trim().is_empty() {
            tests.push(if tests.is_empty() { typed } else { format!("({typed})") });
        }
        tests.join(" and ")
    }
}

fn reasons() -> Vec<&'static str> {
    let labels = Reason::ALL.iter().map(|reason| reason.label());
    [DELIVERED].into_iter().chain(labels).collect()
}

fn page(captures: &[CaptureStatus]) -> String {
    use table::Align::{Left, Right};
    if captures.is_empty() {
        return "nobody captures packets\n".to_owned();
    }
    let columns = [
        ("ID", Right),
        ("SINCE", Left),
        ("BY", Left),
        ("SAMPLE", Right),
        ("LIMIT", Right),
        ("EXPRESSION", Left),
    ];
    let row = |capture: &CaptureStatus| {
        let CaptureStatus { id, by, since, wanted } = capture;
        let limit =
            if wanted.per_second == 0 { "none".to_owned() } else { format!("{}/s", wanted.per_second) };
        let flows = if wanted.by_flow { " flows" } else { "" };
        let expression = if wanted.expression.is_empty() { "everything" } else { &wanted.expression };
        [
            id.to_string(),
            since.to_string(),
            by.clone(),
            format!("1/{}{flows}", wanted.sample),
            limit,
            expression.to_owned(),
        ]
    };
    table::render("", columns, captures.iter().map(row))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        wanted: Wanted,
    }

    fn expression(words: &str) -> String {
        Line::try_parse_from(["capture"].into_iter().chain(words.split_whitespace()))
            .unwrap()
            .wanted
            .expression()
    }

    #[test]
    fn options_and_words_come_to_one_expression() {
        assert_eq!(expression(""), "");
        assert_eq!(expression("tcp or udp"), "tcp or udp");
        assert_eq!(expression("--vip www tcp or udp"), "vip www and (tcp or udp)");
        assert_eq!(
            expression(
                "--vip www --vip dns --verdict drop --prefix 10.0.0.0/8 --backend web/a --reason truncated"
            ),
            "(vip www or vip dns) and backend web/a and reason truncated and verdict drop and net 10.0.0.0/8"
        );
    }

    /// What options come to is what the parser takes.
    #[test]
    fn every_option_has_a_word() {
        for words in ["--vip a", "--backend a/b", "--reason delivered", "--verdict tx", "--prefix ::/0"] {
            let text = expression(words);
            assert!(expression::parse(&text).unwrap().is_some(), "{text}");
        }
    }
}
