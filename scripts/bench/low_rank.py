"""Noisy circuits at a certified error: seconds, columns, memory; next to published seconds and to an exact simulator.

Writes low_rank.json. The circuits are those of tests/data/lret; their noise is in the file. The exact simulator is Aer's
density_matrix method, whose <Z0> must lie in the intervals; the sampling one Aer's statevector method with noise.
"""

import math
import re
import subprocess
import tempfile
from pathlib import Path

import common

# Qubits, budget, the seconds that the authors of LRET print (all cores of their machine); None: not within 7200.
ROWS = [
    (10, 0.0073, 8.7),
    (12, 0.0114, 31.5),
    (14, 0.0154, 110),
    (16, 0.0217, 693),
    (18, 0.03, 3363),
    (20, 0.05, None),
]
# (qubits, budget) of the comparison with exact density matrices, and how far these may be apart.
EXACT = [(10, 0.0073), (11, 0.0094), (12, 0.0114), (13, 0.0134)]
AGREEMENT = 1e-8
LARGEST_REPEATED = 12
AER_VARIANTS = [{"fusion": False}, {"fusion": True}]


def circuit_file(qubits):
    """The circuit of this size."""
    return common.CIRCUITS / f"random_n{qubits}_d13_s42.qasm"


def exact_circuit(folder, qubits):
    """The circuit of this size, or what the next larger one does to the first so many of its qubits."""
    path = circuit_file(qubits)
    if path.exists():
        return path
    text = circuit_file(qubits + 1).read_text().replace(f"qubit[{qubits + 1}] q;", f"qubit[{qubits}] q;")
    lines = [line for line in text.splitlines() if f"q[{qubits}]" not in line and not line.startswith("//")]
    path = folder / path.name
    path.write_text("\n".join(lines) + "\n")
    return path


def row(folder, qubits, budget, published, repeats, clock):
    """One row of the table."""
    runs = []
    for _ in range(repeats):
        if runs and clock.left() < 2 * runs[-1]["seconds"]:
            break
        runs.append(common.run_rhoshard(folder, circuit_file(qubits), {"budget": budget}, timeout=max(60, clock.left())))
    last = runs[-1]
    compressed = 16 * 2**qubits * last["rank"]
    seconds = common.spread([run["seconds"] for run in runs])
    return {
        "qubits": qubits,
        "budget": budget,
        "seconds": seconds,
        "last_pass_seconds": common.spread([run["last_pass_seconds"] for run in runs]),
        "passes": last["passes"],
        "threads": last["threads"],
        "error": last["error"],
        "rank": last["rank"],
        "peak_width": last["peak_width"],
        "cut": last["cut"],
        "z0_lower": last["z0_lower"],
        "z0_upper": last["z0_upper"],
        "peak_memory_bytes": max(run["peak_memory"] for run in runs),
        "compressed_bytes": compressed,
        "memory_over_compressed": max(run["peak_memory"] for run in runs) / compressed,
        "published_lret_seconds": published,
        "lret_over_ours": published / seconds["median"] if published else None,
        "budget_met": last["budget_met"],
    }


# --- The exact simulator -----------------------------------------------------------------------------------------------


def aer_circuit(text, sampled=False):
    """The circuit with Aer's own gates; every noise pragma becomes a channel, as in scripts/reference_numbers.py. With
    `sampled` the channel is one that Aer draws Pauli matrices from."""
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Pauli, SuperOp
    from qiskit_aer.library import SaveExpectationValue
    from qiskit_aer.noise import depolarizing_error

    circuit = QuantumCircuit(int(re.search(r"qubit\[(\d+)\] q;", text).group(1)))
    channels = {}
    for line in text.splitlines():
        qubits = [int(number) for number in re.findall(r"q\[(\d+)\]", line)]
        if line.startswith("#pragma braket noise depolarizing("):
            probability = float(re.search(r"\(([^)]*)\)", line).group(1))
            if probability not in channels:
                error = depolarizing_error(4 / 3 * probability, 1)
                channels[probability] = (error if sampled else SuperOp(error)).to_instruction()
            circuit.append(channels[probability], qubits)
        elif match := re.fullmatch(r"(\w+)(?:\(([^)]*)\))? (q\[\d+\](?:, q\[\d+\])*);", line):
            getattr(circuit, match.group(1))(*([float(match.group(2))] if match.group(2) else []), *qubits)
        elif not re.match(r"OPENQASM|include|//|qubit\[", line) and line.strip():
            raise ValueError(f"not understood: {line}")
    # On all qubits: Aer leaves out what the saved ones do not depend on, and ours computes the whole state.
    circuit.append(SaveExpectationValue(Pauli("I" * (circuit.num_qubits - 1) + "Z"), label="z0"), range(circuit.num_qubits))
    return circuit


def aer_run(circuit, fusion, method="density_matrix", shots=1):
    """Aer's own time of the experiment, and <Z0>."""
    from qiskit_aer import AerSimulator

    simulator = AerSimulator(
        method=method,
        precision="double",
        max_parallel_threads=common.cores(),
        fusion_enable=fusion,
        enable_truncation=False,
    )
    result = simulator.run(circuit, shots=shots).result()
    if not result.success:
        raise RuntimeError(f"{result.status}: {result.results[0].status}")
    return {"seconds": result.results[0].time_taken, "z0": float(result.data()["z0"])}


def exact(folder, qubits, budget, repeats, failures):
    """Ours (low-rank at a budget, and the exact density matrix) and Aer in turns on the same circuit."""
    file = exact_circuit(Path(folder), qubits)
    circuit = aer_circuit(file.read_text())
    variants = [{**variant, **aer_run(circuit, **variant)} for variant in AER_VARIANTS]
    best = min(variants, key=lambda variant: variant["seconds"])
    theirs, ours, density, values = [best["seconds"]], [], [], []
    for turn in range(repeats):
        run = common.run_rhoshard(folder, file, {"budget": budget})
        ours.append(run["seconds"])
        values.append((run["z0_lower"], run["z0_upper"]))
        run = common.run_rhoshard(folder, file, {"kind": "density"})
        density.append(run["seconds"] + run["observables_seconds"])
        values.append((run["z0_lower"] - AGREEMENT, run["z0_upper"] + AGREEMENT))
        if turn > 0:
            theirs.append(aer_run(circuit, best["fusion"])["seconds"])
    for lower, upper in values:
        for variant in variants:
            if not lower <= variant["z0"] <= upper:
                failures.append(f"{qubits} qubits: the interval [{lower}, {upper}] does not hold Aer's <Z0> {variant['z0']}")
    ours, theirs, density = common.spread(ours), common.spread(theirs), common.spread(density)
    return {
        "qubits": qubits,
        "budget": budget,
        "rhoshard_seconds": ours,
        "aer_density_matrix_seconds": theirs,
        "aer_variants": variants,
        "aer_over_ours": theirs["median"] / ours["median"],
        "density_seconds": density,
        "aer_over_density": theirs["median"] / density["median"],
        "interval": values[-1],
        "aer_z0": best["z0"],
    }


def trajectories(folder, qubits, count, turns, failures):
    """Seconds of one trajectory, ours and Aer's in turns, and whether the two estimates agree."""
    circuit = aer_circuit(circuit_file(qubits).read_text(), sampled=True)
    ours, theirs = [], {variant["fusion"]: [] for variant in AER_VARIANTS}
    for _ in range(turns):
        run = common.run_rhoshard(folder, circuit_file(qubits), {"kind": "trajectories", "trajectories": count})
        ours.append(run["seconds"] / run["trajectories"])
        for variant in AER_VARIANTS:
            answer = aer_run(circuit, variant["fusion"], "statevector", count // 4)
            theirs[variant["fusion"]].append(answer["seconds"] / (count // 4))
            # Aer's quarter of the trajectories has twice the standard error.
            if abs(answer["z0"] - run["z0"]) > 5 * math.hypot(1, 2) * run["z0_stderr"]:
                failures.append(f"{qubits} qubits: trajectories estimate <Z0> as {run['z0']}, Aer's as {answer['z0']}")
    ours, best = common.spread(ours), min((common.spread(times) for times in theirs.values()), key=lambda one: one["median"])
    ratio = best["median"] / ours["median"]
    return {"qubits": qubits, "count": count, "rhoshard_seconds": ours, "aer_seconds": best, "aer_over_ours": ratio}


def main():
    options = common.arguments(__doc__.splitlines()[0])
    described = common.machine()
    clock = common.Clock(options.minutes or (1 if options.quick else 7))
    rows = [(10, 0.0073, 8.7), (12, 0.0114, 31.5)] if options.quick else ROWS
    table, comparisons, sampled, failures = [], [], None, []
    with tempfile.TemporaryDirectory() as folder:
        for qubits, budget in [(8, 0.005)] if options.quick else EXACT:
            try:
                found = exact(folder, qubits, budget, 1 if options.quick or qubits > LARGEST_REPEATED else 3, failures)
                comparisons.append(found)
                common.say(
                    f"  exact, n={qubits}: Aer {found['aer_density_matrix_seconds']['median']:.3g} s, our density matrix "
                    f"{found['density_seconds']['median']:.3g} s, {found['aer_over_density']:.1f} times faster; low-rank "
                    f"{found['rhoshard_seconds']['median']:.3g} s, {found['aer_over_ours']:.1f} times faster"
                )
            except Exception as error:  # the peer's are of many kinds; the rows below need none of it
                failures.append(f"exact comparison: {type(error).__name__}: {error}")
        try:
            sampled = trajectories(folder, *((10, 160, 1) if options.quick else (16, 800, 3)), failures)
            common.say(
                f"  trajectories, n={sampled['qubits']}: Aer {sampled['aer_seconds']['median'] * 1e3:.3g} ms each, ours "
                f"{sampled['rhoshard_seconds']['median'] * 1e3:.3g} ms, {sampled['aer_over_ours']:.1f} times faster"
            )
        except Exception as error:  # as above
            failures.append(f"trajectories: {type(error).__name__}: {error}")
        for qubits, budget, published in rows:
            if not circuit_file(qubits).exists():
                failures.append(f"{circuit_file(qubits)} is missing")
                continue
            repeats = 1 if options.quick or qubits > 14 else 3
            try:
                table.append(row(folder, qubits, budget, published, repeats, clock))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failures.append(f"{qubits} qubits at {budget}: {str(error)[:300]}")
                continue
            entry = table[-1]
            if not entry["budget_met"]:
                failures.append(f"{qubits} qubits: the budget {budget} was missed, error {entry['error']}")
            against = f"LRET {published} s, {entry['lret_over_ours']:.0f} times faster" if published else "LRET: not within 7200 s"
            common.say(
                f"  n={qubits}: {entry['seconds']['median']:.3g} s (last pass {entry['last_pass_seconds']['median']:.3g} s), error "
                f"{entry['error']:.4f}, {entry['rank']} columns (at most {entry['peak_width']}), "
                f"{entry['peak_memory_bytes'] / 1e6:.0f} MB, {entry['memory_over_compressed']:.1f} times L; {against}"
            )
    common.write(options, "low_rank", {"machine": described, "rows": table, "exact": comparisons, "trajectories": sampled, "failures": failures})


if __name__ == "__main__":
    main()
