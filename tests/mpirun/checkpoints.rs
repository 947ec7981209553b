//! Runs that are stopped and go on: the same results bit for bit on as many ranks, and to 1e-10 on others; whatever stops
//! them, a signal, the wall-time limit or `kill -9`.

use super::fixture;
use super::support::{Finished, JobFolder, finish, on_ranks, rank_counts, rhoshard, skipped};
use hdf5::types::{TypeDescriptor, VarLenUnicode};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The exit code of a run that is saved and has stopped.
const INTERRUPTED: i32 = 99;
/// How often a job is stopped at most; then it runs to its end.
const STOPS: usize = 16;

fn random() -> String {
    fixture("lret/random_n8_d13_s42.qasm")
}

/// Rotations of all qubits and gates on pairs at changing distances, so many times.
fn layers(qubits: usize, count: usize) -> String {
    let mut circuit = format!("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[{qubits}] q;\n");
    for layer in 0..count {
        let rotations = (0..qubits).map(|qubit| format!("u3(0.{layer}1, 0.{qubit}7, 1.{qubit}) q[{qubit}];\n"));
        let second = |qubit: usize| (qubit + 1 + layer % (qubits - 2)) % qubits;
        let pairs = (0..qubits).map(|qubit| format!("cx q[{qubit}], q[{}];\n", second(qubit)));
        circuit.extend(rotations.chain(pairs));
    }
    circuit
}

const OBSERVE: &str = "[observe]\nexpectations = [\"Z0\", \"X7 X0\", \"0.3*X1 X2 X3 - Z7\"]\nprobabilities = [[7, 0]]\n\
                       reduced = [[0, 5]]\nshots = 300\n";

fn command(job: &JobFolder, ranks: usize) -> Command {
    let mut command = match ranks {
        1 => Command::new(rhoshard()),
        _ => on_ranks(ranks, rhoshard()),
    };
    command.arg("run").arg(job.path("job.toml"));
    command
}

fn folder(job: &JobFolder) -> PathBuf {
    job.path("job.checkpoint")
}

/// Everything below a group: for each dataset its numbers, bit by bit, or texts.
fn content(group: &hdf5::Group, below: &str, all: &mut BTreeMap<String, Vec<String>>) {
    for name in group.member_names().unwrap() {
        let path = format!("{below}/{name}");
        if let Ok(dataset) = group.dataset(&name) {
            let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
            let values = match dataset.dtype().unwrap().to_descriptor().unwrap() {
                TypeDescriptor::Float(_) => {
                    dataset.read_raw::<f64>().unwrap().iter().map(|x| text(&x.to_bits())).collect()
                }
                TypeDescriptor::Compound(_) => {
                    let parts = |z: &Complex64| [text(&z.re.to_bits()), text(&z.im.to_bits())];
                    dataset.read_raw::<Complex64>().unwrap().iter().flat_map(parts).collect()
                }
                TypeDescriptor::VarLenUnicode => {
                    dataset.read_raw::<VarLenUnicode>().unwrap().iter().map(|word| word.to_string()).collect()
                }
                _ => dataset.read_raw::<u64>().unwrap().iter().map(|x| text(x)).collect(),
            };
            all.insert(path, values);
        } else {
            content(&group.group(&name).unwrap(), &path, all);
        }
    }
    for name in group.attr_names().unwrap() {
        if let Ok(value) = group.attr(&name).unwrap().read_scalar::<f64>() {
            all.insert(format!("{below}@{name}"), vec![format!("{:?}", value.to_bits())]);
        }
    }
}

/// Results and trace but for its times.
fn results(job: &JobFolder) -> BTreeMap<String, Vec<String>> {
    let file = hdf5::File::open(job.path("job.h5")).unwrap();
    let mut all = BTreeMap::new();
    for name in ["results", "trace"] {
        content(&file.group(name).unwrap(), name, &mut all);
    }
    all.retain(|name, _| ["seconds", "stream", "overlap"].iter().all(|time| !name.contains(time)));
    assert!(all.len() > 10, "{:?}", all.keys());
    all
}

/// Starts the job until it is done; each time on the number of ranks that `ranks` says. It is stopped as soon as it can be, so many
/// times at most. Gives the number of starts.
fn in_pieces(job: &JobFolder, ranks: impl Fn(usize) -> usize) -> usize {
    for start in 0..=STOPS {
        let mut command = command(job, ranks(start));
        if start < STOPS {
            command.env("RHOSHARD_WALL_TIME", "0");
        }
        let finished = finish(command);
        if finished.status.success() {
            assert!(!folder(job).exists(), "a finished run removes its checkpoint");
            return start + 1;
        }
        assert_interrupted(&finished, job, "the wall-time limit");
    }
    panic!("the job does not end");
}

fn assert_interrupted(finished: &Finished, job: &JobFolder, why: &str) {
    assert_eq!(finished.status.code(), Some(INTERRUPTED), "{}\n{}", finished.stdout, finished.stderr);
    assert!(finished.stderr.contains(why), "{}", finished.stderr);
    assert!(finished.stderr.contains("goes on from there"), "{}", finished.stderr);
    assert!(folder(job).exists() && !job.path("job.h5").exists());
}

/// The results of an undisturbed run, which are then removed.
fn undisturbed(job: &JobFolder, ranks: usize) -> BTreeMap<String, Vec<String>> {
    finish(command(job, ranks)).expect_success("undisturbed");
    let found = results(job);
    std::fs::remove_file(job.path("job.h5")).unwrap();
    found
}

fn assert_same_bits(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>, what: &str) {
    assert!(one.keys().eq(other.keys()), "{what}: {:?} and {:?}", one.keys(), other.keys());
    for (name, values) in one {
        assert_eq!(values, &other[name], "{what}: {name}");
    }
}

/// Stopped wherever it can be, on every number of ranks: bit for bit the results of an undisturbed run. At least so many starts are
/// needed on one rank, and on several.
fn goes_on_bit_for_bit(job: &JobFolder, least_starts: [usize; 2], what: &str) {
    if skipped() {
        return;
    }
    for ranks in rank_counts().into_iter().filter(|ranks| ranks.is_power_of_two()) {
        let expected = undisturbed(job, ranks);
        let starts = in_pieces(job, |_| ranks);
        let what = format!("{what} on {ranks} ranks in {starts} pieces");
        assert!(starts >= least_starts[usize::from(ranks > 1)], "{what}");
        assert_same_bits(&expected, &results(job), &what);
        std::fs::remove_file(job.path("job.h5")).unwrap();
    }
}

#[test]
fn low_rank_goes_on_bit_for_bit() {
    let job = JobFolder::new(&random(), &format!("[engine]\nbudget = 0.005\n{OBSERVE}[output]\nstate = true\n"));
    goes_on_bit_for_bit(&job, [5, 5], "low-rank");
}

#[test]
fn a_sampled_tail_goes_on_bit_for_bit() {
    let engine = "[engine]\ncut = 1e-3\ntail = { blocks = 4, columns = 8 }\n";
    let job = JobFolder::new(&random(), &format!("{engine}{OBSERVE}"));
    goes_on_bit_for_bit(&job, [2, 2], "a tail");
}

#[test]
fn a_density_matrix_goes_on_bit_for_bit() {
    let job = JobFolder::new(
        &layers(6, 100),
        "[noise]\ndepolarizing = { one_qubit = 1e-3, two_qubit = 0.01 }\n[engine]\nkind = \"density\"\n[observe]\nexpectations = [\"Z0\"]\nentropy = true\nshots = 100\n",
    );
    goes_on_bit_for_bit(&job, [2, 3], "density");
}

#[test]
fn a_pure_state_goes_on_bit_for_bit() {
    let job = JobFolder::new(
        &layers(9, 300),
        "[engine]\nkind = \"statevector\"\n[observe]\nexpectations = [\"Z0 X3\"]\nshots = 100\n[output]\nstate = true\n",
    );
    goes_on_bit_for_bit(&job, [3, 5], "statevector");
}

#[test]
fn trajectories_go_on_bit_for_bit() {
    let job =
        JobFolder::new(&random(), &format!("[engine]\nkind = \"trajectories\"\nstandard_error = 0.005\n{OBSERVE}"));
    goes_on_bit_for_bit(&job, [4, 4], "trajectories");
}

#[test]
fn snapshots_and_passes_before_the_last_go_on() {
    let circuit = random().replacen("cx q[6], q[7];", "@rhoshard.snapshot early\nbarrier q;\ncx q[6], q[7];", 1);
    let job = JobFolder::new(&circuit, "[engine]\nbudget = 0.0008\n[observe]\nexpectations = [\"Z0\", \"X7 X0\"]\n");
    goes_on_bit_for_bit(&job, [8, 8], "snapshots");
}

/// With the kernels of the GPU, run on the CPU.
#[cfg(feature = "emulated-gpu")]
#[test]
fn a_run_on_a_gpu_goes_on_bit_for_bit() {
    let engine = "[engine]\ndevice = \"emulated\"\nbudget = 0.005\n";
    let job = JobFolder::new(
        &fixture("lret/random_n6_d13_s42.qasm"),
        &format!("{engine}[observe]\nexpectations = [\"Z0\"]\n"),
    );
    goes_on_bit_for_bit(&job, [5, 5], "on a GPU");
}

/// It is stopped before the hand-over, in which the other engine starts from the beginning, and after it.
#[test]
fn auto_hands_over_as_it_would_have() {
    if skipped() {
        return;
    }
    let rest = "[noise]\ndepolarizing = { one_qubit = 0.02 }\n[engine]\nkind = \"auto\"\nbudget = 1e-2\n[observe]\n\
                expectations = [\"Z0\"]\n";
    let job = JobFolder::new(&layers(11, 3), rest);
    for ranks in rank_counts().into_iter().filter(|ranks| *ranks <= 2) {
        let expected = undisturbed(&job, ranks);
        let starts = in_pieces(&job, |_| ranks);
        let choice = hdf5::File::open(job.path("job.h5")).unwrap().dataset("provenance/choice").unwrap();
        let choice: VarLenUnicode = choice.read_scalar().unwrap();
        assert!(choice.contains("chosen: low-rank") && choice.contains("handed over: density"), "{choice}");
        assert!(starts >= [4, 6][ranks - 1], "{starts} on {ranks} ranks");
        assert_same_bits(&expected, &results(&job), &format!("auto on {ranks} ranks in {starts} pieces"));
        std::fs::remove_file(job.path("job.h5")).unwrap();
    }
}

fn most_ranks() -> usize {
    rank_counts().into_iter().max().unwrap_or(1)
}

/// Stopped wherever it can be and started on other ranks each time.
#[test]
fn other_ranks_go_on_with_the_same_certified_results() {
    if skipped() {
        return;
    }
    let counts: Vec<usize> = [1, 2, 4, 2, 1, 4].into_iter().filter(|ranks| *ranks <= most_ranks()).collect();
    let engines = [
        "budget = 0.005",
        "cut = 1e-3\ntail = { blocks = 4, columns = 8 }",
        "kind = \"trajectories\"\ntrajectories = 900",
    ];
    for engine in engines {
        let job = JobFolder::new(&random(), &format!("[engine]\n{engine}\n{OBSERVE}"));
        let expected = undisturbed(&job, 2);
        let starts = in_pieces(&job, |start| counts[start % counts.len()]);
        assert!(starts >= 3, "{engine}: {starts}");
        assert_close(&expected, &results(&job), &format!("{engine} in {starts} pieces"));
    }
}

/// The job is stopped once on `from` ranks and ends on `to`.
#[test]
fn half_and_double_the_ranks() {
    if skipped() {
        return;
    }
    let job = JobFolder::new(&random(), &format!("[engine]\nbudget = 0.004\n{OBSERVE}"));
    let expected = undisturbed(&job, 2);
    let pairs = [(2, 1), (2, 4), (4, 2), (1, 2), (4, 3)];
    for (from, to) in pairs.into_iter().filter(|(from, to)| *from.max(to) <= most_ranks()) {
        // A few pieces on the first ranks, so that the state has grown.
        for _ in 0..6 {
            let mut command = command(&job, from);
            command.env("RHOSHARD_WALL_TIME", "0");
            assert_interrupted(&finish(command), &job, "the wall-time limit");
        }
        let finished = finish(command(&job, to)).expect_success("the other ranks");
        assert!(finished.stderr.contains("going on after"), "{}", finished.stderr);
        assert_close(&expected, &results(&job), &format!("from {from} to {to} ranks"));
        std::fs::remove_file(job.path("job.h5")).unwrap();
    }
}

/// Certified results to 1e-10; bytes sent and their plan depend on the ranks.
fn assert_close(one: &BTreeMap<String, Vec<String>>, other: &BTreeMap<String, Vec<String>>, what: &str) {
    let of_results = |all: &BTreeMap<String, Vec<String>>| {
        all.iter()
            .filter(|(name, _)| name.starts_with("results"))
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect::<Vec<_>>()
    };
    let (one, other) = (of_results(one), of_results(other));
    assert_eq!(one.len(), other.len(), "{what}");
    for ((name, a), (other_name, b)) in one.iter().zip(&other) {
        assert!(name == other_name && a.len() == b.len(), "{what}: {name} {other_name}");
        // Draws of a tail stand on eigenvectors, whose rounding is larger.
        let sampled = what.contains("tail") && !["lower", "upper", "state"].iter().any(|part| name.contains(part));
        let tolerance = if sampled { 1e-8 } else { 1e-10 };
        for (a, b) in a.iter().zip(b) {
            let number = |text: &str| text.parse::<u64>().ok().map(f64::from_bits);
            let same = a == b || number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() < tolerance);
            assert!(same, "{what}: {name}: {:?} and {:?}", number(a), number(b));
        }
    }
}

/// Long enough that a signal arrives on the way.
fn long() -> JobFolder {
    let rest = format!("[engine]\nkind = \"trajectories\"\ntrajectories = 100000000\n{OBSERVE}");
    JobFolder::new(&random(), &rest)
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

/// What the program says and its exit code, within a deadline.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "the run does not stop");
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn signals_save_and_end_with_their_own_exit_code() {
    if skipped() {
        return;
    }
    for (ranks, name, said) in [
        (1, "-TERM", "SIGTERM came"),
        (1, "-USR1", "SIGUSR1 came"),
        (2, "-USR1", "SIGUSR1 came"),
        (2, "-TERM", "SIGTERM came"),
    ] {
        let job = long();
        let mark = job.path("interrupted");
        let mut command = command(&job, ranks);
        command.env("RHOSHARD_INTERRUPTED", &mark);
        let child = spawn(command);
        std::thread::sleep(Duration::from_millis(2500));
        signal(&child, name);
        let (code, stderr) = ended(child);
        assert!(stderr.contains(said) && folder(&job).exists(), "{name} on {ranks} ranks: {stderr}");
        // A launcher that is told to end itself ends with a code of its own: OpenMPI's with 1, MPICH's with 0, and that
        // in some runs after it has passed on SIGUSR1 too. The file tells for certain.
        let own = ranks > 1 && (name == "-TERM" || code == Some(0) && super::support::is_mpich());
        assert!(mark.exists(), "{name} on {ranks} ranks");
        assert!(code == Some(INTERRUPTED) || own, "{name} on {ranks} ranks: {code:?} {stderr}");
    }
}

#[test]
fn the_wall_time_limit_saves_in_time() {
    if skipped() {
        return;
    }
    for ranks in [1, 2] {
        let job = long();
        let mut command = command(&job, ranks);
        command.env("RHOSHARD_WALL_TIME", "3");
        let finished = finish(command);
        assert_interrupted(&finished, &job, "the wall-time limit is near");
        let manifest =
            std::fs::read_to_string(folder(&job).join(format!("{}.manifest.json", generation(&job).unwrap())));
        let manifest = manifest.unwrap();
        let seconds = manifest.lines().find_map(|line| line.trim().strip_prefix("\"seconds\": ")).unwrap();
        let seconds: f64 = seconds.trim_end_matches(',').parse().unwrap();
        assert!((1.0..3.0).contains(&seconds), "{manifest}");
    }
    let job = long();
    let mut command = command(&job, 1);
    command.env("RHOSHARD_WALL_TIME", "soon");
    let finished = finish(command);
    assert!(finished.status.code() == Some(2) && finished.stderr.contains("RHOSHARD_WALL_TIME"), "{}", finished.stderr);
}

#[test]
fn killed_at_any_moment_a_run_loses_only_what_came_after_its_last_checkpoint() {
    let rest =
        format!("[engine]\nkind = \"trajectories\"\ntrajectories = 20000\n{OBSERVE}[checkpoint]\nevery = \"1 ms\"\n");
    let job = JobFolder::new(&random(), &rest);
    let expected = undisturbed(&job, 1);
    let mut kills = 0;
    loop {
        let mut child = spawn(command(&job, 1));
        // Some time after the first checkpoint of this start, at moments that fall between two and into them; later and
        // later, so that a slow machine gets to the end too.
        let before = generation(&job);
        while generation(&job) == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(7_919 * (kills % 41) * (1 + kills / 41)));
        if child.try_wait().unwrap().is_some() {
            let (code, stderr) = ended(child);
            assert_eq!(code, Some(0), "{stderr}");
            break;
        }
        child.kill().unwrap();
        ended(child);
        kills += 1;
        assert!(kills < 300, "the run does not get on");
    }
    assert!(kills > 2, "{kills} kills");
    assert_same_bits(&expected, &results(&job), &format!("killed {kills} times"));
    assert!(!folder(&job).exists());
}

/// The newest generation of the job's checkpoint.
fn generation(job: &JobFolder) -> Option<u64> {
    let names = std::fs::read_dir(folder(job)).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".manifest.json")?.parse().ok()).max()
}

/// A job that was stopped once.
fn stopped(rest: &str) -> JobFolder {
    let job = JobFolder::new(&random(), rest);
    let mut command = command(&job, 1);
    command.env("RHOSHARD_WALL_TIME", "0");
    assert_interrupted(&finish(command), &job, "the wall-time limit");
    job
}

#[test]
fn another_job_is_refused_and_fresh_starts_over() {
    let rest = "[engine]\nbudget = 0.005\n[observe]\nexpectations = [\"Z0\"]\n";
    let job = stopped(rest);
    let circuit = std::fs::read_to_string(job.path("circuit.qasm")).unwrap();
    std::fs::write(job.path("circuit.qasm"), circuit.clone() + "x q[0];\n").unwrap();
    let finished = finish(command(&job, 1));
    assert_eq!(finished.status.code(), Some(2));
    assert!(finished.stderr.contains("another job") && finished.stderr.contains("--fresh"), "{}", finished.stderr);
    assert!(folder(&job).exists(), "it is refused, not lost");
    // How often it is saved is no part of the job.
    std::fs::write(job.path("circuit.qasm"), circuit).unwrap();
    let text = std::fs::read_to_string(job.path("job.toml")).unwrap();
    std::fs::write(job.path("job.toml"), format!("# the same\n{text}[checkpoint]\nevery = \"never\"\n")).unwrap();
    let finished = finish(command(&job, 1)).expect_success("the same job");
    assert!(finished.stderr.contains("going on after"), "{}", finished.stderr);
    let job = stopped(rest);
    std::fs::write(job.path("job.toml"), text.replace("0.005", "0.004")).unwrap();
    let mut fresh = command(&job, 1);
    fresh.arg("--fresh");
    let finished = finish(fresh).expect_success("from the start");
    assert!(!finished.stderr.contains("going on") && !folder(&job).exists(), "{}", finished.stderr);
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let job = stopped("[engine]\nbudget = 0.005\n[observe]\nexpectations = [\"Z0\"]\n");
    let part = std::fs::read_dir(folder(&job)).unwrap().map(|entry| entry.unwrap().path());
    let part = part.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "bin")).unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&part, bytes).unwrap();
    let finished = finish(command(&job, 1));
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("is damaged") && finished.stderr.contains("--fresh"), "{}", finished.stderr);
    assert!(finished.stderr.contains("rank-0.bin"), "{}", finished.stderr);
}

/// Runs the job with files of at most so many KiB, as if the disk were full then.
fn with_small_files(job: &JobFolder, kibibytes: u32, wall_time: Option<&str>) -> Finished {
    let mut command = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" run \"$1\"");
    command.arg("-c").arg(script).arg(rhoshard()).arg(job.path("job.toml"));
    if let Some(seconds) = wall_time {
        command.env("RHOSHARD_WALL_TIME", seconds);
    }
    finish(command)
}

/// A pure state of 32 MiB that can be saved at its snapshots.
fn large(every: &str) -> JobFolder {
    let mut circuit = String::from("OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[21] q;\n");
    for snapshot in 0..6 {
        circuit
            .extend((0..20).map(|qubit| format!("ry(0.{snapshot}3) q[{qubit}];\ncx q[{qubit}], q[{}];\n", qubit + 1)));
        circuit += &format!("@rhoshard.snapshot s{snapshot}\nbarrier q;\n");
    }
    let rest = "[engine]\nkind = \"statevector\"\n[observe]\nexpectations = [\"Z0\"]\n[checkpoint]\n";
    JobFolder::new(&circuit, &format!("{rest}every = \"{every}\"\n"))
}

#[test]
fn a_timed_checkpoint_that_fails_is_a_warning_and_the_last_chance_an_error() {
    // What starts MPI needs files of some MiB.
    let job = large("1 ms");
    let finished = with_small_files(&job, 20 << 10, None).expect_success("the run goes on");
    assert!(finished.stderr.contains("the run goes on, but could not be saved"), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("File too large") && finished.stderr.contains("rank-0.bin"),
        "{}",
        finished.stderr
    );
    assert!(!folder(&job).exists() && job.path("job.h5").exists());
    let job = large("never");
    let finished = with_small_files(&job, 20 << 10, Some("0"));
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("the run could not be saved"), "{}", finished.stderr);
    let left = std::fs::read_dir(folder(&job)).map(|entries| entries.count()).unwrap_or_default();
    assert!(left == 0 && !job.path("job.h5").exists(), "nothing half written stays");
}
