//! Linker settings of the eBPF objects.

/// Programs that read packets where they lie. `probe` copies to its stack, where the verifier takes no misaligned loads.
const READ_IN_PLACE: [&str; 5] = ["anycast", "trace", "tapped", "receive", "lab"];

fn main() {
    // IP headers lie two bytes off a word boundary behind an Ethernet header, and network-types keeps them as bytes. Every
    // kernel that runs this JIT takes misaligned loads, so let LLVM emit them instead of assembling each field from bytes.
    for program in READ_IN_PLACE {
        println!("cargo:rustc-link-arg-bin={program}=--cpu-features=+allows-misaligned-mem-access");
    }
}
