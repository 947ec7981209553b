//! The gate table: every library gate with its parameters, controls and matrix.
//!
//! # Phases
//! A global phase is unobservable until a gate is controlled, then it is a relative one; so every matrix here has the
//! exact phase of the current OpenQASM 3 specification and its `stdgates.inc`:
//!
//! - `U(theta, phi, lambda) = e^{i theta/2} V(theta, phi, lambda)`, which is `2 pi` periodic in each angle, with
//!   `V = [[cos(theta/2), -e^{i lambda} sin(theta/2)], [e^{i phi} sin(theta/2), e^{i(phi+lambda)} cos(theta/2)]]`;
//! - `p`, `phase`, `u1` of `lambda`: `diag(1, e^{i lambda})`;
//! - `rx`, `ry`, `rz`, `rxx`, `ryy`, `rzz` of `theta`: `exp(-i theta/2 P)`, determinant 1;
//! - `u2(phi, lambda)`, `u3(theta, phi, lambda)`: `e^{-i(phi+lambda)/2} V`, determinant 1;
//! - `sx` is the principal square root of `x`, so `sx = e^{i pi/4} rx(pi/2)`.
//!
//! The gates that only `qelib1.inc` has follow Qiskit, which ships it: `u = V`, `cu3` is a controlled `V`, and `cu` (in
//! both libraries) a controlled `e^{i gamma} V`. OpenQASM 2 has no modifiers, so there the choice cannot be seen.

use super::circuit::{Control, Gate, Unitary};
use crate::linalg::{Matrix, identity};
use num_complex::Complex64;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4};

/// Where a gate is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// Built into OpenQASM 2.
    OpenQasm2,
    /// Built into OpenQASM 3.
    OpenQasm3,
    /// `qelib1.inc`, as extended by Qiskit.
    Qelib1,
    /// `stdgates.inc` of OpenQASM 3.
    Stdgates,
}

/// One entry of [`GATES`]: a unitary on `targets` qubits under `controls` positive controls.
pub struct GateKind {
    /// The name in OpenQASM.
    pub name: &'static str,
    /// Number of real parameters (angles in radians).
    pub parameters: usize,
    /// Number of controls; they come first in the list of qubits.
    pub controls: usize,
    /// Number of qubits the matrix acts on.
    pub targets: usize,
    /// The libraries that define it.
    pub libraries: &'static [Library],
    /// The `2^targets` square matrix from the parameters; the first target is the least significant bit of its index.
    pub matrix: fn(&[f64]) -> Matrix,
}

const LANGUAGE: &[Library] = &[Library::OpenQasm2, Library::OpenQasm3];
const BOTH: &[Library] = &[Library::Qelib1, Library::Stdgates];
const QELIB1: &[Library] = &[Library::Qelib1];
const STDGATES: &[Library] = &[Library::Stdgates];

/// One line of the table: name, (parameters, controls, targets), libraries, matrix.
const fn gate(
    name: &'static str,
    shape: (usize, usize, usize),
    libraries: &'static [Library],
    matrix: fn(&[f64]) -> Matrix,
) -> GateKind {
    GateKind { name, parameters: shape.0, controls: shape.1, targets: shape.2, libraries, matrix }
}

/// Every gate known by name.
pub const GATES: &[GateKind] = &[
    gate("U", (3, 0, 1), LANGUAGE, |p| scaled(phase(p[0] / 2.0), rotation(p[0], p[1], p[2]))),
    gate("CX", (0, 1, 1), &[Library::OpenQasm2, Library::Stdgates], x),
    gate("id", (0, 0, 1), BOTH, |_| identity(2)),
    gate("u0", (1, 0, 1), QELIB1, |_| identity(2)),
    gate("u1", (1, 0, 1), BOTH, |p| phase_gate(p[0])),
    gate("u2", (2, 0, 1), BOTH, |p| unimodular(FRAC_PI_2, p[0], p[1])),
    gate("u3", (3, 0, 1), BOTH, |p| unimodular(p[0], p[1], p[2])),
    gate("u", (3, 0, 1), QELIB1, |p| rotation(p[0], p[1], p[2])),
    gate("p", (1, 0, 1), BOTH, |p| phase_gate(p[0])),
    gate("phase", (1, 0, 1), STDGATES, |p| phase_gate(p[0])),
    gate("x", (0, 0, 1), BOTH, x),
    gate("y", (0, 0, 1), BOTH, y),
    gate("z", (0, 0, 1), BOTH, z),
    gate("h", (0, 0, 1), BOTH, hadamard),
    gate("s", (0, 0, 1), BOTH, |_| diagonal(&[ONE, I])),
    gate("sdg", (0, 0, 1), BOTH, |_| diagonal(&[ONE, -I])),
    gate("t", (0, 0, 1), BOTH, |_| diagonal(&[ONE, phase(FRAC_PI_4)])),
    gate("tdg", (0, 0, 1), BOTH, |_| diagonal(&[ONE, phase(-FRAC_PI_4)])),
    gate("sx", (0, 0, 1), BOTH, sqrt_x),
    gate("sxdg", (0, 0, 1), QELIB1, |_| sqrt_x(&[]).mapv(|entry| entry.conj())),
    gate("rx", (1, 0, 1), BOTH, rx),
    gate("ry", (1, 0, 1), BOTH, |p| rotation(p[0], 0.0, 0.0)),
    gate("rz", (1, 0, 1), BOTH, rz),
    gate("cx", (0, 1, 1), BOTH, x),
    gate("cy", (0, 1, 1), BOTH, y),
    gate("cz", (0, 1, 1), BOTH, z),
    gate("ch", (0, 1, 1), BOTH, hadamard),
    gate("csx", (0, 1, 1), QELIB1, sqrt_x),
    gate("crx", (1, 1, 1), BOTH, rx),
    gate("cry", (1, 1, 1), BOTH, |p| rotation(p[0], 0.0, 0.0)),
    gate("crz", (1, 1, 1), BOTH, rz),
    gate("cu1", (1, 1, 1), QELIB1, |p| phase_gate(p[0])),
    gate("cp", (1, 1, 1), BOTH, |p| phase_gate(p[0])),
    gate("cphase", (1, 1, 1), STDGATES, |p| phase_gate(p[0])),
    gate("cu3", (3, 1, 1), QELIB1, |p| rotation(p[0], p[1], p[2])),
    gate("cu", (4, 1, 1), BOTH, |p| scaled(phase(p[3]), rotation(p[0], p[1], p[2]))),
    gate("swap", (0, 0, 2), BOTH, swap),
    gate("iswap", (0, 0, 2), QELIB1, |_| sparse(4, &[(0, 0, ONE), (1, 2, I), (2, 1, I), (3, 3, ONE)])),
    gate("rxx", (1, 0, 2), QELIB1, |p| antidiagonal_rotation(p[0], [-I, -I])),
    gate("ryy", (1, 0, 2), QELIB1, |p| antidiagonal_rotation(p[0], [I, -I])),
    gate("rzz", (1, 0, 2), QELIB1, rzz),
    gate("ccx", (0, 2, 1), BOTH, x),
    gate("cswap", (0, 1, 2), BOTH, swap),
    gate("rccx", (0, 0, 3), QELIB1, |_| relative(8, &[(3, 7, -I), (7, 3, I), (5, 5, -ONE)])),
    gate("c3x", (0, 3, 1), QELIB1, x),
    gate("c3sqrtx", (0, 3, 1), QELIB1, sqrt_x),
    gate("c4x", (0, 4, 1), QELIB1, x),
    gate("rc3x", (0, 0, 4), QELIB1, |_| relative(16, &[(3, 3, I), (11, 11, -I), (7, 15, ONE), (15, 7, -ONE)])),
];

impl GateKind {
    /// Number of qubits, controls included.
    pub fn qubits(&self) -> usize {
        self.controls + self.targets
    }

    /// Whether a file that has this library at hand knows the gate.
    pub fn is_in(&self, library: Library) -> bool {
        self.libraries.contains(&library)
    }

    /// The gate on these qubits, controls first. A matrix that is exactly the identity (`id`, `rz(0)`) leaves the body
    /// empty.
    ///
    /// # Panics
    /// When the number of parameters or qubits is not the table's: callers check user input first.
    pub fn apply(&self, parameters: &[f64], qubits: &[usize]) -> Gate {
        assert_eq!((parameters.len(), qubits.len()), (self.parameters, self.qubits()), "gate `{}`", self.name);
        let (controls, targets) = qubits.split_at(self.controls);
        let matrix = (self.matrix)(parameters);
        let controls = controls.iter().map(|&qubit| Control { qubit, value: true }).collect();
        let idle = is_identity(&matrix);
        let body = if idle { vec![] } else { vec![Unitary { controls, targets: targets.to_vec(), matrix }] };
        Gate { name: self.name.into(), qubits: qubits.to_vec(), body }
    }
}

const ZERO: Complex64 = Complex64::new(0.0, 0.0);
const ONE: Complex64 = Complex64::new(1.0, 0.0);
const I: Complex64 = Complex64::new(0.0, 1.0);

fn is_identity(matrix: &Matrix) -> bool {
    matrix.indexed_iter().all(|((row, column), &entry)| entry == if row == column { ONE } else { ZERO })
}

fn phase(angle: f64) -> Complex64 {
    Complex64::cis(angle)
}

fn scaled(factor: Complex64, matrix: Matrix) -> Matrix {
    matrix.mapv(|entry| factor * entry)
}

fn two_by_two(entries: [Complex64; 4]) -> Matrix {
    Matrix::from_shape_vec((2, 2), entries.to_vec()).expect("four entries make a 2x2 matrix")
}

fn diagonal(entries: &[Complex64]) -> Matrix {
    Matrix::from_shape_fn(
        (entries.len(), entries.len()),
        |(row, column)| if row == column { entries[row] } else { ZERO },
    )
}

/// The matrix with the given (row, column, value) entries.
fn sparse(dimension: usize, entries: &[(usize, usize, Complex64)]) -> Matrix {
    let mut matrix = Matrix::zeros((dimension, dimension));
    for &(row, column, value) in entries {
        matrix[(row, column)] = value;
    }
    matrix
}

/// The identity except in the rows of the given (row, column, value) entries.
fn relative(dimension: usize, entries: &[(usize, usize, Complex64)]) -> Matrix {
    let mut matrix = identity(dimension);
    for &(row, column, value) in entries {
        matrix[(row, row)] = ZERO;
        matrix[(row, column)] = value;
    }
    matrix
}

/// `V(theta, phi, lambda)` of the module's documentation.
fn rotation(theta: f64, phi: f64, lambda: f64) -> Matrix {
    let (sine, cosine) = (theta / 2.0).sin_cos();
    two_by_two([cosine.into(), -phase(lambda) * sine, phase(phi) * sine, phase(phi + lambda) * cosine])
}

/// `V` with determinant 1.
fn unimodular(theta: f64, phi: f64, lambda: f64) -> Matrix {
    scaled(phase(-(phi + lambda) / 2.0), rotation(theta, phi, lambda))
}

fn phase_gate(lambda: f64) -> Matrix {
    diagonal(&[ONE, phase(lambda)])
}

fn x(_: &[f64]) -> Matrix {
    two_by_two([ZERO, ONE, ONE, ZERO])
}

fn y(_: &[f64]) -> Matrix {
    two_by_two([ZERO, -I, I, ZERO])
}

fn z(_: &[f64]) -> Matrix {
    diagonal(&[ONE, -ONE])
}

fn hadamard(_: &[f64]) -> Matrix {
    let half = Complex64::from(FRAC_1_SQRT_2);
    two_by_two([half, half, half, -half])
}

fn sqrt_x(_: &[f64]) -> Matrix {
    let (plus, minus) = (Complex64::new(0.5, 0.5), Complex64::new(0.5, -0.5));
    two_by_two([plus, minus, minus, plus])
}

fn rx(parameters: &[f64]) -> Matrix {
    let (sine, cosine) = (parameters[0] / 2.0).sin_cos();
    two_by_two([cosine.into(), -I * sine, -I * sine, cosine.into()])
}

fn rz(parameters: &[f64]) -> Matrix {
    diagonal(&[phase(-parameters[0] / 2.0), phase(parameters[0] / 2.0)])
}

fn rzz(parameters: &[f64]) -> Matrix {
    let (same, different) = (phase(-parameters[0] / 2.0), phase(parameters[0] / 2.0));
    diagonal(&[same, different, different, same])
}

fn swap(_: &[f64]) -> Matrix {
    sparse(4, &[(0, 0, ONE), (1, 2, ONE), (2, 1, ONE), (3, 3, ONE)])
}

/// `cos(theta/2) I + sin(theta/2) A` with `A` antidiagonal: `outer` in its corners, `inner` within.
fn antidiagonal_rotation(theta: f64, [outer, inner]: [Complex64; 2]) -> Matrix {
    let (sine, cosine) = (theta / 2.0).sin_cos();
    Matrix::from_shape_fn((4, 4), |(row, column)| match (row, column) {
        (row, column) if row == column => cosine.into(),
        (0, 3) | (3, 0) => outer * sine,
        (1, 2) | (2, 1) => inner * sine,
        _ => ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{adjoint, hermitian_function, kronecker, multiply, unitarity_defect};

    fn by_name(name: &str, parameters: &[f64]) -> Matrix {
        let kind = GATES.iter().find(|kind| kind.name == name).unwrap();
        (kind.matrix)(parameters)
    }

    fn assert_near(a: &Matrix, b: &Matrix, what: &str) {
        assert!((a - b).iter().all(|entry| entry.norm() < 1e-14), "{what}:\n{a}\n{b}");
    }

    /// `exp(-i theta/2 P)` by the eigenvalues of the Pauli operator.
    fn exponential(pauli: &Matrix, theta: f64) -> Matrix {
        hermitian_function(pauli, |value| Complex64::cis(-theta / 2.0 * value)).unwrap()
    }

    #[test]
    fn names_are_unique_and_matrices_are_unitary() {
        for (index, kind) in GATES.iter().enumerate() {
            assert!(GATES[..index].iter().all(|other| other.name != kind.name), "{}", kind.name);
            let matrix = (kind.matrix)(&[0.3, -1.1, 2.7, 0.9][..kind.parameters]);
            assert_eq!(matrix.dim(), (1 << kind.targets, 1 << kind.targets), "{}", kind.name);
            assert!(unitarity_defect(&matrix) < 1e-14, "{}", kind.name);
        }
    }

    #[test]
    fn rotations_are_exponentials_of_half_the_angle() {
        let theta = 0.73;
        for (name, pauli) in [("rx", x(&[])), ("ry", y(&[])), ("rz", z(&[]))] {
            assert_near(&by_name(name, &[theta]), &exponential(&pauli, theta), name);
        }
        for (name, pauli) in [("rxx", x(&[])), ("ryy", y(&[])), ("rzz", z(&[]))] {
            assert_near(&by_name(name, &[theta]), &exponential(&kronecker(&pauli, &pauli), theta), name);
        }
    }

    #[test]
    fn u_has_the_phase_of_the_specification() {
        let (theta, phi, lambda) = (0.4, 1.3, -0.8);
        let (minus, plus) = (ONE - phase(theta), ONE + phase(theta));
        let expected =
            two_by_two([plus, -I * phase(lambda) * minus, I * phase(phi) * minus, phase(phi + lambda) * plus]);
        assert_near(&by_name("U", &[theta, phi, lambda]), &scaled(0.5.into(), expected), "U");
    }

    #[test]
    fn the_determinant_of_u2_and_u3_is_one() {
        for matrix in [by_name("u2", &[0.4, 1.3]), by_name("u3", &[0.4, 1.3, -0.8])] {
            let determinant = matrix[(0, 0)] * matrix[(1, 1)] - matrix[(0, 1)] * matrix[(1, 0)];
            assert!((determinant - ONE).norm() < 1e-14);
        }
    }

    #[test]
    fn roots_and_inverses_hold_exactly() {
        let squared = |name| multiply(&by_name(name, &[]), &by_name(name, &[]));
        assert_near(&squared("sx"), &x(&[]), "sx^2");
        assert_near(&squared("s"), &z(&[]), "s^2");
        assert_near(&squared("t"), &by_name("s", &[]), "t^2");
        for (name, inverse) in [("s", "sdg"), ("t", "tdg"), ("sx", "sxdg")] {
            assert_near(&adjoint(&by_name(name, &[])), &by_name(inverse, &[]), inverse);
        }
        let from_rotation = scaled(phase(FRAC_PI_4), by_name("rx", &[FRAC_PI_2]));
        assert_near(&by_name("sx", &[]), &from_rotation, "sx = e^{i pi/4} rx(pi/2)");
    }

    #[test]
    fn applying_puts_controls_first_and_leaves_an_identity_empty() {
        let kind = GATES.iter().find(|kind| kind.name == "cswap").unwrap();
        let gate = kind.apply(&[], &[4, 2, 0]);
        assert_eq!(gate.body[0].controls, vec![Control { qubit: 4, value: true }]);
        assert_eq!(gate.body[0].targets, vec![2, 0]);
        let idle = GATES.iter().find(|kind| kind.name == "id").unwrap().apply(&[], &[3]);
        assert!(idle.body.is_empty() && idle.qubits == [3]);
    }
}
