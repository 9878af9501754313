//! The proof of steering: random histories through the code that the program and the controller run, beside an oracle
//! that remembers every flow there ever was.
//!
//! Real are the decision ([`anycast_common::steer`]), the tables ([`anycast_ctl::maglev`]), what follows from the site
//! ([`anycast_ctl::reconcile`], [`anycast_ctl::numbers`]), the transitions ([`anycast_ctl::transition`]) and the sweep
//! ([`anycast_ctl::sweep`]). The kernel's maps are modelled in [`kernel`].

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics when it is wrong")]

mod cases;
mod history;
mod kernel;
mod oracle;
mod properties;
