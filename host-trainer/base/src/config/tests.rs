use super::*;

const DEMO: &str = include_str!("../../../configs/demo.toml");

fn refused(change: impl Fn(&str) -> String, field: &str, expected: &str) {
    let error = RunConfig::parse(&change(DEMO), "test.toml").unwrap_err().to_string();
    assert!(error.starts_with("test.toml:"), "{error}");
    assert!(error.contains(field) && error.contains(expected), "{error}");
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(&str) -> String {
    move |text| {
        assert!(text.contains(from), "the demo has no `{from}`");
        text.replacen(from, to, 1)
    }
}

#[test]
fn presets_and_committed_configs_are_valid() {
    for text in [
        DEMO,
        include_str!("../../../configs/cifar100-quick.toml"),
        include_str!("../../../../tests/experiments/configs/method/small.toml"),
        include_str!("../../../../tests/experiments/configs/method/cifar100-step2.toml"),
        include_str!("../../../../tests/experiments/configs/method/cifar100-step3.toml"),
    ] {
        RunConfig::parse(text, "config").unwrap();
    }
    for (preset, steps) in [("paper", 4), ("reference", 4), ("third-place", 1)] {
        let config = RunConfig::parse(&format!("preset = \"{preset}\""), "preset").unwrap();
        assert_eq!(config.space().name, "resnet20");
        assert_eq!(config.steps.len(), steps);
        assert_eq!(config.panel, 14);
    }
    let quick = "preset = \"quick\"\nseed = 7";
    assert_eq!(RunConfig::parse(quick, "quick").unwrap().seed, 7);
}

#[test]
fn an_error_of_the_parser_names_the_line() {
    let line = |text: &str| {
        let error = RunConfig::parse(text, "test.toml").unwrap_err().to_string();
        let words = error.strip_prefix("test.toml:").unwrap();
        words.split_once(": TOML: ").unwrap().0.parse::<usize>().unwrap()
    };
    let begin = DEMO.lines().position(|l| l.starts_with("epochs")).unwrap();
    assert_eq!(line(&replaced("epochs", "epoch")(DEMO)), begin + 1);
    assert_eq!(line(&DEMO.replacen("epochs = ", "epochs = -", 1)), begin + 1);
    assert_eq!(line("preset = \"quick\"\n\nsede = 7"), 3);
    assert_eq!(line("preset = \"quick\"\nseed = = 7"), 2);
}

#[test]
fn the_written_form_reads_back_equal() {
    let config = RunConfig::parse(DEMO, "demo").unwrap();
    assert_eq!(RunConfig::parse(&config.to_toml().unwrap(), "again").unwrap(), config);
}

#[test]
fn bad_configurations_are_refused() {
    refused(|t| format!("colour = 3\n{t}"), "colour", "unknown field");
    refused(replaced("\"resnet8\"", "\"resnet9\""), "space", "resnet20, resnet8");
    refused(replaced("\"largest\"", "\"widest\""), "widest", "largest");
    refused(replaced("alpha = 0.5", "alpha = 1.5"), "step 2: alpha", "0 to 1");
    refused(replaced("\"glyphs\"", "\"cifar100\""), "classes", "100");
    refused(|t| format!("preset = \"paper\"\n{t}"), "data.name", "cifar100");
    refused(|t| format!("preset = \"best\"\n{t}"), "preset", "paper");
    refused(|t| format!("preset = \"third-place\"\n{t}"), "data.name", "cifar100");
    refused(|t| format!("keep = 0\n{t}"), "keep", "at least 1");
    let step = |line: &'static str| replaced("k = 3\n", line);
    refused(step("k = 0\n"), "step 2: k", "at least 1");
    refused(step("k = 3\nwarmup = 99\n"), "step 2: warmup", "fewer");
    refused(step("k = 3\nclip = 0.0\n"), "step 2: clip", "above 0");
    refused(step("k = 3\nupdates = 0\n"), "step 2: updates", "at least 1");
    refused(step("k = 3\ntemperature = 0.0\n"), "step 2: temperature", "above 0");
    refused(step("k = 3\nsampling = \"random\"\n"), "sampling", "");
    refused(step("k = 3\nteacher = \"dead\"\n"), "teacher", "");
    refused(replaced("seed = ", "seed = -"), "seed", "");
    refused(replaced("seed = ", "precision = \"float8\"\nseed = "), "precision", "float8");
    let carried = "kind = \"largest\"\noptimizer_state = \"carried\"";
    let first = replaced("kind = \"largest\"", carried);
    refused(first, "step 1: optimizer_state", "`fresh` in the first step");
    refused(replaced("\"exclusive\"", "\"reference-4\""), "step 4: scheme", "divides `halves`");
}

#[test]
fn every_number_has_a_range() {
    let augmentation = |table: &'static str| {
        replaced(
            "augmentation = { crop_padding = 4, flip = true, brightness = 0.0, contrast = 0.0, rotation = 0.0 }",
            table,
        )
    };
    for (table, field) in [
        ("augmentation = { brightness = nan }", "augmentation.brightness"),
        ("augmentation = { brightness = -0.1 }", "augmentation.brightness"),
        ("augmentation = { contrast = inf }", "augmentation.contrast"),
        ("augmentation = { contrast = 1e300 }", "augmentation.contrast"),
        ("augmentation = { rotation = nan }", "augmentation.rotation"),
        ("augmentation = { rotation = -15.0 }", "augmentation.rotation"),
        ("augmentation = { crop_padding = 65535 }", "augmentation.crop_padding"),
    ] {
        refused(augmentation(table), field, "at least 0, at most ");
    }
    for (line, field) in [
        ("data.train = 4000000000", "data.train"),
        ("data.train = 0", "data.train"),
        ("data.test = 4000000000", "data.test"),
        ("panel = 4000000000", "panel"),
        ("keep = 4000000000", "keep"),
        ("recalibration = { images = 4000000000 }", "recalibration"),
        ("recalibration = { images = 4000000, batch = 4000000 }", "recalibration"),
    ] {
        let key = line.split(' ').next().unwrap();
        let without = |text: &str| -> String {
            text.lines().filter(|l| !l.starts_with(key)).map(|l| format!("{l}\n")).collect()
        };
        let (table, line) = line.strip_prefix("data.").map_or(("", line), |l| ("[data]\n", l));
        let changed = |text: &str| match table {
            "" => format!("{line}\n{}", without(text)),
            _ => text.replacen("[data]\n", &format!("[data]\n{line}\n"), 1),
        };
        refused(changed, field, "at most");
    }
    refused(replaced("validation = 1000", "validation = 4000000000"), "data.validation", "at most");
    for (loss, field, says) in [
        ("label_smoothing = 0.95", "loss.label_smoothing", "at most 0.9"),
        ("label_smoothing = nan", "loss.label_smoothing", "at most 0.9"),
        ("class_weights = [1.0, 1.0]", "loss.class_weights", "one for each class"),
        ("class_weights = \"even\"", "TOML", "`balanced` or a list of numbers"),
    ] {
        refused(|t| format!("loss = {{ {loss} }}\n{t}"), field, says);
    }
    let mixup = replaced("crop_padding = 4", "mixup = -1.0, crop_padding = 4");
    refused(mixup, "augmentation.mixup", "at least 0");
    for optimizer in
        ["momentum = nan", "momentum = 1.0", "weight_decay = inf", "weight_decay = -1.0"]
    {
        let field = optimizer.split(' ').next().unwrap();
        let table = format!("optimizer = {{ {optimizer} }}\n");
        refused(|t| format!("{table}{t}"), &format!("optimizer.{field}"), "0 to below 1");
    }
    let step = |line: &str| {
        let line = format!("k = 3\n{line}\n");
        move |text: &str| text.replacen("k = 3\n", &line, 1)
    };
    for (line, field) in [
        ("warmup = 4000000000", "warmup"),
        ("clip = nan", "clip"),
        ("clip = inf", "clip"),
        ("clip = 1e300", "clip"),
        ("updates = 4000000000", "updates"),
        ("temperature = nan", "temperature"),
        ("temperature = 1e-30", "temperature"),
    ] {
        refused(step(line), &format!("step 2: {field}"), "");
    }
    for (from, to, field) in [
        ("k = 3", "k = 4000000000", "step 2: k"),
        ("epochs = 10", "epochs = 4000000000", "step 1: epochs"),
        ("batch = 64", "batch = 4000000000", "step 1: batch"),
        ("lr = 0.05", "lr = nan", "step 1: lr"),
        ("lr = 0.05", "lr = inf", "step 1: lr"),
        ("alpha = 0.5", "alpha = nan", "step 2: alpha"),
    ] {
        refused(replaced(from, to), field, "");
    }
    let many = "[[step]]\nkind = \"supernet\"\nepochs = 1\nlr = 0.1\n".repeat(200);
    refused(|t| format!("{t}\n{many}"), "step", "at most 100");
}

#[test]
fn spaces_have_plain_names_and_fit_a_workstation() {
    let space = |name: &str, width: u16| {
        format!(
            "[space]\nname = {name}\ninput = {{ height = 32, width = 32, channels = 3 }}\nclasses = 10\n\
             layers = [{}]\nblocks = [{}]\n[data]\n",
            format!("{{ widths = [4, {width}], kernel = 7 }},").repeat(4),
            "\"conv\",".repeat(4)
        )
    };
    let with = |space: String| {
        move |text: &str| {
            text.replacen("space = \"resnet8\"\n", "", 1).replacen("[data]\n", &space, 1)
        }
    };
    RunConfig::parse(&with(space("\"my-net_2\"", 8))(DEMO), "t").unwrap();
    let odd = "\"my */ net\\n#error\"";
    refused(with(space(odd, 8)), "space.name", "letters, digits");
    refused(with(space(&format!("{:?}", "x".repeat(300)), 8)), "space.name", "1 to 64 characters");
    refused(with(space("\"large\"", 1024)), "space.layers", "100000000 parameters");
}

#[test]
fn configurations_may_have_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, format!("\u{feff}{}", DEMO.replace('\n', "\r\n"))).unwrap();
    assert_eq!(RunConfig::read(&path).unwrap(), RunConfig::parse(DEMO, "demo").unwrap());
    std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
    let error = RunConfig::read(&path).unwrap_err().to_string();
    assert!(error.contains("at most 1 MiB"), "{error}");
}

#[test]
fn a_configuration_that_toml_cannot_hold_is_an_error() {
    let mut config = RunConfig::parse(DEMO, "demo").unwrap();
    config.seed = i64::MAX as u64;
    assert_eq!(RunConfig::parse(&config.to_toml().unwrap(), "again").unwrap(), config);
    config.seed += 1;
    assert_eq!(config.to_toml().unwrap_err().exit_code(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        config.seed = 1;
        config.data.path = Some(std::ffi::OsString::from_vec(vec![0xff]).into());
        assert_eq!(config.to_toml().unwrap_err().exit_code(), 2);
    }
}

#[test]
fn a_step_without_its_predecessor_is_refused() {
    let first = "[[step]]\nkind = \"supernet\"\nepochs = 1\nlr = 0.1\n";
    let text = |step: &str| {
        format!(
            "seed = 1\nspace = \"resnet8\"\nenhancement = \"oe\"\n[data]\nname = \"glyphs\"\n{step}"
        )
    };
    let error = RunConfig::parse(&text(first), "t").unwrap_err().to_string();
    assert!(error.contains("step 1: kind"), "{error}");
    RunConfig::parse(&text(&format!("{first}scratch = true\n")), "t").unwrap();
    let branches = format!("{first}scratch = true\nscheme = \"halves\"\n");
    let error = RunConfig::parse(&text(&branches), "t").unwrap_err().to_string();
    assert!(error.contains("step 1: scheme"), "{error}");
}

#[test]
fn the_rate_falls_as_a_cosine() {
    let config = RunConfig::parse("preset = \"paper\"", "paper").unwrap();
    let step = &config.steps[0];
    assert_eq!(step.rate(0.0), 0.1);
    assert_eq!(step.rate(0.9), 0.1);
    assert!((step.rate(150.0) - 0.05).abs() < 1e-6);
    assert!(step.rate(299.0) > 0.0 && step.rate(299.0) < 1e-5);
    let smooth = StepConfig { stepped: Stepped::Update, ..step.clone() };
    assert!(smooth.rate(0.9) < 0.1 && smooth.rate(299.9) < step.rate(299.0));
    let warm = StepConfig { warmup: 4, ..step.clone() };
    assert!((warm.rate(0.0) - 0.02).abs() < 1e-6);
    assert_eq!(warm.rate(4.0), step.rate(4.0));
}

/// The settings of the paper and of its reference code, where they differ and where they agree.
#[test]
fn presets_have_the_published_settings() {
    let parse = |name: &str| RunConfig::parse(&format!("preset = \"{name}\""), name).unwrap();
    let (paper, reference) = (parse("paper"), parse("reference"));
    for config in [&paper, &reference] {
        assert_eq!(config.optimizer, Optimizer { momentum: 0.9, weight_decay: 5e-4 });
        let rates: Vec<f32> = config.steps.iter().map(|s| s.lr).collect();
        assert_eq!(rates, [0.1, 0.01, 0.001, 0.001]);
        for step in &config.steps {
            assert_eq!((step.k, step.batch, step.temperature), (8, 128, 1.0));
            assert_eq!((step.sampling, step.stepped), (Sampling::Uniform, Stepped::Epoch));
        }
        assert_eq!(config.augmentation, Augmentation::default());
    }
    let schemes = |c: &RunConfig| c.steps.iter().map(|s| s.scheme).collect::<Vec<_>>();
    use BranchScheme::{Exclusive, Halves, Reference4, ReferenceFine, Shared};
    assert_eq!(schemes(&paper), [Shared, Shared, Halves, Exclusive]);
    assert_eq!(schemes(&reference), [Shared, Shared, Reference4, ReferenceFine]);
    assert!(reference.steps[0].relu);
    let teachers: Vec<Teacher> = reference.steps.iter().map(|s| s.teacher).collect();
    assert_eq!(teachers[1..], [Teacher::Live, Teacher::Untrained, Teacher::Live]);
    let alphas: Vec<f32> = reference.steps.iter().map(|s| s.alpha).collect();
    assert_eq!(alphas[1..], [0.8, 1.0, 0.8]);
    let third = parse("third-place");
    let step = &third.steps[0];
    assert_eq!((step.k, step.sampling, step.clip), (17, Sampling::SandwichFair, Some(5.0)));
    assert_eq!((third.optimizer.weight_decay, step.lr, step.alpha), (0.0, 0.1, 1.0));
    assert!(step.scratch && step.warmup > 0 && step.teacher == Teacher::Live);
}

/// Tables 1 and 2: three runs hold all of their supernets.
#[test]
fn the_papers_supernets_are_committed() {
    for (text, enhancement, steps) in [
        (
            include_str!("../../../../tests/experiments/configs/paper/base.toml"),
            Enhancement::NONE,
            4,
        ),
        (include_str!("../../../../tests/experiments/configs/paper/oe.toml"), Enhancement::OE, 2),
        (
            include_str!("../../../../tests/experiments/configs/paper/prelu-oe.toml"),
            Enhancement::PRELU_OE,
            4,
        ),
    ] {
        let config = RunConfig::parse(text, "paper").unwrap();
        assert_eq!((config.enhancement, config.steps.len()), (enhancement, steps));
        assert!(config.steps.iter().all(|s| s.epochs == 300 && s.batch == 128));
    }
}
