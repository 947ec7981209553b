//! Profiles of clusters: what the batch system of a site is, what its nodes have and how programs start there.
//!
//! `docs/clusters.md` explains every key; the files under `slurm/` are examples that are built into the program.

use super::document::{self, Table, Tables, Value};
use super::{memory, text};
use crate::error::{Error, Result};

const TABLES: Tables = &[
    (
        "",
        &[
            "scheduler",
            "program",
            "modules",
            "setup",
            "directives",
            "queue",
            "node",
            "job",
            "launcher",
            "array",
            "requeue",
        ],
    ),
    ("queue", &["partition", "account", "quality", "parallel_environment", "time_limit", "most_nodes"]),
    ("node", &["cores", "memory", "gpus", "gpu_memory", "machine"]),
    ("job", &["ranks", "threads", "time", "memory", "ask_memory", "aim", "safety"]),
    ("launcher", &["command", "options"]),
    ("array", &["largest", "at_once"]),
    ("requeue", &["most", "warning"]),
];

/// Seconds that a job should take where its profile does not say: one hour.
const DEFAULT_AIM: u64 = 3600;
/// The time asked for over the time predicted, where the profile does not say.
const DEFAULT_SAFETY: f64 = 3.0;
/// Elements of an array that run at once, where the profile does not say.
const DEFAULT_AT_ONCE: u64 = 20;
/// Times that a job starts itself again, where the profile does not say.
const DEFAULT_REQUEUES: u64 = 50;
/// Seconds between the warning and the end of the time, where the profile does not say.
const DEFAULT_WARNING: u64 = 120;
/// The longest time that can be asked for: a year.
const LONGEST: u64 = 366 * 86400;

/// The batch systems there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchedulerKind {
    /// SLURM.
    Slurm,
    /// PBS Professional and OpenPBS.
    Pbs,
    /// Torque, an older relative of PBS with other words for resources and arrays.
    Torque,
    /// IBM Spectrum LSF.
    Lsf,
    /// Grid Engine: Sun's, Univa's, Altair's, Son of Grid Engine.
    GridEngine,
}

impl SchedulerKind {
    /// Every batch system by its name in profiles.
    pub const NAMES: [(&'static str, SchedulerKind); 5] = [
        ("slurm", SchedulerKind::Slurm),
        ("pbs", SchedulerKind::Pbs),
        ("torque", SchedulerKind::Torque),
        ("lsf", SchedulerKind::Lsf),
        ("gridengine", SchedulerKind::GridEngine),
    ];

    /// Its name in profiles.
    pub fn name(self) -> &'static str {
        let named = SchedulerKind::NAMES.iter().find(|(_, kind)| *kind == self);
        named.expect("every batch system is in the table").0
    }
}

/// What starts the ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launcher {
    /// SLURM's own.
    Srun,
    /// That of the MPI library.
    Mpirun,
    /// Nothing: one rank, as of a build without MPI.
    None,
}

impl Launcher {
    const NAMES: [(&'static str, Launcher); 3] =
        [("srun", Launcher::Srun), ("mpirun", Launcher::Mpirun), ("none", Launcher::None)];
}

/// A checked profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The batch system.
    pub scheduler: SchedulerKind,
    /// The program on the compute nodes; without one, that which submits.
    pub program: Option<String>,
    /// Modules to load.
    pub modules: Vec<String>,
    /// Lines of shell before the program starts.
    pub setup: Vec<String>,
    /// Options for the head of the script that have no key of their own.
    pub directives: Vec<String>,
    /// `[queue]`
    pub queue: Queue,
    /// `[node]`
    pub node: ClusterNode,
    /// `[job]`
    pub job: JobLimits,
    /// What starts the ranks.
    pub launcher: Launcher,
    /// Its options.
    pub launcher_options: Vec<String>,
    /// Most elements of an array; asked of the batch system if absent.
    pub largest_array: Option<u64>,
    /// Elements of an array that run at once.
    pub at_once: u64,
    /// Times that a job starts itself again.
    pub requeues: u64,
    /// Seconds between the signal to save and the end of the time.
    pub warning: u64,
}

/// `[queue]`: where jobs wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The partition (SLURM) or queue; the site's default if absent.
    pub partition: Option<String>,
    /// The account or project that pays.
    pub account: Option<String>,
    /// The quality of service (SLURM).
    pub quality: Option<String>,
    /// The parallel environment (Grid Engine).
    pub parallel_environment: Option<String>,
    /// Seconds that a job may take at most.
    pub time_limit: u64,
    /// Nodes that a job may have at most.
    pub most_nodes: u64,
}

/// `[node]`: what one node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterNode {
    /// Cores.
    pub cores: u64,
    /// Bytes that jobs may ask for.
    pub memory: u64,
    /// GPUs; with any, a job has one rank for each of its GPUs.
    pub gpus: u64,
    /// Bytes of a GPU; what does not fit into one is not looked at without it.
    pub gpu_memory: Option<u64>,
    /// A machine file (`rhoshard bench machine`) to predict with, relative to the profile.
    pub machine: Option<String>,
}

/// `[job]`: what jobs ask for; what is absent comes from the job's plan.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLimits {
    /// Ranks.
    pub ranks: Option<u64>,
    /// Threads of a rank.
    pub threads: Option<u64>,
    /// Seconds.
    pub time: Option<u64>,
    /// Bytes of a rank.
    pub memory: Option<u64>,
    /// Whether memory is asked for at all.
    pub ask_memory: bool,
    /// Seconds that a job should be predicted to take at most.
    pub aim: u64,
    /// The time asked for over the time predicted.
    pub safety: f64,
}

impl Profile {
    /// Reads a profile; `file` is its name in messages.
    ///
    /// # Errors
    /// Input error with file and line for what is no profile.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Profile> {
        read(text::decode(bytes, file)?).map_err(|error| error.in_file(file))
    }
}

fn read(text: &str) -> Result<Profile> {
    let document = document::parse(text)?;
    let top = Table::top(text, TABLES, document.get_ref())?;
    let scheduler = top.require("scheduler", "scheduler = \"slurm\"")?.choice(&SchedulerKind::NAMES)?;
    let (launcher, array, requeue) = (top.table("launcher")?, top.table("array")?, top.table("requeue")?);
    let profile = Profile {
        scheduler,
        program: top.get("program").map(|value| line(&value)).transpose()?,
        modules: list(&top, "modules", word)?,
        setup: list(&top, "setup", line)?,
        directives: list(&top, "directives", line)?,
        queue: queue(&top.table("queue")?)?,
        node: node(&top.table("node")?)?,
        job: job(&top.table("job")?)?,
        launcher: launcher_of(&launcher, scheduler)?,
        launcher_options: list(&launcher, "options", line)?,
        largest_array: whole(&array, "largest", 1..=10_000_000)?,
        at_once: whole(&array, "at_once", 1..=1_000_000)?.unwrap_or(DEFAULT_AT_ONCE),
        requeues: whole(&requeue, "most", 0..=100_000)?.unwrap_or(DEFAULT_REQUEUES),
        warning: duration(&requeue, "warning")?.unwrap_or(DEFAULT_WARNING),
    };
    go_together(&top, &profile)?;
    Ok(profile)
}

fn queue(table: &Table) -> Result<Queue> {
    let text = |key| table.get(key).map(|value| word(&value)).transpose();
    Ok(Queue {
        partition: text("partition")?,
        account: text("account")?,
        quality: text("quality")?,
        parallel_environment: text("parallel_environment")?,
        time_limit: seconds(&table.require("time_limit", "time_limit = \"24:00:00\"")?)?,
        most_nodes: whole(table, "most_nodes", 1..=1_000_000)?.unwrap_or(1),
    })
}

fn node(table: &Table) -> Result<ClusterNode> {
    Ok(ClusterNode {
        cores: table.require("cores", "cores = 64")?.whole(1..=65536)?,
        memory: bytes(&table.require("memory", "memory = \"240 GiB\"")?)?,
        gpus: whole(table, "gpus", 0..=1024)?.unwrap_or(0),
        gpu_memory: table.get("gpu_memory").map(|value| bytes(&value)).transpose()?,
        machine: table.get("machine").map(|value| value.string()).transpose()?,
    })
}

fn job(table: &Table) -> Result<JobLimits> {
    let safety = table.get("safety").map(|value| value.number_where(|factor| factor >= 1.0, "a number of at least 1"));
    Ok(JobLimits {
        ranks: whole(table, "ranks", 1..=1 << 20)?,
        threads: whole(table, "threads", 1..=4096)?,
        time: duration(table, "time")?,
        memory: table.get("memory").map(|value| bytes(&value)).transpose()?,
        ask_memory: table.get("ask_memory").map_or(Ok(true), |value| value.flag())?,
        aim: duration(table, "aim")?.unwrap_or(DEFAULT_AIM),
        safety: safety.transpose()?.unwrap_or(DEFAULT_SAFETY),
    })
}

/// Only SLURM has `srun`; without a word SLURM's jobs start with it, all others with the MPI library's launcher.
fn launcher_of(table: &Table, scheduler: SchedulerKind) -> Result<Launcher> {
    match (table.get("command"), scheduler) {
        (Some(value), _) => match (value.choice(&Launcher::NAMES)?, scheduler) {
            (Launcher::Srun, other) if other != SchedulerKind::Slurm => {
                let error = value.error(format!("is `srun`, which `scheduler = \"{}\"` does not have", other.name()));
                Err(error.allowed("mpirun, none"))
            }
            (launcher, _) => Ok(launcher),
        },
        (None, SchedulerKind::Slurm) => Ok(Launcher::Srun),
        (None, _) => Ok(Launcher::Mpirun),
    }
}

/// What each key alone does not show.
fn go_together(top: &Table, profile: &Profile) -> Result<()> {
    let (queue, job) = (top.table("queue")?, top.table("job")?);
    if profile.scheduler == SchedulerKind::GridEngine && profile.launcher != Launcher::None {
        queue.require("parallel_environment", "parallel_environment = \"mpi\" # `qconf -spl` lists them")?;
    }
    if let (Some(value), Launcher::None, Some(2..)) = (job.get("ranks"), profile.launcher, profile.job.ranks) {
        return Err(value.error("needs a launcher").next("write `command = \"mpirun\"` under `[launcher]`"));
    }
    let at_most = |value: Option<Value>, own: u64, most: u64, what: &str| match value {
        Some(value) if own > most => Err(value.error(format!("is more than {what}"))),
        _ => Ok(()),
    };
    let limit = profile.queue.time_limit;
    at_most(job.get("time"), profile.job.time.unwrap_or(0), limit, "`queue.time_limit`")?;
    at_most(job.get("threads"), profile.job.threads.unwrap_or(0), profile.node.cores, "`node.cores`")?;
    at_most(job.get("memory"), profile.job.memory.unwrap_or(0), profile.node.memory, "`node.memory`")?;
    let most_warning = profile.job.time.unwrap_or(limit) / 2;
    at_most(top.table("requeue")?.get("warning"), profile.warning, most_warning, "half of the time of a job")
}

fn whole(table: &Table, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>> {
    table.get(key).map(|value| value.whole(range)).transpose()
}

/// Seconds of a duration.
fn duration(table: &Table, key: &str) -> Result<Option<u64>> {
    table.get(key).map(|value| seconds(&value)).transpose()
}

fn seconds(value: &Value) -> Result<u64> {
    let allowed =
        "a time such as \"24:00:00\" (hours, minutes, seconds) or \"2-12:00:00\" (days in front), up to a year";
    let text = value.string().map_err(|error| error.allowed(allowed))?;
    parse_seconds(&text).ok_or_else(|| value.error(format!("is `{text}`")).allowed(allowed))
}

/// Seconds of `[days-]hours:minutes:seconds`; `None` for anything else, for nothing and for more than a year.
pub fn parse_seconds(text: &str) -> Option<u64> {
    let (days, clock) = text.trim().split_once('-').unwrap_or(("0", text.trim()));
    let parts: Vec<u64> = clock.split(':').map(digits).collect::<Option<_>>()?;
    let [hours, minutes @ 0..60, seconds @ 0..60] = parts[..] else { return None };
    let total = digits(days)?.checked_mul(86400)?.checked_add(hours.checked_mul(3600)?)? + minutes * 60 + seconds;
    (1..=LONGEST).contains(&total).then_some(total)
}

/// A number written in digits alone, few enough not to overflow.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn bytes(value: &Value) -> Result<u64> {
    let text = value.string().map_err(|error| error.allowed(memory::WITH_UNIT))?;
    memory::bytes(&text).ok_or_else(|| value.error(format!("is `{text}`")).allowed(memory::WITH_UNIT))
}

fn list(table: &Table, key: &str, read: fn(&Value) -> Result<String>) -> Result<Vec<String>> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    value.items("an array of strings")?.iter().map(read).collect()
}

/// A line of text: a script would end in the middle of any other.
fn line(value: &Value) -> Result<String> {
    let text = value.string()?;
    match text.chars().any(char::is_control) {
        true => Err(value.error("has a line break or another control character").allowed("one line of text")),
        false => Ok(text),
    }
}

/// A name that needs no quotes in a script or its head.
fn word(value: &Value) -> Result<String> {
    let text = value.string()?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.,:@/+=".contains(letter);
    match text.chars().all(plain) && !text.starts_with('-') {
        true => Ok(text),
        false => Err(wrong_word(value, &text)),
    }
}

fn wrong_word(value: &Value, text: &str) -> Error {
    value.error(format!("is `{text}`")).allowed("letters, digits and _ - . , : @ / + =, not beginning with -")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTEST: &str =
        "scheduler = \"slurm\"\n[queue]\ntime_limit = \"1:00:00\"\n[node]\ncores = 4\nmemory = \"8 GiB\"\n";

    fn parsed(text: &str) -> Result<Profile> {
        Profile::parse(text.as_bytes(), "c.toml")
    }

    /// The shortest profile with more under one of its sections.
    fn with(section: &str, more: &str) -> String {
        match SHORTEST.contains(section) {
            true => SHORTEST.replace(section, &format!("{section}\n{more}")),
            false => format!("{SHORTEST}{section}\n{more}\n"),
        }
    }

    #[test]
    fn the_shortest_profile_has_defaults() {
        let profile = parsed(SHORTEST).unwrap();
        assert_eq!((profile.scheduler, profile.launcher), (SchedulerKind::Slurm, Launcher::Srun));
        assert_eq!((profile.queue.time_limit, profile.queue.most_nodes), (3600, 1));
        assert_eq!((profile.node.cores, profile.node.memory, profile.node.gpus), (4, 8 << 30, 0));
        assert_eq!((profile.job.aim, profile.at_once, profile.requeues, profile.warning), (3600, 20, 50, 120));
        assert!(profile.job.ask_memory && profile.largest_array.is_none() && profile.modules.is_empty());
        let pbs = parsed(&SHORTEST.replace("slurm", "pbs")).unwrap();
        assert_eq!(pbs.launcher, Launcher::Mpirun);
    }

    #[test]
    fn times_are_read() {
        let times =
            [("0:00:01", 1), ("1:00:00", 3600), ("100:00:00", 360_000), ("2-12:00:00", 216_000), ("0-0:1:00", 60)];
        for (text, expected) in times {
            assert_eq!(parse_seconds(text), Some(expected), "{text}");
        }
        for wrong in
            ["", "60", "1:00", "1:60:00", "1:00:60", "0:00:00", "-1:00:00", "a", "1:0:0:0", "400-0:00:00", "+1:0:0"]
        {
            assert_eq!(parse_seconds(wrong), None, "{wrong}");
        }
        assert_eq!(parse_seconds("999999999999999999999:00:00"), None);
    }

    #[test]
    fn wrong_profiles_are_refused_with_what_is_allowed() {
        let slurm = "scheduler = \"slurm\"";
        let cases = [
            (with("[queue]", "partiton = \"a\""), "unknown key `partiton` in `queue`", "did you mean `partition`?"),
            (SHORTEST.replace("slurm", "slrum"), "`scheduler` is `slrum`", "did you mean \"slurm\"?"),
            (SHORTEST.replace(slurm, ""), "`scheduler` is missing", "scheduler = \"slurm\""),
            (SHORTEST.replace("cores = 4", ""), "`node.cores` is missing", "cores = 64"),
            (SHORTEST.replace("1:00:00", "90"), "`queue.time_limit` is `90`", "24:00:00"),
            (SHORTEST.replace("8 GiB", "8"), "`node.memory` is `8`", "4 GiB"),
            (with("[queue]", "partition = \"a b\""), "`queue.partition` is `a b`", "letters, digits"),
            (with("[queue]", "account = \"-x\""), "`queue.account` is `-x`", "not beginning with -"),
            (with("[queue]", "most_nodes = 0"), "`queue.most_nodes` is 0", "1 to 1000000"),
            (with(slurm, "setup = [\"a\\nb\"]"), "`setup[0]` has a line break", "one line of text"),
            (with(slurm, "modules = \"a\""), "`modules` is a string", "an array of strings"),
            (with("[job]", "time = \"2:00:00\""), "`job.time` is more than `queue.time_limit`", ""),
            (with("[job]", "threads = 8"), "`job.threads` is more than `node.cores`", ""),
            (with("[job]", "memory = \"9 GiB\""), "`job.memory` is more than `node.memory`", ""),
            (with("[job]", "safety = 0.5"), "`job.safety` is 0.5", "at least 1"),
            (with("[requeue]", "warning = \"0:31:00\""), "`requeue.warning` is more than half", ""),
            (with("[launcher]", "command = \"none\"\n[job]\nranks = 2"), "`job.ranks` needs a launcher", "mpirun"),
            (SHORTEST.replace("slurm", "pbs") + "[launcher]\ncommand = \"srun\"", "does not have", "mpirun, none"),
            (SHORTEST.replace("slurm", "gridengine"), "`queue.parallel_environment` is missing", "qconf -spl"),
            (with(slurm, "partition = \"a\""), "unknown key `partition`", "`partition` belongs under `[queue]`"),
        ];
        for (text, what, allowed) in cases {
            let message = parsed(&text).unwrap_err().to_string();
            assert!(message.starts_with("c.toml") && message.contains(what) && message.contains(allowed), "{message}");
        }
    }

    #[test]
    fn the_page_on_clusters_names_every_key() {
        let page = include_str!("../../docs/clusters.md");
        let rows = page.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
        let mut listed: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let dotted = |(table, keys): &(&str, &[&str])| {
            let name = |key: &&str| if table.is_empty() { key.to_string() } else { format!("{table}.{key}") };
            keys.iter().map(name).collect::<Vec<_>>()
        };
        let is_table = |key: &String| TABLES.iter().any(|(table, _)| table == key);
        let mut known: Vec<String> = TABLES.iter().flat_map(dotted).filter(|key| !is_table(key)).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }
}
