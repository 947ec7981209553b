//! What `check` and `plan` print.

use super::Setting;
use crate::driver::Context;
use crate::error::Result;
use crate::jobs::{self, PlanOptions};
use std::cell::RefCell;
use std::fmt::Write;

/// Checks every point's job, and the first one with all files it names.
pub(super) fn check(setting: &Setting, context: &Context<'_>) -> Result<String> {
    let mut text = String::new();
    let points = &setting.points;
    let _ = writeln!(
        text,
        "# {} is valid: {} sweep of {} points",
        setting.config.path,
        setting.config.sampler.name(),
        points.most()
    );
    let wrong = (0..points.known()).filter_map(|index| {
        let read = points
            .template
            .fill(&points.values(index, &[]))
            .and_then(|filled| jobs::read(&filled.text, &setting.base_file));
        read.err().map(|error| (index, error))
    });
    for (index, error) in wrong.take(10) {
        let _ = writeln!(text, "# point {index} will fail ({}): {}", points.describe(index), error.what);
    }
    if let Some(first) = first(setting, context, |job, context| job.check(context))? {
        let _ = writeln!(text, "\n# the first point:\n{first}");
    }
    Ok(text)
}

/// The plan of the first point, and of the sweep if all take as long.
pub(super) fn plan(setting: &Setting, context: &Context<'_>, options: &PlanOptions) -> Result<String> {
    let options = PlanOptions { ranks: setting.config.ranks_per_point, ..options.clone() };
    let text = first(setting, context, |job, context| job.plan(context, &options))?.unwrap_or_default();
    if options.json {
        return Ok(text);
    }
    let count = setting.points.most();
    let heading = format!("{count} points on {} rank(s) each; the first of them:\n\n", setting.config.ranks_per_point);
    Ok(heading + &text)
}

/// Does something with the first point; nothing where points are found on the way.
fn first<T>(
    setting: &Setting,
    context: &Context<'_>,
    action: impl FnOnce(Box<dyn jobs::Checked>, &Context<'_>) -> Result<T>,
) -> Result<Option<T>> {
    (setting.points.known() > 0).then(|| with_point(setting, context, 0, action)).transpose()
}

/// Does something with a point that is known from the beginning.
pub(super) fn with_point<T>(
    setting: &Setting,
    context: &Context<'_>,
    index: u64,
    action: impl FnOnce(Box<dyn jobs::Checked>, &Context<'_>) -> Result<T>,
) -> Result<T> {
    let filled = setting.points.template.fill(&setting.points.values(index, &[]))?;
    let point = Context {
        comm: context.comm,
        node: context.node.clone(),
        quiet: context.quiet,
        folder: setting.base_folder().to_path_buf(),
        job_file: setting.base_file.clone(),
        job_text: filled.text.clone(),
        output: None,
        writes: false,
        command: context.command.clone(),
        inputs: RefCell::default(),
        interruption: crate::driver::interruption::Interruption::default(),
        fresh: false,
        selection: crate::driver::Selection::default(),
    };
    action(jobs::read(&filled.text, &setting.base_file)?, &point)
}
