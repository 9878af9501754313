//! The stack that every chain of calls in the programs takes, counted as the strictest of the verifiers does.
//!
//! Linux 6.1 rounds each frame up to 32 bytes before it adds them up, later kernels to 16 or less: what this machine's kernel
//! loads may be refused there. Source: `check_max_stack_depth` in kernel/bpf/verifier.c.

use std::collections::{BTreeMap, BTreeSet};

use aya_obj::{Object, generated::bpf_insn};

use crate::OBJECTS;

/// `MAX_BPF_STACK` (include/linux/filter.h).
const MOST: usize = 512;

/// To which a frame is rounded up; an empty one counts as much.
const STEP: usize = 32;

/// Opcodes and the registers they are looked at for. Source: RFC 9669.
mod code {
    pub const CALL: u8 = 0x85;
    /// A call's source register, if it is one within the program.
    pub const LOCAL: u8 = 1;
    pub const MOVE: u8 = 0xbf;
    pub const ADD: u8 = 0x07;
    /// Classes, in the low bits.
    pub const CLASS: u8 = 7;
    pub const LOAD: u8 = 1;
    pub const STORE_NUMBER: u8 = 2;
    pub const STORE: u8 = 3;
    /// The frame pointer.
    pub const FRAME: u8 = 10;
}

/// A function: bytes of its frame, and where the functions begin that it calls.
#[derive(Default)]
struct Function {
    frame: usize,
    calls: BTreeSet<usize>,
}

/// The functions of a program whose calls are resolved, by their first instruction.
fn functions(program: &[bpf_insn]) -> BTreeMap<usize, Function> {
    let target = |at: usize| {
        let call = &program[at];
        let is_local = call.code == code::CALL && call.src_reg() == code::LOCAL;
        is_local.then(|| at.checked_add_signed(call.imm as isize + 1).unwrap())
    };
    let mut functions: BTreeMap<usize, Function> =
        (0..program.len()).filter_map(target).chain([0]).map(|start| (start, Function::default())).collect();
    for (at, instruction) in program.iter().enumerate() {
        let (_, function) = functions.range_mut(..=at).next_back().unwrap();
        function.frame = function.frame.max(reach(instruction, program.get(at + 1)));
        function.calls.extend(target(at));
    }
    functions
}

/// How far below the frame pointer an instruction reaches: it loads, stores, or begins to make an address.
fn reach(instruction: &bpf_insn, next: Option<&bpf_insn>) -> usize {
    let below = |offset: i32| usize::try_from(-offset).unwrap_or_default();
    let is = |register: u8| register == code::FRAME;
    match instruction.code & code::CLASS {
        code::LOAD if is(instruction.src_reg()) => below(instruction.off.into()),
        code::STORE | code::STORE_NUMBER if is(instruction.dst_reg()) => below(instruction.off.into()),
        _ if instruction.code == code::MOVE && is(instruction.src_reg()) => {
            let add = next.filter(|next| next.code == code::ADD && next.dst_reg() == instruction.dst_reg());
            below(add.expect("an address in the frame is the frame pointer and a number").imm)
        }
        _ => 0,
    }
}

/// Frames of the chain of calls that takes most, from that function on.
fn deepest(functions: &BTreeMap<usize, Function>, start: usize) -> Vec<usize> {
    let function = &functions[&start];
    let chains = function.calls.iter().map(|call| deepest(functions, *call));
    let mut chain = chains.max_by_key(|chain| taken(chain)).unwrap_or_default();
    chain.insert(0, function.frame);
    chain
}

fn taken(chain: &[usize]) -> usize {
    chain.iter().map(|frame| frame.max(&1).next_multiple_of(STEP)).sum()
}

#[test]
fn every_chain_of_calls_fits_the_stack_of_the_strictest_kernel() {
    for (name, object) in OBJECTS {
        let mut object = Object::parse(object).unwrap();
        let sections = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_calls(&sections).unwrap();
        for (entry, program) in &object.programs {
            let functions = functions(&object.functions[&program.function_key()].instructions);
            let chain = deepest(&functions, 0);
            println!("{name} {entry}: {} functions, frames {chain:?}: {}", functions.len(), taken(&chain));
            assert!(
                chain[0] > 0 && taken(&chain) <= MOST,
                "{name} {entry}: {chain:?} take {}",
                taken(&chain)
            );
        }
    }
}

/// The frames with which Linux 6.1 refused a program: "combined stack size of 3 calls is 544. Too large".
#[test]
fn frames_are_added_up_as_linux_6_1_does() {
    assert_eq!(taken(&[264, 184, 48]), 544);
    assert_eq!(taken(&[0, 32]), 64);
}
