"""The pure-state circuits: one list of gates for all programs, and the OpenQASM 2 text of it.

A gate is (name, angles, qubits). Every circuit begins with a random rotation of each qubit, so that no amplitude is zero
and <Z0> tells programs apart that disagree.
"""

import math
import random

SEED = 42
FAMILIES = ["qft", "qaoa", "random"]
RANDOM_DEPTH = 20
QAOA_LAYERS = 2


def start(qubits, generator):
    """A random product state."""
    return [("ry", [generator.uniform(0.1, math.pi - 0.1)], [qubit]) for qubit in range(qubits)]


def qft(qubits, generator):
    """Quantum Fourier transform with the final swaps."""
    gates = start(qubits, generator)
    for target in reversed(range(qubits)):
        gates.append(("h", [], [target]))
        for control in reversed(range(target)):
            gates.append(("cp", [math.pi / 2 ** (target - control)], [control, target]))
    for qubit in range(qubits // 2):
        gates.append(("swap", [], [qubit, qubits - 1 - qubit]))
    return gates


def random_brickwork(qubits, generator):
    """Layers of a random one-qubit gate on every qubit, then cx on neighbours, in turn from qubit 0 and 1."""
    gates = start(qubits, generator)
    for layer in range(RANDOM_DEPTH):
        for qubit in range(qubits):
            gates.append(("u3", [generator.uniform(0, 2 * math.pi) for _ in range(3)], [qubit]))
        for qubit in range(layer % 2, qubits - 1, 2):
            gates.append(("cx", [], generator.sample([qubit, qubit + 1], 2)))
    return gates


def random_regular_edges(nodes, degree, generator):
    """Edges of a random regular graph: stubs in random pairs, again until no edge is a loop or twice there."""
    while True:
        stubs = [node for node in range(nodes) for _ in range(degree)]
        generator.shuffle(stubs)
        edges = {tuple(sorted(pair)) for pair in zip(stubs[::2], stubs[1::2])}
        if len(edges) == nodes * degree // 2 and all(first != second for first, second in edges):
            return sorted(edges)


def qaoa(qubits, generator):
    """Layers of rzz on a ring and on a random 3-regular graph, then rx on every qubit."""
    gates = start(qubits, generator)
    edges = [(qubit, (qubit + 1) % qubits) for qubit in range(qubits)] + random_regular_edges(qubits, 3, generator)
    for _ in range(QAOA_LAYERS):
        phase, mixing = generator.uniform(0.2, 1.2), generator.uniform(0.2, 1.2)
        gates += [("rzz", [phase], list(edge)) for edge in edges]
        gates += [("rx", [mixing], [qubit]) for qubit in range(qubits)]
    return gates


def gates_of(family, qubits):
    """The circuit; the same on every machine."""
    make = {"qft": qft, "random": random_brickwork, "qaoa": qaoa}[family]
    return make(qubits, random.Random(f"{SEED} {family} {qubits}"))


def qasm(qubits, gates):
    """OpenQASM 2."""
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{qubits}];"]
    for name, angles, places in gates:
        written = "(" + ",".join(repr(angle) for angle in angles) + ")" if angles else ""
        lines.append(f"{name}{written} " + ",".join(f"q[{place}]" for place in places) + ";")
    return "\n".join(lines) + "\n"
