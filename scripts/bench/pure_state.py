"""Noiseless circuits against other simulators: the same gates, all cores, <Z0> compared.

Writes pure_state.json. The programs take turns, so that a slow minute of the machine hits all of them. In the first turn
every variant of a program (fusion widths, optimisers) runs once; its fastest one runs in the further turns. A variant
much slower than its program's best is left out at the next size of the same circuit, and said to be.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import circuits
import common

AGREEMENT = {"double": 1e-6, "single": 1e-4}
# A variant this much slower than the best of its program is not tried at the next size, nor at the largest.
HOPELESS, NOT_BEST = 1.5, 1.1
# From this size on every program runs once, and again when all circuits are done, while there is time.
LARGE = 26
# Two more qubits: four times the state, more gates, and slower memory.
GROWTH = 5.0
# A peer this much slower than the fastest program of its precision is not repeated if a run takes longer than this.
FAR_BEHIND, LONG_SECONDS = 4.0, 5.0
# Single precision is measured up to this many qubits.
LARGEST_SINGLE = 24

# name: (worker of peer.py or None for rhoshard, precision, variants)
PROGRAMS = {
    "rhoshard": (None, "double", [{"precision": "double"}]),
    "Aer": ("aer", "double", [{"fusion": width} for width in (None, 2, 3, 4, 5)]),
    "qulacs": ("qulacs", "double", [{"block": block} for block in (None, "light", 2, 3, 4)]),
    "Lightning": (
        "lightning",
        "double",
        [
            {"device": "lightning.qubit", "u3": "gate"},
            {"device": "lightning.qubit", "u3": "matrix"},
            {"device": "lightning.kokkos", "u3": "matrix"},
        ],
    ),
    "rhoshard, single": (None, "single", [{"precision": "single"}]),
    "qsim": ("qsim", "single", [{"fusion": width} for width in (2, 3, 4)]),
}


class Worker:
    """A process of peer.py that stays, so that imports are paid once; started anew after a time-out."""

    def __init__(self, threads):
        self.process = None
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "OMP_PROC_BIND": "false",
            "PYTHONWARNINGS": "ignore",
        }

    def ask(self, case, timeout):
        """The answer, or a dictionary that says why there is none."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("peer.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self.environment,
            )
        try:
            self.process.stdin.write(json.dumps(case) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return self.stopped("the process died")
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            return self.stopped(f"no answer in {timeout:.0f} s")
        line = self.process.stdout.readline()
        return json.loads(line) if line else self.stopped("the process died")

    def stopped(self, why):
        """Ends the process."""
        self.process.kill()
        code = self.process.wait()
        self.process = None
        return {"failed": f"{why} (exit code {code})"}

    def close(self):
        """Lets it end."""
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


class Bench:
    """All programs on all circuits."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = Path(folder)
        self.threads = common.cores()
        self.clock = common.Clock(options.minutes or (1.5 if options.quick else 17.5))
        self.workers = {name: Worker(self.threads) for name, (worker, _, _) in PROGRAMS.items() if worker}
        self.slowness = {}  # (circuit, program): {variant as text: (times slower than the best, at so many qubits)}
        self.once = {}  # circuit: seconds of the best variants of all programs at the last size
        self.started = []
        self.failures = []

    def measure(self, name, variant, case, timeout):
        """One run."""
        worker, _, _ = PROGRAMS[name]
        if worker:
            return self.workers[name].ask({**case, "program": worker, "variant": variant}, timeout)
        try:
            run = common.run_rhoshard(self.folder, case["file"], {**variant, "threads": self.threads}, timeout=timeout)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return {"failed": str(error)[:500]}
        # The others end with <Z0> too (one pass over the state).
        return {
            "seconds": run["seconds"] + run["observables_seconds"],
            "engine_seconds": run["seconds"],
            "processor_seconds": run["processor_seconds"],
            "z0": run["z0"],
        }

    def circuit(self, family, qubits, repeats):
        """One row of the table; nothing if it would not end in time."""
        gates = circuits.gates_of(family, qubits)
        file = self.folder / f"{family}_n{qubits}.qasm"
        file.write_text(circuits.qasm(qubits, gates))
        case = {"qubits": qubits, "gates": gates, "threads": self.threads, "file": str(file)}
        entry = {"circuit": family, "qubits": qubits, "gates": len(gates), "programs": {}}
        expected = self.once.get(family, 0.0) * GROWTH
        if self.clock.left() <= expected:
            self.failures.append(f"{family} on {qubits} qubits: about {expected:.0f} s, but {self.clock.left():.0f} s are left")
            return None
        best = self.first_turn(entry, case)
        self.once[family] = sum(answer["seconds"] for _, answer in best.values())
        self.started.append((entry, case, best))
        for _ in range(repeats - 1):
            self.turn(entry, case, best)
        self.finish(entry, best)
        return entry

    def turn(self, entry, case, best):
        """The best variant of every program once more."""
        fastest = {}
        for name, (_, answer) in best.items():
            precision = PROGRAMS[name][1]
            fastest[precision] = min(fastest.get(precision, answer["seconds"]), answer["seconds"])
        for name, (variant, answer) in best.items():
            program = entry["programs"][name]
            behind = answer["seconds"] > max(LONG_SECONDS, FAR_BEHIND * fastest[PROGRAMS[name][1]])
            if behind and "rhoshard" not in name:
                program["not_repeated"] = f"over {FAR_BEHIND:g} times slower than the fastest in the first turn"
                continue
            if self.clock.left() < 2 * answer["seconds"]:
                program["not_repeated"] = "no time left"
                continue
            again = self.measure(name, variant, case, 5 * answer["seconds"] + 30)
            if "failed" in again:
                program["failed_in_repeat"] = again["failed"]
            else:
                program["runs"].append(again["seconds"])

    def rest(self, repeats):
        """Further turns of the large circuits, while there is time for whole ones."""
        for _ in range(repeats):
            for entry, case, best in self.started:
                if entry["qubits"] >= LARGE and self.clock.left() > 1.5 * self.once[entry["circuit"]]:
                    self.turn(entry, case, best)
                    self.finish(entry, best)

    def first_turn(self, entry, case):
        """Every variant of every program once; the best of each."""
        best = {}
        limit = NOT_BEST if entry["qubits"] >= LARGE else HOPELESS
        for name, (_, precision, variants) in PROGRAMS.items():
            if precision == "single" and entry["qubits"] > LARGEST_SINGLE:
                continue
            slowness = self.slowness.setdefault((entry["circuit"], name), {})
            seen, skipped = [], {}
            for variant in variants:
                text = json.dumps(variant)
                slower, where = slowness.get(text, (1.0, ""))
                if slower > limit:
                    skipped[text] = f"{slower:.1f} times slower than the best at {where} qubits"
                elif self.clock.left() == 0:
                    skipped[text] = "no time left"
                else:
                    answer = self.measure(name, variant, case, min(300, max(20, self.clock.left())))
                    seen.append({"variant": variant, **answer})
            done = [answer for answer in seen if "failed" not in answer]
            entry["programs"][name] = {"variants": seen, "left_out": skipped}
            if not done:
                if seen:
                    entry["programs"][name]["failed"] = seen[0]["failed"]
                else:
                    entry["programs"][name]["not_run"] = "no time left"
                continue
            first = min(done, key=lambda answer: answer["seconds"])
            best[name] = (first["variant"], first)
            entry["programs"][name]["runs"] = [first["seconds"]]
            for answer in done:
                slowness[json.dumps(answer["variant"])] = (answer["seconds"] / first["seconds"], entry["qubits"])
        return best

    def finish(self, entry, best):
        """Medians, ratios and whether <Z0> agrees."""
        reference = best.get("rhoshard", (None, None))[1]
        for name, (variant, answer) in best.items():
            program = entry["programs"][name]
            program.update(best_variant=variant, seconds=common.spread(program["runs"]), z0=answer["z0"])
            for seen in program["variants"]:
                if reference and "z0" in seen and abs(seen["z0"] - reference["z0"]) > AGREEMENT[PROGRAMS[name][1]]:
                    self.failures.append(
                        f"{entry['circuit']} on {entry['qubits']} qubits: <Z0> is {seen['z0']} by {name} {seen['variant']}, "
                        f"{reference['z0']} by rhoshard"
                    )
        entry["ratios"] = {}
        for ours, precision in (("rhoshard", "double"), ("rhoshard, single", "single")):
            peers = {
                name: entry["programs"][name]["seconds"]["median"]
                for name in best
                if PROGRAMS[name][0] and PROGRAMS[name][1] == precision
            }
            program = entry["programs"].get(ours, {})
            if why := program.get("failed", program.get("not_run")):
                self.failures.append(f"{entry['circuit']} on {entry['qubits']} qubits: {ours}: {why}")
            # A ratio to the fastest of some of the peers would flatter.
            elif ours in best and peers and not any("not_run" in program for program in entry["programs"].values()):
                fastest = min(peers, key=peers.get)
                ratio = entry["programs"][ours]["seconds"]["median"] / peers[fastest]
                entry["ratios"][precision] = {"fastest_peer": fastest, "ours_over_fastest_peer": ratio}

    def close(self):
        """Ends the workers."""
        for worker in self.workers.values():
            worker.close()


def told(entry):
    """One line for the eyes."""
    parts = []
    for name, program in entry["programs"].items():
        if "seconds" in program:
            parts.append(f"{name} {program['seconds']['median']:.3g} s")
        else:
            parts.append(f"{name}: {program.get('failed', program.get('not_run'))}")
    ratios = ", ".join(
        f"{precision}: ours is {ratio['ours_over_fastest_peer']:.2f} x {ratio['fastest_peer']}"
        for precision, ratio in entry["ratios"].items()
    )
    return f"  {entry['circuit']} n={entry['qubits']}: {'; '.join(parts)}; {ratios}"


def main():
    options = common.arguments(__doc__.splitlines()[0])
    described = common.machine()
    plan = [(14, 2), (16, 2)] if options.quick else [(20, 5), (22, 5), (24, 2), (LARGE, 1)]
    entries = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        for qubits, repeats in plan:
            for family in circuits.FAMILIES:
                # The state, and a copy, should a program make one.
                if 2 * 16 * 2**qubits > common.memory_bytes():
                    bench.failures.append(f"{qubits} qubits do not fit in this machine's memory")
                    continue
                entry = bench.circuit(family, qubits, repeats)
                if entry:
                    entries.append(entry)
                    common.say(told(entry))
        bench.rest(2)
        bench.close()
    common.write(options, "pure_state", {"machine": described, "threads": bench.threads, "circuits": entries, "failures": bench.failures})


if __name__ == "__main__":
    main()
