//! Linker settings of the XDP object.

fn main() {
    // IP headers lie two bytes off a word boundary behind an Ethernet header, and network-types keeps them as bytes. Every
    // kernel that runs this JIT takes misaligned loads, so let LLVM emit them instead of assembling each field from bytes.
    println!("cargo:rustc-link-arg-bins=--cpu-features=+allows-misaligned-mem-access");
}
