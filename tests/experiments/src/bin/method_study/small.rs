//! Tables 1 and 2 of the paper at a small scale, with truths that the study trains.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use supernano::output::Output;
use supernano_base::codes::truth::{Form, Recipe};
use supernano_base::codes::{Coded, random_codes};
use supernano_base::config::RunConfig;
use supernano_base::files;
use supernano_base::stats::{kendall_tau_b, pearson};
use supernano_core::plan::Enhancement;
use supernano_data::of_config;
use supernano_train::run::{Run, checkpoint};
use supernano_train::training::standalone::train_alone;
use supernano_train::training::{Begin, SlicedAccelerator, train_until};

use crate::bootstrap::{Estimate, estimates};
use crate::figure::{Series, scatter};
use crate::{Deadline, scores};

const CONFIG: &str = include_str!("../../../configs/method/small.toml");
/// Number of sub-networks that are trained alone and scored.
const CODES: usize = 64;
/// Number of these that are trained as effective networks as well.
const PROXIES: usize = 24;
/// Seeds of the supernets and of the truths.
const SEEDS: [u64; 3] = [1, 2, 3];
/// Number of supernet stages.
const STAGES: usize = 3;
/// Number of scored test images.
const IMAGES: usize = 4000;
/// Number of training images for the batch-norm statistics.
const BN_IMAGES: usize = 1024;
const ENHANCEMENTS: [(&str, Enhancement); 3] =
    [("base", Enhancement::NONE), ("oe", Enhancement::OE), ("prelu+oe", Enhancement::PRELU_OE)];

/// All measurements so far, by the key of their part.
#[derive(Default, Serialize, Deserialize)]
struct State {
    /// Stand-alone top-1 by `form/seed/code`.
    truths: BTreeMap<String, f64>,
    /// Top-1 and loss of every code by `enhancement/seed/stage`.
    scores: BTreeMap<String, Vec<(f64, f64)>>,
}

fn truth_key(form: &str, seed: u64, coded: &Coded) -> String {
    format!("{form}/{seed}/{}", coded.written)
}

fn score_key(enhancement: &str, seed: u64, stage: usize) -> String {
    format!("{enhancement}/{seed}/{stage}")
}

/// Resumes the study. Returns true if it is complete and `results.json` is written.
pub fn run(folder: &Path, deadline: Deadline) -> Result<bool> {
    let config = RunConfig::parse(CONFIG, "configs/method/small.toml")?;
    let file = folder.join("state.json");
    let mut state: State = if file.exists() {
        files::read_json(&file, "the state of a study")?
    } else {
        State::default()
    };
    let codes = random_codes(&config.space(), CODES, 7);
    let done = truths(&config, &codes, &mut state, &file, deadline)?
        && supernets(folder, &config, &codes, &mut state, &file, deadline)?;
    if done {
        files::write_json(&folder.join("results.json"), &results(&codes, &state)?)?;
        files::write_text(&folder.join("figure-2.svg"), &figure(&codes, &state)?)?;
    }
    Ok(done)
}

/// Trains the missing truths. Returns false if the deadline passes first.
fn truths(
    config: &RunConfig,
    codes: &[Coded],
    state: &mut State,
    file: &Path,
    deadline: Deadline,
) -> Result<bool> {
    let dataset = of_config(config, None)?;
    let effective = RunConfig { enhancement: Enhancement::OE, ..config.clone() };
    let mut missing = Vec::new();
    for seed in SEEDS {
        let forms = [("nominal", Form::Nominal, CODES), ("effective", Form::Effective, PROXIES)];
        for (name, form, n) in forms {
            for coded in &codes[..n] {
                let key = truth_key(name, seed, coded);
                if !state.truths.contains_key(&key) {
                    missing.push((key, form, seed, coded));
                }
            }
        }
    }
    let (epochs, lr) = (config.steps[0].epochs, config.steps[0].lr);
    for part in missing.chunks(2 * rayon::current_num_threads()) {
        if deadline.passed() {
            return Ok(false);
        }
        let found: Vec<_> = part
            .par_iter()
            .map(|(key, form, seed, coded)| {
                let recipe = Recipe { form: *form, epochs, lr, seed: *seed };
                let config = if *form == Form::Effective { &effective } else { config };
                let truth = train_alone(config, &dataset, coded, &recipe)?;
                Ok((key.clone(), truth.standalone_top1))
            })
            .collect::<Result<_>>()?;
        state.truths.extend(found);
        files::write_json(file, state)?;
        supernano_base::console::note(format_args!("{} truths", state.truths.len()));
    }
    Ok(true)
}

/// Trains and scores the missing supernets. Returns false if the deadline passes first.
fn supernets(
    folder: &Path,
    config: &RunConfig,
    codes: &[Coded],
    state: &mut State,
    file: &Path,
    deadline: Deadline,
) -> Result<bool> {
    let dataset = of_config(config, None)?;
    let archs: Vec<_> = codes.iter().map(|c| &c.arch).collect();
    for seed in SEEDS {
        for (name, enhancement) in ENHANCEMENTS {
            let config = RunConfig { seed, enhancement, ..config.clone() };
            let run = folder.join(format!("{name}-{seed}"));
            let last = config.steps.len();
            if checkpoint::latest_finished(&run, &config) != Some(last) {
                if deadline.passed() {
                    return Ok(false);
                }
                let begun = run.join("config.toml").exists();
                let begin = if begun { Begin::Resume } else { Begin::New };
                let late = |_, _| deadline.passed();
                train_until(
                    &config,
                    &dataset,
                    &run,
                    begin,
                    &SlicedAccelerator,
                    &Output::new(true, false),
                    &late,
                )?;
                if checkpoint::latest_finished(&run, &config) != Some(last) {
                    return Ok(false);
                }
            }
            for stage in 1..=STAGES {
                let key = score_key(name, seed, stage);
                if state.scores.contains_key(&key) {
                    continue;
                }
                if deadline.passed() {
                    return Ok(false);
                }
                let trained = Run::open_step(&run, stage + 1)?;
                let found = scores(&trained, &dataset, &archs, IMAGES, BN_IMAGES)?;
                let pairs = found.iter().map(|e| (e.top1, e.ce)).collect();
                state.scores.insert(key, pairs);
                files::write_json(file, state)?;
            }
            supernano_base::console::note(format_args!("{name}, seed {seed}: trained and scored"));
        }
    }
    Ok(true)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A comparison of two cells. A cell is an index into [`ENHANCEMENTS`] and a stage.
struct Difference {
    what: &'static str,
    more: (usize, usize),
    less: (usize, usize),
}

const DIFFERENCES: [Difference; 9] = [
    Difference { what: "Table 1: OE - base", more: (1, 1), less: (0, 1) },
    Difference { what: "Table 1: PReLU+OE - OE", more: (2, 1), less: (1, 1) },
    Difference { what: "Table 1: PReLU+OE - base", more: (2, 1), less: (0, 1) },
    Difference { what: "Table 2: base, stage 2 - 1", more: (0, 2), less: (0, 1) },
    Difference { what: "Table 2: base, stage 3 - 2", more: (0, 3), less: (0, 2) },
    Difference { what: "Table 2: PReLU+OE, stage 2 - 1", more: (2, 2), less: (2, 1) },
    Difference { what: "Table 2: PReLU+OE, stage 3 - 2", more: (2, 3), less: (2, 2) },
    Difference { what: "OE, stage 2 - 1", more: (1, 2), less: (1, 1) },
    Difference { what: "OE, stage 3 - 2", more: (1, 3), less: (1, 2) },
];

fn results(codes: &[Coded], state: &State) -> Result<serde_json::Value> {
    let truth = |form: &str, seed: u64, coded: &Coded| -> Result<f64> {
        let key = truth_key(form, seed, coded);
        state.truths.get(&key).copied().with_context(|| format!("no truth {key}"))
    };
    // `[seed][code]`
    let truths: Vec<Vec<f64>> = SEEDS
        .iter()
        .map(|&s| codes.iter().map(|c| truth("nominal", s, c)).collect())
        .collect::<Result<_>>()?;
    // `[cell][seed][code]`
    let mut tops: Vec<Vec<Vec<f64>>> = Vec::new();
    let mut losses = Vec::new();
    for (name, _) in ENHANCEMENTS {
        for stage in 1..=STAGES {
            let of = |s: &u64| {
                let key = score_key(name, *s, stage);
                state.scores.get(&key).with_context(|| format!("no scores {key}"))
            };
            let all: Vec<&Vec<(f64, f64)>> = SEEDS.iter().map(of).collect::<Result<_>>()?;
            tops.push(all.iter().map(|v| v.iter().map(|p| p.0).collect()).collect());
            losses.push(all.iter().map(|v| v.iter().map(|p| -p.1).collect()).collect());
        }
    }
    let top1 = table(&truths, &tops);
    let loss = table(&truths, &losses);
    let proxies: Vec<Vec<f64>> = SEEDS
        .iter()
        .map(|&s| {
            let gain = |c: &Coded| Ok(truth("effective", s, c)? - truth("nominal", s, c)?);
            codes[..PROXIES].iter().map(gain).collect()
        })
        .collect::<Result<_>>()?;
    let proxy = estimates(PROXIES, 1, SEEDS.len(), |codes, _, seeds| {
        vec![mean(
            seeds
                .iter()
                .flat_map(|&s| codes.iter().map(move |&c| (s, c)))
                .map(|(s, c)| proxies[s][c]),
        )]
    });
    let points: Vec<_> = codes
        .iter()
        .enumerate()
        .map(|(c, coded)| {
            let cells: Vec<f64> = tops.iter().map(|t| mean(t.iter().map(|v| v[c]))).collect();
            let alone = mean(truths.iter().map(|t| t[c]));
            json!({ "code": coded.written, "standalone": alone, "inherited": cells })
        })
        .collect();
    let pair = |a: usize, b: usize| pearson(&truths[a], &truths[b]);
    Ok(json!({
        "codes": CODES,
        "seeds": SEEDS,
        "intervals": "95 %, paired bootstrap over codes, seeds of supernets and seeds of truths",
        "by_top1": top1,
        "by_loss": loss,
        "agreement_of_truths": [pair(0, 1), pair(0, 2), pair(1, 2)],
        "proxy_minus_nominal_top1": { "codes": PROXIES, "estimate": proxy[0] },
        "points": { "cells": cells(), "of_codes": points },
    }))
}

/// Plots the base supernet after stage 1 and the enhanced supernet after stages 1 and 3.
fn figure(codes: &[Coded], state: &State) -> Result<String> {
    let alone = |coded: &Coded| {
        mean(SEEDS.iter().map(|&s| {
            let key = truth_key("nominal", s, coded);
            state.truths.get(&key).copied().unwrap_or(f64::NAN)
        }))
    };
    let shown = [("base", 1), ("prelu+oe", 1), ("prelu+oe", 3)];
    let names: Vec<String> = shown.iter().map(|(n, stage)| format!("{n}, stage {stage}")).collect();
    let series: Vec<Series<'_>> = shown
        .iter()
        .zip(&names)
        .map(|((enhancement, stage), name)| {
            let of = |&s: &u64| state.scores.get(&score_key(enhancement, s, *stage));
            let scores: Vec<_> = SEEDS.iter().filter_map(of).collect();
            let point =
                |(c, coded): (usize, &Coded)| (alone(coded), mean(scores.iter().map(|s| s[c].0)));
            Series { name, points: codes.iter().enumerate().map(point).collect() }
        })
        .collect();
    scatter(&series)
}

/// Names of the cells.
fn cells() -> Vec<String> {
    let of = |name: &str| (1..=STAGES).map(|s| format!("{name}, stage {s}")).collect::<Vec<_>>();
    ENHANCEMENTS.iter().flat_map(|(name, _)| of(name)).collect()
}

/// Correlations of every cell and their differences, as JSON.
///
/// # Shapes
/// `truths`: `[seed][code]`. `scores`: `[cell][seed][code]`.
fn table(truths: &[Vec<f64>], scores: &[Vec<Vec<f64>>]) -> serde_json::Value {
    let n = scores.len();
    let all = estimates(CODES, SEEDS.len(), SEEDS.len(), |codes, seeds, of_truths| {
        let truth: Vec<f64> =
            codes.iter().map(|&c| mean(of_truths.iter().map(|&t| truths[t][c]))).collect();
        let mut found = Vec::with_capacity(2 * n + 2 * DIFFERENCES.len());
        for correlation in [pearson, kendall_tau_b] {
            let one = |cell: &Vec<Vec<f64>>| {
                mean(seeds.iter().map(|&s| {
                    let score: Vec<f64> = codes.iter().map(|&c| cell[s][c]).collect();
                    correlation(&score, &truth)
                }))
            };
            let values: Vec<f64> = scores.iter().map(one).collect();
            let at = |(e, stage): (usize, usize)| values[e * STAGES + stage - 1];
            let gains: Vec<f64> = DIFFERENCES.iter().map(|d| at(d.more) - at(d.less)).collect();
            found.extend(values);
            found.extend(gains);
        }
        found
    });
    let (pearsons, taus) = all.split_at(n + DIFFERENCES.len());
    let row = |what: &str, p: Estimate, t: Estimate, judged: bool| {
        let mut row = json!({ "what": what, "pearson": p, "kendall_tau_b": t });
        if judged {
            row["pearson_verdict"] = verdict(p).into();
            row["tau_verdict"] = verdict(t).into();
        }
        row
    };
    let cell = |(i, name): (usize, &String)| row(name, pearsons[i], taus[i], false);
    let gain = |(i, d): (usize, &Difference)| row(d.what, pearsons[n + i], taus[n + i], true);
    json!({
        "cells": cells().iter().enumerate().map(cell).collect::<Vec<_>>(),
        "differences": DIFFERENCES.iter().enumerate().map(gain).collect::<Vec<_>>(),
    })
}

fn verdict(e: Estimate) -> &'static str {
    match (e.resolvable(), e.value > 0.0) {
        (false, _) => "not resolvable",
        (true, true) => "better",
        (true, false) => "worse",
    }
}
