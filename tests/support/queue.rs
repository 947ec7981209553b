//! Jobs in the queue of a real batch system, for `tests/slurm.rs` and `tests/grid_engine.rs`.

use super::{Finished, finish, rhoshard, say};
use rhoshard::cluster::Cluster;
use rhoshard::cluster::folder::Folder;
use rhoshard::cluster::parts::Parts;
use rhoshard::cluster::request::Request;
use rhoshard::cluster::standing::{JobStanding, Standing};
use rhoshard::cluster::submit::Order;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The package.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// A job of these tests that takes longer is stuck.
pub const DEADLINE: Duration = Duration::from_secs(240);

/// A line of a profile's `setup`: the script leaves the number of its process in the job's folder.
pub const NOTES_ITSELF: &str = "echo $$ > script";

/// True where there is no such batch system and none is required: `variable` is set where `tests/NAME/cluster.sh` has started
/// one.
pub fn skipped(system: &str, name: &str, variable: &str) -> bool {
    let there = std::env::var_os(variable).is_some();
    if !there {
        let demand = format!("RHOSHARD_REQUIRE_{}", name.to_uppercase());
        let required = std::env::var(&demand).is_ok_and(|value| value == "1");
        assert!(!required, "{demand}=1: start the tests by tests/{name}/cluster.sh");
        say(&format!("SKIPPED: no {system} here; bash tests/{name}/cluster.sh cargo test --test {name} starts one\n"));
    }
    !there
}

/// A job in a folder with an odd name, and the profile of the test cluster beside it.
pub struct Place {
    _folder: tempfile::TempDir,
    /// Where the job file is.
    pub folder: PathBuf,
}

impl Place {
    /// With this text as the profile `test`.
    pub fn new(profile: &str) -> Place {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("it's a $folder");
        std::fs::create_dir_all(folder.join("slurm")).unwrap();
        for file in ["adder.toml", "adder_n10.qasm"] {
            std::fs::copy(format!("{ROOT}/configs/{file}"), folder.join(file)).unwrap();
        }
        std::fs::write(folder.join("slurm/test.toml"), profile).unwrap();
        Place { _folder: outer, folder }
    }

    /// With a shell script in the place of the program. It finds the arguments of `run` and works in the job's folder.
    pub fn with_program(script: &str, profile: &str) -> Place {
        let place = Place::new(&format!("program = \"./program.sh\"\n{profile}"));
        let path = place.path("program.sh");
        std::fs::write(&path, format!("#!/bin/bash\n{script}")).unwrap();
        let mut permissions = path.metadata().unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&path, permissions).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program with these arguments, in the folder.
    pub fn rhoshard(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(rhoshard());
        command.args(arguments).current_dir(&self.folder);
        finish(command)
    }

    pub fn submit(&self, more: &[&str]) -> String {
        let arguments = [&["submit", "adder.toml", "--cluster", "test"], more].concat();
        self.rhoshard(&arguments).expect_success("submit").stdout
    }

    pub fn submissions(&self) -> Folder {
        Folder::of_job(&self.path("adder.toml")).unwrap()
    }

    pub fn standing(&self) -> JobStanding {
        let standing = JobStanding::of(&self.submissions()).unwrap();
        assert_eq!(standing.unasked, None);
        standing
    }

    /// Waits until this holds for the standing of the job.
    pub fn wait(&self, what: &str, holds: impl Fn(&JobStanding) -> bool) -> JobStanding {
        let begin = Instant::now();
        loop {
            let standing = self.standing();
            if holds(&standing) {
                return standing;
            }
            if begin.elapsed() > DEADLINE {
                let logs = self.rhoshard(&["logs", "adder.toml"]).stdout;
                panic!("{what}: {}\n{logs}", standing.describe(&self.submissions()));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until nothing of the job is in the queue.
    pub fn wait_for_end(&self) -> JobStanding {
        self.wait("the end", |standing| standing.where_standing(Standing::is_active).is_empty())
    }

    /// Waits until a file is there.
    pub fn wait_for_file(&self, name: &str) {
        let begin = Instant::now();
        while !self.path(name).exists() {
            assert!(begin.elapsed() < DEADLINE, "{name} does not come");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub fn job(&self) -> String {
        self.standing().submissions.last().unwrap().job.clone()
    }

    /// Submits this many parts, or some of them again.
    pub fn submit_parts(&self, parts: u64, only: Option<Parts>, begun: Option<u64>) -> String {
        let cluster = Cluster::find("test", &self.folder).unwrap();
        let request = Request {
            nodes: 1,
            ranks: 1,
            ranks_per_node: 1,
            threads: 1,
            gpus_per_node: 0,
            memory_per_node: Some(100 << 20),
            seconds: 600,
            parts: Some(parts),
            predicted: 1.0,
            longest: 0.0,
        };
        let order = Order {
            cluster: &cluster,
            request: &request,
            job: &self.path("adder.toml"),
            folder: &self.submissions(),
            program: String::new(),
            definitions: Vec::new(),
            arguments: Vec::new(),
            results: Vec::new(),
            only,
            begun,
        };
        order.submit().unwrap()
    }
}

/// Counts to so many, a second each; told to stop, it ends with 99 and goes on from there the next time.
pub fn counter(to: u64) -> String {
    format!(
        r#"
trap 'stop=1' USR1 TERM
echo "begins at $(wc -l < table)" >> starts
while n=$(($(wc -l < table) + 1)); ((n <= {to})); do
    echo "$n" >> table
    sleep 1 & wait "$!"
    [[ -z $stop ]] || exit 99
done
"#
    )
}

/// What it has written at the end.
pub fn counted(to: u64) -> String {
    (1..=to).map(|n| format!("{n}\n")).collect()
}

/// A sweep of a test function that takes a second at each of twelve points.
pub const SWEEP: &str = "\
job = \"sweep\"
[axes]
\"function.arguments.x\" = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
[base]
job = \"function\"
[base.function]
name = \"sphere\"
seconds = 1.0
arguments = { x = 0 }
";

/// What a sphere in one dimension gives at 0, 1, and so on.
pub fn squares(count: u32) -> Vec<f64> {
    (0..count).map(|x| f64::from(x * x)).collect()
}

/// Every number of a table of a sweep.
pub fn table(path: &Path) -> Vec<Vec<f64>> {
    let file = hdf5::File::open(path).unwrap();
    let column = |name: &str| file.dataset(name).unwrap().read_raw::<f64>().unwrap();
    ["results/values/value/value", "results/values/draw/value"].map(column).to_vec()
}

/// A job gives the numbers that it gives without a batch system, on each of these numbers of ranks; its status and its log
/// are shown.
pub fn the_same_numbers(ranks: &[&str], place: impl Fn() -> Place) {
    let direct = place();
    direct.rhoshard(&["run", "adder.toml"]).expect_success("run");
    for ranks in ranks {
        let place = place();
        let printed = place.submit(&["--ranks", ranks]);
        assert!(printed.contains("submitted job ") && printed.contains("adder.submit"), "{printed}");
        let end = place.wait_for_end();
        let log = place.read("adder.submit/1-1.log");
        assert_eq!(end.parts[&1].standing, Standing::Done, "{log}");
        let tasks = if *ranks == "1" { "1 rank".to_string() } else { format!("{ranks} ranks") };
        assert!(log.contains(&tasks), "{log}");
        let files = [direct.path("adder.h5"), place.path("adder.h5")];
        let [one, other] = files.each_ref().map(|file| file.to_str().unwrap());
        place.rhoshard(&["compare", one, other]).expect_success("compare");
        let status = place.rhoshard(&["status", "adder.toml"]).expect_success("status").stdout;
        assert!(status.contains("done"), "{status}");
        let logs = place.rhoshard(&["logs", "adder.toml"]).expect_success("logs").stdout;
        assert!(logs.ends_with(&log), "{logs}");
    }
}

/// Fails until there is a file `fixed`.
pub const BROKEN: &str = "[[ -e fixed ]] || { echo broken >&2; exit 3; }\n";

/// [`BROKEN`] fails, its status and its log say so, and it is retried.
pub fn what_failed_is_retried(place: &Place) {
    place.submit(&[]);
    let end = place.wait_for_end();
    assert_eq!(end.parts[&1].standing, Standing::Failed(3));
    let status = place.rhoshard(&["status", "."]).expect_success("status").stdout;
    assert!(status.contains("failed with exit code 3 (the budget was missed)") && status.contains("retry"), "{status}");
    assert!(place.rhoshard(&["logs", "adder.toml"]).stdout.contains("broken"));
    std::fs::write(place.path("fixed"), "").unwrap();
    let said = place.rhoshard(&["retry", "adder.toml"]).expect_success("retry").stdout;
    assert!(said.contains("submitted job"), "{said}");
    let end = place.wait_for_end();
    assert_eq!((end.parts[&1].standing.clone(), end.parts[&1].number), (Standing::Done, 2));
    let said = place.rhoshard(&["retry", "adder.toml"]).expect_success("retry").stdout;
    assert!(said.contains("nothing to retry"), "{said}");
}

/// Does not end by itself until there is a file `fixed`.
pub const SLEEPS: &str = "[[ -e fixed ]] || { touch started; sleep 100; }\n";

/// The script that runs [`SLEEPS`] is killed; the profile has [`NOTES_ITSELF`].
pub fn what_is_killed_is_lost_and_can_be_retried(place: &Place) {
    place.submit(&[]);
    place.wait_for_file("started");
    let mut kill = Command::new("kill");
    kill.args(["-s", "KILL", place.read("script").trim()]);
    finish(kill).expect_success("kill");
    let end = place.wait_for_end();
    assert!(matches!(end.parts[&1].standing, Standing::Lost(_)), "{:?}", end.parts);
    std::fs::write(place.path("fixed"), "").unwrap();
    place.rhoshard(&["retry", "adder.toml"]).expect_success("retry");
    assert_eq!(place.wait_for_end().parts[&1].standing, Standing::Done);
}

/// A part notes its number; parts 7 and 9 fail until there is a file `fixed`.
pub const TWELVE_PARTS: &str = "echo \"$3\" >> parts\n[[ $3 != [79]/12 || -e fixed ]] || exit 2\nsleep 0.2\n";

/// [`TWELVE_PARTS`], three at once, where arrays have at most five elements, as the command `source` says; `look` is shown
/// the three jobs in the queue.
pub fn arrays_are_split_chained_and_retried_in_part(place: &Place, source: &str, look: impl Fn(&[String])) {
    let said = place.submit_parts(12, None, None);
    assert!(said.contains(&format!("3 arrays of at most 5 elements (`{source}`)")), "{said}");
    let submissions = place.standing().submissions;
    let parts = submissions.iter().map(|one| one.parts.as_ref().unwrap().to_string());
    assert_eq!(parts.collect::<Vec<_>>(), ["1-5", "6-10", "11-12"]);
    look(&submissions.iter().map(|submission| submission.job.clone()).collect::<Vec<_>>());
    let end = place.wait_for_end();
    let expected: Vec<String> = (1..=12).map(|part| format!("{part}/12")).collect();
    let ran = || {
        let mut parts: Vec<String> = place.read("parts").lines().map(String::from).collect();
        parts.sort_by_key(|part| part.split('/').next().unwrap().parse::<u64>().unwrap());
        parts
    };
    assert_eq!(ran(), expected);
    assert_eq!(end.unfinished().to_string(), "7,9");
    assert_eq!(end.parts[&7].standing, Standing::Failed(2));
    let text = end.describe(&place.submissions());
    assert!(text.contains("parts 7,9: failed with exit code 2 (wrong input)"), "{text}");
    assert!(place.path("adder.submit/2-2.log").exists(), "part 7 is the second element of the second array");
    std::fs::write(place.path("fixed"), "").unwrap();
    place.submit_parts(12, Some(end.unfinished()), Some(1));
    let end = place.wait_for_end();
    assert!(end.unfinished().is_empty() && end.parts[&9].number == 4 && end.parts[&9].element == 2);
    assert_eq!(ran().len(), 14);
}
