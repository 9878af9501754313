//! Maglev: which backend each slot of a pool's table belongs to.
//!
//! Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, section 3.4. Every member
//! has a permutation of the slots, `(offset + j * skip) mod M`, and the members take turns at claiming the next free
//! slot of theirs. The paper leaves weights open; here a member's share of the slots is settled first, as a quota,
//! and turns are dealt out in proportion to the weights. Equal weights give exactly the paper's table.
//!
//! The table is a pure function of the members' keys and weights, the number of slots and the seed. Every host of a
//! fleet must compute the same one, so a change of anything below is a change of protocol: a fleet that runs both
//! versions breaks the flows that ECMP moves between them.

use std::{
    iter,
    net::{IpAddr, Ipv6Addr},
};

use anycast_common::{
    hash::{GOLDEN_GAMMA, mix64},
    limits::{MAX_BACKENDS, MAX_SLOTS},
};

use crate::model::is_prime;

#[cfg(test)]
mod tests;

/// One backend, as the table sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is: its address, IPv4 mapped into IPv6, in network byte order. Unique in its table.
    /// A backend that is renamed, or listed elsewhere in the file, keeps its slots.
    pub key: [u8; 16],
    /// Its share of the slots, relative to the other weights. At least 1.
    pub weight: u32,
}

impl Member {
    /// The member at that address.
    pub fn new(address: IpAddr, weight: u32) -> Self {
        let key = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        Self { key, weight }
    }
}

/// Members that no table can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaglevError {
    /// A slot must belong to somebody.
    #[error("cannot fill a slot table for no backends: add one, or leave the pool without a table")]
    NoMembers,
    /// A permutation reaches every slot only if their number is prime.
    #[error("cannot fill a table of {0} slots: the number must be a prime, 2 to {MAX_SLOTS}")]
    Slots(u32),
    /// Somebody would get nothing.
    #[error("cannot share {slots} slots among {members} backends: take a prime of at least {members}")]
    TooFewSlots {
        /// Slots asked for.
        slots: u32,
        /// Members to serve.
        members: usize,
    },
    /// A slot cannot name them all.
    #[error("cannot fill a slot table for {0} backends: split the pool, {MAX_BACKENDS} is the most")]
    TooManyMembers(usize),
    /// Two members are the same one.
    #[error("cannot fill a slot table with {} in it twice: remove one", address(.0))]
    Duplicate([u8; 16]),
    /// A member that wants nothing is no member.
    #[error("cannot give {} the weight 0: weights are 1 or more, leave it out instead", address(.0))]
    ZeroWeight([u8; 16]),
}

/// The table of `slots` slots: for each slot, the index into `members` of the one that owns it.
///
/// The order of `members` decides nothing but those indexes. Every member owns at least one slot, and otherwise as
/// many as its weight entitles it to, to within one.
///
/// # Errors
///
/// [`MaglevError`] when there are no members, more of them than slots, two with the same key, one with weight 0, or
/// when `slots` is not a prime in range.
pub fn table(members: &[Member], slots: u32, seed: u64) -> Result<Vec<u16>, MaglevError> {
    if members.is_empty() {
        return Err(MaglevError::NoMembers);
    }
    if members.len() > MAX_BACKENDS {
        return Err(MaglevError::TooManyMembers(members.len()));
    }
    if slots > MAX_SLOTS || !is_prime(slots) {
        return Err(MaglevError::Slots(slots));
    }
    if members.len() > slots as usize {
        return Err(MaglevError::TooFewSlots { slots, members: members.len() });
    }
    if let Some(member) = members.iter().find(|member| member.weight == 0) {
        return Err(MaglevError::ZeroWeight(member.key));
    }

    // Turns are taken in the order of the hashes: it depends on the keys alone, and favours no address range.
    let mut order: Vec<(u64, Member, u16)> =
        members.iter().zip(0..).map(|(member, index)| (hash(member.key, seed), *member, index)).collect();
    order.sort_unstable_by_key(|(hash, member, _)| (*hash, member.key));
    // Equal keys have equal hashes, so they are neighbours.
    if let Some([(_, twice, _), _]) =
        order.array_windows().find(|[(_, one, _), (_, other, _)]| one.key == other.key)
    {
        return Err(MaglevError::Duplicate(twice.key));
    }

    let weights: Vec<u32> = order.iter().map(|(_, member, _)| member.weight).collect();
    let permutations: Vec<Permutation> =
        order.iter().map(|(hash, _, _)| Permutation::new(*hash, slots)).collect();
    let mut table = fill(&permutations, &weights, &quotas(&weights, slots), slots);

    let indexes: Vec<u16> = order.iter().map(|(_, _, index)| *index).collect();
    for owner in &mut table {
        *owner = indexes.get(usize::from(*owner)).copied().unwrap_or_default();
    }
    Ok(table)
}

/// The order in which a member wants the slots: `(offset + j * skip) mod M` for j = 0, 1, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Permutation {
    /// 0 to M - 1.
    offset: u32,
    /// 1 to M - 1: coprime to M, which is prime, so that every slot is reached.
    skip: u32,
}

impl Permutation {
    /// One half of the hash each, scaled down by multiplication instead of the paper's `mod`.
    fn new(hash: u64, slots: u32) -> Self {
        let scale = |half: u64, range: u32| ((half * u64::from(range)) >> 32) as u32;
        Self { offset: scale(hash >> 32, slots), skip: scale(hash & 0xffff_ffff, slots - 1) + 1 }
    }
}

/// How many slots each weight gets: they sum to `slots`, and as long as there are enough of them nobody gets none.
///
/// A weight whose share is less than one slot gets one; the others share the rest by the method of largest
/// remainders, ties to the earlier. So a heavier weight never gets fewer, and equal ones differ by one at most.
fn quotas(weights: &[u32], slots: u32) -> Vec<u32> {
    let mut ascending: Vec<usize> = (0..weights.len()).collect();
    ascending.sort_by_key(|&member| weights.get(member));
    let weight = |member: usize| u64::from(weights.get(member).copied().unwrap_or_default());

    let mut quotas = vec![0; weights.len()];
    let mut give = |member: usize, slots: u64| {
        if let Some(quota) = quotas.get_mut(member) {
            *quota += slots as u32;
        }
    };
    let mut left = u64::from(slots);
    // At most 2^32 weights of less than 2^32 each, times at most 2^32 slots for the shares: u128 there.
    let mut total: u64 = weights.iter().copied().map(u64::from).sum();

    // The lightest first: what they get beyond their share is taken from the heavier ones, which may make the next
    // one's share too small, but never an earlier one's large enough.
    let mut sharing = ascending.as_slice();
    while let [lightest, heavier @ ..] = sharing
        && left > 0
        && u128::from(weight(*lightest)) * u128::from(left) < u128::from(total)
    {
        give(*lightest, 1);
        left -= 1;
        total -= weight(*lightest);
        sharing = heavier;
    }

    let mut spare = left;
    let mut remainders: Vec<(u64, usize)> = Vec::with_capacity(sharing.len());
    for &member in sharing {
        let product = u128::from(weight(member)) * u128::from(left);
        let share = (product / u128::from(total)) as u64;
        give(member, share);
        spare -= share;
        remainders.push(((product % u128::from(total)) as u64, member));
    }
    remainders.sort_unstable_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)));
    for (_, member) in remainders.iter().take(spare as usize) {
        give(*member, 1);
    }
    quotas
}

/// Members claim slots in turn, each the first free one of its permutation, until all quotas are met.
///
/// `quotas` are those of `weights`, and sum to `slots`, which is prime. Owners are indexes into `permutations`.
#[expect(clippy::indexing_slicing, reason = "the loop runs some 800,000 times for 65,537 slots")]
fn fill(permutations: &[Permutation], weights: &[u32], quotas: &[u32], slots: u32) -> Vec<u16> {
    let mut table = vec![0; slots as usize];
    // One bit a slot: 8 KiB for 65,537 slots, where the table itself would not stay in the L1 cache.
    let mut taken = vec![0_u64; slots.div_ceil(64) as usize];
    let mut cursors = permutations.to_vec();
    for member in turns(weights, quotas) {
        let cursor = &mut cursors[usize::from(member)];
        // Ends: a permutation reaches every slot, and there are as many slots as turns.
        while taken[(cursor.offset / 64) as usize] & (1 << (cursor.offset % 64)) != 0 {
            cursor.offset += cursor.skip;
            if cursor.offset >= slots {
                cursor.offset -= slots;
            }
        }
        taken[(cursor.offset / 64) as usize] |= 1 << (cursor.offset % 64);
        table[cursor.offset as usize] = member;
    }
    table
}

/// Whose turn it is: each member as often as its quota, spread in proportion to the weights.
///
/// In round r = 1, 2, … the heaviest members take their r-th turn, and so does every other one that is behind: whose
/// turns so far are fewer than `r * weight / heaviest`. Its k-th turn, counted from 0, is thus in round
/// `k * heaviest / weight + 1`, rounded down. Within a round they go in order. Weights decide, not quotas: members of
/// equal weight stay in step when a change elsewhere gives some of them one slot more, and far fewer slots move.
#[expect(clippy::indexing_slicing, reason = "places and rounds were counted by the loop before")]
fn turns(weights: &[u32], quotas: &[u32]) -> Vec<u16> {
    let heaviest = weights.iter().copied().max().unwrap_or_default();
    // A counting sort by round. First where each round begins …
    let mut begins = Vec::new();
    for (&weight, &quota) in weights.iter().zip(quotas) {
        for round in rounds(weight, heaviest).take(quota as usize) {
            if begins.len() < round + 2 {
                begins.resize(round + 2, 0_u32);
            }
            begins[round + 1] += 1;
        }
    }
    let mut sum = 0;
    for begin in &mut begins {
        sum += *begin;
        *begin = sum;
    }
    // … then everybody into their places.
    let mut turns = vec![0; sum as usize];
    for ((member, &weight), &quota) in (0..).zip(weights).zip(quotas) {
        for round in rounds(weight, heaviest).take(quota as usize) {
            let place = &mut begins[round];
            turns[*place as usize] = member;
            *place += 1;
        }
    }
    turns
}

/// The rounds, counted from 0, in which a member of that weight takes its turns: `k * heaviest / weight` without a
/// division each. Over the turns of a quota they stay within the slots of the heaviest member, or one above.
fn rounds(weight: u32, heaviest: u32) -> impl Iterator<Item = usize> {
    let (weight, heaviest) = (u64::from(weight), u64::from(heaviest));
    let step = heaviest.checked_div(weight).unwrap_or_default();
    let rest = heaviest.checked_rem(weight).unwrap_or_default();
    let (mut round, mut fraction) = (0, 0);
    iter::repeat_with(move || {
        let turn = round as usize;
        round += step;
        fraction += rest;
        if fraction >= weight {
            fraction -= weight;
            round += 1;
        }
        turn
    })
}

/// The member's hash: independent of anything but its key and the seed, and of the machine.
fn hash(key: [u8; 16], seed: u64) -> u64 {
    // `mix64` maps 0 to 0, and an all-zero key with seed 0 should not stay there.
    let key = u128::from_be_bytes(key);
    let (high, low) = ((key >> 64) as u64, key as u64);
    mix64(mix64(mix64(seed ^ GOLDEN_GAMMA) ^ high) ^ low)
}

/// A key as people write it.
fn address(key: &[u8; 16]) -> IpAddr {
    Ipv6Addr::from(*key).to_canonical()
}
