//! Runs of traffic counters.

use serde::{Deserialize, Serialize};

/// Counters that follow each other, one for each ordinal from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The first of them.
    pub first: u32,
    /// How many they are.
    pub length: u32,
}

impl Block {
    fn end(self) -> u32 {
        self.first + self.length
    }
}

/// Counters that nobody has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterRanges {
    /// Free blocks below `end`, in order, never adjacent.
    free: Vec<Block>,
    /// Everything from here on is free.
    end: u32,
}

impl CounterRanges {
    /// Nobody has a counter from here on.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// How many somebody has.
    pub fn taken(&self) -> u32 {
        self.end - self.free.iter().map(|block| block.length).sum::<u32>()
    }

    /// The first free block of that length below `capacity`.
    pub fn allocate(&mut self, length: u32, capacity: u32) -> Option<Block> {
        if let Some(position) = self.free.iter().position(|block| block.length >= length) {
            let block = self.free.remove(position);
            if block.length > length {
                self.free
                    .insert(position, Block { first: block.first + length, length: block.length - length });
            }
            return Some(Block { first: block.first, length });
        }
        let end = self.end.checked_add(length).filter(|end| *end <= capacity)?;
        Some(Block { first: std::mem::replace(&mut self.end, end), length })
    }

    /// Takes a block back.
    pub fn release(&mut self, block: Block) {
        let position = self.free.partition_point(|other| other.first < block.first);
        self.free.insert(position, block);
        self.free = self.free.iter().fold(Vec::new(), |mut merged: Vec<Block>, block| {
            match merged.last_mut() {
                Some(last) if last.end() == block.first => last.length += block.length,
                _ => merged.push(*block),
            }
            merged
        });
        if let Some(last) = self.free.pop_if(|last| last.end() == self.end) {
            self.end = last.first;
        }
    }
}
