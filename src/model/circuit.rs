//! A circuit: registers and a flat list of statements, loops unrolled and definitions expanded.

use super::channel::Channel;
use crate::linalg::{Matrix, adjoint};

/// A named run of qubits or of classical bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// The name in the source.
    pub name: String,
    /// Index of its first qubit or bit.
    pub start: usize,
    /// Number of qubits or bits.
    pub size: usize,
}

/// A control: the unitary acts only where `qubit` has this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// The controlling qubit.
    pub qubit: usize,
    /// `true` acts on |1>, `false` (a negative control) on |0>.
    pub value: bool,
}

/// A unitary matrix on target qubits under any number of controls.
#[derive(Debug, Clone, PartialEq)]
pub struct Unitary {
    /// Qubits that must have a given value.
    pub controls: Vec<Control>,
    /// Qubits the matrix acts on; the first is the least significant bit of the matrix index. May be empty: then the
    /// matrix is 1x1 and the unitary is a (controlled) phase.
    pub targets: Vec<usize>,
    /// `2^targets x 2^targets`.
    pub matrix: Matrix,
}

impl Unitary {
    /// The inverse.
    pub fn inverse(&self) -> Unitary {
        Unitary { matrix: adjoint(&self.matrix), ..self.clone() }
    }
}

/// One gate as the user wrote it: the unit the noise rules count.
///
/// User-defined gates are expanded, so each gate of their body is a `Gate` of its own; a *modified* gate
/// (`ctrl @`, `inv @`, `pow @`) is one `Gate` on all its qubits whose body may hold several unitaries.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Name in the library, for instance `cx`; of a modified gate, the text with its modifiers.
    pub name: String,
    /// All its qubits, controls included, in source order.
    pub qubits: Vec<usize>,
    /// What it does, in order of time. Empty for `id`.
    pub body: Vec<Unitary>,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A unitary gate.
    Gate(Gate),
    /// A noise channel; the first qubit is the least significant bit of the Kraus matrices' index.
    Channel {
        /// The channel.
        channel: Channel,
        /// Its qubits.
        qubits: Vec<usize>,
    },
    /// A measurement in the computational basis.
    Measure {
        /// The measured qubit.
        qubit: usize,
        /// The classical bit that takes the outcome, if any.
        bit: Option<usize>,
    },
    /// Back to |0>.
    Reset {
        /// The qubit.
        qubit: usize,
    },
    /// Separates layers; no effect on the state.
    Barrier {
        /// The qubits it spans.
        qubits: Vec<usize>,
        /// If the observables are to be taken here as well: what this place is called.
        snapshot: Option<String>,
    },
    /// Statements that run only if the classical bits have a value when they begin.
    If {
        /// The tested bits, least significant first.
        bits: Vec<usize>,
        /// The value they must have.
        value: u64,
        /// What runs then.
        body: Vec<Statement>,
        /// What runs if they have any other.
        otherwise: Vec<Statement>,
    },
}

/// An operation and the line of the source it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it does.
    pub operation: Operation,
    /// Line of the circuit file, from 1; 0 when it comes from no file.
    pub line: usize,
}

/// A circuit in the order of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circuit {
    /// Quantum registers in declaration order; they partition the qubits.
    pub quantum_registers: Vec<Register>,
    /// Classical registers in declaration order; they partition the bits.
    pub classical_registers: Vec<Register>,
    /// What happens.
    pub statements: Vec<Statement>,
}

impl Circuit {
    /// Number of qubits.
    pub fn qubits(&self) -> usize {
        self.quantum_registers.iter().map(|register| register.size).sum()
    }

    /// Number of classical bits.
    pub fn bits(&self) -> usize {
        self.classical_registers.iter().map(|register| register.size).sum()
    }
}
