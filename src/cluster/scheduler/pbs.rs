//! PBS Professional and OpenPBS, and Torque, which names resources and arrays in another way.

use super::{Call, Entry, Head, QueueState, Scheduler, lines, optional};
use crate::cluster::words::{clock, job_name, mebibytes};

/// Two dialects of one language.
pub(super) struct Pbs {
    torque: bool,
}

impl Pbs {
    pub(super) const PROFESSIONAL: Pbs = Pbs { torque: false };
    pub(super) const TORQUE: Pbs = Pbs { torque: true };

    /// Nodes, and what each gives.
    fn resources(&self, head: &Head<'_>) -> String {
        let request = head.request;
        let cores = request.ranks_per_node * request.threads;
        let (memory, gpus) = (request.memory_per_node.map(mebibytes), request.gpus_per_node);
        let mut text = match self.torque {
            true => format!("-l nodes={}:ppn={cores}", request.nodes),
            false => format!(
                "-l select={}:ncpus={cores}:mpiprocs={}:ompthreads={}",
                request.nodes, request.ranks_per_node, request.threads
            ),
        };
        if gpus > 0 {
            text += &format!(":{}={gpus}", if self.torque { "gpus" } else { "ngpus" });
        }
        match (memory, self.torque) {
            (Some(memory), true) => text + &format!(",mem={}mb", memory * request.nodes),
            (Some(memory), false) => text + &format!(":mem={memory}mb"),
            (None, _) => text,
        }
    }
}

impl Scheduler for Pbs {
    fn head(&self, head: &Head<'_>) -> Vec<String> {
        let Head { profile, request, .. } = head;
        // Older versions refuse longer names.
        let mut options = vec![format!("-N {}", job_name(head.stem, 15))];
        options.extend(optional("-q ", profile.queue.partition.as_ref()));
        options.extend(optional("-A ", profile.queue.account.as_ref()));
        options.extend([self.resources(head), format!("-l walltime={}", clock(request.seconds))]);
        // The log would be copied at the end only; the script writes one that grows.
        options.extend(["-r y".into(), "-j oe".into(), "-o /dev/null".into()]);
        let array = if self.torque { "-t" } else { "-J" };
        options.extend(head.elements.map(|elements| format!("{array} 1-{elements}%{}", profile.at_once)));
        options.extend(profile.directives.iter().cloned());
        lines("#PBS", options)
    }

    fn index_variable(&self) -> &'static str {
        if self.torque { "PBS_ARRAYID" } else { "PBS_ARRAY_INDEX" }
    }

    fn writes_log(&self) -> bool {
        false
    }

    fn warns(&self) -> bool {
        false
    }

    /// Only operators may `qrerun`: the same script is submitted again, an element of an array as a job of its own.
    fn start_again(&self) -> &'static str {
        "grep -v -e '^#PBS -J' -e '^#PBS -t' \"$folder/$submission.sh\" |\n\
         \x20   qsub -v \"RHOSHARD_INDEX=$index\" >> \"$record.jobs\""
    }

    fn submit(&self, file: &str, after: Option<&str>) -> Call {
        let condition = match after {
            Some(job) if self.torque && job.contains("[]") => Some(format!("depend=afteranyarray:{job}")),
            Some(job) => Some(format!("depend=afterany:{job}")),
            None => None,
        };
        let mut arguments = Vec::new();
        if let Some(condition) = &condition {
            arguments.extend(["-W", condition]);
        }
        arguments.push(file);
        Call::new("qsub", &arguments)
    }

    /// `123.server`, of an array `123[].server`.
    fn submitted(&self, answer: &str) -> Option<String> {
        let job = answer.lines().last()?.trim();
        (job.starts_with(|first: char| first.is_ascii_digit()) && !job.contains(' ')).then(|| job.into())
    }

    fn ask(&self, jobs: &[String]) -> Call {
        let mut arguments = vec!["-t"];
        arguments.extend(jobs.iter().map(String::as_str));
        Call::new("qstat", &arguments)
    }

    /// The first column is the job, shortened by some versions, the last but one its state.
    fn answered(&self, answer: &str, jobs: &[String]) -> Vec<Entry> {
        let entry = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, .., state, _queue] = words[..] else { return None };
            let (number, element) = number_and_element(name)?;
            let job = jobs.iter().find(|job| number_and_element(job).is_some_and(|(other, _)| other == number))?;
            let state = match state {
                "Q" | "H" | "W" | "T" | "S" | "U" | "M" => QueueState::Waiting(waiting(state).into()),
                "R" | "E" => QueueState::Running,
                "X" | "C" | "F" => QueueState::Ended("ended".into()),
                // An array some of whose elements run; they have lines of their own.
                _ => return None,
            };
            Some(Entry { job: job.clone(), elements: element.map(|element| (element, element)), state })
        };
        answer.lines().filter_map(entry).collect()
    }

    fn has_forgotten(&self, complaint: &str) -> bool {
        complaint.contains("Unknown Job") || complaint.contains("has finished")
    }

    fn cancel(&self, jobs: &[String]) -> Call {
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        Call::new("qdel", &jobs)
    }

    fn default_largest_array(&self) -> u64 {
        1000
    }

    fn advice(&self) -> &'static str {
        "run this on a login node of the cluster, or load the module of PBS (`module load pbs`)"
    }
}

/// `12` and `3` of `12[3].server`; no element for `12.server` and `12[].server`.
fn number_and_element(job: &str) -> Option<(&str, Option<u64>)> {
    let digits = job.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(job.len());
    let (number, rest) = job.split_at(digits);
    let element = rest.strip_prefix('[').or_else(|| rest.strip_prefix('-')).and_then(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    (!number.is_empty()).then_some((number, element))
}

fn waiting(state: &str) -> &'static str {
    match state {
        "H" => "held, or after another job",
        "S" | "U" => "suspended",
        _ => "queued",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_qsub_names_the_job() {
        assert_eq!(Pbs::PROFESSIONAL.submitted("1234.pbs01\n"), Some("1234.pbs01".into()));
        assert_eq!(Pbs::PROFESSIONAL.submitted("1234[].pbs01"), Some("1234[].pbs01".into()));
        assert_eq!(Pbs::PROFESSIONAL.submitted("qsub: Unknown queue"), None);
        let after = |pbs: Pbs, job| pbs.submit("2.sh", Some(job)).arguments.join(" ");
        assert_eq!(after(Pbs::PROFESSIONAL, "1[].s"), "-W depend=afterany:1[].s 2.sh");
        assert_eq!(after(Pbs::TORQUE, "1[].s"), "-W depend=afteranyarray:1[].s 2.sh");
        assert_eq!(after(Pbs::TORQUE, "1.s"), "-W depend=afterany:1.s 2.sh");
    }

    /// The layout of the manual (PBS Professional 2022.1, User's Guide, "Viewing Array Jobs").
    #[test]
    fn elements_of_arrays_are_told_apart() {
        let answer = "Job id            Name             User              Time Use S Queue\n\
                      ----------------  ---------------- ----------------  -------- - -----\n\
                      1235[].host       stem             user1                    0 B workq\n\
                      1235[1].host      stem             user1             00:00:00 R workq\n\
                      1235[2].host      stem             user1                    0 X workq\n\
                      1235[3].host      stem             user1                    0 Q workq\n\
                      1240.host         stem             user1                    0 H workq\n\
                      99.host           other            user2             00:01:00 R workq\n";
        let jobs = ["1235[].host.domain".to_string(), "1240.host.domain".to_string()];
        let entry = |job: &String, element: Option<u64>, state| Entry {
            job: job.clone(),
            elements: element.map(|element| (element, element)),
            state,
        };
        let expected = [
            entry(&jobs[0], Some(1), QueueState::Running),
            entry(&jobs[0], Some(2), QueueState::Ended("ended".into())),
            entry(&jobs[0], Some(3), QueueState::Waiting("queued".into())),
            entry(&jobs[1], None, QueueState::Waiting("held, or after another job".into())),
        ];
        assert_eq!(Pbs::PROFESSIONAL.answered(answer, &jobs), expected);
    }

    #[test]
    fn jobs_have_numbers_and_elements() {
        assert_eq!(number_and_element("12[3].s"), Some(("12", Some(3))));
        assert_eq!(number_and_element("12[].s"), Some(("12", None)));
        assert_eq!(number_and_element("12-3.s"), Some(("12", Some(3))), "Torque before version 2.5");
        assert_eq!(number_and_element("Job"), None);
    }
}
