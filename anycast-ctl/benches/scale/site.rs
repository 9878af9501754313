//! Sites of a thousand VIPs and a thousand backends.

use std::{fmt::Write as _, net::Ipv4Addr};

/// Where all backends are: behind one gateway.
pub const BACKENDS: &str = "10.9.0.0/16";

/// Where all VIPs are.
pub const VIPS_PREFIX: &str = "198.18.0.0/16";

const FIRST_VIP: [u8; 4] = [198, 18, 0, 1];
const VIPS: usize = 1000;

/// How backends are spread over pools.
pub struct Shape {
    pub name: &'static str,
    pools: usize,
    backends: usize,
    /// Slots of each pool.
    slots: u32,
}

/// A pool of a thousand backends needs a table of a hundred times as many slots; small ones do with the default.
pub const SITES: &[Shape] = &[
    Shape { name: "1 pool x 1,000 backends, 1,000 VIPs", pools: 1, backends: 1000, slots: 100_003 },
    Shape { name: "10 pools x 100 backends, 1,000 VIPs", pools: 10, backends: 100, slots: 65_537 },
    Shape { name: "100 pools x 10 backends, 1,000 VIPs", pools: 100, backends: 10, slots: 65_537 },
];

impl Shape {
    /// Names of a pool and of one of its backends.
    pub fn backend(&self, n: usize) -> (String, String) {
        let n = n % (self.pools * self.backends);
        (format!("pool{}", n / self.backends), format!("server{n}"))
    }

    pub fn to_toml(&self) -> String {
        let mut site = "interfaces = [\"eth0\"]\nseed = \"0123456789abcdef\"\n".to_owned();
        for vip in 0..VIPS {
            let (address, pool) = (address(FIRST_VIP, vip), vip % self.pools);
            write!(
                site,
                "[[vip]]\nname = \"vip{vip}\"\naddress = \"{address}\"\nservices = [\"tcp/443\", \"udp/443\"]\npool = \"pool{pool}\"\n"
            )
            .expect("a string takes everything");
        }
        for pool in 0..self.pools {
            write!(site, "[[pool]]\nname = \"pool{pool}\"\nslots = {}\n", self.slots)
                .expect("a string takes everything");
            for n in pool * self.backends..(pool + 1) * self.backends {
                let address = address([10, 9, 0, 1], n);
                write!(site, "[[pool.backend]]\nname = \"server{n}\"\naddress = \"{address}\"\n")
                    .expect("a string takes everything");
            }
        }
        site
    }
}

/// Addresses of all VIPs.
pub fn vips() -> impl Iterator<Item = Ipv4Addr> {
    (0..VIPS).map(|vip| address(FIRST_VIP, vip))
}

fn address(first: [u8; 4], n: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::from(first)) + n as u32)
}
