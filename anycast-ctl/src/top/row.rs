//! Rows of lists: references into a picture, so that a hundred thousand of them are sorted without being copied.

use super::{
    picture::{BackendRow, Meter, Part, Picture, PoolRow, ReasonRow, VipRow},
    place::{Place, Tab},
};

/// A row by its place in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// A VIP.
    Vip(usize),
    /// A backend.
    Backend(usize),
    /// A reason.
    Reason(usize),
    /// A pool.
    Pool(usize),
    /// Of a VIP, what one backend gets; shown at the VIP.
    PartOfVip(usize, usize),
    /// The same, shown at the backend.
    PartOfBackend(usize, usize),
    /// Of a VIP, what was not delivered for one reason; shown at the VIP.
    ReasonOfVip(usize, usize),
    /// The same, shown at the reason.
    VipOfReason(usize, usize),
}

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A VIP.
    Vip(&'a VipRow),
    /// A backend.
    Backend(&'a BackendRow),
    /// What a backend gets of a VIP, and the backend, if its pool still has it.
    Part(&'a Part, Option<&'a BackendRow>),
    /// A VIP, by what a backend gets of it.
    VipPart(&'a VipRow, &'a Part),
    /// A reason, of all VIPs or of one.
    Reason(&'a ReasonRow),
    /// A VIP, by what was not delivered of it.
    VipReason(&'a VipRow, &'a ReasonRow),
    /// A pool.
    Pool(&'a PoolRow),
}

/// Every row of a place.
pub fn all(picture: &Picture, place: &Place) -> Vec<Row> {
    match place {
        Place::Tab(Tab::Vips | Tab::Routes) => (0..picture.vips.len()).map(Row::Vip).collect(),
        Place::Tab(Tab::Backends) => (0..picture.backends.len()).map(Row::Backend).collect(),
        Place::Tab(Tab::Reasons) => (0..picture.reasons.len()).map(Row::Reason).collect(),
        Place::Tab(Tab::Pools) => (0..picture.pools.len()).map(Row::Pool).collect(),
        Place::Vip(name) => {
            let vips = picture.vips.iter().enumerate();
            vips.filter(|(_, vip)| vip.name == *name)
                .flat_map(|(at, vip)| {
                    let parts = (0..vip.backends.len()).map(move |part| Row::PartOfVip(at, part));
                    parts.chain((0..vip.reasons.len()).map(move |reason| Row::ReasonOfVip(at, reason)))
                })
                .collect()
        }
        Place::Backend { pool, address } => of_vips(picture, Row::PartOfBackend, |vip| {
            vip.backends.iter().position(|part| part.address == *address && vip.pool == *pool)
        }),
        Place::Reason(code) => of_vips(picture, Row::VipOfReason, |vip| {
            vip.reasons.iter().position(|reason| reason.code == *code)
        }),
        Place::Pool(pool) => {
            picture.pool(pool).into_iter().flat_map(|pool| pool.backends.clone()).map(Row::Backend).collect()
        }
    }
}

fn of_vips(
    picture: &Picture,
    row: impl Fn(usize, usize) -> Row,
    find: impl Fn(&VipRow) -> Option<usize>,
) -> Vec<Row> {
    let vips = picture.vips.iter().enumerate();
    vips.filter_map(|(at, vip)| find(vip).map(|place| row(at, place))).collect()
}

impl Row {
    /// What it is about; `None` only for a row of another picture.
    pub fn of(self, picture: &Picture) -> Option<Subject<'_>> {
        let part = |vip: usize, part: usize| {
            let vip = picture.vips.get(vip)?;
            Some((vip, vip.backends.get(part)?))
        };
        let reason = |vip: usize, reason: usize| {
            let vip = picture.vips.get(vip)?;
            Some((vip, vip.reasons.get(reason)?))
        };
        Some(match self {
            Self::Vip(at) => Subject::Vip(picture.vips.get(at)?),
            Self::Backend(at) => Subject::Backend(picture.backends.get(at)?),
            Self::Reason(at) => Subject::Reason(picture.reasons.get(at)?),
            Self::Pool(at) => Subject::Pool(picture.pools.get(at)?),
            Self::PartOfVip(vip, at) => {
                let (vip, part) = part(vip, at)?;
                Subject::Part(part, picture.backend(&vip.pool, part.address))
            }
            Self::PartOfBackend(vip, at) => part(vip, at).map(|(vip, part)| Subject::VipPart(vip, part))?,
            Self::ReasonOfVip(vip, at) => reason(vip, at).map(|(_, reason)| Subject::Reason(reason))?,
            Self::VipOfReason(vip, at) => {
                reason(vip, at).map(|(vip, reason)| Subject::VipReason(vip, reason))?
            }
        })
    }

    /// What Enter opens, which also tells rows of a list apart; `None` for a backend that the VIP's pool no longer has.
    pub fn place(self, picture: &Picture) -> Option<Place> {
        let backend = |pool: &str, address| Place::Backend { pool: pool.to_owned(), address };
        if let Self::PartOfVip(vip, _) = self {
            let pool = &picture.vips.get(vip)?.pool;
            return match self.of(picture)? {
                Subject::Part(part, Some(_)) => Some(backend(pool, part.address)),
                Subject::Part(_, None)
                | Subject::Vip(_)
                | Subject::Backend(_)
                | Subject::VipPart(..)
                | Subject::Reason(_)
                | Subject::VipReason(..)
                | Subject::Pool(_) => None,
            };
        }
        Some(match self.of(picture)? {
            Subject::Vip(vip) | Subject::VipPart(vip, _) | Subject::VipReason(vip, _) => {
                Place::Vip(vip.name.clone())
            }
            Subject::Backend(it) => backend(&it.pool, it.status.address),
            Subject::Reason(reason) => Place::Reason(reason.code),
            Subject::Pool(pool) => Place::Pool(pool.name.clone()),
            Subject::Part(..) => return None,
        })
    }
}

impl<'a> Subject<'a> {
    /// Its name, as lists have it.
    pub fn name(&self) -> &'a str {
        match self {
            Self::Vip(vip) | Self::VipPart(vip, _) | Self::VipReason(vip, _) => &vip.name,
            Self::Backend(backend) => &backend.status.name,
            Self::Part(part, _) => &part.name,
            Self::Reason(reason) => &reason.reason,
            Self::Pool(pool) => &pool.name,
        }
    }

    /// Its traffic; `None` for what is not delivered.
    pub fn meter(&self) -> Option<&'a Meter> {
        match self {
            Self::Vip(vip) => Some(&vip.meter),
            Self::Backend(backend) => Some(&backend.meter),
            Self::Part(part, _) | Self::VipPart(_, part) => Some(&part.meter),
            Self::Pool(pool) => Some(&pool.meter),
            Self::Reason(_) | Self::VipReason(..) => None,
        }
    }

    /// What was not delivered; `None` for what is.
    pub fn reason(&self) -> Option<&'a ReasonRow> {
        match self {
            Self::Reason(reason) | Self::VipReason(_, reason) => Some(reason),
            Self::Vip(_) | Self::Backend(_) | Self::Part(..) | Self::VipPart(..) | Self::Pool(_) => None,
        }
    }

    /// The backend that it is about.
    pub fn backend(&self) -> Option<&'a BackendRow> {
        match self {
            Self::Backend(backend) | Self::Part(_, Some(backend)) => Some(backend),
            Self::Part(_, None)
            | Self::Vip(_)
            | Self::VipPart(..)
            | Self::Reason(_)
            | Self::VipReason(..)
            | Self::Pool(_) => None,
        }
    }

    /// The VIP that it is about.
    pub fn vip(&self) -> Option<&'a VipRow> {
        match self {
            Self::Vip(vip) | Self::VipPart(vip, _) | Self::VipReason(vip, _) => Some(vip),
            Self::Backend(_) | Self::Part(..) | Self::Reason(_) | Self::Pool(_) => None,
        }
    }

    /// Whether the text is found in its names or addresses, in whatever case; the text is in lower case.
    pub fn matches(&self, text: &str) -> bool {
        let has = |name: &str| name.to_ascii_lowercase().contains(text);
        has(self.name())
            || self.backend().is_some_and(|it| {
                has(&it.pool) || has(&it.status.address.to_string()) || has(super::field::state(it))
            })
            || self.vip().is_some_and(|it| has(&it.pool) || has(&it.address.to_string()))
            || self.reason().is_some_and(|it| has(&it.verdict))
    }
}
