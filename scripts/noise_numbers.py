#!/usr/bin/env python3
"""Makes the committed reference numbers of noise models with Qiskit Aer: tests/data/noise/{aer,ibm}.json.

Run it through scripts/reference-numbers.sh. Aer applies its own noise models to the circuits (no transpiler), in its
density-matrix method; what is recorded are exact expectation values of Pauli strings. For calibrations of IBM backends the
error of every gate that Aer derives is recorded: its superoperator for a small device, its average gate fidelity for a large one.
"""

import json
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import Kraus, Operator, Pauli, SuperOp, average_gate_fidelity, random_quantum_channel, random_unitary
from qiskit_aer import AerSimulator
from qiskit_aer.library import SaveExpectationValue
from qiskit_aer.noise import (
    NoiseModel,
    PauliLindbladError,
    QuantumError,
    amplitude_damping_error,
    depolarizing_error,
    kraus_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from qiskit_aer.noise.device.models import basic_device_gate_errors, basic_device_readout_errors

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "noise"
DIGITS = 15


def strings(qubits, rng):
    """All Pauli strings of up to 2 qubits, of more qubits some."""
    if qubits <= 2:
        return ["".join(letters) for letters in product("IXYZ", repeat=qubits) if set(letters) != {"I"}]
    local = ["I" * (qubits - 1 - q) + letter + "I" * q for q in range(qubits) for letter in "XYZ"]
    some = ["".join(rng.choice(list("IXYZ"), qubits)) for _ in range(30)]
    return sorted({*local, *some} - {"I" * qubits})


def case(name, model, circuit, rng):
    """What Aer finds for a circuit under a model."""
    simulator = AerSimulator(method="density_matrix", noise_model=model, fusion_enable=False, enable_truncation=False)
    watched = circuit.copy()
    wanted = strings(circuit.num_qubits, rng)
    for string in wanted:
        watched.append(SaveExpectationValue(Pauli(string), label=string), range(circuit.num_qubits))
    result = simulator.run(watched, shots=1, seed_simulator=1).result()
    if not result.success:
        raise RuntimeError(f"{name}: {result.status}")
    data = result.data()
    return {
        "name": name,
        "model": json.loads(json.dumps(model.to_dict(serializable=True))),
        "circuit": qasm2.dumps(circuit),
        "expectations": {string: float(numpy.real(data[string])) for string in wanted},
    }


def of_all(error, gates):
    model = NoiseModel()
    model.add_all_qubit_quantum_error(error, gates)
    return model


def of_some(error, gates, qubits):
    model = NoiseModel()
    model.add_quantum_error(error, gates, qubits)
    return model


def repeated(gate, qubits, times=1):
    circuit = QuantumCircuit(qubits)
    for _ in range(times):
        for qubit in range(qubits):
            getattr(circuit, gate)(qubit)
    return circuit


def published(rng):
    """The situations of Aer's own reference cases of Kraus, Pauli and reset noise."""
    flip, sure = pauli_error([("X", 0.25), ("I", 0.75)]), pauli_error([("X", 1)])
    prepared = QuantumCircuit(1)
    prepared.x(0)
    for _ in range(30):
        prepared.id(0)
    one = QuantumCircuit(2)
    one.id(0)
    one.x(1)
    yield case("kraus: amplitude damping with an excited population", of_all(amplitude_damping_error(0.75, 0.25), "id"), prepared, rng)
    yield case("pauli: always, on all", of_all(sure, "id"), repeated("id", 2), rng)
    yield case("pauli: a quarter, on all", of_all(flip, "id"), repeated("id", 2), rng)
    yield case("pauli: always, on qubit 1", of_some(sure, "id", [1]), repeated("id", 2), rng)
    yield case("pauli: a quarter, on qubit 0", of_some(flip, "id", [0]), repeated("id", 2), rng)
    yield case("pauli: after a reset", of_all(flip, "reset"), repeated("reset", 2), rng)
    yield case("pauli: after a reset of qubit 1", of_some(flip, "reset", [1]), repeated("reset", 2), rng)
    yield case("reset: half, on qubit 0", of_some(reset_error(0.5), "x", [0]), repeated("x", 2), rng)
    yield case("reset: a quarter, on qubit 1", of_some(reset_error(0.25), "x", [1]), repeated("x", 2), rng)
    yield case("reset: always to 0", of_all(reset_error(1), ["id", "x"]), repeated("x", 1), rng)
    yield case("reset: always to 1", of_all(reset_error(0, 1), ["id", "x"]), repeated("id", 1), rng)
    yield case("reset: a quarter to each", of_all(reset_error(0.25, 0.25), ["id", "x"]), one, rng)
    generators = PauliLindbladError(["XI", "IZ", "YX", "ZZ"], [0.1, 0.05, 0.2, 0.03])
    entangled = QuantumCircuit(2)
    entangled.h(0)
    entangled.cx(0, 1)
    yield case("pauli_lindblad: after cx", of_all(generators, "cx"), entangled, rng)


def random_circuit(gates, qubits, pairs, rng, depth=12):
    circuit = QuantumCircuit(qubits)
    for _ in range(depth):
        for qubit in range(qubits):
            name = rng.choice(gates)
            parameters = [float(rng.uniform(0, 6))] if name in ("rz", "rx", "ry") else []
            getattr(circuit, name)(*parameters, qubit)
        circuit.cx(*pairs[rng.integers(len(pairs))])
    return circuit


def generated(rng):
    """Every kind of instruction, in one model each, and one model with errors of its own beside those for all."""
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2)]
    circuit = lambda: random_circuit(["x", "sx", "rz", "h", "id"], 3, pairs, rng)
    two = random_quantum_channel(4, 4, seed=3, rank=3)
    yield case("kraus on two qubits", of_all(kraus_error(Kraus(two).data), "cx"), circuit(), rng)
    yield case("superoperator", of_all(QuantumError(SuperOp(two)), "cx"), circuit(), rng)
    turn = Operator(random_unitary(4, seed=5))
    close = QuantumError([(UnitaryGate(turn), 0.1), (Pauli("XY"), 0.3), (Pauli("II"), 0.6)])
    yield case("unitaries and Pauli strings", of_all(close, "cx"), circuit(), rng)
    relaxed = thermal_relaxation_error(50.0, 70.0, 10.0, 0.1)
    decayed = thermal_relaxation_error(50.0, 30.0, 10.0)
    yield case("thermal relaxation", of_all(relaxed.tensor(decayed).compose(depolarizing_error(0.1, 2)), "cx"), circuit(), rng)
    model = of_all(depolarizing_error(0.05, 1), ["x", "sx", "h"])
    model.add_quantum_error(amplitude_damping_error(0.2), ["x", "h"], [1])
    model.add_quantum_error(pauli_error([("Z", 0.1), ("I", 0.9)]), "h", [2])
    model.add_quantum_error(decayed.tensor(relaxed), "cx", [0, 1])
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 2), "cx")
    yield case("errors of qubits before those of all", model, circuit(), rng)


def lagos(rng):
    """A device's model."""
    content = json.loads((DATA / "lagos_noise_model.json").read_text())
    for step in (step for error in content["errors"] for circuit in error.get("instructions", []) for step in circuit):
        if step["name"] == "kraus":
            pairs = [numpy.array(matrix) for matrix in step["params"]]
            step["params"] = [matrix[..., 0] + 1j * matrix[..., 1] for matrix in pairs]
    model = NoiseModel.from_dict(content)
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (1, 3), (3, 1), (3, 5), (5, 3), (4, 5), (5, 4), (5, 6), (6, 5)]
    found = case("lagos", model, random_circuit(["x", "sx", "rz", "id"], 7, pairs, rng), rng)
    return {**found, "model": "lagos_noise_model.json"}


def namespace(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{key: namespace(one) for key, one in value.items()})
    return [namespace(one) for one in value] if isinstance(value, list) else value


def device(path):
    properties = namespace(json.loads(path.read_text()))
    errors = basic_device_gate_errors(properties)
    readout = [[qubits, error.probabilities.tolist()] for qubits, error in basic_device_readout_errors(properties)]
    return errors, readout


def rounded(values):
    return [float(f"{value:.{DIGITS}e}") for value in values]


def main():
    rng = numpy.random.default_rng(7)
    cases = [*published(rng), *generated(rng), lagos(rng)]
    text = ",\n".join(json.dumps(one) for one in cases)
    (DATA / "aer.json").write_text(f'{{"cases": [\n{text}\n]}}\n')
    devices = {}
    for name in ("lagos", "brisbane"):
        errors, readout = device(ROOT.parent / "shared" / "fixtures" / "ibm" / f"props_{name}.json" if name == "brisbane" else ROOT / "configs" / "props_lagos.json")
        gates = []
        for gate, qubits, error in errors:
            entry = {"gate": gate, "qubits": qubits, "fidelity": float(average_gate_fidelity(SuperOp(error)))}
            if name == "lagos":
                flat = numpy.asarray(SuperOp(error).data).flatten()
                entry["superoperator"] = [rounded(flat.real), rounded(flat.imag)]
            gates.append(json.dumps(entry))
        devices[name] = '{"readout": ' + json.dumps(readout) + ', "gates": [\n' + ",\n".join(gates) + "\n]}"
    text = ",\n".join(f'"{name}": {content}' for name, content in devices.items())
    (DATA / "ibm.json").write_text(f"{{{text}}}\n")
    print(f"aer.json: {len(cases)} cases; ibm.json: {len(devices)} devices")


if __name__ == "__main__":
    sys.exit(main())
