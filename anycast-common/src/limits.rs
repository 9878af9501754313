//! Sizes of the maps. They bound what a site may hold and what the program may index.

/// VIPs of one host.
pub const MAX_VIPS: usize = 1024;

/// Services of one host, all VIPs together.
pub const MAX_SERVICES: usize = 4096;

/// Pools of one host.
pub const MAX_POOLS: usize = 1024;

/// Backends of one host, all pools together. Backend indices are 16 bits wide and the last one means "none".
pub const MAX_BACKENDS: usize = 65_535;

/// Slots a table may have: the greatest prime below 2^23, 128 times the default. The flow hash is 32 bits wide: far
/// above this, slots would differ in size.
pub const MAX_SLOTS: u32 = 8_388_593;

/// Slots that share one 64-byte line of the slot arena.
pub const SLOTS_PER_LINE: usize = 16;

/// Lines of the slot arena unless the controller asks for another size: 2,097,152 slots, 8 MiB, and as much for stamps.
pub const DEFAULT_ARENA_LINES: u32 = 1 << 17;

/// Flows that can be pinned unless the controller asks for another size.
pub const DEFAULT_PINS: u32 = 1 << 18;

/// Flows that can be embryonic unless the controller asks for another size.
pub const DEFAULT_EMBRYONIC: u32 = 1 << 16;

/// Cells of the filter in front of both, a power of two: 1 MiB. With as many flows remembered as fit by default, three of
/// four others are told from them.
pub const FILTER_CELLS: usize = 1 << 20;

/// (VIP, backend) pairs that can be counted unless the controller asks for another size, as it does for a site that needs
/// more. The kernel allocates every value of a per-CPU array on its own: 65,536 of them take half the time of a start.
pub const DEFAULT_TRAFFIC_COUNTERS: u32 = 1 << 13;

/// Datagrams whose first fragment is remembered. Fragments of one datagram follow each other within a second.
pub const FRAGMENTED_DATAGRAMS: u32 = 1 << 13;

/// ICMP errors that a CPU may send in a tick (see [`crate::clock`]) unless the controller asks for another number.
pub const DEFAULT_ERRORS_PER_TICK: u32 = 1000;
