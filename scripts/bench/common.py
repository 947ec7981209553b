"""What the parts of the benchmark share: the machine, runs of rhoshard, statistics, result files."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import shlex
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parent.parent.parent
CIRCUITS = ROOT / "tests" / "data" / "lret"
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "rhoshard"
PACKAGES = ["numpy", "qiskit", "qiskit-aer", "qulacs", "pennylane", "pennylane-lightning", "pennylane-lightning-kokkos", "qsimcirq"]


class Failure(Exception):
    """Something a table must not hide: programs that disagree, a bound that does not hold."""


def arguments(about):
    """The options that every part has."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="small sizes, one repeat: does it work at all")
    parser.add_argument("--results", type=Path, default=ROOT / "benches" / "results", help="folder of the JSON files")
    parser.add_argument("--minutes", type=float, help="start no further measurement after this time")
    # A request to end must end what was started too, so it becomes an exception.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return parser.parse_args()


class Clock:
    """The time a part has: what does not fit is left out and said to be."""

    def __init__(self, minutes):
        self.end = time.monotonic() + 60 * minutes

    def left(self):
        """Seconds, not below 0."""
        return max(0.0, self.end - time.monotonic())


# --- The machine -------------------------------------------------------------------------------------------------------


def cores():
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def output_of(*command):
    """What a command prints; empty if there is no such command."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    """Model, caches and vector instructions, as Linux names them."""
    fields = dict(line.split(":", 1) for line in output_of("lscpu").splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = fields.get("Flags", "").split()
    return {
        "model": fields.get("Model name", platform.processor() or "unknown"),
        "family_and_model": f"{fields.get('CPU family', '?')}/{fields.get('Model', '?')}",
        "vector_instructions": [name for name in ("avx2", "fma", "avx512f") if name in flags],
        "caches": {name: value for name, value in fields.items() if "cache" in name},
        "virtual": fields.get("Hypervisor vendor", ""),
    }


def busy_cores(seconds=2.0):
    """Cores that all programs together keep busy. (The load still counts what ended a minute ago.)"""

    def ticks():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4], sum(fields)

    try:
        busy, total = ticks()
        time.sleep(seconds)
        busy, total = (after - before for after, before in zip(ticks(), (busy, total)))
        return os.cpu_count() * busy / max(total, 1)
    except OSError:
        return None


def memory_bytes():
    """Memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def machine():
    """Where and with what this was measured. Load and busy cores are those before the part began."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "processor": processor(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        "load_before": os.getloadavg()[0],
        "busy_cores_before": busy_cores(),
        "system": platform.platform(),
        "rustc": output_of("rustc", "--version"),
        "mpi": (output_of(*launcher()[:1], "--version").splitlines() or [""])[0] if launcher() else "none",
        "rhoshard": output_of(str(PROGRAM), "--version"),
        "python": platform.python_version(),
        "packages": versions,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output_of("git", "rev-parse", "HEAD"),
        "uncommitted_changes": bool(output_of("git", "status", "--porcelain", "--untracked-files=no", "src", "Cargo.toml", "Cargo.lock")),
    }


def launcher():
    """The MPI launcher, as scripts/setup.sh found it; empty in a serial build."""
    return shlex.split(os.environ.get("MPIRUN", "")) if os.environ.get("MPI") != "none" else []


# --- Runs of rhoshard --------------------------------------------------------------------------------------------------


def job_text(circuit, engine, noise=None):
    """A job that asks for <Z0>; `engine` holds the keys of its section, `noise` the probabilities after gates on one and two
    qubits."""
    section = "[noise]\ndepolarizing = {{ one_qubit = {}, two_qubit = {} }}\n".format(*noise) if noise else ""
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in engine.items())
    return f'job = "circuit"\n[circuit]\nfile = {json.dumps(str(circuit))}\n{section}[engine]\n{keys}[observe]\nexpectations = ["Z0"]\n'


def run_rhoshard(folder, circuit, engine, ranks=None, timeout=None, noise=None):
    """Runs a circuit and gives what the tables need of its result file. Without `ranks` no launcher is used."""
    job = Path(folder) / "job.toml"
    job.write_text(job_text(circuit, engine, noise))
    command = [str(PROGRAM), "run", "--quiet", str(job)]
    if ranks is not None:
        command = [*launcher(), "-n", str(ranks), *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code, output = outcome(command, timeout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code != 0:
        raise RuntimeError(f"exit code {code}: {output.strip()[-500:]}")
    result = job.with_suffix(".h5")
    try:
        with h5py.File(result) as file:
            run = read_result(file)
            run["processor_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return run
    finally:
        result.unlink()


def outcome(command, timeout):
    """Exit code and output. When the time is over, the whole group of processes ends: shell, launcher and program."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout)
        return process.returncode, output
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)  # a launcher ends its ranks
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise


def read_result(file):
    """Numbers of a result file; see docs/result-format.md."""
    state = file["results/state"].attrs
    expectations = file["results/expectations"]
    timing = dict(zip(file["timing/phase"].asstr()[:], map(float, file["timing/seconds"][:])))
    return {
        "seconds": float(file["provenance/engine_seconds"][()]),
        "engine": file["provenance/engine"].asstr()[()],
        "choice": file["provenance/choice"].asstr()[()],
        "prepare_seconds": timing.get("prepare"),
        "choose_seconds": timing.get("choose"),
        "observables_seconds": timing.get("observables"),
        "last_pass_seconds": timing.get("last_pass"),
        "passes": int(state["passes"]),
        "z0": float(expectations["value"][0]),
        "z0_stderr": float(expectations["stderr"][0]),
        "trajectories": int(state.get("trajectories", 0)),
        "z0_lower": float(expectations["lower"][0]),
        "z0_upper": float(expectations["upper"][0]),
        "rank": int(state["rank"]),
        "error": float(state["error"]),
        "budget_met": bool(state["budget_met"]),
        "cut": float(state["cut"]),
        "peak_width": int(file["trace/width"][:].max()),
        "peak_memory": int(file["provenance/peak_memory"][:].max()),
        "ranks": int(file["provenance/ranks"][()]),
        "threads": int(file["provenance/threads"][()]),
        "bytes_sent": int(file["trace/bytes"][:].sum()),
        "trace": {"step": file["trace/step"][:].tolist(), "width": file["trace/width"][:].tolist()},
    }


# --- Numbers and files -------------------------------------------------------------------------------------------------


def spread(values):
    """Median, least and most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "repeats": len(values)}


def say(text):
    """Progress, at once."""
    print(text, flush=True)


def write(options, part, content):
    """One part's result file; `failures` in it make the exit code non-zero."""
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{part}.json"
    path.write_text(json.dumps({"part": part, "quick": options.quick, **content}, indent=1) + "\n")
    for failure in content["failures"]:
        print(f"{part}: FAILED: {failure}", file=sys.stderr)
    say(f"{part}: written to {path}")
    sys.exit(1 if content["failures"] else 0)
