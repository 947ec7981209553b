#!/usr/bin/env python3
"""Makes tests/data/observables_exact.json: what Qiskit's quantum_info says of two noisy circuits.

    .venv/bin/python scripts/reference_observables.py

The circuits are made here, run as density matrices by Qiskit's own gates and Kraus operators, and written in OpenQASM with
Braket's pragmas beside the numbers. Needs numpy and qiskit (scripts/requirements-reference.txt).
"""

import itertools
import json
import pathlib

import numpy
from qiskit import quantum_info
from qiskit.circuit.library import CXGate, HGate, RXGate, RYGate, RZGate

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"
QUBITS = 4
PAULIS = [quantum_info.Pauli(letter).to_matrix() for letter in "IXYZ"]
OBSERVABLES = {
    "Z0": [("Z", [0], 1.0)],
    "X0 X1 Z3": [("XXZ", [0, 1, 3], 1.0)],
    "0.5*X0 X1 - 1.25*Z3 + 0.7*Y2 Z1 + 2": [("XX", [0, 1], 0.5), ("Z", [3], -1.25), ("YZ", [2, 1], 0.7), ("", [], 2.0)],
    "Z0 Z1 + Z1 Z2 + Z2 Z3 - 0.8*X0 - 0.8*X1 - 0.8*X2 - 0.8*X3": [("ZZ", [q, q + 1], 1.0) for q in range(3)]
    + [("X", [q], -0.8) for q in range(4)],
}
GROUPS = [[0], [2, 0], [3, 1, 2], [0, 1, 2, 3]]
PAIRS = [([0], [1]), ([2], [0, 3]), ([1, 0], [3, 2])]


def depolarizing(count, p):
    """All Pauli strings but the identity with p / (4^count - 1) each."""
    share = p / (4**count - 1)
    products = [letters[0] if count == 1 else numpy.kron(*letters) for letters in itertools.product(PAULIS, repeat=count)]
    return [numpy.sqrt(1 - p if index == 0 else share) * matrix for index, matrix in enumerate(products)]


def damping(gamma):
    return [numpy.diag([1, numpy.sqrt(1 - gamma)]), numpy.array([[0, numpy.sqrt(gamma)], [0, 0]])]


def circuit(angles, p):
    """Operations as (OpenQASM line, operator, qubits)."""
    operations = []
    for layer, (x, y, z) in enumerate(angles):
        for qubit in range(QUBITS):
            angle = x + 0.3 * qubit
            operations.append((f"ry({angle!r}) q[{qubit}];", RYGate(angle), [qubit]))
            operations.append((f"rz({z + y * qubit!r}) q[{qubit}];", RZGate(z + y * qubit), [qubit]))
            operations.append((f"rx({y!r}) q[{qubit}];", RXGate(y), [qubit]))
        operations.append((f"h q[{layer % QUBITS}];", HGate(), [layer % QUBITS]))
        for first, second in [(0, 1), (2, 3), (1, 2)]:
            operations.append((f"cx q[{first}], q[{second}];", CXGate(), [first, second]))
            noise = quantum_info.Kraus(depolarizing(2, p))
            line = f"#pragma braket noise two_qubit_depolarizing({p}) q[{first}], q[{second}]"
            operations.append((line, noise, [first, second]))
        line = f"#pragma braket noise amplitude_damping({2 * p}) q[{layer % QUBITS}]"
        operations.append((line, quantum_info.Kraus(damping(2 * p)), [layer % QUBITS]))
    return operations


def text(operations):
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', f"qubit[{QUBITS}] q;"]
    return "\n".join(lines + [line for line, _, _ in operations]) + "\n"


def gates(operations):
    return [operation for operation in operations if not operation[0].startswith("#")]


def run(operations, kind=quantum_info.DensityMatrix):
    state = kind.from_int(0, 2**QUBITS)
    for _, operator, qubits in operations:
        state = state.evolve(operator, qubits)
    return state


def numbers(matrix):
    return [[[entry.real, entry.imag] for entry in row] for row in numpy.asarray(matrix)]


def reduced(state, qubits):
    """The matrix whose index bit 0 is the first listed qubit: Qiskit keeps the qubits in ascending order."""
    others = [qubit for qubit in range(QUBITS) if qubit not in qubits]
    kept = quantum_info.partial_trace(state, others) if others else state
    order = sorted(qubits)
    place = [order.index(qubit) for qubit in qubits]
    index = [sum((value >> bit & 1) << to for bit, to in enumerate(place)) for value in range(2 ** len(qubits))]
    return quantum_info.DensityMatrix(kept.data[numpy.ix_(index, index)])


def variance(state, terms):
    operator = quantum_info.SparsePauliOp.from_sparse_list(terms, num_qubits=QUBITS)
    mean = state.expectation_value(operator).real
    return state.expectation_value((operator @ operator).simplify()).real - mean**2


def entropies(state):
    return [quantum_info.entropy(state, base=numpy.e), -numpy.log(state.purity().real)]


def trace_distance(one, other):
    return float(numpy.abs(numpy.linalg.eigvalsh(one.data - other.data)).sum() / 2)


def main():
    first = circuit([(0.4, 0.7, 0.2), (1.1, -0.3, 0.9), (0.2, 0.5, -1.3)], 0.02)
    second = circuit([(0.5, 0.6, 0.25), (1.0, -0.35, 0.9), (0.3, 0.5, -1.2)], 0.03)
    state, other = run(first), run(second)
    # As a vector: the root of a density matrix of rank 1 rounds by 1e-8.
    pure = run(gates(first), quantum_info.Statevector)

    def pair(a, b):
        # In the matrix of both, a are the lowest qubits.
        return quantum_info.negativity(reduced(state, a + b), list(range(len(a))))
    record = {
        "circuit": text(first),
        "other": text(second),
        "pure": text(gates(first)),
        "variances": {name: variance(state, terms) for name, terms in OBSERVABLES.items()},
        "reduced": [{"qubits": group, "matrix": numbers(reduced(state, group).data)} for group in GROUPS],
        "entropies": [{"qubits": group, "values": entropies(reduced(state, group))} for group in GROUPS],
        "negativities": [{"a": a, "b": b, "value": float(pair(a, b))} for a, b in PAIRS],
        "eigenvalues": sorted(numpy.linalg.eigvalsh(state.data).tolist(), reverse=True),
        "fidelities": {
            "0110": state.data[0b0110, 0b0110].real,
            "pure": quantum_info.state_fidelity(state, pure),
            "other": quantum_info.state_fidelity(state, other),
        },
        "trace_distances": {
            "0110": trace_distance(state, quantum_info.DensityMatrix.from_label("0110")),
            "pure": trace_distance(state, quantum_info.DensityMatrix(pure)),
            "other": trace_distance(state, other),
        },
    }
    (DATA / "observables_exact.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
