//! Resource records (RFC 1035 section 3.2.1), as zone files write their data.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    name::{Name, escaped},
    reader::Reader,
};
use crate::model::QueryType;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type.
    pub kind: u16,
    /// Its data.
    pub text: String,
}

/// The number of a type (RFC 1035 section 3.2.2, RFC 3596 section 2.1, RFC 2782).
pub const fn number(kind: QueryType) -> u16 {
    match kind {
        QueryType::A => 1,
        QueryType::Ns => 2,
        QueryType::Cname => 5,
        QueryType::Soa => 6,
        QueryType::Ptr => 12,
        QueryType::Mx => 15,
        QueryType::Txt => 16,
        QueryType::Aaaa => 28,
        QueryType::Srv => 33,
    }
}

impl Record {
    /// Reads one; `None` if it is none, or its data is not what its type demands.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Name::read(reader)?;
        let (kind, _class, _ttl, length) = (reader.u16()?, reader.u16()?, reader.u32()?, reader.u16()?);
        let mut data = reader.limited(length.into())?;
        reader.bytes(length.into())?;
        let text = text(kind, &mut data)?;
        data.rest().is_empty().then_some(Self { kind, text })
    }
}

fn text(kind: u16, data: &mut Reader<'_>) -> Option<String> {
    Some(match kind {
        1 => Ipv4Addr::from(data.array::<4>()?).to_string(),
        28 => Ipv6Addr::from(data.array::<16>()?).to_string(),
        2 | 5 | 12 => Name::read(data)?.to_string(),
        15 => format!("{} {}", data.u16()?, Name::read(data)?),
        33 => format!("{} {} {} {}", data.u16()?, data.u16()?, data.u16()?, Name::read(data)?),
        6 => {
            let (server, mailbox) = (Name::read(data)?, Name::read(data)?);
            let [serial, refresh, retry, expire, minimum] = [(); 5].map(|()| data.u32());
            format!("{server} {mailbox} {} {} {} {} {}", serial?, refresh?, retry?, expire?, minimum?)
        }
        16 => strings(data)?,
        // Of a type that is not known (RFC 3597 section 5).
        _ => {
            let bytes = data.rest();
            let digits: String = bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect();
            format!(r"\# {} {digits}", bytes.len())
        }
    })
}

/// One or more texts, each with its length before it (RFC 1035 section 3.3.14).
fn strings(data: &mut Reader<'_>) -> Option<String> {
    let mut strings = Vec::new();
    loop {
        let length = data.u8()?;
        strings.push(format!("\"{}\"", escaped(data.bytes(length.into())?, b"\"")));
        if data.clone().rest().is_empty() {
            return Some(strings.join(" "));
        }
    }
}
