//! Failures where nothing can be returned.
//!
//! A verb of a shard has no way to fail: it panics, with an [`Error`] if that is what went wrong. On one rank that error
//! becomes an ordinary one again; among several, unwinding would reach `MPI_Finalize`, which waits for ever for the other
//! ranks, so the rank says what went wrong and ends the whole job. Any other panic is a defect of this program.

use crate::error::{Error, Result};
use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this rank does something that no other waits for ([`contained`]).
static CONTAINED: AtomicBool = AtomicBool::new(false);

/// Exit code of a job that a panicking rank ended.
pub(super) const EXIT_CODE: i32 = 13;

/// Makes a panic end the whole job by `abort`, which takes the exit code: that of the error, where it is one.
pub(super) fn end_the_job(rank: usize, size: usize, abort: impl Fn(i32) + Send + Sync + 'static) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| match (error_in(info.payload()), size) {
        (Some(_), 1) => {}
        (Some(_), _) if CONTAINED.load(Ordering::Relaxed) => {}
        (None, _) if CONTAINED.load(Ordering::Relaxed) => previous(info),
        (Some(error), _) => {
            eprintln!("error: {}", super::name_ranks(error.clone(), &[rank], size));
            abort(error.kind.exit_code().into());
        }
        (None, _) => {
            previous(info);
            abort(EXIT_CODE);
        }
    }));
}

/// The result of the action; an error that it panics with is its result too.
///
/// # Errors
/// Those of the action.
pub fn caught<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|payload| match error_in(&*payload) {
        Some(error) => Err(error.clone()),
        None => panic::resume_unwind(payload),
    })
}

/// The result of an action that no other rank takes part in, or waits for: a panic in it, even by a defect, is its error and
/// ends nothing else.
///
/// # Errors
/// Those of the action; an internal error for any other panic.
pub fn contained<T>(action: impl FnOnce() -> Result<T>) -> Result<T> {
    CONTAINED.store(true, Ordering::Relaxed);
    let result = panic::catch_unwind(AssertUnwindSafe(action));
    CONTAINED.store(false, Ordering::Relaxed);
    result.unwrap_or_else(|payload| match error_in(&*payload) {
        Some(error) => Err(error.clone()),
        None => Err(Error::internal(format!("a defect: {}", words_in(&*payload)))),
    })
}

fn words_in(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it says nothing")
}

fn error_in(payload: &(dyn Any + Send)) -> Option<&Error> {
    payload.downcast_ref::<Error>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_error_in_a_panic_is_an_error_again_and_a_defect_is_not() {
        let lost = || -> Result<()> { panic::panic_any(Error::resource("no memory").next("use more ranks")) };
        assert_eq!(caught(lost).unwrap_err().to_string(), "no memory\n  next: use more ranks");
        assert_eq!(caught(|| Ok(3)).unwrap(), 3);
        let defect = panic::catch_unwind(|| caught(|| -> Result<()> { panic!("a defect") }));
        assert_eq!(defect.unwrap_err().downcast_ref(), Some(&"a defect"));
    }

    #[test]
    fn what_no_rank_waits_for_fails_alone() {
        let defect = contained(|| -> Result<()> { panic!("index {} is wrong", 3) }).unwrap_err();
        assert_eq!((defect.kind, &*defect.what), (ErrorKind::Internal, "a defect: index 3 is wrong"));
        let lost = contained(|| -> Result<()> { panic::panic_any(Error::resource("no memory")) }).unwrap_err();
        assert_eq!(lost.kind, ErrorKind::Resource);
        assert_eq!(contained(|| Ok(3)).unwrap(), 3);
    }
}
