"""One simulator in a process of its own: reads cases as lines of JSON, answers each with a line of JSON.

Used by pure_state.py. Every program gets the same gates in the same order and layout (qubit 0 is the fastest index) and
is timed by the clock that flatters it most: what is built in Python is not counted, what it does to make the circuit
faster (fusion, optimiser) is.
"""

import json
import math
import os
import sys
import time


def aer(case):
    """Qiskit Aer's own `time_taken` of the experiment: fusion, the gates and one pass for <Z0>.

    Aer leaves out gates and qubits that nothing saved depends on, here most of a random circuit. The others evolve the
    whole state, so it is told to do the same: by its option, and by an observable on all qubits.
    """
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Pauli
    from qiskit_aer import AerSimulator
    from qiskit_aer.library import SaveExpectationValue

    circuit = QuantumCircuit(case["qubits"])
    for name, angles, qubits in case["gates"]:
        if name == "u3":
            circuit.u(*angles, *qubits)
        else:
            getattr(circuit, name)(*angles, *qubits)
    observable = Pauli("I" * (case["qubits"] - 1) + "Z")
    circuit.append(SaveExpectationValue(observable, label="z0"), range(case["qubits"]))
    width = case["variant"]["fusion"]
    options = {"fusion_enable": False} if width is None else {"fusion_max_qubit": width}
    simulator = AerSimulator(
        method="statevector",
        precision="double",
        max_parallel_threads=case["threads"],
        fusion_threshold=2,
        enable_truncation=False,
        **options,
    )
    result = simulator.run(circuit, shots=1).result()
    if not result.success:
        raise RuntimeError(f"{result.status}: {result.results[0].status}")
    return {"seconds": result.results[0].time_taken, "z0": float(result.data()["z0"])}


def qulacs(case):
    """The optimiser, if any, and `update_quantum_state`; neither the first touch of the memory nor <Z0>."""
    import qulacs as library
    from qulacs import gate as gates
    from qulacs.circuit import QuantumCircuitOptimizer

    circuit = library.QuantumCircuit(case["qubits"])
    for name, angles, qubits in case["gates"]:
        if name == "cp":
            operation = gates.to_matrix_gate(gates.U1(qubits[1], angles[0]))
            operation.add_control_qubit(qubits[0], 1)
        elif name == "u3":
            operation = gates.U3(qubits[0], *angles)
        elif name == "rzz":
            operation = gates.PauliRotation(qubits, [3, 3], -angles[0])
        else:
            make = {"h": gates.H, "cx": gates.CNOT, "swap": gates.SWAP, "rx": gates.RotX, "ry": gates.RotY}[name]
            operation = make(*qubits, *angles)
        circuit.add_gate(operation)
    state = library.QuantumState(case["qubits"])
    begin = time.perf_counter()
    block = case["variant"]["block"]
    if block == "light":
        QuantumCircuitOptimizer().optimize_light(circuit)
    elif block is not None:
        QuantumCircuitOptimizer().optimize(circuit, block)
    circuit.update_quantum_state(state)
    seconds = time.perf_counter() - begin
    observable = library.Observable(case["qubits"])
    observable.add_operator(1.0, "Z 0")
    return {"seconds": seconds, "z0": observable.get_expectation_value(state), "gates": circuit.get_gate_count()}


def lightning(case):
    """PennyLane Lightning executing a tape that its own preprocessing has passed: the gates and <Z0>."""
    import numpy
    import pennylane

    last = case["qubits"] - 1  # its wire 0 is the slowest index
    make = {
        "h": pennylane.Hadamard,
        "cx": pennylane.CNOT,
        "swap": pennylane.SWAP,
        "cp": pennylane.ControlledPhaseShift,
        "rzz": pennylane.IsingZZ,
        "rx": pennylane.RX,
        "ry": pennylane.RY,
        "u3": pennylane.U3,
    }
    operations = []
    for name, angles, qubits in case["gates"]:
        wires = [last - qubit for qubit in qubits]
        if name == "u3" and case["variant"]["u3"] == "matrix":
            matrix = pennylane.U3.compute_matrix(*angles)
            operations.append(pennylane.QubitUnitary(numpy.asarray(matrix), wires=wires))
        else:
            operations.append(make[name](*angles, wires=wires))
    tape = pennylane.tape.QuantumScript(operations, [pennylane.expval(pennylane.PauliZ(last))])
    device = pennylane.device(case["variant"]["device"], wires=case["qubits"])
    program, configuration = device.preprocess()
    tapes, finish = program([tape])
    begin = time.perf_counter()
    results = device.execute(tapes, configuration)
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "z0": float(numpy.asarray(finish(results)[0]))}


def qsim(case):
    """qsim by way of Cirq: its compiled part with fusion, the gates and <Z0>. Single precision is all it has."""
    import cirq
    import qsimcirq
    from cirq.circuits.qasm_output import QasmUGate

    def half_turns(angle):
        return angle / math.pi

    make = {
        "h": lambda: cirq.H,
        "cx": lambda: cirq.CNOT,
        "swap": lambda: cirq.SWAP,
        "cp": lambda angle: cirq.CZPowGate(exponent=half_turns(angle)),
        "rzz": lambda angle: cirq.ZZPowGate(exponent=half_turns(angle)),
        "rx": cirq.rx,
        "ry": cirq.ry,
        "u3": lambda *angles: cirq.MatrixGate(cirq.unitary(QasmUGate(*map(half_turns, angles)))),
    }
    line = cirq.LineQubit.range(case["qubits"])
    circuit = cirq.Circuit(make[name](*angles)(*(line[qubit] for qubit in qubits)) for name, angles, qubits in case["gates"])
    options = qsimcirq.QSimOptions(max_fused_gate_size=case["variant"]["fusion"], cpu_threads=case["threads"])
    simulator = qsimcirq.QSimSimulator(options)
    compiled = simulator._sim_module = Timed(simulator._sim_module)
    values = simulator.simulate_expectation_values(circuit, [cirq.Z(line[0])], qubit_order=line[::-1])
    return {"seconds": compiled.seconds, "z0": float(values[0].real)}


class Timed:
    """A module whose simulating functions are timed."""

    def __init__(self, module):
        self.module = module
        self.seconds = 0.0

    def __getattr__(self, name):
        member = getattr(self.module, name)
        if not name.startswith("qsim_simulate"):
            return member

        def timed(*arguments):
            begin = time.perf_counter()
            try:
                return member(*arguments)
            finally:
                self.seconds += time.perf_counter() - begin

        return timed


PROGRAMS = {"aer": aer, "qulacs": qulacs, "lightning": lightning, "qsim": qsim}


def main():
    """Answers until the input ends. What libraries print goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        case = json.loads(line)
        begin = time.process_time()
        try:
            answer = PROGRAMS[case["program"]](case)
            answer["processor_seconds"] = time.process_time() - begin
        except Exception as error:  # a peer that fails is a result, whatever it raises
            answer = {"failed": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
