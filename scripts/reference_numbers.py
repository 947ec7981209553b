#!/usr/bin/env python3
"""Makes the committed reference numbers with a public simulator, Qiskit Aer.

Run it through scripts/reference-numbers.sh, which makes the Python environment. It reads the circuits under tests/data
and writes tests/data/qasmbench_exact.json and tests/data/lret_exact.json: exact expectation values, probabilities and
purities of noisy circuits from Aer's density-matrix method in double precision.

Aer's own noise model and transpiler are not used. Every gate is given to Aer as its unitary matrix (Qiskit's own
definition of it), and every noise channel as an instruction of the circuit at the place the project's convention says:
after each gate as written, user-defined gates expanded, gates of qelib1.inc primitive. The channels are made by Aer's
depolarizing_error from Aer's parameter lambda = 4 p / 3 (one qubit) and 16 p / 15 (two), so that the project's
convention for p is checked and not assumed.
"""

import json
import platform
import re
from pathlib import Path

import numpy
import qiskit
import qiskit_aer
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import DensityMatrix, Kraus, Operator, Pauli, SuperOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import depolarizing_error

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
LARGEST = 12
NOISY = {"one_qubit": 1e-3, "two_qubit": 1e-2}
LIBRARY = {gate.name for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS} | {"U", "CX"}
# Qiskit's own names of c3x and c4x, rc3x and c3sqrtx differ from those in the file.
LIBRARY |= {"mcx", "rcccx", "c3sx"}

DEPHASING = SuperOp(Kraus([numpy.diag([1.0, 0.0]), numpy.diag([0.0, 1.0])])).to_instruction()


class Refused(Exception):
    """The circuit is outside what these numbers cover."""


def depolarizing(probability, qubits):
    """X, Y, Z with p/3 each, or the 15 pairs with p/15, by way of Aer's lambda."""
    factor = {1: 4 / 3, 2: 16 / 15}[qubits]
    return SuperOp(depolarizing_error(factor * probability, qubits)).to_instruction()


def expanded(circuit, qubits=None):
    """(operation, qubit numbers) in order, with the bodies of user-defined gates in place of their calls."""
    for instruction in circuit.data:
        numbers = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if qubits is not None:
            numbers = [qubits[number] for number in numbers]
        operation = instruction.operation
        if operation.name == "if_else" or getattr(operation, "condition", None) is not None:
            raise Refused("a statement depends on classical bits (`if`)")
        if operation.name in LIBRARY | {"measure", "reset", "barrier"}:
            yield operation, numbers
        else:
            yield from expanded(operation.definition, numbers)


def final_measurements(steps):
    """Indices of the measurements after which the qubit has no operation but barrier."""
    used, finals = set(), set()
    for index in range(len(steps) - 1, -1, -1):
        operation, qubits = steps[index]
        if operation.name == "barrier":
            continue
        if operation.name == "measure" and qubits[0] not in used:
            finals.add(index)
        used.update(qubits)
    return finals


def append_gate(circuit, operation, qubits, noise):
    """The gate as a matrix, then its noise; returns the number of channels."""
    circuit.append(UnitaryGate(Operator(operation)), qubits)
    width = len(qubits)
    probability = noise["two_qubit" if width == 2 else "one_qubit"] if noise else 0.0
    if probability == 0.0:
        return 0
    places = [qubits] if width <= 2 else [[qubit] for qubit in qubits]
    for place in places:
        circuit.append(depolarizing(probability, len(place)), place)
    return len(places)


def noisy_circuit(source, noise):
    """The circuit for Aer, and how many gates and channels it has."""
    steps = list(expanded(source))
    finals = final_measurements(steps)
    circuit = QuantumCircuit(source.num_qubits)
    gates = channels = 0
    for index, (operation, qubits) in enumerate(steps):
        if operation.name == "barrier" or index in finals:
            continue
        if operation.name == "measure":
            circuit.append(DEPHASING, qubits)
        elif operation.name == "reset":
            circuit.reset(qubits)
        else:
            gates += 1
            channels += append_gate(circuit, operation, qubits, noise)
    return circuit, {"gates": gates, "noise_channels": channels}


def lret_circuit(text):
    """A circuit of the small OpenQASM 3 dialect of the random circuits: gates on one line each, and noise pragmas."""
    width = int(re.search(r"qubit\[(\d+)\] q;", text).group(1))
    circuit, gates, channels = QuantumCircuit(width), 0, 0
    for line in text.splitlines():
        qubits = [int(number) for number in re.findall(r"q\[(\d+)\]", line)]
        if line.startswith("#pragma braket noise depolarizing("):
            probability = float(re.search(r"\(([^)]*)\)", line).group(1))
            circuit.append(depolarizing(probability, 1), qubits)
            channels += 1
        elif match := re.fullmatch(r"(\w+)(?:\(([^)]*)\))? (q\[\d+\](?:, q\[\d+\])*);", line):
            angles = [float(match.group(2))] if match.group(2) else []
            one_gate = QuantumCircuit(len(qubits))
            getattr(one_gate, match.group(1))(*angles, *range(len(qubits)))
            circuit.append(UnitaryGate(Operator(one_gate)), qubits)
            gates += 1
        elif not re.match(r"OPENQASM|include|//|qubit\[", line) and line.strip():
            raise ValueError(f"not understood: {line}")
    return circuit, {"gates": gates, "noise_channels": channels}


def exact_state(circuit):
    """The density matrix at the end, by Aer."""
    circuit = circuit.copy()
    circuit.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", precision="double", fusion_enable=False)
    result = simulator.run(circuit, shots=1).result()
    if not result.success:
        raise RuntimeError(result.status)
    return DensityMatrix(result.data()["density_matrix"])


def observables(width):
    """The Pauli strings, each a list of (letter, qubit)."""
    yield from ([("Z", qubit)] for qubit in range(width))
    yield from ([("X", qubit)] for qubit in range(width))
    yield from ([("Z", qubit), ("Z", qubit + 1)] for qubit in range(width - 1))
    yield [("Y", 0), ("Y", 1)]
    if width > 2:
        yield [("Y", 0), ("Y", width - 1)]
        yield [("X", 0), ("Y", 1), ("Z", 2)]
        yield [("Z", qubit) for qubit in range(width)]


def expectation(state, string):
    """tr(P rho)."""
    letters = ["I"] * state.num_qubits
    for letter, qubit in string:
        letters[qubit] = letter
    return float(state.expectation_value(Pauli("".join(reversed(letters)))).real)


def record(path, noise, circuit, counts):
    """One entry of the file."""
    state = exact_state(circuit)
    first = list(range(min(state.num_qubits, 4)))
    strings = observables(state.num_qubits)
    return {
        "file": path.relative_to(DATA).as_posix(),
        "noise": noise,
        "qubits": state.num_qubits,
        **counts,
        "expectations": {" ".join(f"{letter}{qubit}" for letter, qubit in s): expectation(state, s) for s in strings},
        "probability_qubits": first,
        "probabilities": [float(value) for value in state.probabilities(first)],
        "purity": float(state.purity().real),
    }


def header(about):
    """What the file is and how to make it again."""
    return {
        "about": about,
        "method": "Qiskit Aer, density_matrix, double precision; final measurements are not applied",
        "order": "qubit 0 is the least significant bit; the first of probability_qubits is bit 0 of the outcome",
        "regenerate": "bash scripts/reference-numbers.sh",
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "qiskit": qiskit.__version__,
            "qiskit-aer": qiskit_aer.__version__,
        },
    }


def write(name, about, circuits, refused):
    """One circuit a line; Python prints the shortest digits (at most 17) that give the same double back."""
    lines = [json.dumps(entry) for entry in circuits]
    text = '{"header": ' + json.dumps(header(about), indent=1)
    text += ',\n"refused": ' + json.dumps(refused)
    text += ',\n"circuits": [\n' + ",\n".join(lines) + "\n]}\n"
    (DATA / name).write_text(text)
    print(f"{name}: {len(circuits)} entries, {len(refused)} refused")


def qasmbench():
    """QASMBench circuits up to LARGEST qubits and the project's own small ones, without noise and with it."""
    circuits, refused = [], []
    for path in sorted((DATA / "qasmbench").glob("*.qasm")) + sorted((DATA / "features").glob("*.qasm")):
        source = qasm2.load(
            path,
            include_path=qasm2.LEGACY_INCLUDE_PATH,
            custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS,
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )
        if source.num_qubits > LARGEST:
            continue
        try:
            for noise in (None, NOISY):
                circuits.append(record(path, noise, *noisy_circuit(source, noise)))
        except Refused as reason:
            refused.append({"file": path.relative_to(DATA).as_posix(), "reason": str(reason)})
    write("qasmbench_exact.json", "QASMBench circuits, depolarizing noise after every gate", circuits, refused)


def lret():
    """Random circuits of 6 and 8 qubits with their noise pragmas."""
    paths = [path for size in (6, 8) for path in sorted((DATA / "lret").glob(f"random_n{size}_*.qasm"))]
    circuits = [record(path, None, *lret_circuit(path.read_text())) for path in paths]
    write("lret_exact.json", "random circuits with noise pragmas in the file", circuits, [])


if __name__ == "__main__":
    qasmbench()
    lret()
