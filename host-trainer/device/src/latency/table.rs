//! The table of counts in a run directory.

use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::run_dir::RunDirectory;
use supernano_base::stats::table;
use supernano_core::arch::Arch;

use super::LatencyReport;

const HEADER: &str = "code,rank_score,target,chip,clock_hz,unit,count,spread,repeats,milliseconds";

/// Adds a line to `latency/table.csv` of a run. The line holds the rank score of the network, if the
/// run has one.
///
/// # Errors
/// As [`files::read_text`] and [`files::write()`]; as [`RunDirectory::config`] and [`table::read`] if
/// the run has scores; [`Error::Core`] for a code that is not of the run's space.
pub fn append_counts(run: &RunDirectory, report: &LatencyReport) -> Result<()> {
    let path = run.latency_table();
    let mut text = if path.is_file() { files::read_text(&path)? } else { format!("{HEADER}\n") };
    text += &line(report, rank_score(run, &report.code)?);
    files::write(&path, text.as_bytes())
}

fn line(report: &LatencyReport, score: Option<f64>) -> String {
    let score = score.map_or_else(String::new, |s| s.to_string());
    let milliseconds = report.milliseconds.map_or_else(String::new, |ms| format!("{ms:.3}"));
    format!(
        "{},{score},{},{},{},{},{},{},{},{milliseconds}\n",
        report.code,
        report.target.replace(',', ";"),
        report.device.chip.replace(',', ";"),
        report.device.clock_hz,
        report.unit,
        report.total.value(),
        report.spread,
        report.repeats,
    )
}

/// Top-1 of a sub-network with inherited weights, 0 to 1, if `scores.json` of the run exists and has
/// it.
fn rank_score(run: &RunDirectory, code: &str) -> Result<Option<f64>> {
    let path = run.scores();
    if !path.try_exists().map_err(|e| Error::io(&path, e))? {
        return Ok(None);
    }
    let config = run.config()?;
    let space = config.space();
    let entries = table::read(&path, &space, &["top1", "acc"])?;
    let arch = Arch::parse(&space, code).map_err(|e| Error::core(code, e))?;
    Ok(entries.into_iter().find(|e| e.arch == arch).map(|e| e.value))
}
