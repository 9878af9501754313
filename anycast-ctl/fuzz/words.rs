//! The small words of site files, options and queries: what was read is written so that it reads the same again.

use std::{fmt::Display, str::FromStr};

use anycast_ctl::{
    events::Since,
    explain::{Endpoint, Target},
    model::{Payload, Percent, Seed, Service, StatusSet, health::MinHealthy},
    moment::Moment,
    period,
    receive::Sender,
    utc::Utc,
};

use crate::text::is_one_line;

pub fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    same::<Utc>(text);
    same::<Moment>(text);
    same::<Percent>(text);
    same::<MinHealthy>(text);
    same::<StatusSet>(text);
    same::<Payload>(text);
    same::<Service>(text);
    same::<Sender>(text);
    for read in [period::parse, period::parse_fine] {
        match read(text) {
            Ok(period) => assert_eq!(period::parse_fine(&period::text(period)), Ok(period)),
            Err(error) => is_one_line(&error.to_string()),
        }
    }
    tells(Endpoint::read(text));
    tells(Target::read(text));
    tells(text.parse::<Since>());
    tells(Seed::try_from(text));
}

fn same<T: FromStr<Err: Display> + Display + PartialEq + std::fmt::Debug>(text: &str) {
    let read = text.parse::<T>();
    if let Ok(read) = &read {
        let written = read.to_string();
        assert_eq!(written.parse::<T>().ok().as_ref(), Some(read), "{text:?} is written {written:?}");
    }
    tells(read);
}

fn tells<T, E: Display>(read: Result<T, E>) {
    if let Err(error) = read {
        is_one_line(&error.to_string());
    }
}
