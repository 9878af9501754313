//! Captures: what an operator wants to see of the packets, in tcpdump's words and the project's own, and what he gets.

pub mod book;
pub mod compile;
pub mod expression;
pub mod label;
pub mod line;
pub mod pcapng;
pub mod text;
