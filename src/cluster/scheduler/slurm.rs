//! SLURM.

use super::{Call, Entry, Head, QueueState, Scheduler, lines, optional};
use crate::cluster::words::{clock, job_name, mebibytes};

/// SLURM, from version 20.
pub(super) struct Slurm;

impl Scheduler for Slurm {
    fn head(&self, head: &Head<'_>) -> Vec<String> {
        let Head { profile, request, number, .. } = head;
        let queue = &profile.queue;
        let log = if head.elements.is_some() { "%a" } else { "1" };
        let mut options = vec![format!("--job-name={}", job_name(head.stem, 64))];
        options.extend(optional("--partition=", queue.partition.as_ref()));
        options.extend(optional("--account=", queue.account.as_ref()));
        options.extend(optional("--qos=", queue.quality.as_ref()));
        options.extend([
            format!("--nodes={}", request.nodes),
            format!("--ntasks={}", request.ranks),
            format!("--ntasks-per-node={}", request.ranks_per_node),
            format!("--cpus-per-task={}", request.threads),
        ]);
        options.extend(request.memory_per_node.map(|memory| format!("--mem={}M", mebibytes(memory))));
        options.extend((request.gpus_per_node > 0).then(|| format!("--gres=gpu:{}", request.gpus_per_node)));
        options.extend([
            format!("--time={}", clock(request.seconds)),
            format!("--signal=B:USR1@{}", profile.warning),
            "--requeue".into(),
            format!("--output={number}-{log}.log"),
            "--open-mode=append".into(),
        ]);
        options.extend(head.elements.map(|elements| format!("--array=1-{elements}%{}", profile.at_once)));
        options.extend(profile.directives.iter().cloned());
        lines("#SBATCH", options)
    }

    fn index_variable(&self) -> &'static str {
        "SLURM_ARRAY_TASK_ID"
    }

    fn writes_log(&self) -> bool {
        true
    }

    fn warns(&self) -> bool {
        true
    }

    /// `scancel` ends the steps first, and a program that saves and ends with 99 must not bring the job back to life.
    fn is_cancelled(&self) -> &'static str {
        "scontrol show job \"$SLURM_JOB_ID\" | grep -q -e 'JobState=CANCELLED' -e 'JobState=COMPLETING'"
    }

    fn start_again(&self) -> &'static str {
        "local attempt\n\
         for attempt in 1 2 3; do\n\
         \x20   scontrol requeue \"$SLURM_JOB_ID\" && break\n\
         \x20   sleep 5 # It may still be busy with the end of the step.\n\
         done\n\
         # SLURM ends this run of the script, and may have begun to.\n\
         [[ -n $cancelled ]] || { sleep 60 & wait \"$!\"; }\n\
         # Where requeueing is not allowed, this code may do it (RequeueExit in slurm.conf).\n\
         exit 99"
    }

    fn submit(&self, file: &str, after: Option<&str>) -> Call {
        let after = after.map(|job| format!("--dependency=afterany:{job}"));
        let mut arguments = vec!["--parsable"];
        arguments.extend(after.as_deref());
        arguments.push(file);
        Call::new("sbatch", &arguments)
    }

    /// `123`, or `123;cluster` where there are several.
    fn submitted(&self, answer: &str) -> Option<String> {
        let job = answer.lines().last()?.split(';').next()?.trim();
        (!job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit())).then(|| job.into())
    }

    /// An array's elements on a line each; those that ended minutes ago are still known.
    fn ask(&self, jobs: &[String]) -> Call {
        Call::new(
            "squeue",
            &["--noheader", "--array", "--states=all", "--format=%F|%K|%T|%r", "--jobs", &jobs.join(",")],
        )
    }

    fn answered(&self, answer: &str, jobs: &[String]) -> Vec<Entry> {
        let entry = |line: &str| {
            let [job, element, state, reason] = line.trim().split('|').collect::<Vec<_>>()[..] else { return None };
            let element = element.parse().ok().map(|element| (element, element));
            let state = match state {
                "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SPECIAL_EXIT" | "SUSPENDED" | "CONFIGURING" => {
                    QueueState::Waiting(reason.into())
                }
                "RUNNING" | "COMPLETING" | "STAGE_OUT" | "SIGNALING" | "RESIZING" | "STOPPED" => QueueState::Running,
                ended => QueueState::Ended(ended.to_lowercase().replace('_', " ")),
            };
            jobs.iter().any(|known| known == job).then(|| Entry { job: job.into(), elements: element, state })
        };
        answer.lines().filter_map(entry).collect()
    }

    fn has_forgotten(&self, complaint: &str) -> bool {
        complaint.contains("Invalid job id specified")
    }

    fn cancel(&self, jobs: &[String]) -> Call {
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        Call::new("scancel", &jobs)
    }

    fn ask_largest_array(&self) -> Option<Call> {
        Some(Call::new("scontrol", &["show", "config"]))
    }

    /// The index of an element must be below `MaxArraySize`, and ours begin with 1.
    fn largest_array(&self, answer: &str) -> Option<u64> {
        let line = answer.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"))?;
        line.trim_start_matches([' ', '=']).trim().parse::<u64>().ok()?.checked_sub(1).filter(|largest| *largest > 0)
    }

    fn default_largest_array(&self) -> u64 {
        1000
    }

    fn advice(&self) -> &'static str {
        "run this on a login node of the cluster, or load the module of SLURM (`module load slurm`)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_sbatch_names_the_job() {
        assert_eq!(Slurm.submitted("1234\n"), Some("1234".into()));
        assert_eq!(Slurm.submitted("1234;north\n"), Some("1234".into()));
        assert_eq!(Slurm.submitted("sbatch: error"), None);
        assert_eq!(Slurm.submitted(""), None);
        let call = Slurm.submit("2.sh", Some("12"));
        assert_eq!(call.typed(), "sbatch --parsable --dependency=afterany:12 2.sh");
    }

    #[test]
    fn elements_of_arrays_are_told_apart() {
        let answer = "7|1|RUNNING|None\n7|2|PENDING|JobArrayTaskLimit\n8|N/A|COMPLETED|None\n9|N/A|RUNNING|None\n\
                      8|3|NODE_FAIL|None\n";
        let entries = Slurm.answered(answer, &["7".into(), "8".into()]);
        let expected = [
            ("7", Some((1, 1)), QueueState::Running),
            ("7", Some((2, 2)), QueueState::Waiting("JobArrayTaskLimit".into())),
            ("8", None, QueueState::Ended("completed".into())),
            ("8", Some((3, 3)), QueueState::Ended("node fail".into())),
        ];
        let expected = expected.map(|(job, elements, state)| Entry { job: job.into(), elements, state });
        assert_eq!(entries, expected);
    }

    #[test]
    fn the_largest_array_is_one_less_than_the_sites_number() {
        let answer =
            "Configuration data as of 2026-01-01T00:00:00\nMaxArraySize            = 1001\nMaxDBDMsgs = 20012\n";
        assert_eq!(Slurm.largest_array(answer), Some(1000));
        assert_eq!(Slurm.largest_array("MaxArraySize = 0"), None);
        assert_eq!(Slurm.largest_array(""), None);
    }
}
