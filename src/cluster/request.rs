//! What a batch system is asked for: nodes, ranks, memory and time, from what a job needs and what the nodes have.

use super::needs::{Conditions, Needs, OnRanks};
use super::words::{clock, counted, mebibytes, span};
use crate::config::cluster::Profile;
use crate::error::{Error, Result};
use std::fmt::Write;

/// The memory asked for over the memory predicted: widths may grow beyond the pilot run's.
const MEMORY_SAFETY: f64 = 1.5;
/// Bytes of a rank for the program, its libraries and the buffers of messages.
const PROGRAM_BYTES: u64 = 512 << 20;
/// The least time that is asked for, in seconds; to start and to write results is in it.
const SHORTEST: u64 = 600;
/// More ranks are not worth it below this part of the speed that they should give.
const LEAST_EFFICIENCY: f64 = 0.5;
/// A part of a sweep should take this many seconds at least, where there is more than one.
const SHORTEST_PART: f64 = 300.0;

/// What the user says beyond the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Ranks of a job.
    pub ranks: Option<u64>,
    /// Parts of a sweep.
    pub parts: Option<u64>,
    /// Seconds.
    pub time: Option<u64>,
}

/// What one job, or one element of an array, is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Nodes.
    pub nodes: u64,
    /// Ranks on all of them.
    pub ranks: u64,
    /// Ranks of a node, at most.
    pub ranks_per_node: u64,
    /// Cores, and threads, of a rank.
    pub threads: u64,
    /// GPUs of a node.
    pub gpus_per_node: u64,
    /// Bytes of a node; nothing if memory is not asked for.
    pub memory_per_node: Option<u64>,
    /// Seconds.
    pub seconds: u64,
    /// Parts that the job is split into; nothing for a job that is not split.
    pub parts: Option<u64>,
    /// Predicted seconds of the job or of a part.
    pub predicted: f64,
    /// Those of the longest point of a sweep.
    pub longest: f64,
}

impl Request {
    /// The fewest ranks with which the job is predicted to take no longer than the profile's aim, as long as more of them
    /// are worth it; as many parts as keep to the aim; the time predicted times the profile's safety.
    ///
    /// # Errors
    /// Input error when the job does not fit on the nodes.
    pub fn new(profile: &Profile, needs: &Needs, wishes: Wishes) -> Result<Request> {
        let conditions = &needs.conditions;
        let wanted = wishes.ranks.or(profile.job.ranks);
        let (on, place) = match wanted {
            Some(ranks) => wanted_ranks(profile, conditions, needs, ranks)?,
            None => chosen_ranks(profile, conditions, needs)?,
        };
        let parts = needs.points.map(|points| parts(profile, points, on.seconds, wishes.parts));
        let points = needs.points.zip(parts).map_or(1, |(points, parts)| points.div_ceil(parts));
        // A part lasts as long as its longest point, which begins again when it is interrupted.
        let predicted = (on.seconds * points as f64).max(needs.longest);
        Ok(Request {
            nodes: place.nodes,
            ranks: on.ranks,
            ranks_per_node: place.ranks,
            threads: conditions.threads,
            gpus_per_node: if conditions.gpu { place.ranks } else { 0 },
            memory_per_node: profile.job.ask_memory.then_some(place.memory),
            seconds: wishes.time.or(profile.job.time).unwrap_or_else(|| time_for(profile, predicted)),
            parts,
            predicted,
            longest: needs.longest,
        })
    }

    /// What is asked for, in two lines for people.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        let threads = counted(self.threads, "thread");
        let gpus = if self.gpus_per_node > 0 { ", a GPU each" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{}, {} of {threads}{gpus}", counted(self.nodes, "node"), counted(self.ranks, "rank"));
        if let Some(memory) = self.memory_per_node {
            let _ = write!(text, ", {} MiB a node", mebibytes(memory));
        }
        let _ = write!(text, "\ntime {}; predicted: {}", clock(self.seconds), span(self.predicted));
        if let Some(parts) = self.parts {
            let _ = write!(text, " for each of {}", counted(parts, "part"));
        }
        if self.longest > self.seconds as f64 {
            let longest = span(self.longest);
            let _ = write!(
                text,
                "\nA point is predicted to take {longest}, longer than that: it would begin again and again."
            );
        } else if self.predicted.is_finite() && self.predicted > self.seconds as f64 {
            text += "\nThe time ends before the job is predicted to: it saves its work and starts again.";
        }
        text
    }
}

/// How ranks lie on nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    nodes: u64,
    ranks: u64,
    memory: u64,
}

/// The place of a job on these ranks, if there is one.
fn place(profile: &Profile, conditions: &Conditions, on: OnRanks) -> Option<Place> {
    let node = &profile.node;
    let needed = (on.memory as f64 * MEMORY_SAFETY) as u64;
    if conditions.gpu {
        let fits = node.gpu_memory.is_none_or(|memory| on.memory <= memory);
        let most = node.gpus.min(node.cores / conditions.threads);
        return (fits && most > 0)
            .then(|| spread(on.ranks, most, node.memory / node.gpus))
            .filter(|place| place.nodes <= profile.queue.most_nodes);
    }
    let memory = profile.job.memory.unwrap_or(needed.saturating_add(PROGRAM_BYTES));
    // A rank that needs nearly all of a node gets all of it.
    let memory = if on.memory.saturating_add(PROGRAM_BYTES) <= node.memory { memory.min(node.memory) } else { memory };
    let most = (node.cores / conditions.threads).min(node.memory / memory.max(1));
    (most > 0).then(|| spread(on.ranks, most, memory)).filter(|place| place.nodes <= profile.queue.most_nodes)
}

/// Ranks evenly on as few nodes as hold them, `most` on each.
fn spread(ranks: u64, most: u64, memory: u64) -> Place {
    let nodes = ranks.div_ceil(most);
    let ranks = ranks.div_ceil(nodes);
    Place { nodes, ranks, memory: ranks * memory }
}

/// The number of ranks that the user asks for, with the needs of the largest known number that is not above it.
fn wanted_ranks(profile: &Profile, conditions: &Conditions, needs: &Needs, ranks: u64) -> Result<(OnRanks, Place)> {
    let known = needs.on.iter().rev().find(|on| on.ranks <= ranks);
    let on = known.map(|on| OnRanks { ranks, ..*on }).ok_or_else(|| {
        let fewest = needs.on.first().map_or(0, |on| on.ranks);
        Error::input(format!("the job does not fit on {}", counted(ranks, "rank"))).allowed(format!("{fewest} or more"))
    })?;
    let place = place(profile, conditions, on).ok_or_else(|| does_not_fit(profile, conditions, on))?;
    Ok((on, place))
}

/// The number of ranks that suits the job.
fn chosen_ranks(profile: &Profile, conditions: &Conditions, needs: &Needs) -> Result<(OnRanks, Place)> {
    let placed = |on: &OnRanks| place(profile, conditions, *on).map(|place| (*on, place));
    let fitting: Vec<(OnRanks, Place)> = needs.on.iter().filter_map(placed).collect();
    let Some((first, _)) = fitting.first().copied() else {
        let last = needs.on.last().ok_or_else(|| Error::internal("a plan without any number of ranks"))?;
        return Err(does_not_fit(profile, conditions, *last));
    };
    let efficiency = |on: &OnRanks| first.seconds * first.ranks as f64 / (on.seconds * on.ranks as f64);
    let worth = |(on, _): &&(OnRanks, Place)| on.ranks == first.ranks || efficiency(on) >= LEAST_EFFICIENCY;
    let aim = profile.job.aim as f64;
    let in_time = fitting.iter().filter(worth).find(|(on, _)| on.seconds <= aim);
    let chosen = in_time.or_else(|| fitting.iter().rev().find(worth));
    chosen.copied().ok_or_else(|| Error::internal("the fewest ranks are always worth it"))
}

fn does_not_fit(profile: &Profile, conditions: &Conditions, on: OnRanks) -> Error {
    let node = &profile.node;
    let what = match (conditions.gpu, node.gpu_memory) {
        (true, Some(memory)) => format!("{} GPUs of {} MiB", node.gpus, mebibytes(memory)),
        (true, None) => format!("{} GPUs", node.gpus),
        _ => format!("{} cores and {} MiB", node.cores, mebibytes(node.memory)),
    };
    Error::input(format!(
        "the job does not fit: on {} each needs {} MiB and {}; a job may have {}, with {what} each",
        counted(on.ranks, "rank"),
        mebibytes(on.memory),
        counted(conditions.threads, "core"),
        counted(profile.queue.most_nodes, "node"),
    ))
    .next("raise `most_nodes` under `[queue]` of the profile if the site allows it, or choose another cluster")
}

/// So many parts that each keeps to the aim, and that as many run at once as may, as long as each has something to do.
fn parts(profile: &Profile, points: u64, seconds: f64, wanted: Option<u64>) -> u64 {
    let total = points as f64 * seconds;
    let by_time = (total / profile.job.aim as f64).ceil() as u64;
    let at_once = profile.at_once.min((total / SHORTEST_PART) as u64);
    wanted.unwrap_or(by_time.max(at_once)).clamp(1, points.max(1))
}

/// Whole minutes, not less than ten and not more than the site allows.
fn time_for(profile: &Profile, predicted: f64) -> u64 {
    let limit = profile.queue.time_limit;
    let asked = (60.0 + profile.job.safety * predicted).min(1e9) as u64 + profile.warning;
    (asked.div_ceil(60) * 60).clamp(SHORTEST.min(limit), limit)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::DeviceKind;
    use proptest::prelude::*;

    /// A profile with more text below it; `GPUS` gives its nodes four.
    pub(in crate::cluster) fn profile(more: &str) -> Profile {
        let gpus = if more == "GPUS" { "gpus = 4\ngpu_memory = \"80 GiB\"\n" } else { "" };
        let more = more.trim_start_matches("GPUS");
        let text = format!(
            "scheduler = \"slurm\"\n[queue]\ntime_limit = \"24:00:00\"\nmost_nodes = 4\n\
             [node]\ncores = 64\nmemory = \"256 GiB\"\n{gpus}{more}\n"
        );
        Profile::parse(text.as_bytes(), "p.toml").unwrap()
    }

    fn needs(on: &[(u64, u64, f64)], points: Option<u64>) -> Needs {
        let on =
            on.iter().map(|(ranks, memory, seconds)| OnRanks { ranks: *ranks, memory: *memory, seconds: *seconds });
        let conditions = Conditions::new(&profile(""), None, DeviceKind::Auto, None).unwrap();
        Needs { conditions, on: on.collect(), points, longest: 0.0 }
    }

    fn request(more: &str, needs: &Needs, wishes: Wishes) -> Result<Request> {
        let profile = profile(more);
        let conditions = Conditions::new(&profile, None, DeviceKind::Auto, None)?;
        Request::new(&profile, &Needs { conditions, ..needs.clone() }, wishes)
    }

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_small_job_has_one_rank() {
        let request = request("", &needs(&[(1, GIB, 100.0), (2, GIB, 50.0)], None), Wishes::default()).unwrap();
        let expected = Request {
            nodes: 1,
            ranks: 1,
            ranks_per_node: 1,
            threads: 4,
            gpus_per_node: 0,
            memory_per_node: Some(2 * GIB),
            seconds: 600,
            parts: None,
            predicted: 100.0,
            longest: 0.0,
        };
        assert_eq!(request, expected);
        assert_eq!(request.describe(), "1 node, 1 rank of 4 threads, 2048 MiB a node\ntime 00:10:00; predicted: 2 min");
    }

    #[test]
    fn a_long_job_has_the_fewest_ranks_that_keep_to_the_aim() {
        let scaling = [(1, GIB, 14_000.0), (2, GIB, 7_200.0), (4, GIB, 3_700.0), (8, GIB, 2_000.0), (16, GIB, 1_900.0)];
        let asked = request("", &needs(&scaling, None), Wishes::default()).unwrap();
        // 60 s, three times the prediction and the warning, in whole minutes.
        assert_eq!((asked.ranks, asked.nodes, asked.seconds), (8, 1, 6180));
        let asked = request("[job]\naim = \"0:10:00\"", &needs(&scaling, None), Wishes::default()).unwrap();
        assert_eq!(asked.ranks, 8, "16 ranks are hardly faster");
        let asked = request("[job]\nranks = 3", &needs(&scaling, None), Wishes::default()).unwrap();
        assert_eq!((asked.ranks, asked.predicted), (3, 7_200.0));
        let asked =
            request("", &needs(&scaling, None), Wishes { ranks: Some(16), time: Some(7), parts: None }).unwrap();
        assert_eq!((asked.ranks, asked.seconds), (16, 7));
        assert!(asked.describe().contains("starts again"));
    }

    #[test]
    fn what_cannot_be_predicted_gets_all_the_time_there_is() {
        let asked = request("", &needs(&[(2, GIB, f64::INFINITY)], None), Wishes::default()).unwrap();
        assert_eq!((asked.ranks, asked.seconds), (2, 86400));
        assert!(asked.describe().contains("predicted: unknown"), "{}", asked.describe());
    }

    #[test]
    fn memory_spreads_ranks_over_nodes() {
        let large = needs(&[(1, 400 * GIB, 10.0), (2, 200 * GIB, 9.0), (4, 100 * GIB, 8.0)], None);
        let asked = request("", &large, Wishes::default()).unwrap();
        assert_eq!((asked.ranks, asked.nodes, asked.memory_per_node), (2, 2, Some(256 * GIB)));
        let error = request("", &needs(&[(4, 300 * GIB, 1.0)], None), Wishes::default()).unwrap_err();
        assert!(error.what.contains("on 4 ranks each needs 307200 MiB") && error.what.contains("4 nodes"), "{error}");
        let error = request("", &large, Wishes { ranks: Some(1), ..Wishes::default() }).unwrap_err();
        assert!(error.what.contains("on 1 rank each needs"), "{error}");
        let asked = request("[job]\nask_memory = false", &large, Wishes::default()).unwrap();
        assert_eq!(asked.memory_per_node, None);
    }

    #[test]
    fn each_rank_of_a_gpu_node_has_its_gpu() {
        let large = needs(&[(1, 400 * GIB, 10.0), (8, 50 * GIB, 9.0)], None);
        let asked = request("GPUS", &large, Wishes::default()).unwrap();
        assert_eq!((asked.nodes, asked.ranks, asked.gpus_per_node, asked.threads), (2, 8, 4, 16));
        assert!(asked.describe().contains("a GPU each"));
        assert_eq!(asked.memory_per_node, Some(256 * GIB));
    }

    #[test]
    fn a_sweep_has_as_many_parts_as_keep_to_the_aim_and_run_at_once() {
        let parts = |points, seconds, wanted| {
            let wishes = Wishes { parts: wanted, ..Wishes::default() };
            request("", &needs(&[(1, GIB, seconds)], Some(points)), wishes).unwrap().parts
        };
        assert_eq!(parts(10, 1.0, None), Some(1), "ten seconds are not worth a second job");
        assert_eq!(parts(1000, 1.0, None), Some(3), "five minutes each at least");
        assert_eq!(parts(5000, 10.0, None), Some(20), "as many as run at once");
        assert_eq!(parts(5000, 100.0, None), Some(139), "an hour each");
        assert_eq!(parts(5, 1e5, None), Some(5), "no more than there are points");
        assert_eq!((parts(100, 1.0, Some(7)), parts(3, 1.0, Some(7))), (Some(7), Some(3)));
        let asked = request("", &needs(&[(1, GIB, 10.0)], Some(5000)), Wishes::default()).unwrap();
        assert_eq!(asked.predicted, 2500.0);
    }

    #[test]
    fn the_longest_point_of_a_sweep_has_time_to_end() {
        let sweep = |longest| Needs { longest, ..needs(&[(1, GIB, 10.0)], Some(5000)) };
        let asked = request("", &sweep(7200.0), Wishes::default()).unwrap();
        assert_eq!((asked.predicted, asked.seconds), (7200.0, 60 + 3 * 7200 + 120));
        let asked = request("", &sweep(1e5), Wishes::default()).unwrap();
        assert_eq!(asked.seconds, 86400);
        assert!(asked.describe().contains("it would begin again and again"), "{}", asked.describe());
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_there_is(
            ranks in 0u32..9, memory in 1u64..600, seconds in 0.0..1e6f64, points in proptest::option::of(1u64..10_000),
            gpus in proptest::bool::ANY,
        ) {
            let needs = needs(&[(1 << ranks, memory << 30, seconds)], points);
            let Ok(asked) = request(if gpus { "GPUS" } else { "" }, &needs, Wishes::default()) else { return Ok(()) };
            prop_assert!(asked.nodes <= 4 && asked.nodes * asked.ranks_per_node >= asked.ranks);
            prop_assert!((asked.nodes - 1) * asked.ranks_per_node < asked.ranks, "no node is empty");
            prop_assert!(asked.ranks_per_node * asked.threads <= 64 && asked.gpus_per_node <= 4);
            prop_assert!(asked.memory_per_node.unwrap() <= 256 << 30);
            prop_assert!((600..=86400).contains(&asked.seconds));
            prop_assert!(asked.parts.is_none_or(|parts| parts >= 1 && parts <= points.unwrap()));
        }
    }
}
