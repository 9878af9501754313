//! Networks with something beside each, never more than so many: the lightest are taken together in the larger ones around
//! them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, hash_map::Entry},
};

use ipnet::IpNet;

/// Bits by which a larger network is larger.
const STEP: u8 = 4;

/// What can be taken together.
pub trait Merge: Default {
    /// How much there is of it.
    fn weight(&self) -> u64;
    /// Takes over what another one has.
    fn merge(&mut self, other: Self);
}

impl Merge for u64 {
    fn weight(&self) -> u64 {
        *self
    }

    fn merge(&mut self, other: Self) {
        *self += other;
    }
}

/// Networks, none twice; where one lies in another, the larger one stands for the rest of it.
#[derive(Debug)]
pub struct Prefixes<T> {
    cells: HashMap<IpNet, T>,
    most: usize,
}

impl<T: Merge> Prefixes<T> {
    /// No more than so many, at least two: one for each IP version.
    pub fn new(most: usize) -> Self {
        Self { cells: HashMap::new(), most: most.max(2) }
    }

    /// What lies beside that network. The lightest make room for one that is not there yet.
    pub fn cell(&mut self, net: IpNet) -> &mut T {
        if self.cells.len() >= self.most && !self.cells.contains_key(&net) {
            // Room for many, as it takes a look at all of them.
            self.raise(self.most - self.most.div_ceil(4));
        }
        self.cells.entry(net).or_default()
    }

    /// Takes networks together until no more than so many are left, or one for each IP version: those stay apart that have most
    /// beside what is kept apart inside them.
    pub fn raise(&mut self, most: usize) {
        let most = most.max(2);
        if self.cells.len() <= most {
            return;
        }
        let weights: HashMap<IpNet, u64> =
            self.cells.iter().map(|(net, cell)| (*net, cell.weight())).collect();
        let fits = |least: u64| fold(weights.clone(), least).len() <= most;
        // Above the sum of all nothing but the largest networks is left.
        let mut enough = 1;
        while !fits(enough) {
            enough *= 2;
        }
        let mut too_little = enough / 2;
        while too_little + 1 < enough {
            let middle = too_little + (enough - too_little) / 2;
            if fits(middle) {
                enough = middle;
            } else {
                too_little = middle;
            }
        }
        self.cells = fold(std::mem::take(&mut self.cells), enough);
    }

    /// All of them, the heaviest first.
    pub fn ranked(self) -> Vec<(IpNet, T)> {
        let mut ranked: Vec<(IpNet, T)> = self.cells.into_iter().collect();
        ranked.sort_by_key(|(net, cell)| (Reverse(cell.weight()), *net));
        ranked
    }
}

/// Takes networks that have less than `least` together with what is around them, the smallest networks first, until all that are
/// left have as much, but for the largest there are.
fn fold<T: Merge>(mut cells: HashMap<IpNet, T>, least: u64) -> HashMap<IpNet, T> {
    let mut levels: BTreeMap<u8, Vec<IpNet>> = BTreeMap::new();
    for net in cells.keys() {
        levels.entry(net.prefix_len()).or_default().push(*net);
    }
    while let Some((bits, nets)) = levels.pop_last().filter(|(bits, _)| *bits > 0) {
        for net in nets {
            if cells.get(&net).is_none_or(|cell| cell.weight() >= least) {
                continue;
            }
            let Some(cell) = cells.remove(&net) else { continue };
            match cells.entry(around(net)) {
                Entry::Occupied(mut entry) => entry.get_mut().merge(cell),
                Entry::Vacant(entry) => {
                    levels.entry(bits.saturating_sub(STEP)).or_default().push(*entry.key());
                    entry.insert(cell);
                }
            }
        }
    }
    cells
}

/// The next larger network around one.
fn around(net: IpNet) -> IpNet {
    let bits = net.prefix_len().saturating_sub(STEP);
    IpNet::new(net.addr(), bits).unwrap_or(net).trunc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_lightest_are_taken_together() {
        let mut prefixes = Prefixes::new(100);
        for (text, weight) in
            [("198.51.100.0/24", 90), ("198.51.101.0/24", 2), ("198.51.102.0/24", 1), ("2001:db8:1::/48", 50)]
        {
            *prefixes.cell(net(text)) += weight;
        }
        prefixes.raise(3);
        assert_eq!(
            prefixes.ranked(),
            [(net("198.51.100.0/24"), 90), (net("2001:db8:1::/48"), 50), (net("198.51.96.0/20"), 3)]
        );
    }

    #[test]
    fn both_ip_versions_stay_apart_to_the_end() {
        let mut prefixes = Prefixes::new(2);
        for number in 0..200_u8 {
            *prefixes.cell(IpNet::new([number, 0, 0, 0].into(), 24).unwrap()) += 1;
            *prefixes.cell(net(&format!("2001:{number}::/48"))) += 1;
            assert!(prefixes.cells.len() <= 3);
        }
        prefixes.raise(1);
        assert_eq!(prefixes.ranked(), [(net("0.0.0.0/0"), 200), (net("::/0"), 200)]);
    }

    #[test]
    fn a_flood_hides_no_heavy_network() {
        let mut prefixes = Prefixes::new(64);
        for number in 0..100_000_u32 {
            let [a, b, c, _] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
            *prefixes.cell(IpNet::new([a, b, c, 0].into(), 24).unwrap()) += 1;
            if number % 10 == 0 {
                *prefixes.cell(net("192.0.2.0/24")) += 1;
            }
        }
        let ranked = prefixes.ranked();
        assert_eq!(ranked.iter().map(|(_, weight)| weight).sum::<u64>(), 110_000);
        let heavy = ranked.iter().find(|(found, _)| *found == net("192.0.2.0/24")).unwrap();
        assert!(heavy.1 > 9_000, "{heavy:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_there_are_never_more(
            packets in proptest::collection::vec(any::<([u8; 2], bool)>(), 0..500), most in 2_usize..40,
        ) {
            let mut prefixes = Prefixes::new(most);
            for ([a, b], v6) in &packets {
                let found = if *v6 { net(&format!("2001:{a:x}:{b:x}::/48")) } else { net(&format!("10.{a}.{b}.0/24")) };
                *prefixes.cell(found) += 1;
                prop_assert!(prefixes.cells.len() <= most.max(3));
            }
            let ranked = prefixes.ranked();
            prop_assert_eq!(ranked.iter().map(|(_, weight)| weight).sum::<u64>(), packets.len() as u64);
            for ([a, b], v6) in &packets {
                let found = if *v6 { net(&format!("2001:{a:x}:{b:x}::/48")) } else { net(&format!("10.{a}.{b}.0/24")) };
                prop_assert!(ranked.iter().any(|(prefix, _)| prefix.contains(&found)));
            }
        }
    }
}
