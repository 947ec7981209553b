//! The command line: parses arguments, starts the communicator, turns an error into an exit code.

mod bench;
mod cluster;
mod compare;
mod explain;
mod info;
mod noise;
mod report;
mod scaling;
mod status;

use crate::comm::{self, Communicator, World, node::Node};
use crate::config::{DeviceKind, text};
use crate::driver::interruption::{self, Interruption};
use crate::driver::{self, Context, Only, Selection};
use crate::error::{Error, ErrorKind, Result};
use crate::io::sweep::Part;
use crate::jobs::{self, Checked, PlanOptions, WidthSource};
use crate::validate;
use clap::{ArgAction, Args, Parser, Subcommand};
use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

const AFTER_HELP: &str = "\
Start a job on several ranks with the launcher of the MPI library it is built with:
  mpirun -n 4 rhoshard run job.toml

A job file, shortest form:
  job = \"circuit\"
  [circuit]
  file = \"circuit.qasm\"
  [observe]
  expectations = [\"Z0\", \"Z0 Z1\"]

Exit codes: 0 done; 1 the machine failed the run (memory, disk, launcher) or a defect; 2 wrong input, also a
state that cannot fit; 3 the error budget was missed in a job with strict = true; 4 points of a sweep failed;
13 a rank panicked; 99 interrupted after saving: the same command goes on.";

/// Open quantum systems with a certified error on every number, sharded over MPI ranks.
#[derive(Parser)]
#[command(name = "rhoshard", version = VERSION, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Show errors only: no progress, no warnings, no summary
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more; twice to hear it from every rank
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("RHOSHARD_COMMIT"), ")");

#[derive(Subcommand)]
enum Command {
    /// Run a job and write its result file
    Run(RunArguments),
    /// Check a job and all files it names, and print the effective configuration
    Check(JobFile),
    /// Print the steps, bytes and messages of a job and predict its time on 1 to 4096 ranks, without running it
    Plan(PlanArguments),
    #[command(flatten)]
    Cluster(cluster::ClusterCommand),
    /// Make one HTML page with plots of a result, compare several, or make a single plot
    Report(report::ReportArguments),
    /// Show how a submitted job stands, and how far a sweep is: points, speed, time left, the best so far, failures
    Status(status::StatusArguments),
    /// Say why points of a sweep have no result, and what to do about it
    Explain(explain::ExplainArguments),
    /// Measure this machine, alone or under mpirun
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Run circuits whose results are known in closed form on every engine, alone or under mpirun
    Validate {
        /// What computes: auto, cpu, cuda, or emulated (in builds for tests)
        #[arg(long, default_value = "auto", value_parser = device)]
        device: DeviceKind,
    },
    /// Show and convert noise models: native, of Qiskit Aer, calibrations of IBM backends
    Noise {
        #[command(subcommand)]
        what: Noise,
    },
    /// Print how far the numbers of two results are apart; exit code 1 if further than --tolerance
    #[command(hide = true)]
    Compare(compare::CompareArguments),
    /// Describe this build and this machine: MPI, HDF5, processor, ranks, threads, GPUs and their libraries
    Info,
}

#[derive(Args)]
struct RunArguments {
    #[command(flatten)]
    job: JobFile,
    /// Of a sweep: run the K-th of N parts of its points, as one of N jobs of a batch system
    #[arg(long, value_name = "K/N", value_parser = part)]
    part: Option<Part>,
    /// Of a sweep: run again the points that failed, and no others
    #[arg(long, value_name = "WHICH", value_parser = only)]
    only: Option<Only>,
    /// Start over: discard the checkpoint of an interrupted run
    #[arg(long)]
    fresh: bool,
    /// Write the result to this file instead of that of the job
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct PlanArguments {
    #[command(flatten)]
    job: JobFile,
    /// Plan for this many ranks instead of those it is started with
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    ranks: Option<u32>,
    /// Predict for this machine, a file that `rhoshard bench machine` wrote
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
    /// Take the width of the factor along the circuit from an earlier result
    #[arg(long, value_name = "RESULT", conflicts_with = "width")]
    profile: Option<PathBuf>,
    /// Take this width throughout
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    width: Option<u64>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Bench {
    /// Messages between the memories of GPUs, one for each rank: by NCCL, by MPI or through the hosts
    Exchange(ExchangeArguments),
    /// Kernels of one GPU against its memory and its library of products
    Gpu(GpuArguments),
    /// The same job on more and more ranks, or one more qubit with each doubling: times, speed-up, efficiency, plots
    Scaling(scaling::ScalingArguments),
    /// Bandwidths, rates of gates and products, links between ranks; takes less than a minute
    Machine {
        /// Write the numbers to this machine file, for `rhoshard plan --machine`
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Threads of each rank instead of the node's cores over its ranks
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4096))]
        threads: Option<u32>,
        /// What is measured: cpu, or a GPU for each rank: cuda, auto, or emulated (in builds for tests)
        #[arg(long, default_value = "cpu", value_parser = device)]
        device: DeviceKind,
    },
}

#[derive(Args)]
struct ExchangeArguments {
    /// What computes: auto, cuda, or emulated (in builds for tests)
    #[arg(long, default_value = "auto", value_parser = device)]
    device: DeviceKind,
    /// Write the numbers to this JSON file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args)]
struct GpuArguments {
    /// What computes: auto, cuda, or emulated (in builds for tests)
    #[arg(long, default_value = "auto", value_parser = device)]
    device: DeviceKind,
    /// Write the numbers to this JSON file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Memory of the shards that are measured on
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    memory: u64,
}

#[derive(Subcommand)]
enum Noise {
    /// Print T1, T2, readout errors and the average gate fidelities of a noise model
    Show {
        /// The model: TOML, JSON of a noise model of Qiskit Aer, or JSON of the properties of an IBM backend
        model: PathBuf,
        /// Print every gate on every place, however many there are
        #[arg(long)]
        all: bool,
    },
    /// Write a noise model in another form
    Convert {
        /// The model, as for `show`
        model: PathBuf,
        /// The new file: .json for Qiskit Aer, .toml for the native form
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

#[derive(Args)]
struct JobFile {
    /// The job file (TOML); paths in it are relative to its folder
    job: PathBuf,
    /// VALUE stands where the job file says {NAME}; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    define: Vec<String>,
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    if let Some(result) = alone(&arguments) {
        return report(&result, true, arguments.quiet);
    }
    let outcome = start(&arguments).map(|world| {
        let speaks = comm::speaks(world.communicator());
        start_logging(&arguments, world.communicator().rank(), speaks);
        let result = comm::caught(|| execute(&arguments, &world));
        report(&result, speaks, arguments.quiet)
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(error.kind.exit_code())
    })
}

/// A command that starts ranks itself runs without the library that connects them.
fn start(arguments: &Arguments) -> Result<World> {
    match &arguments.command {
        Command::Bench { what: Bench::Scaling(_) } => comm::start_alone(),
        _ => comm::start(),
    }
}

/// The result of a command that is carried out once, on one machine, and starts no MPI; nothing for the others.
fn alone(arguments: &Arguments) -> Option<Result<String>> {
    let action: &dyn Fn(&dyn Communicator) -> Result<String> = match &arguments.command {
        Command::Cluster(command) => &|comm| command.execute(arguments, comm),
        Command::Status(wanted) => &|_| status::status(wanted),
        Command::Explain(wanted) => &|_| explain::explain(wanted),
        _ => return None,
    };
    start_logging(arguments, 0, true);
    Some(comm::alone().and_then(|comm| action(&comm)))
}

/// Help and version go to standard output, mistakes to standard error with exit code 2; once per job, not per rank.
fn usage(error: &clap::Error) -> ExitCode {
    let world = comm::start();
    if world.as_ref().map_or(true, |world| comm::speaks(world.communicator())) {
        // Nothing is left to be done when the terminal is gone.
        let _ = error.print();
    }
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

fn report(result: &Result<String>, speaks: bool, quiet: bool) -> ExitCode {
    match result {
        Ok(text) => {
            if speaks && !quiet {
                // A reader that has gone (`| head`) is no failure of the job.
                let _ = std::io::stdout().write_all(text.as_bytes());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            if speaks {
                eprintln!("error: {error}");
                if error.kind == ErrorKind::Interrupted
                    && let Err(cause) = interruption::leave_mark()
                {
                    eprintln!("error: {cause}");
                }
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}

fn execute(arguments: &Arguments, world: &World) -> Result<String> {
    match &arguments.command {
        Command::Cluster(_) | Command::Status(_) | Command::Explain(_) => {
            Err(Error::internal("a command that needs no ranks was given some"))
        }
        Command::Info => Ok(info::describe(world.communicator(), arguments.verbose > 0)),
        Command::Validate { device } => {
            let comm = world.communicator();
            start_threads(&Node::of(comm), None)?;
            validate::run(comm, *device)
        }
        Command::Noise { what: Noise::Show { model, all } } => noise::show(world.communicator(), model, *all),
        Command::Noise { what: Noise::Convert { model, output } } => {
            noise::convert(world.communicator(), model, output)
        }
        Command::Run(run) => with_job(arguments, world.communicator(), &run.job, |job, context| {
            context.interruption.watch(context.comm)?;
            driver::run(job.prepare(context)?, context)
        }),
        Command::Check(job) => with_job(arguments, world.communicator(), job, |job, context| job.check(context)),
        Command::Plan(plan) => with_job(arguments, world.communicator(), &plan.job, |job, context| {
            job.plan(context, &plan.options(context.comm.size(), arguments.verbose > 0))
        }),
        Command::Report(arguments) => comm::on_root(world.communicator(), || report::report(arguments)),
        Command::Compare(arguments) => comm::on_root(world.communicator(), || compare::compare(arguments)),
        Command::Bench { what: Bench::Exchange(wanted) } => {
            bench::exchange(world.communicator(), wanted.device, wanted.output.as_deref())
        }
        Command::Bench { what: Bench::Gpu(wanted) } => comm::on_root(world.communicator(), || {
            bench::gpu(wanted.device, (wanted.memory as usize) << 20, wanted.output.as_deref())
        }),
        Command::Bench { what: Bench::Scaling(wanted) } => {
            scaling::scaling(wanted, |job| context_of(arguments, world.communicator(), job))
        }
        Command::Bench { what: Bench::Machine { output, threads, device } } => {
            let comm = world.communicator();
            let node = Node::of(comm);
            start_threads(&node, threads.map(|threads| threads as usize))?;
            bench::machine(comm, &node, *device, output.as_deref())
        }
    }
}

/// A kind of device by its name in job files.
fn device(name: &str) -> std::result::Result<DeviceKind, String> {
    let names = || DeviceKind::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    DeviceKind::named(name).ok_or_else(|| format!("allowed: {}", names()))
}

/// `2/8`: the second of eight parts.
fn part(text: &str) -> std::result::Result<Part, String> {
    let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let part = numbers.map(|(number, of)| Part { number, of }).filter(|part| (1..=part.of).contains(&part.number));
    part.ok_or_else(|| "allowed: K/N with K from 1 to N, for instance 2/8".into())
}

fn only(text: &str) -> std::result::Result<Only, String> {
    match text {
        "failed" => Ok(Only::Failed),
        "open" => Ok(Only::Open),
        _ => Err("allowed: failed, open".into()),
    }
}

impl RunArguments {
    fn selection(&self) -> Selection {
        let default = Selection::default();
        Selection { part: self.part.unwrap_or(default.part), only: self.only.unwrap_or(default.only) }
    }
}

impl PlanArguments {
    fn options(&self, started: usize, verbose: bool) -> PlanOptions {
        let widths = match (&self.profile, self.width) {
            (Some(result), _) => WidthSource::Result(result.clone()),
            (None, Some(width)) => WidthSource::Constant(width),
            (None, None) => WidthSource::Pilot,
        };
        let ranks = self.ranks.map_or(started, |ranks| ranks as usize);
        PlanOptions { ranks, verbose, json: self.json, machine: self.machine.clone(), widths }
    }
}

/// Loads the job file and sets up threads, then calls `action`.
fn with_job(
    arguments: &Arguments,
    comm: &dyn Communicator,
    job: &JobFile,
    action: impl FnOnce(Box<dyn Checked>, &Context<'_>) -> Result<String>,
) -> Result<String> {
    let context = context_of(arguments, comm, job)?;
    let job = jobs::read(&context.job_text, &context.job_file)?;
    start_threads(&context.node, job.threads())?;
    action(job, &context)
}

/// Reads a job file and gives what its job runs in. Collective.
fn context_of<'a>(arguments: &Arguments, comm: &'a dyn Communicator, job: &JobFile) -> Result<Context<'a>> {
    let (output, selection) = match &arguments.command {
        Command::Run(run) => (run.output.as_deref().map(absolute).transpose()?, run.selection()),
        _ => (None, Selection::default()),
    };
    let mut context = Context {
        comm,
        node: Node::of(comm),
        quiet: arguments.quiet,
        folder: job.job.parent().unwrap_or(Path::new("")).to_path_buf(),
        job_file: job.job.display().to_string(),
        job_text: String::new(),
        output,
        writes: true,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        inputs: RefCell::default(),
        interruption: Interruption::default(),
        selection,
        fresh: matches!(&arguments.command, Command::Run(run) if run.fresh),
    };
    let text = context.read_text(&job.job, &context.job_file)?;
    context.job_text = text::with_definitions(&text, &job.definitions(), &context.job_file)?;
    Ok(context)
}

/// A path that leads to the same place from the folder of a job.
fn absolute(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).ok();
    let text = absolute.and_then(|path| path.to_str().map(str::to_string));
    text.ok_or_else(|| {
        Error::input("is no path of text").in_file(path.display()).next("name another file with --output")
    })
}

impl JobFile {
    /// Names and values; an argument without a value has the empty name, which is refused with the others.
    fn definitions(&self) -> Vec<(String, String)> {
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) => (name.to_string(), value.to_string()),
            None => (String::new(), text.clone()),
        };
        self.define.iter().map(pair).collect()
    }
}

fn start_threads(node: &Node, wanted: Option<usize>) -> Result<()> {
    if let (None, Some(warning)) = (wanted, node.binding_warning()) {
        tracing::warn!("{warning}");
    }
    let threads = wanted.unwrap_or_else(|| node.default_threads());
    tracing::info!("{threads} threads a rank");
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| Error::resource(format!("{threads} threads cannot be started: {error}")))
}

/// Logs go to standard error with the rank in each line; the other ranks repeat only what the user asked for.
fn start_logging(arguments: &Arguments, rank: usize, speaks: bool) {
    let level = match (arguments.quiet, arguments.verbose, speaks) {
        (true, _, _) | (false, 0, false) => LevelFilter::ERROR,
        (false, 0, true) => LevelFilter::WARN,
        (false, 1, true) => LevelFilter::INFO,
        (false, 1, false) => LevelFilter::WARN,
        (false, _, _) => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .event_format(RankFormat { rank })
        .init();
}

/// One line for each event: level, rank, message.
struct RankFormat {
    rank: usize,
}

impl<S, N> tracing_subscriber::fmt::FormatEvent<S, N> for RankFormat
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    N: for<'a> tracing_subscriber::fmt::FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &tracing_subscriber::fmt::FmtContext<'_, S, N>,
        mut writer: tracing_subscriber::fmt::format::Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        write!(writer, "{}: [rank {}] ", event.metadata().level().to_string().to_lowercase(), self.rank)?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_plot_goes_with_a_picture() {
        let parses =
            |rest: &[&str]| Arguments::try_parse_from(["rhoshard", "report", "a.h5"].iter().chain(rest)).is_ok();
        assert!(parses(&[]) && parses(&["b.h5", "-o", "page.html"]));
        assert!(parses(&["--plot", "width", "--svg", "a.svg", "--png", "a.png"]));
        assert!(!parses(&["--plot", "width"]) && !parses(&["--svg", "a.svg"]));
    }

    #[test]
    fn options_may_follow_the_command() {
        let arguments = Arguments::try_parse_from(["rhoshard", "plan", "job.toml", "--ranks", "3", "-v"]).unwrap();
        let Command::Plan(plan) = &arguments.command else { panic!("another command") };
        assert!(plan.ranks == Some(3) && arguments.verbose == 1);
    }

    #[test]
    fn widths_have_one_source() {
        let parse = |rest: &[&str]| {
            let arguments = Arguments::try_parse_from(["rhoshard", "plan", "job.toml"].iter().chain(rest)).ok()?;
            match arguments.command {
                Command::Plan(plan) => Some(plan.options(4, false)),
                _ => None,
            }
        };
        assert_eq!(parse(&[]), Some(PlanOptions { ranks: 4, ..PlanOptions::default() }));
        assert_eq!(parse(&["--width", "8"]).unwrap().widths, WidthSource::Constant(8));
        assert_eq!(parse(&["--profile", "a.h5"]).unwrap().widths, WidthSource::Result("a.h5".into()));
        assert_eq!(parse(&["--profile", "a.h5", "--width", "8"]), None);
        assert_eq!(parse(&["--width", "0"]), None);
    }
}
