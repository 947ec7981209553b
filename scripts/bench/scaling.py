"""Strong and weak scaling over MPI ranks, and bytes sent against swapping qubits in and back for every gate.

Writes scaling.json. One thread a rank, started by the MPI launcher. More ranks than cores are oversubscribed: their bytes
mean the same, their seconds do not show scaling.

The pairwise-swap baseline keeps qubit q at bit q of the index for ever. A gate or channel with a target among the highest
log2(ranks) qubits swaps each such target with a local one before and back after, and each swap sends half of every shard.
`every` counts all targets (controls are not targets); `sparing` lets diagonal gates through for free too, as rhoshard does.
The columns are those in use just before the step in the measured run.
"""

import bisect
import math
import re
import subprocess
import tempfile
from pathlib import Path

import circuits
import common

RANKS = [1, 2, 4]
DIAGONAL = {"id", "z", "s", "sdg", "t", "tdg", "p", "phase", "u1", "rz", "cz", "cp", "cphase", "cu1", "crz", "rzz"}
CONTROLLED = {"cx", "cy", "ch", "crx", "cry", "cu3", "cz", "cp", "cphase", "cu1", "crz"}
MOST_TURNS = 3


def operations(text):
    """(line, name, targets) of every gate and channel of a circuit that has one on each line."""
    for number, line in enumerate(text.splitlines(), start=1):
        qubits = [int(qubit) for qubit in re.findall(r"q\[(\d+)\]", line)]
        if line.startswith("#pragma braket noise"):
            yield number, "channel", qubits
        elif match := re.match(r"(\w+)(\([^)]*\))? q\[", line):
            name = match.group(1)
            yield number, name, qubits[1:] if name in CONTROLLED else qubits


def widths_by_line(circuit, ranks, job, trace):
    """A function: the columns in use before a line of the circuit. Steps know the first line of what they were made of."""
    text = subprocess.run(
        [str(common.PROGRAM), "plan", "--ranks", str(ranks), "-v", str(job)], capture_output=True, text=True, check=True
    ).stdout
    width = dict(zip(trace["step"], trace["width"]))
    steps = re.finditer(r"^ +(\d+) +(\d+) .*? (?:channel|compress-if-wide)\b", text, re.MULTILINE)
    found = [(int(match.group(2)), width[int(match.group(1))]) for match in steps if int(match.group(1)) in width]
    lines, widths = zip(*sorted([(0, 1), *found], key=lambda pair: pair[0]))
    if len(lines) == 1 and any(name == "channel" for _, name, _ in operations(circuit.read_text())):
        raise common.Failure(f"{circuit.name}: channels in the file, no widths in the trace")
    return lambda line: widths[bisect.bisect_left(lines, line) - 1]


def baseline(circuit, qubits, ranks, width_before):
    """Bytes that the pairwise-swap baseline sends, summed over all ranks."""
    first_sharded = qubits - int(math.log2(ranks))
    total = {"every": 0, "sparing": 0}
    for line, name, targets in operations(circuit.read_text()):
        swaps = 2 * sum(target >= first_sharded for target in targets)
        sent = swaps * (2**qubits * 16 // 2) * width_before(line)
        total["every"] += sent
        if name not in DIAGONAL:
            total["sparing"] += sent
    return total


class Case:
    """One circuit on so many ranks."""

    def __init__(self, name, circuit, qubits, engine, ranks):
        self.name = name
        self.circuit = circuit
        self.qubits = qubits
        self.engine = {**engine, "threads": 1}
        self.ranks = ranks
        self.runs = []
        self.last = None

    def run(self, folder, timeout):
        """One more measurement."""
        self.last = common.run_rhoshard(folder, self.circuit, self.engine, ranks=self.ranks, timeout=timeout)
        self.runs.append(self.last["seconds"])

    def entry(self, folder):
        """The row."""
        before = widths_by_line(self.circuit, self.ranks, Path(folder) / "job.toml", self.last["trace"])
        sent = self.last["bytes_sent"]
        swapped = baseline(self.circuit, self.qubits, self.ranks, before)
        return {
            "circuit": self.name,
            "qubits": self.qubits,
            "ranks": self.ranks,
            "threads_a_rank": self.last["threads"],
            "oversubscribed": self.ranks > common.cores(),
            "seconds": common.spread(self.runs),
            "rank_of_state": self.last["rank"],
            "peak_width": self.last["peak_width"],
            "error": self.last["error"],
            "z0": self.last["z0"],
            "peak_memory_bytes": self.last["peak_memory"],
            "bytes_sent": sent,
            "pairwise_swap_bytes": swapped,
            "times_fewer_bytes": {name: value / sent if sent else None for name, value in swapped.items()},
        }


def measure(folder, cases, clock, failures):
    """Turns over all cases while there is time; the rows."""
    entries, broken = [], set()
    turn_seconds = 0.0
    for turn in range(MOST_TURNS):
        if turn > 0 and clock.left() < turn_seconds:
            break
        left = clock.left()
        for case in cases:
            if case in broken:
                continue
            try:
                case.run(folder, max(60, clock.left()))
                if turn == 0:
                    entries.append((case, case.entry(folder)))
            except (RuntimeError, subprocess.SubprocessError, common.Failure) as error:
                broken.add(case)
                failures.append(f"{case.name} on {case.ranks} ranks: {str(error)[:300]}")
        turn_seconds = left - clock.left()
    return [{**entry, "seconds": common.spread(case.runs)} for case, entry in entries]


def pure_file(folder, qubits):
    """The random circuit of pure_state.py."""
    path = Path(folder) / f"random_n{qubits}.qasm"
    path.write_text(circuits.qasm(qubits, circuits.gates_of("random", qubits)))
    return path


def efficiency(entries, weak):
    """Adds speed-up and efficiency against one rank; in weak scaling seconds are taken per gate."""
    for entry in entries:
        one = next((other for other in entries if other["circuit"] == entry["circuit"] and other["ranks"] == 1), None)
        if one is None:
            continue
        if weak:
            gates = len(circuits.gates_of("random", entry["qubits"])) / len(circuits.gates_of("random", one["qubits"]))
            entry["efficiency"] = one["seconds"]["median"] * gates / entry["seconds"]["median"]
        else:
            entry["speed_up"] = one["seconds"]["median"] / entry["seconds"]["median"]
            entry["efficiency"] = entry["speed_up"] / entry["ranks"]
        if abs(entry["z0"] - one["z0"]) > max(1e-9, entry["error"] + one["error"]) and not weak:
            raise common.Failure(f"{entry['circuit']}: <Z0> is {entry['z0']} on {entry['ranks']} ranks, {one['z0']} on one")


def main():
    options = common.arguments(__doc__.splitlines()[0])
    described = common.machine()
    failures, strong, weak = [], [], []
    if not common.launcher():
        failures.append("no MPI launcher: run through scripts/bench.sh, and not with MPI=none")
    else:
        clock = common.Clock(options.minutes or (1 if options.quick else 4))
        low_rank_qubits, cut, pure_qubits = (12, 1e-3, 16) if options.quick else (18, 1e-3, 24)
        with tempfile.TemporaryDirectory() as folder:
            noisy = common.CIRCUITS / f"random_n{low_rank_qubits}_d13_s42.qasm"
            pure = {qubits: pure_file(folder, qubits) for qubits in range(pure_qubits - 2, pure_qubits + 1)}
            cases = [Case("noisy", noisy, low_rank_qubits, {"cut": cut}, ranks) for ranks in RANKS]
            cases += [Case("random", pure[pure_qubits], pure_qubits, {}, ranks) for ranks in RANKS]
            # The largest weak case is the strong one on the most ranks.
            for qubits, ranks in zip(sorted(pure), RANKS[:-1]):
                cases.append(Case("weak", pure[qubits], qubits, {}, ranks))
            entries = measure(folder, cases, clock, failures)
        strong = [entry for entry in entries if entry["circuit"] != "weak"]
        weak = [entry for entry in entries if entry["circuit"] == "weak"]
        weak += [{**entry, "circuit": "weak"} for entry in strong if entry["circuit"] == "random" and entry["ranks"] == RANKS[-1]]
        try:
            efficiency(strong, weak=False)
            efficiency(weak, weak=True)
        except common.Failure as error:
            failures.append(str(error))
        for entry in strong + weak:
            fewer = entry["times_fewer_bytes"]
            ranks = f"{entry['ranks']} ranks{' (oversubscribed)' if entry['oversubscribed'] else ''}"
            told = f", {fewer['sparing']:.1f} ({fewer['every']:.1f}) times fewer than swapping" if entry["bytes_sent"] else ""
            common.say(
                f"  {entry['circuit']} n={entry['qubits']}, {ranks}: {entry['seconds']['median']:.3g} s, efficiency "
                f"{entry.get('efficiency', 0):.2f}, {entry['bytes_sent'] / 1e6:.1f} MB sent{told}"
            )
    common.write(options, "scaling", {"machine": described, "strong": strong, "weak": weak, "failures": failures})


if __name__ == "__main__":
    main()
