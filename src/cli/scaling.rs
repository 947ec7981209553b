//! `rhoshard bench scaling`.

mod submit;

use super::JobFile;
use super::cluster::time;
use crate::cluster::local::{Launcher, run, typed};
use crate::cluster::submit::refuse_active;
use crate::driver::Context;
use crate::error::{Error, Result};
use crate::jobs::{self, PlanOptions, WidthSource};
use crate::scaling::analysis::{Row, add_predictions, analyse};
use crate::scaling::collect::collect;
use crate::scaling::files::Findings;
use crate::scaling::{Kind, Planned, Study};
use clap::{ArgGroup, Args};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub(super) use submit::{Place, submit};

/// What to run, how, and where it goes.
#[derive(Args)]
#[command(group = ArgGroup::new("kind"), group = ArgGroup::new("what").required(true).multiple(false))]
pub(super) struct ScalingArguments {
    /// The job file; in a weak study {qubits} in it stands for the number of qubits
    #[arg(group = "what")]
    job: Option<PathBuf>,
    /// The same job on every number of ranks
    #[arg(long, group = "kind")]
    strong: bool,
    /// One more qubit with each doubling of the ranks
    #[arg(long, group = "kind", requires = "qubits")]
    weak: bool,
    /// Numbers of ranks
    #[arg(long, value_name = "LIST", default_values_t = [1, 2, 4], value_delimiter = ',',
        value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    ranks: Vec<u32>,
    /// Runs on each number of ranks; their median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Qubits on the fewest ranks of a weak study
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    qubits: Option<u32>,
    /// Folder for results, logs, tables and plots [default: <job>-strong or <job>-weak beside the job file]
    #[arg(long, short, value_name = "FOLDER", conflicts_with = "collect")]
    output: Option<PathBuf>,
    /// What starts ranks, before `-n RANKS`, for instance 'srun --mpi=pmix' [default: MPIRUN, or mpirun]
    #[arg(long, value_name = "COMMAND", conflicts_with = "collect")]
    launcher: Option<String>,
    /// Submit the runs to the queue of a cluster, a job for each number of ranks; --collect makes the tables later. A
    /// profile or its name, as for `rhoshard submit`
    #[arg(long, value_name = "CLUSTER", conflicts_with_all = ["collect", "launcher", "machine"])]
    submit: Option<String>,
    /// The time to ask for, for each job, hours:minutes:seconds, instead of that of its plan
    #[arg(long, value_name = "TIME", value_parser = time, requires = "submit")]
    time: Option<u64>,
    /// Predict for this machine, a file that `rhoshard bench machine` wrote
    #[arg(long, value_name = "FILE")]
    machine: Option<PathBuf>,
    /// Only print the commands of the runs that are left, or with --submit the scripts; --collect makes the tables later
    #[arg(long, conflicts_with = "collect")]
    dry_run: bool,
    /// Only make tables and plots of the results in this folder
    #[arg(long, value_name = "FOLDER", group = "what")]
    collect: Option<PathBuf>,
}

impl ScalingArguments {
    fn kind(&self) -> Option<Kind> {
        match (self.strong, self.weak) {
            (true, _) => Some(Kind::Strong),
            (_, true) => Some(Kind::Weak),
            _ => None,
        }
    }

    fn study(&self, job: &Path) -> Result<Study> {
        let kind = self.kind().ok_or_else(|| Error::input("which scaling?").allowed("--strong or --weak"))?;
        let ranks: Vec<usize> = self.ranks.iter().map(|ranks| *ranks as usize).collect();
        Study::new(kind, job, &ranks, self.repeat as usize, self.qubits.map(|qubits| qubits as usize))
    }

    fn folder(&self, study: &Study) -> PathBuf {
        let name = study.job.file_stem().unwrap_or_default().to_string_lossy();
        let beside = || study.job.with_file_name(format!("{name}-{}", study.kind.name()));
        self.output.clone().unwrap_or_else(beside)
    }
}

/// Makes the runs and the tables, or what of that is asked for; `context` makes the surroundings of a job.
pub(super) fn scaling<'a>(
    wanted: &ScalingArguments,
    context: impl Fn(&JobFile) -> Result<Context<'a>>,
) -> Result<String> {
    let (study, folder) = match (&wanted.collect, &wanted.job) {
        (Some(folder), _) => (Study::load(folder)?, folder.clone()),
        (None, Some(job)) => {
            let study = wanted.study(job)?;
            let folder = wanted.folder(&study);
            if let Some(cluster) = &wanted.submit {
                let place = Place { cluster, time: wanted.time, dry_run: wanted.dry_run };
                return submit(&study, &folder, &place, context);
            }
            if wanted.dry_run {
                return commands(wanted, &study, &folder);
            }
            measure(wanted, &study, &folder, &context)?;
            (Some(study), folder)
        }
        (None, None) => return Err(Error::input("a job file, or --collect FOLDER")),
    };
    evaluate(wanted, study, &folder, &context)
}

fn commands(wanted: &ScalingArguments, study: &Study, folder: &Path) -> Result<String> {
    let launcher = Launcher::find(wanted.launcher.as_deref())?;
    let folder = absolute(folder)?;
    study.save(&folder)?;
    let mut text = String::new();
    for run in study.left(&folder)? {
        let _ = writeln!(text, "{}", typed(&launcher.command(run.ranks, &study.arguments(&run, &folder))?));
    }
    let _ = writeln!(text, "# then: rhoshard bench scaling --collect {}", typed(&[folder.into_os_string()]));
    Ok(text)
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    let wrong = |cause| Error::input(format!("is no path: {cause}")).in_file(folder.display());
    std::path::absolute(folder).map_err(wrong)
}

/// Makes the runs that are left, one after the other.
fn measure<'a>(
    wanted: &ScalingArguments,
    study: &Study,
    folder: &Path,
    context: &impl Fn(&JobFile) -> Result<Context<'a>>,
) -> Result<()> {
    let launcher = Launcher::find(wanted.launcher.as_deref())?;
    let folder = absolute(folder)?;
    let runs = study.runs()?;
    // Two runs would write the same file.
    study.shares(&folder)?.iter().try_for_each(|share| refuse_active(&share.folder))?;
    // Every job is looked at before the first one runs; what is wrong with the largest shows after a second, not after hours.
    for first in runs.iter().take(study.ranks.len()) {
        let context = context(&job_file(&study.job, first.definition()))?;
        jobs::read(&context.job_text, &context.job_file)?.check(&context)?;
    }
    study.save(&folder)?;
    let tell = context(&job_file(&study.job, runs[0].definition()))?;
    for run_left in study.left(&folder)? {
        let Planned { ranks, repetition, .. } = run_left;
        tell.tell(&format!(
            "run {repetition} of {} on {ranks} rank{}",
            study.repeat,
            if ranks == 1 { "" } else { "s" }
        ));
        let command = launcher.command(ranks, &study.arguments(&run_left, &folder))?;
        run(&command, &run_left.log(&folder))?;
    }
    Ok(())
}

fn job_file(job: &Path, definition: Option<String>) -> JobFile {
    JobFile { job: job.to_path_buf(), define: definition.into_iter().collect() }
}

/// Reads the results, asks the model, writes the files.
fn evaluate<'a>(
    wanted: &ScalingArguments,
    study: Option<Study>,
    folder: &Path,
    context: &impl Fn(&JobFile) -> Result<Context<'a>>,
) -> Result<String> {
    let missing = study.as_ref().map(|study| study.missing(folder)).transpose()?.unwrap_or_default();
    let samples = match (collect(folder), &study) {
        // Nothing is wrong with jobs that wait.
        (Err(_), Some(study)) if study.last_cluster(folder)?.is_some() && !study.has_result(folder)? => {
            return Ok(missing);
        }
        (samples, _) => samples?,
    };
    let kind = study.as_ref().map(|study| study.kind).or(wanted.kind());
    let kind = kind.ok_or_else(|| {
        Error::input("which scaling? The folder does not say").in_file(folder.display()).allowed("--strong or --weak")
    })?;
    let mut rows = analyse(kind, &samples)?;
    let sampled = samples.iter().any(|sample| sample.trajectories > 0);
    let predicted = match &study {
        Some(_) if sampled => Err("none: trajectories are sampled until they are exact enough".into()),
        Some(study) => {
            predict(study, &rows, wanted.machine.as_deref(), context).map_err(|error| format!("none: {error}"))
        }
        None => Err("none: the folder does not say of which job the results are".to_string()),
    };
    let model = match predicted {
        Ok((predictions, machine)) => {
            add_predictions(kind, &mut rows, &predictions);
            machine
        }
        Err(why) => why,
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let job = study.as_ref().map_or_else(|| name(folder), |study| name(&study.job));
    let findings = Findings { kind, job, engine: samples[0].engine.clone(), model, rows };
    let files = findings.write(folder)?;
    let mut text = findings.text();
    text += &missing;
    text += "\n";
    files.iter().for_each(|file| text += &format!("written {}\n", file.display()));
    Ok(text)
}

/// Seconds and the share of communication, for each row that the model can say something of.
type Predictions = Vec<Option<(f64, f64)>>;

/// What the model says of every row, and what it rests on. The widths of a strong study are those of its first row's run.
fn predict<'a>(
    study: &Study,
    rows: &[Row],
    machine: Option<&Path>,
    context: &impl Fn(&JobFile) -> Result<Context<'a>>,
) -> Result<(Predictions, String)> {
    let mut source = String::new();
    let mut one = |row: &Row| -> Result<Option<(f64, f64)>> {
        let profile = if study.kind == Kind::Strong { &rows[0].profile } else { &row.profile };
        let definition = study.qubits.map(|_| format!("qubits={}", row.qubits));
        let context = context(&job_file(&study.job, definition))?;
        let options = PlanOptions {
            ranks: row.ranks,
            verbose: false,
            json: true,
            machine: machine.map(Path::to_path_buf),
            widths: WidthSource::Result(profile.clone()),
        };
        let text = jobs::read(&context.job_text, &context.job_file)?.plan(&context, &options)?;
        let plan: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| Error::internal(format!("a plan is no JSON: {error}")))?;
        source = plan["machine"].as_str().unwrap_or_default().to_string();
        let seconds = &plan["predicted"]["seconds"];
        let number = |name: &str| seconds[name].as_f64();
        Ok(number("total").zip(number("communication")).map(|(total, communication)| (total, communication / total)))
    };
    let predictions = rows.iter().map(&mut one).collect::<Result<Predictions>>()?;
    Ok((predictions, source))
}
