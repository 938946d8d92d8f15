//! Progress and log lines of long work.
//!
//! Library functions report to a [`Progress`], and their caller decides where the reports go. The
//! command line draws bars on a terminal; [`Silent`] drops everything.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Receives the progress of library functions.
pub trait Progress: Sync {
    /// Starts a task of `steps` steps; `what` names it.
    fn task(&self, steps: u64, what: &str) -> Box<dyn Task>;

    /// Writes a log line.
    fn note(&self, line: &str);
}

/// A running task.
pub trait Task: Send + Sync + fmt::Debug {
    /// Advances by `steps`.
    fn advance(&self, steps: u64);

    /// Adds steps that were unknown at the start.
    fn extend(&self, steps: u64);

    /// Sets a short text beside the bar, for example speed and loss.
    fn message(&self, text: String);

    /// Writes a line above the bar. It is shown only if the bar is.
    fn line(&self, text: &str);

    /// Writes a log line, which is always shown.
    fn note(&self, text: &str);

    /// Ends the task and removes its bar.
    fn finish(&self);
}

/// Drops all reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn task(&self, _steps: u64, _what: &str) -> Box<dyn Task> {
        Box::new(Self)
    }

    fn note(&self, _line: &str) {}
}

impl Task for Silent {
    fn advance(&self, _steps: u64) {}

    fn extend(&self, _steps: u64) {}

    fn message(&self, _text: String) {}

    fn line(&self, _text: &str) {}

    fn note(&self, _text: &str) {}

    fn finish(&self) {}
}

/// Counts the finished steps, for tests.
#[derive(Debug, Default)]
pub struct StepCounter(AtomicU64);

impl StepCounter {
    /// Finished steps.
    pub fn steps(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Task for StepCounter {
    fn advance(&self, steps: u64) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }

    fn extend(&self, _steps: u64) {}

    fn message(&self, _text: String) {}

    fn line(&self, _text: &str) {}

    fn note(&self, _text: &str) {}

    fn finish(&self) {}
}
