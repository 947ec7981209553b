//! A channel and the compression after it in one go, without forming the channel's columns.
//!
//! The widened factor `[K_0 L, K_1 L, ...]` of a channel on `k` qubits has the Gram matrix
//! `(K_a L)^dagger (K_b L) = sum_st (K_a^dagger K_b)_st L_s^dagger L_t`, where `L_s` are the rows whose `k` target bits are `s`: the
//! `4^k` block Gram matrices of `L` give it, with `m^2 / 2^k` times fewer operations than on `m` times as many columns. The
//! compressed factor is then `L'_s = sum_t L_t W_st` with `W_st = sum_a (K_a)_st V_a`, in place.

use crate::linalg::{Matrix, adjoint, multiply};
use num_complex::Complex64;

/// A column of the widened factor: Kraus operator and column of `L`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) kraus: usize,
    pub(super) source: usize,
}

/// The Gram matrix of the listed columns of the widened factor, from the blocks `L_s^dagger L_t` with `s >= t` in the order
/// (0,0), (1,0), (1,1), ...
pub(super) fn widened_gram(blocks: &[Matrix], kraus: &[Matrix], members: &[Member]) -> Matrix {
    let values = kraus[0].nrows();
    let block = |s: usize, t: usize, i: usize, j: usize| {
        if s >= t { blocks[s * (s + 1) / 2 + t][(i, j)] } else { blocks[t * (t + 1) / 2 + s][(j, i)].conj() }
    };
    let products: Vec<Vec<Vec<(usize, usize, Complex64)>>> =
        kraus.iter().map(|a| kraus.iter().map(|b| nonzeros(&multiply(&adjoint(a), b), values)).collect()).collect();
    let mut gram = Matrix::zeros((members.len(), members.len()));
    for (row, one) in members.iter().enumerate() {
        for (column, other) in members[..=row].iter().enumerate() {
            let terms = &products[one.kraus][other.kraus];
            let entry = terms.iter().map(|(s, t, c)| c * block(*s, *t, one.source, other.source)).sum::<Complex64>();
            gram[(row, column)] = entry;
            gram[(column, row)] = entry.conj();
        }
    }
    gram
}

fn nonzeros(matrix: &Matrix, values: usize) -> Vec<(usize, usize, Complex64)> {
    let entries = matrix.indexed_iter().map(|((s, t), entry)| (s, t, *entry));
    debug_assert_eq!(matrix.ncols(), values);
    entries.filter(|(_, _, entry)| entry.norm_sqr() > 0.0).collect()
}

/// `W_st` for all `s`, `t` (`t` fastest) from the rotation of the widened factor; `width` is that of `L`.
pub(super) fn block_rotations(rotation: &Matrix, kraus: &[Matrix], members: &[Member], width: usize) -> Vec<Matrix> {
    let values = kraus[0].nrows();
    let mut blocks = vec![Matrix::zeros((width, rotation.ncols())); values * values];
    for (member, row) in members.iter().zip(rotation.rows()) {
        for ((s, t), coefficient) in kraus[member.kraus].indexed_iter().filter(|(_, entry)| entry.norm_sqr() > 0.0) {
            let mut into = blocks[s * values + t].row_mut(member.source);
            into.iter_mut().zip(row).for_each(|(sum, entry)| *sum += coefficient * entry);
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Channel;

    fn sample(rows: usize, columns: usize) -> Matrix {
        let part = |seed: usize| ((seed * 7919 + 13) % 101) as f64 / 50.0 - 1.0;
        Matrix::from_shape_fn((rows, columns), |(row, column)| {
            Complex64::new(part(row * columns + column), part(31 * row + 17 * column + 5))
        })
    }

    #[test]
    fn blocks_give_what_the_widened_factor_gives() {
        let factor = sample(8, 3);
        let channel = Channel::named("generalized_amplitude_damping", &[0.3, 0.2]).unwrap();
        let kraus = channel.kraus();
        let members: Vec<Member> =
            (0..kraus.len()).flat_map(|kraus| (0..3).map(move |source| Member { kraus, source })).skip(1).collect();
        // The target is the lowest bit.
        let rows = |value: usize| Matrix::from_shape_fn((4, 3), |(row, column)| factor[(2 * row + value, column)]);
        let product = |s, t| multiply(&adjoint(&rows(s)), &rows(t));
        let blocks = [product(0, 0), product(1, 0), product(1, 1)];
        let widened = Matrix::from_shape_fn((8, members.len()), |(row, column)| {
            let Member { kraus: a, source } = members[column];
            (0..2).map(|t| kraus[a][(row % 2, t)] * factor[(row / 2 * 2 + t, source)]).sum()
        });
        let near = |a: &Matrix, b: &Matrix| (a - b).iter().all(|entry| entry.norm() < 1e-12);
        assert!(near(&widened_gram(&blocks, kraus, &members), &multiply(&adjoint(&widened), &widened)));
        let rotation = sample(members.len(), 5);
        let parts = block_rotations(&rotation, kraus, &members, 3);
        let expected = multiply(&widened, &rotation);
        for value in 0..2 {
            let found = multiply(&rows(0), &parts[2 * value]) + multiply(&rows(1), &parts[2 * value + 1]);
            assert!(
                (0..4).all(|row| (0..5).all(|c| (found[(row, c)] - expected[(2 * row + value, c)]).norm() < 1e-12))
            );
        }
    }
}
