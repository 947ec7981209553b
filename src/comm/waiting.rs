//! How long a rank is in calls that move data between ranks: messages, and waiting for those that come later.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    /// Seconds so far. Only the thread that started the program communicates.
    static SECONDS: Cell<f64> = const { Cell::new(0.0) };
}

/// Seconds that this rank has been in such calls since it started; 0 in a serial build.
pub fn waited() -> f64 {
    SECONDS.get()
}

/// Makes a call and counts its time.
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
pub(super) fn counted<T>(call: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = call();
    SECONDS.set(SECONDS.get() + begin.elapsed().as_secs_f64());
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_calls_adds_up() {
        let before = waited();
        let nap = || std::thread::sleep(std::time::Duration::from_millis(2));
        (0..3).for_each(|_| counted(nap));
        assert!(waited() - before >= 6e-3);
        assert_eq!(counted(|| 7), 7);
    }
}
