//! Where the logical qubits are: the permutation that exchanges and relabels change and nothing undoes.

/// A permutation of qubits: logical (declaration order) to physical (bit of the sharded index).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    physical: Vec<usize>,
}

impl Layout {
    /// From the physical place of each logical qubit.
    pub fn new(physical: Vec<usize>) -> Layout {
        debug_assert!({
            let mut sorted = physical.clone();
            sorted.sort_unstable();
            sorted.into_iter().eq(0..physical.len())
        });
        Layout { physical }
    }

    /// Every logical qubit at the physical place of the same number.
    pub fn identity(qubits: usize) -> Layout {
        Layout { physical: (0..qubits).collect() }
    }

    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.physical.len()
    }

    /// The physical place of a logical qubit.
    pub fn physical(&self, logical: usize) -> usize {
        self.physical[logical]
    }

    /// The physical places of all logical qubits, in order.
    pub fn places(&self) -> &[usize] {
        &self.physical
    }

    /// The logical qubit at a physical place.
    pub fn logical(&self, physical: usize) -> usize {
        self.physical.iter().position(|place| *place == physical).expect("a layout is a permutation")
    }

    /// Where the logical qubits are if what is at each of these places is moved on.
    pub fn followed_by(&self, then: &Layout) -> Layout {
        Layout::new(self.physical.iter().map(|place| then.physical(*place)).collect())
    }

    /// From physical places back to logical qubits.
    pub fn inverse(&self) -> Layout {
        Layout::new((0..self.qubits()).map(|place| self.logical(place)).collect())
    }

    /// Two logical qubits trade places.
    pub fn swap_logical(&mut self, first: usize, second: usize) {
        self.physical.swap(first, second);
    }

    /// What is at two physical places trades places.
    pub fn swap_physical(&mut self, first: usize, second: usize) {
        self.swap_logical(self.logical(first), self.logical(second));
    }

    /// A mask or index over logical qubits as one over physical places.
    pub fn to_physical(&self, logical: u64) -> u64 {
        self.physical.iter().enumerate().map(|(qubit, place)| (logical >> qubit & 1) << place).sum()
    }

    /// A fast map from physical to logical indices.
    pub fn to_logical(&self) -> BitMap {
        let mut targets = vec![0; self.qubits()];
        self.physical.iter().enumerate().for_each(|(logical, physical)| targets[*physical] = logical);
        BitMap::new(&targets)
    }
}

/// Moves every bit of an index to another place, eight bits at a time by table.
#[derive(Debug, Clone)]
pub struct BitMap {
    tables: Vec<[u64; 256]>,
}

impl BitMap {
    /// Bit `b` goes to `targets[b]`.
    fn new(targets: &[usize]) -> BitMap {
        let table = |bits: &[usize]| -> [u64; 256] {
            std::array::from_fn(|byte| bits.iter().enumerate().map(|(bit, to)| (byte as u64 >> bit & 1) << to).sum())
        };
        BitMap { tables: targets.chunks(8).map(table).collect() }
    }

    /// The mapped index.
    pub fn apply(&self, index: u64) -> u64 {
        self.tables.iter().enumerate().map(|(byte, table)| table[(index >> (8 * byte) & 255) as usize]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_and_logical_indices_are_inverse() {
        let layout = Layout::new(vec![3, 9, 0, 1, 8, 2, 7, 4, 6, 5]);
        let map = layout.to_logical();
        for index in 0..1 << 10 {
            assert_eq!(map.apply(layout.to_physical(index)), index);
        }
    }

    #[test]
    fn swaps_move_what_they_say() {
        let mut layout = Layout::identity(4);
        layout.swap_physical(1, 3);
        layout.swap_logical(0, 1);
        assert_eq!((0..4).map(|qubit| layout.physical(qubit)).collect::<Vec<_>>(), [3, 0, 2, 1]);
    }
}
