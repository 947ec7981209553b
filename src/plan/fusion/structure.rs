//! The cheapest action for a matrix: which qubits only control it, and whether it is diagonal or a permutation.

use crate::linalg::{Matrix, diagonal_of, identity};
use crate::model::Control;
use crate::plan::Action;
use num_complex::Complex64;

/// The cheapest action that does what `matrix` does on `targets` where all `controls` hold; `None` for the identity.
///
/// Without controls a global phase is left out, as `rho` does not have it. A qubit for one of whose values nothing
/// happens becomes a control; one that makes no difference is left out.
pub(in crate::plan) fn simplest(matrix: &Matrix, targets: &[usize], controls: &[Control]) -> Option<Action> {
    if let Some(entries) = diagonal_of(matrix) {
        return simplest_diagonal(entries, targets.to_vec(), controls.to_vec());
    }
    let (mut matrix, mut targets, mut controls) = (matrix.clone(), targets.to_vec(), controls.to_vec());
    while let Some(found) = find(&targets, |place, kind| of_matrix(&matrix, place, kind, controls.is_empty())) {
        let (place, kind, rest) = found;
        matrix = rest;
        kind.note(targets.remove(place), &mut controls);
    }
    sort(&mut controls);
    Some(match permutation_of(&matrix) {
        Some((images, factors)) => Action::Permutation { images, factors, targets, controls },
        None => Action::Unitary { matrix, targets, controls },
    })
}

/// As [`simplest`], for a diagonal.
pub(super) fn simplest_diagonal(
    mut entries: Vec<Complex64>,
    mut targets: Vec<usize>,
    mut controls: Vec<Control>,
) -> Option<Action> {
    while let Some(found) = find(&targets, |place, kind| of_diagonal(&entries, place, kind, controls.is_empty())) {
        let (place, kind, rest) = found;
        entries = rest;
        kind.note(targets.remove(place), &mut controls);
    }
    sort(&mut controls);
    let nothing = targets.is_empty() && (controls.is_empty() || entries[0] == Complex64::ONE);
    (!nothing).then_some(Action::Diagonal { entries, targets, controls })
}

/// What a qubit can be besides a target.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// It makes no difference.
    Idle,
    /// Only where it has this value does something happen.
    Control(bool),
    /// Only where it has this value does more happen than a phase, which may be left out for all.
    ControlUpToPhase(bool),
}

/// The surest first.
const KINDS: [Kind; 5] = [
    Kind::Idle,
    Kind::Control(true),
    Kind::Control(false),
    Kind::ControlUpToPhase(true),
    Kind::ControlUpToPhase(false),
];

impl Kind {
    fn note(self, qubit: usize, controls: &mut Vec<Control>) {
        match self {
            Kind::Idle => {}
            Kind::Control(value) | Kind::ControlUpToPhase(value) => controls.push(Control { qubit, value }),
        }
    }
}

/// The first qubit that need not be a target: its place, what it is, and what is left.
fn find<T>(targets: &[usize], test: impl Fn(usize, Kind) -> Option<T>) -> Option<(usize, Kind, T)> {
    let kinds = KINDS.iter().flat_map(|kind| (0..targets.len()).map(move |place| (place, *kind)));
    kinds.into_iter().find_map(|(place, kind)| test(place, kind).map(|rest| (place, kind, rest)))
}

fn sort(controls: &mut [Control]) {
    controls.sort_by_key(|control| control.qubit);
}

/// What is left of a matrix without the target at `place`, if that is of the kind.
fn of_matrix(matrix: &Matrix, place: usize, kind: Kind, free: bool) -> Option<Matrix> {
    let half = matrix.nrows() / 2;
    let entry = |row: usize, column: usize, high: bool| matrix[(insert(row, place, high), insert(column, place, high))];
    let mut crossing = matrix.indexed_iter().filter(|((row, column), _)| (row ^ column) >> place & 1 == 1);
    if crossing.any(|(_, value)| *value != Complex64::ZERO) {
        return None;
    }
    let block = |high| Matrix::from_shape_fn((half, half), |(row, column)| entry(row, column, high));
    let still = |high| {
        let phase = entry(0, 0, high);
        let same = |row, column| entry(row, column, high) == if row == column { phase } else { Complex64::ZERO };
        (0..half).all(|row| (0..half).all(|column| same(row, column))).then_some(phase)
    };
    match kind {
        Kind::Idle => Some(block(false)).filter(|low| *low == block(true)),
        Kind::Control(value) => still(!value).filter(|phase| *phase == Complex64::ONE).map(|_| block(value)),
        Kind::ControlUpToPhase(value) => {
            let phase = still(!value).filter(|phase| free && is_phase(*phase))?;
            Some(block(value).mapv(|entry| entry * phase.conj()))
        }
    }
}

/// As [`of_matrix`], for a diagonal.
fn of_diagonal(entries: &[Complex64], place: usize, kind: Kind, free: bool) -> Option<Vec<Complex64>> {
    let half = |high| (0..entries.len() / 2).map(move |index| entries[insert(index, place, high)]);
    let still = |high| half(high).next().filter(|first| half(high).all(|entry| entry == *first));
    match kind {
        Kind::Idle => half(false).eq(half(true)).then(|| half(false).collect()),
        Kind::Control(value) => still(!value).filter(|phase| *phase == Complex64::ONE).map(|_| half(value).collect()),
        Kind::ControlUpToPhase(value) => {
            let phase = still(!value).filter(|phase| free && is_phase(*phase))?;
            Some(half(value).map(|entry| entry * phase.conj()).collect())
        }
    }
}

/// Superoperators have other numbers in the place of a phase.
fn is_phase(value: Complex64) -> bool {
    (value.norm_sqr() - 1.0).abs() < 1e-14
}

/// The index with one more bit at `place`.
fn insert(index: usize, place: usize, bit: bool) -> usize {
    let low = index & ((1 << place) - 1);
    (index - low) << 1 | usize::from(bit) << place | low
}

/// Where each basis state goes and with what factor, if each row and column has a single entry.
fn permutation_of(matrix: &Matrix) -> Option<(Vec<usize>, Vec<Complex64>)> {
    let mut taken = vec![false; matrix.nrows()];
    let column = |entries: ndarray::ArrayView1<'_, Complex64>| {
        let mut present = entries.iter().enumerate().filter(|(_, entry)| **entry != Complex64::ZERO);
        let (row, factor) = present.next()?;
        let single = present.next().is_none() && !std::mem::replace(&mut taken[row], true);
        single.then_some((row, *factor))
    };
    matrix.columns().into_iter().map(column).collect::<Option<Vec<_>>>().map(|images| images.into_iter().unzip())
}

/// The matrix of a unitary action on `qubits`, the first least significant, which must be all it acts on; controls
/// that `given` has are taken for granted.
pub(in crate::plan) fn matrix_on(action: &Action, qubits: &[usize], given: &[Control]) -> Matrix {
    let (small, targets, controls) = match action {
        Action::Unitary { matrix, targets, controls } => (matrix.clone(), targets, controls),
        Action::Diagonal { entries, targets, controls } => {
            (Matrix::from_diag(&ndarray::arr1(entries)), targets, controls)
        }
        Action::Permutation { images, factors, targets, controls } => {
            let mut matrix = Matrix::zeros((images.len(), images.len()));
            images.iter().zip(factors).enumerate().for_each(|(from, (to, factor))| matrix[(*to, from)] = *factor);
            (matrix, targets, controls)
        }
        other => unreachable!("{} is not unitary", other.name()),
    };
    let places = places(targets, qubits);
    let holds = conditions(controls, qubits, given);
    let mut matrix = identity(1 << qubits.len());
    for column in (0..1 << qubits.len()).filter(|column| holds.iter().all(|(bit, value)| column >> bit & 1 == *value)) {
        let (input, rest) = gather(column, &places);
        for (output, entry) in small.column(input).iter().enumerate() {
            matrix[(rest | scatter(output, &places), column)] = *entry;
        }
    }
    matrix
}

/// The diagonal over `qubits` of an action that is one; see [`matrix_on`].
pub(super) fn diagonal_on(action: &Action, qubits: &[usize], given: &[Control]) -> Vec<Complex64> {
    let Action::Diagonal { entries, targets, controls } = action else { unreachable!("it is diagonal") };
    let places = places(targets, qubits);
    let holds = conditions(controls, qubits, given);
    let entry = |index: usize| {
        let holds = holds.iter().all(|(bit, value)| index >> bit & 1 == *value);
        if holds { entries[gather(index, &places).0] } else { Complex64::ONE }
    };
    (0..1 << qubits.len()).map(entry).collect()
}

/// Where each of the targets stands among the qubits.
pub(super) fn places(targets: &[usize], qubits: &[usize]) -> Vec<usize> {
    let place = |target: &usize| qubits.iter().position(|qubit| qubit == target).expect("the qubits hold the targets");
    targets.iter().map(place).collect()
}

fn conditions(controls: &[Control], qubits: &[usize], given: &[Control]) -> Vec<(usize, usize)> {
    let asked = controls.iter().filter(|control| !given.contains(control));
    asked.map(|control| (places(&[control.qubit], qubits)[0], usize::from(control.value))).collect()
}

/// The bits at `places` put together, and the index without them.
fn gather(index: usize, places: &[usize]) -> (usize, usize) {
    let bits = places.iter().enumerate().map(|(bit, place)| (index >> place & 1) << bit).sum();
    (bits, index - scatter(bits, places))
}

fn scatter(bits: usize, places: &[usize]) -> usize {
    places.iter().enumerate().map(|(bit, place)| (bits >> bit & 1) << place).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::kronecker;

    const I: Complex64 = Complex64::I;
    const ONE: Complex64 = Complex64::ONE;

    fn x() -> Matrix {
        Matrix::from_shape_fn((2, 2), |(row, column)| f64::from(u8::from(row != column)).into())
    }

    fn diagonal(entries: &[Complex64]) -> Matrix {
        Matrix::from_diag(&ndarray::arr1(entries))
    }

    fn on(qubit: usize, value: bool) -> Control {
        Control { qubit, value }
    }

    #[test]
    fn a_controlled_flip_keeps_its_control() {
        let mut matrix = identity(4);
        matrix.slice_mut(ndarray::s![2.., 2..]).assign(&x());
        let expected = |value| Action::Permutation {
            images: vec![1, 0],
            factors: vec![ONE, ONE],
            targets: vec![4],
            controls: vec![on(7, value)],
        };
        assert_eq!(simplest(&matrix, &[4, 7], &[]), Some(expected(true)));
        let mut matrix = identity(4);
        matrix.slice_mut(ndarray::s![..2, ..2]).assign(&x());
        assert_eq!(simplest(&matrix, &[4, 7], &[]), Some(expected(false)));
    }

    #[test]
    fn a_diagonal_becomes_a_phase_under_controls() {
        let matrix = diagonal(&[ONE, ONE, ONE, I]);
        let phase = |controls| Some(Action::Diagonal { entries: vec![I], targets: vec![], controls });
        assert_eq!(simplest(&matrix, &[1, 2], &[]), phase(vec![on(1, true), on(2, true)]));
        assert_eq!(simplest(&diagonal(&[ONE, I]), &[1], &[on(0, false)]), phase(vec![on(0, false), on(1, true)]));
        // -i, 1 on the values of the qubit: up to a phase, i where it is set.
        assert_eq!(simplest(&diagonal(&[ONE, I]), &[1], &[]), phase(vec![on(1, true)]));
        assert_eq!(simplest(&diagonal(&[-I, ONE]), &[1], &[on(0, true)]), {
            let controls = vec![on(0, true), on(1, false)];
            Some(Action::Diagonal { entries: vec![-I], targets: vec![], controls })
        });
    }

    #[test]
    fn the_identity_and_a_global_phase_vanish_but_a_controlled_phase_does_not() {
        assert_eq!(simplest(&identity(4), &[0, 1], &[]), None);
        assert_eq!(simplest(&identity(4), &[0, 1], &[on(2, true)]), None);
        let phase = diagonal(&[I, I]);
        assert_eq!(simplest(&phase, &[0], &[]), None);
        let kept = Action::Diagonal { entries: vec![I], targets: vec![], controls: vec![on(2, true)] };
        assert_eq!(simplest(&phase, &[0], &[on(2, true)]), Some(kept));
    }

    #[test]
    fn an_idle_qubit_is_left_out() {
        let hadamard = Matrix::from_shape_fn((2, 2), |(row, column)| {
            (if row + column == 2 { -0.5f64.sqrt() } else { 0.5f64.sqrt() }).into()
        });
        let kept = Action::Unitary { matrix: hadamard.clone(), targets: vec![3], controls: vec![] };
        assert_eq!(simplest(&kronecker(&hadamard, &identity(2)), &[5, 3], &[]), Some(kept));
    }

    #[test]
    fn what_is_found_does_what_the_matrix_does() {
        // y on target 6 where 2 is set and 9 is not, all times i.
        let y = ndarray::arr2(&[[Complex64::ZERO, -I], [I, Complex64::ZERO]]);
        let action = Action::Unitary { matrix: y, targets: vec![6], controls: vec![on(2, true), on(9, false)] };
        let matrix = matrix_on(&action, &[2, 6, 9], &[]).mapv(|entry| entry * I);
        let found = simplest(&matrix, &[2, 6, 9], &[]).expect("it is not the identity");
        assert!(matches!(&found, Action::Permutation { controls, .. } if controls.len() == 2), "{found:?}");
        assert_eq!(matrix_on(&found, &[2, 6, 9], &[]), matrix_on(&action, &[2, 6, 9], &[]));
    }
}
