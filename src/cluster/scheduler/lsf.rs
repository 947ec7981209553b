//! IBM Spectrum LSF, from version 10.1 (amounts of memory with units, `bjobs -o`).

use super::{Call, Entry, Head, QueueState, Scheduler, lines, optional};
use crate::cluster::words::{job_name, mebibytes};

/// LSF.
pub(super) struct Lsf;

impl Scheduler for Lsf {
    fn head(&self, head: &Head<'_>) -> Vec<String> {
        let Head { profile, request, .. } = head;
        let name = job_name(head.stem, 64);
        let name = head.elements.map_or(name.clone(), |count| format!("{name}[1-{count}]%{}", profile.at_once));
        let minutes = request.seconds.div_ceil(60);
        let mut options = vec![format!("-J \"{name}\"")];
        options.extend(optional("-q ", profile.queue.partition.as_ref()));
        options.extend(optional("-P ", profile.queue.account.as_ref()));
        options.extend([
            format!("-n {}", request.ranks),
            format!("-R \"span[ptile={}]\"", request.ranks_per_node),
            format!("-R \"affinity[core({})]\"", request.threads),
        ]);
        // For each rank, as hosts are asked for by slots.
        let memory = request.memory_per_node.map(|memory| mebibytes(memory / request.ranks_per_node));
        options.extend(memory.map(|memory| format!("-R \"rusage[mem={memory}MB/task]\"")));
        options.extend((request.gpus_per_node > 0).then(|| format!("-gpu \"num={}\"", request.gpus_per_node)));
        options.extend([
            format!("-W {}:{:02}", minutes / 60, minutes % 60),
            format!("-wa USR1 -wt {}", profile.warning.div_ceil(60)),
            "-r".into(),
            "-Q 99".into(),
            // LSF's own report; what the job prints would come at the end only, so the script writes a log that grows.
            format!("-o {}.lsf", head.number),
        ]);
        options.extend(profile.directives.iter().cloned());
        lines("#BSUB", options)
    }

    fn index_variable(&self) -> &'static str {
        "LSB_JOBINDEX"
    }

    fn writes_log(&self) -> bool {
        false
    }

    fn warns(&self) -> bool {
        true
    }

    fn start_again(&self) -> &'static str {
        "exit 99 # The head says that this starts the job again (-Q)."
    }

    fn submit(&self, file: &str, after: Option<&str>) -> Call {
        let condition = after.map(|job| format!("ended({job})"));
        let mut arguments = Vec::new();
        if let Some(condition) = &condition {
            arguments.extend(["-w", condition]);
        }
        Call { input: Some(file.into()), ..Call::new("bsub", &arguments) }
    }

    /// `Job <123> is submitted to queue <normal>.`
    fn submitted(&self, answer: &str) -> Option<String> {
        let line = answer.lines().find(|line| line.contains("is submitted to"))?;
        let job = line.split_once('<')?.1.split_once('>')?.0;
        (!job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit())).then(|| job.into())
    }

    fn ask(&self, jobs: &[String]) -> Call {
        let mut arguments = vec!["-a", "-noheader", "-o", "jobid jobindex stat"];
        arguments.extend(jobs.iter().map(String::as_str));
        Call::new("bjobs", &arguments)
    }

    fn answered(&self, answer: &str, jobs: &[String]) -> Vec<Entry> {
        let entry = |line: &str| {
            let [job, element, state] = line.split_whitespace().collect::<Vec<_>>()[..] else { return None };
            let element = element.parse().ok().filter(|element| *element > 0).map(|element| (element, element));
            let state = match state {
                "PEND" => QueueState::Waiting("queued".into()),
                "PSUSP" | "USUSP" | "SSUSP" => QueueState::Waiting("suspended".into()),
                "RUN" | "PROV" | "UNKWN" => QueueState::Running,
                ended => QueueState::Ended(ended.to_lowercase()),
            };
            jobs.iter().any(|known| known == job).then(|| Entry { job: job.into(), elements: element, state })
        };
        answer.lines().filter_map(entry).collect()
    }

    fn has_forgotten(&self, complaint: &str) -> bool {
        complaint.contains("is not found") || complaint.contains("already finished")
    }

    fn cancel(&self, jobs: &[String]) -> Call {
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        Call::new("bkill", &jobs)
    }

    fn ask_largest_array(&self) -> Option<Call> {
        Some(Call::new("bparams", &["-a"]))
    }

    /// `MAX_JOB_ARRAY_SIZE = 1000`
    fn largest_array(&self, answer: &str) -> Option<u64> {
        let line = answer.lines().find_map(|line| line.trim().strip_prefix("MAX_JOB_ARRAY_SIZE"))?;
        line.trim_start_matches([' ', '=']).split_whitespace().next()?.parse().ok().filter(|largest| *largest > 0)
    }

    fn default_largest_array(&self) -> u64 {
        1000
    }

    fn advice(&self) -> &'static str {
        "run this on a login node of the cluster, after its `profile.lsf` has been sourced"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_bsub_names_the_job() {
        assert_eq!(Lsf.submitted("Job <3044> is submitted to default queue <normal>.\n"), Some("3044".into()));
        assert_eq!(Lsf.submitted("night: No such queue. Job not submitted.\n"), None);
        assert_eq!(Lsf.submit("2.sh", Some("12")).typed(), "bsub -w 'ended(12)' < 2.sh");
    }

    #[test]
    fn elements_of_arrays_are_told_apart() {
        let entries = Lsf.answered("7 1 RUN\n7 2 PEND\n8 0 DONE\n9 0 RUN\n8 1 EXIT\n", &["7".into(), "8".into()]);
        let expected = [
            ("7", Some((1, 1)), QueueState::Running),
            ("7", Some((2, 2)), QueueState::Waiting("queued".into())),
            ("8", None, QueueState::Ended("done".into())),
            ("8", Some((1, 1)), QueueState::Ended("exit".into())),
        ];
        assert_eq!(entries, expected.map(|(job, elements, state)| Entry { job: job.into(), elements, state }));
    }

    #[test]
    fn the_largest_array_is_a_parameter() {
        assert_eq!(Lsf.largest_array("    MAX_JOB_ARRAY_SIZE = 10000\n"), Some(10000));
        assert_eq!(Lsf.largest_array("MAX_JOB_NUM = 3"), None);
    }
}
