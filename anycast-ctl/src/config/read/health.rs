//! `[pool.check]`, `[pool.backend.check]` and `[pool.feedback]`.

use std::time::Duration;

use super::Table;
use crate::{
    config::value::{address, choice, fine_period, period, string, truth, within, written},
    model::{Check, Feedback, health::feedback as defaults},
};

/// Keys of a check.
pub const CHECK: &[&str] = &[
    "answer",
    "body",
    "ca",
    "certificate",
    "command",
    "drain_header",
    "expect",
    "fall",
    "fast_interval",
    "full_size",
    "hold_down",
    "hold_down_max",
    "host",
    "interval",
    "jitter",
    "key",
    "method",
    "path",
    "port",
    "query",
    "query_type",
    "rcode",
    "rise",
    "send",
    "server_name",
    "service",
    "source",
    "status",
    "timeout",
    "tls",
    "transport",
    "type",
    "verify",
    "via",
    "vips",
];

/// Keys of a pool's feedback.
pub const FEEDBACK: &[&str] = &["floor", "interval", "path", "port", "timeout", "type"];

pub fn check(mut table: Table<'_, '_>) -> Option<Check> {
    table.only(CHECK);
    // Every key is looked at before the first bad one counts.
    let kind = table.optional("type", choice);
    let via = table.optional("via", choice);
    let vips = table.list("vips", string);
    let port = table.optional("port", within(1, u16::MAX.into()));
    let source = table.list("source", address);
    let interval = table.optional("interval", fine_period);
    let fast_interval = table.optional("fast_interval", fine_period);
    let timeout = table.optional("timeout", fine_period);
    let rise = table.optional("rise", within(1, 100));
    let fall = table.optional("fall", within(1, 100));
    let jitter = table.optional("jitter", written);
    let hold_down = table.optional("hold_down", fine_period);
    let hold_down_max = table.optional("hold_down_max", fine_period);
    let full_size = table.optional("full_size", truth);
    let tls = table.optional("tls", truth);
    let verify = table.optional("verify", truth);
    let status = table.optional("status", written);
    let query_type = table.optional("query_type", choice);
    let transport = table.optional("transport", choice);
    let rcode = table.optional("rcode", choice);
    let send = table.optional("send", written);
    let expect = table.optional("expect", written);
    let command = table.list("command", string);
    let mut text = |key| table.optional(key, string);
    let [method, path, host, body] = ["method", "path", "host", "body"].map(&mut text);
    let [drain_header, server_name, ca] = ["drain_header", "server_name", "ca"].map(&mut text);
    let [certificate, key, query, answer] = ["certificate", "key", "query", "answer"].map(&mut text);
    let service = text("service");
    Some(Check {
        kind: kind?,
        via: via?,
        vips: vips?,
        port: port?,
        source: source?,
        interval: interval?,
        fast_interval: fast_interval?,
        timeout: timeout?,
        rise: rise?,
        fall: fall?,
        jitter: jitter?,
        hold_down: hold_down?,
        hold_down_max: hold_down_max?,
        full_size: full_size?,
        method: method?,
        path: path?,
        host: host?,
        status: status?,
        body: body?,
        drain_header: drain_header?,
        tls: tls?,
        server_name: server_name?,
        verify: verify?,
        ca: ca?,
        certificate: certificate?,
        key: key?,
        query: query?,
        query_type: query_type?,
        transport: transport?,
        rcode: rcode?,
        answer: answer?,
        send: send?,
        expect: expect?,
        service: service?,
        command: command?,
    })
}

pub fn feedback(mut table: Table<'_, '_>) -> Option<Feedback> {
    table.only(FEEDBACK);
    let kind = table.required("type", choice);
    let port = table.required("port", within(1, u16::MAX.into()));
    let path = table.optional("path", string);
    let interval = table.optional("interval", period);
    let timeout = table.optional("timeout", fine_period);
    let floor = table.optional("floor", written);
    let or = |given: Option<Duration>, default| given.unwrap_or(default);
    Some(Feedback {
        kind: kind?,
        port: port?,
        path: path?,
        interval: or(interval?, defaults::DEFAULT_INTERVAL),
        timeout: or(timeout?, defaults::DEFAULT_TIMEOUT),
        floor: floor?.unwrap_or(defaults::DEFAULT_FLOOR),
    })
}
