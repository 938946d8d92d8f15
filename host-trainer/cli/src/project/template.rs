//! The text of a proposed configuration, with comments.

use std::fmt::Write as _;

use supernano_base::config::{BudgetSpec, DataSource, DataSpec, SoundConfig, WindowSpec};
use supernano_core::space::Shape;

/// What a configuration is made of.
pub struct Template<'a> {
    /// Name of the project.
    pub name: &'a str,
    /// The data.
    pub spec: &'a DataSpec,
    /// What the network gives: `classes`, `labels` or `values`.
    pub outputs: &'a str,
    /// Names of the classes, the labels or the targets.
    pub labels: Vec<&'a str>,
    /// Shape of the input.
    pub shape: Shape,
    /// Number of remarks about files that cannot be read.
    pub bad: usize,
    /// Training items.
    pub train: usize,
    /// Epochs of the first step.
    pub epochs: usize,
    /// Limits of the device.
    pub budget: &'a BudgetSpec,
}

/// Training windows below which copies are proposed.
const FEW: usize = 2000;
/// Most columns that are listed.
const COLUMNS: usize = 32;
/// Longest list of names on one line.
const LINE: usize = 90;

/// The text.
pub fn text(t: &Template<'_>) -> String {
    let mut out = format!(
        "# Proposed by `supernano new` for {} training items. Every value may be changed.\n\
         # The way: supernano run {}.toml\n\n\
         seed = 1\n\
         enhancement = \"prelu+oe\"      # widths 4 and 8 are computed as 5 and 9, PReLU after additions\n\
         panel = 4                     # random sub-networks that are evaluated after each epoch\n",
        t.train, t.name
    );
    augmentation(&mut out, t);
    recalibration(&mut out, t);
    data(&mut out, t);
    space(&mut out, t);
    budget(&mut out, t.budget);
    steps(&mut out, t);
    out
}

fn augmentation(out: &mut String, t: &Template<'_>) {
    if matches!(t.spec.name, DataSource::Sensors | DataSource::Sound) {
        out.push_str(
            "augmentation = { crop_padding = 0, flip = false, brightness = 0.0, contrast = 0.0, \
             rotation = 0.0 }\n",
        );
        return;
    }
    let numbers = t.outputs == "values";
    let padding = if numbers { 0 } else { (t.shape.height.min(t.shape.width) / 8).max(1) };
    let photographs = t.spec.name == DataSource::Pictures;
    let (light, rotation) = match (photographs, numbers) {
        (false, _) => (0.0, 0.0),
        (true, false) => (0.2, 10.0),
        (true, true) => (0.2, 0.0),
    };
    let comment = match numbers {
        true => {
            "# Larger values if a picture that is shifted, mirrored or turned keeps its numbers."
        }
        false => "# flip = true if the mirror image of a picture has the same class.",
    };
    let _ = writeln!(
        out,
        "{comment}\n\
         augmentation = {{ crop_padding = {padding}, flip = false, brightness = {light:.1}, \
         contrast = {light:.1}, rotation = {rotation:.1} }}"
    );
}

/// Items of a batch: large enough for batch norm, small enough for a small set.
fn batch(t: &Template<'_>) -> usize {
    match t.train {
        0..400 => (t.train / 4).clamp(2, 16),
        400..2000 => 32,
        2000..20_000 => 64,
        _ => 128,
    }
}

fn recalibration(out: &mut String, t: &Template<'_>) {
    let batch = (t.train / 2).clamp(2, 128);
    let images = (t.train / batch * batch).min(1024).max(batch);
    let _ = writeln!(
        out,
        "# Training items over which the batch-norm statistics of a sub-network are computed.\n\
         recalibration = {{ images = {images}, batch = {batch} }}\n"
    );
}

fn data(out: &mut String, t: &Template<'_>) {
    let spec = t.spec;
    let _ = writeln!(out, "[data]\nname = \"{}\"", spec.name.name());
    if let Some(path) = &spec.path {
        let _ = writeln!(out, "path = {}", quoted(&path.to_string_lossy()));
    }
    if let Some(pattern) = &spec.pattern {
        let _ = writeln!(out, "pattern = {}", quoted(pattern));
    }
    if let Some(window) = &spec.window {
        sensor_windows(out, window, t.train);
    }
    if let Some(test) = &spec.test_files {
        let _ = writeln!(out, "test_files = {}", quoted(test));
    }
    if let Some(sound) = &spec.sound {
        recordings(out, sound);
    }
    if spec.name == DataSource::Pictures {
        out.push_str("resize = \"crop\"               # or \"letterbox\", \"stretch\"\n");
    }
    if t.bad > 0 {
        let _ = writeln!(
            out,
            "# {} files cannot be read; this leaves them out.\n# skip_bad = true",
            t.bad
        );
    }
    if spec.name.is_own() {
        out.push_str("# Without splits of its own, 15 % of the data are for the test, and 15 % of the rest\n");
        out.push_str("# for validation: validation_share = 0.15, test_share = 0.15.\n");
        let names: Vec<String> = t.labels.iter().map(|l| quoted(l)).collect();
        let field = match t.outputs {
            "values" => "targets",
            "labels" => "multilabel = true               # an item may have several labels\nlabels",
            _ => "labels",
        };
        let line = names.join(", ");
        if line.len() <= LINE {
            let _ = writeln!(out, "{field} = [{line}]");
        } else {
            let _ = writeln!(out, "{field} = [\n  {},\n]", names.join(",\n  "));
        }
    }
    out.push('\n');
}

/// The windows of sensors, with copies for a small set.
fn sensor_windows(out: &mut String, window: &WindowSpec, train: usize) {
    let mut text = format!("window = {{ samples = {}", window.samples);
    for (field, name) in [("label", &window.label), ("group", &window.group)] {
        if let Some(name) = name {
            let _ = write!(text, ", {field} = {}", quoted(name));
        }
    }
    if let Some(columns) = window.columns.as_ref().filter(|columns| columns.len() <= COLUMNS) {
        let names: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
        let _ = write!(text, ", columns = [{}]", names.join(", "));
    }
    if train < FEW && window.samples == 1 {
        out.push_str(
            "# Every row is an item. Each training row is joined by noisy `copies` (share of the range).\n",
        );
        text.push_str(", copies = 7, jitter = 0.01");
    } else if train < FEW {
        out.push_str(
            "# Each training window is joined by `copies`, which are shifted (samples), scaled, rotated\n\
             # (degrees, each three axes together) and noisy (share of the range).\n",
        );
        let shift = window.samples / 20;
        let _ = write!(
            text,
            ", copies = 7, shift = {shift}, scale = 0.1, rotation = 10.0, jitter = 0.01"
        );
    }
    let _ = writeln!(out, "{text} }}");
}

/// The windows of sound.
fn recordings(out: &mut String, sound: &SoundConfig) {
    let _ = write!(
        out,
        "# Windows at the rate of the device. The rows of the input are frames, its columns mel bands.\n\
         # `copies`: windows of each training window; all but the first are shifted (seconds), louder or\n\
         # quieter (dB), and noisy (smallest signal-to-noise ratio, dB).\n\
         sound = {{ rate = {}, seconds = {:?}",
        sound.rate, sound.seconds
    );
    if let Some(stride) = sound.stride {
        let _ = write!(out, ", stride = {stride:?}");
    }
    if let Some(noise) = &sound.noise {
        let _ = write!(out, ", noise = {}, silence = {}", quoted(noise), sound.silence);
    }
    if sound.copies > 1 {
        let _ = write!(out, ", copies = {}, shift = {:?}", sound.copies, sound.shift);
        if let Some(ratio) = sound.noise_ratio {
            let _ = write!(out, ", gain = {:?}, noise_ratio = {ratio:?}", sound.gain);
        }
    }
    out.push_str(" }\n");
}

/// The first lines of a space.
fn space_head(out: &mut String, t: &Template<'_>, what: &str) {
    let Shape { height, width, channels } = t.shape;
    let _ = writeln!(
        out,
        "# {what}\n[space]\nname = {}\n\
         input = {{ height = {height}, width = {width}, channels = {channels} }}\nclasses = {}",
        quoted(t.name),
        t.labels.len(),
    );
    if t.outputs != "classes" {
        let _ = writeln!(out, "head = {{ kind = \"{}\" }}", t.outputs);
    }
}

/// Fully connected layers, for rows whose columns have no order.
fn dense(out: &mut String, t: &Template<'_>) {
    space_head(out, t, "Fully connected layers whose widths are searched.");
    for widths in ["[8, 16, 24, 32, 40, 48, 56, 64]", "[8, 12, 16, 20, 24, 28, 32]"] {
        let _ = writeln!(
            out,
            "\n[[space.block]]\ndense = {{ widths = {widths}, activation = \"relu\" }}"
        );
    }
    out.push('\n');
}

/// A ResNet8 with searchable widths. Large inputs are halved once or twice before it.
fn space(out: &mut String, t: &Template<'_>) {
    if t.spec.window.as_ref().is_some_and(|window| window.samples == 1) {
        return dense(out, t);
    }
    let Shape { height, width, .. } = t.shape;
    let side = height.max(width);
    let halvings = match side {
        0..48 => 0,
        48..96 => 1,
        _ => 2,
    };
    let (first, second) = ([4, 8, 12, 16], "[4, 8, 12, 16, 20, 24, 28, 32]");
    let third = "[4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64]";
    let mut convs = vec![1 + u8::from(halvings > 0)];
    if halvings > 1 {
        convs.push(2);
    }
    let first = format!("{first:?}");
    let residuals = [(first.as_str(), 1), (second, 2), (third, 2)];
    let what =
        "Convolutions whose widths are searched. `projection` is a residual block of two layers.";
    space_head(out, t, what);
    if t.outputs != "classes" {
        for stride in convs {
            let _ = writeln!(
                out,
                "\n[[space.block]]\nconv = {{ widths = {first}, stride = {stride} }}"
            );
        }
        for (widths, stride) in residuals {
            let _ = writeln!(
                out,
                "\n[[space.block]]\nresidual = {{ widths = {widths}, stride = {stride}, \
                 shortcut = \"projection\" }}"
            );
        }
        out.push('\n');
        return;
    }
    let blocks: Vec<&str> =
        convs.iter().map(|_| "\"conv\"").chain(residuals.map(|_| "\"projection\"")).collect();
    let _ = writeln!(out, "blocks = [{}]\nlayers = [", blocks.join(", "));
    let single = convs.iter().map(|stride| (first.as_str(), *stride));
    let double = residuals.iter().flat_map(|&(widths, stride)| [(widths, stride), (widths, 1)]);
    for (widths, stride) in single.chain(double) {
        let _ = writeln!(out, "  {{ widths = {widths}, stride = {stride} }},");
    }
    out.push_str("]\n\n");
}

fn budget(out: &mut String, budget: &BudgetSpec) {
    out.push_str("# Limits of the device; `supernano search --help` explains them.\n[budget]\n");
    for (name, value) in budget.set() {
        let _ = writeln!(out, "{name} = {}", quoted(value));
    }
    out.push('\n');
}

fn steps(out: &mut String, t: &Template<'_>) {
    let batch = batch(t);
    let (first, second, third) = (t.epochs, (t.epochs * 3 / 4).max(4), (t.epochs / 5).max(1));
    // Squared errors of numbers have larger gradients than the cross-entropy.
    let [fast, slower, slow] = match t.outputs {
        "values" => [0.01, 0.01, 0.005],
        _ => [0.05, 0.03, 0.01],
    };
    let _ = writeln!(
        out,
        "# Step 1: the largest network.\n[[step]]\nkind = \"largest\"\nepochs = {first}\nlr = {fast}\n\
         batch = {batch}\n\n\
         # Step 2: the supernet, one weight for all options of a layer.\n[[step]]\n\
         kind = \"supernet\"\nepochs = {second}\nlr = {slower}\nbatch = {batch}\nk = 3\nalpha = 0.5\n\
         sampling = \"sandwich\"\n\n\
         # Step 3: two branches for each layer.\n[[step]]\nkind = \"supernet\"\n\
         scheme = \"halves\"\nepochs = {third}\nlr = {slow}\nbatch = {batch}\nk = 3\nalpha = 0.5"
    );
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
