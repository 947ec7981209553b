//! Grid Engine: Sun's, Univa's, Altair's and Son of Grid Engine.

use super::{Call, Entry, Head, QueueState, Scheduler, lines, optional};
use crate::cluster::words::{clock, job_name, mebibytes};

/// Grid Engine.
pub(super) struct GridEngine;

impl Scheduler for GridEngine {
    fn head(&self, head: &Head<'_>) -> Vec<String> {
        let Head { profile, request, number, .. } = head;
        let queue = &profile.queue;
        let slots = request.ranks * request.threads;
        let memory = request.memory_per_node.map(|memory| memory.div_ceil(request.ranks_per_node * request.threads));
        let log = if head.elements.is_some() { "$TASK_ID" } else { "1" };
        let mut options = vec![format!("-N {}", job_name(head.stem, 64)), "-S /bin/bash".into(), "-cwd".into()];
        options.extend(optional("-q ", queue.partition.as_ref()));
        options.extend(optional("-P ", queue.account.as_ref()));
        options.extend(queue.parallel_environment.as_ref().map(|environment| format!("-pe {environment} {slots}")));
        // Every resource counts once for each slot.
        options.extend(memory.map(|memory| format!("-l mem_free={}M", mebibytes(memory))));
        options.extend((request.gpus_per_node > 0).then(|| "-l gpu=1".to_string()));
        options.push(format!("-l h_rt={}", clock(request.seconds)));
        options.extend(["-r y".into(), "-notify".into(), "-j y".into(), format!("-o {number}-{log}.log")]);
        options.extend(head.elements.map(|elements| format!("-t 1-{elements} -tc {}", profile.at_once)));
        options.extend(profile.directives.iter().cloned());
        lines("#$", options)
    }

    fn index_variable(&self) -> &'static str {
        "SGE_TASK_ID"
    }

    fn writes_log(&self) -> bool {
        true
    }

    /// At `s_rt` it would send SIGUSR1, but a job that it has started again it kills then, long before `h_rt` (Son of Grid
    /// Engine 8.1.9).
    fn warns(&self) -> bool {
        false
    }

    /// With `-notify`, SIGUSR2 comes some time before a job is killed; SIGTERM never does.
    fn traps(&self) -> &'static str {
        "# Grid Engine is about to kill the job and will not start it again: it was cancelled, or ran too long.\n\
         trap 'cancelled=1; pass_on USR1' USR2\n"
    }

    fn start_again(&self) -> &'static str {
        "exit 99 # Grid Engine starts a job again that ends with this code."
    }

    fn submit(&self, file: &str, after: Option<&str>) -> Call {
        let mut arguments = vec!["-terse"];
        if let Some(job) = after {
            arguments.extend(["-hold_jid", job]);
        }
        arguments.push(file);
        Call::new("qsub", &arguments)
    }

    /// `123`, of an array `123.1-10:1`.
    fn submitted(&self, answer: &str) -> Option<String> {
        let job = answer.lines().last()?.split('.').next()?.trim();
        (!job.is_empty() && job.bytes().all(|byte| byte.is_ascii_digit())).then(|| job.into())
    }

    /// It cannot be asked for some jobs only in a form that is easy to read.
    fn ask(&self, _jobs: &[String]) -> Call {
        Call::new("qstat", &[])
    }

    /// Columns: job, priority, name, user, state, date, time, queue if it runs, slots, elements of an array.
    fn answered(&self, answer: &str, jobs: &[String]) -> Vec<Entry> {
        let lines = answer.lines().filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (job, state) = (*words.first()?, *words.get(4)?);
            jobs.iter().any(|known| known == job).then_some((words, job, state))
        });
        let entries = lines.flat_map(|(words, job, state)| {
            let state = state_of(state);
            let slots = if words.get(7).is_some_and(|word| word.contains('@')) { 8 } else { 7 };
            let entry = |elements| Entry { job: job.into(), elements, state: state.clone() };
            match words.get(slots + 1) {
                Some(elements) => elements_of(elements).into_iter().map(|range| entry(Some(range))).collect(),
                None => vec![entry(None)],
            }
        });
        entries.collect()
    }

    fn has_forgotten(&self, complaint: &str) -> bool {
        complaint.contains("does not exist")
    }

    fn cancel(&self, jobs: &[String]) -> Call {
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        Call::new("qdel", &jobs)
    }

    fn ask_largest_array(&self) -> Option<Call> {
        Some(Call::new("qconf", &["-sconf"]))
    }

    /// `max_aj_tasks 75000`
    fn largest_array(&self, answer: &str) -> Option<u64> {
        let line = answer.lines().find_map(|line| line.strip_prefix("max_aj_tasks"))?;
        line.trim().parse().ok().filter(|largest| *largest > 0)
    }

    fn default_largest_array(&self) -> u64 {
        75_000
    }

    fn advice(&self) -> &'static str {
        "run this on a submit host of the cluster, after its `settings.sh` has been sourced"
    }
}

/// `qw` waits, `Rq` waits to run again, `hqw` waits for another, `t` and `r` run, `Rr` runs again, `dr` is being deleted, `Eqw`
/// could not start.
fn state_of(letters: &str) -> QueueState {
    match letters {
        error if error.contains('E') => QueueState::Waiting("it could not start: `qstat -explain E`".into()),
        held if held.contains('h') => QueueState::Waiting("held, or after another job".into()),
        waiting if waiting.contains('q') => QueueState::Waiting("queued".into()),
        suspended if suspended.contains(['s', 'S', 'T']) => QueueState::Waiting("suspended".into()),
        _ => QueueState::Running,
    }
}

/// The ranges of `3`, `1-10:1` and `2,5-9:1`.
fn elements_of(text: &str) -> Vec<(u64, u64)> {
    let range = |range: &str| {
        let range = range.split(':').next()?;
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.split(',').filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_qsub_names_the_job() {
        assert_eq!(GridEngine.submitted("12\n"), Some("12".into()));
        assert_eq!(GridEngine.submitted("12.1-10:1\n"), Some("12".into()));
        assert_eq!(GridEngine.submitted("Unable to run job: denied\n"), None);
        assert_eq!(GridEngine.submit("2.sh", Some("7")).typed(), "qsub -terse -hold_jid 7 2.sh");
    }

    /// Lines recorded from `qstat` of Son of Grid Engine 8.1.9, of jobs of these scripts.
    const RECORDED: &str = "\
job-ID  prior   name       user         state submit/start at     queue                          slots ja-task-ID \n\
-----------------------------------------------------------------------------------------------------------------\n\
      1 0.50000 adder      root         t     11/22/2026 09:31:43 all.q@localhost                    1        \n\
      2 0.50000 adder      root         Eqw   11/22/2026 09:31:43                                    1        \n\
      3 0.50000 adder      root         dt    11/22/2026 09:31:43 all.q@localhost                    1        \n\
      4 0.25000 adder      root         Rt    11/22/2026 09:31:47 all.q@localhost                    1        \n\
      5 0.75000 adder      root         dr    11/22/2026 09:31:45 all.q@localhost                    2        \n\
      6 0.25000 adder      root         Rr    11/22/2026 09:31:47 all.q@localhost                    1        \n\
      7 0.75000 adder      root         Rq    11/22/2026 09:31:57                                    2        \n\
      8 0.25014 adder      root         r     11/22/2026 09:31:52 all.q@localhost                    1 1\n\
      8 0.25042 adder      root         Eqw   11/22/2026 09:31:52                                    1 4,5\n\
      9 0.00000 adder      root         hqw   11/22/2026 09:31:52                                    1 1-5:1\n\
     11 0.25014 adder      root         r     11/22/2026 09:31:52 all.q@localhost                    1        \n";

    #[test]
    fn what_qstat_says_is_read() {
        let jobs: Vec<String> = (1..=9).map(|job| job.to_string()).collect();
        let [queued, held, failed] = ["queued", "held, or after another job", "it could not start: `qstat -explain E`"]
            .map(|reason| QueueState::Waiting(reason.into()));
        let expected = [
            ("1", None, QueueState::Running),
            ("2", None, failed.clone()),
            ("3", None, QueueState::Running),
            ("4", None, QueueState::Running),
            ("5", None, QueueState::Running),
            ("6", None, QueueState::Running),
            ("7", None, queued),
            ("8", Some((1, 1)), QueueState::Running),
            ("8", Some((4, 4)), failed.clone()),
            ("8", Some((5, 5)), failed),
            ("9", Some((1, 5)), held),
        ];
        let expected = expected.map(|(job, elements, state)| Entry { job: job.into(), elements, state });
        assert_eq!(GridEngine.answered(RECORDED, &jobs), expected);
        assert_eq!(elements_of("2,6-9:1"), [(2, 2), (6, 9)]);
    }

    /// Recorded as well; `qdel` says it on its standard output.
    #[test]
    fn what_the_queue_has_forgotten_is_told_from_what_it_refuses() {
        assert!(
            GridEngine.has_forgotten("denied: job \"77\" does not exist\nroot has registered the job 7 for deletion\n")
        );
        assert!(
            !GridEngine
                .has_forgotten("error: unable to send message to qmaster using port 16827 on host \"localhost\"\n")
        );
    }

    #[test]
    fn the_largest_array_is_in_the_configuration() {
        assert_eq!(GridEngine.largest_array("max_u_jobs   0\nmax_aj_tasks                 75000\n"), Some(75000));
        assert_eq!(GridEngine.largest_array("max_aj_tasks 0\n"), None);
    }
}
