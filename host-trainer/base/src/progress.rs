//! Progress and log lines of long work.
//!
//! Library functions take a [`Progress`] and report to it; whoever calls them decides where the
//! reports go. The command line draws bars on a terminal; [`Silent`] drops everything.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a library function reports how far it is.
pub trait Progress: Sync {
    /// Begins a task of `steps` steps; `what` names it.
    fn task(&self, steps: u64, what: &str) -> Box<dyn Task>;

    /// A line of log.
    fn note(&self, line: &str);
}

/// A task that advances.
pub trait Task: Send + Sync + fmt::Debug {
    /// Advances by `steps`.
    fn advance(&self, steps: u64);

    /// Adds steps that were not known at the start.
    fn extend(&self, steps: u64);

    /// A short text beside the bar: speed, loss.
    fn message(&self, text: String);

    /// A line of progress above the bar; shown only where the bar is.
    fn line(&self, text: &str);

    /// A line of log, always shown.
    fn note(&self, text: &str);

    /// Ends the task; its bar disappears.
    fn finish(&self);
}

/// Reports nothing.
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

/// Counts the steps that are done, for tests.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Task for Counter {
    fn advance(&self, steps: u64) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }

    fn extend(&self, _steps: u64) {}

    fn message(&self, _text: String) {}

    fn line(&self, _text: &str) {}

    fn note(&self, _text: &str) {}

    fn finish(&self) {}
}
