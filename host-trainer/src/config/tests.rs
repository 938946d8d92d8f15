use super::*;

const DEMO: &str = include_str!("../../configs/demo.toml");

fn refused(change: impl Fn(&str) -> String, field: &str, expected: &str) {
    let error = RunConfig::parse(&change(DEMO), "test.toml").unwrap_err().to_string();
    assert!(error.starts_with("test.toml: "), "{error}");
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
    for text in [DEMO, include_str!("../../configs/cifar100-quick.toml")] {
        RunConfig::parse(text, "config").unwrap();
    }
    for preset in ["paper", "reference"] {
        let config = RunConfig::parse(&format!("preset = \"{preset}\""), "preset").unwrap();
        assert_eq!(config.space().name, "resnet20");
        assert_eq!(config.steps.len(), 4);
    }
    let quick = "preset = \"quick\"\nseed = 7";
    assert_eq!(RunConfig::parse(quick, "quick").unwrap().seed, 7);
}

#[test]
fn the_written_form_reads_back_equal() {
    let config = RunConfig::parse(DEMO, "demo").unwrap();
    assert_eq!(RunConfig::parse(&config.to_toml(), "again").unwrap(), config);
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
    refused(replaced("seed = ", "seed = -"), "seed", "");
    refused(replaced("\"exclusive\"", "\"reference-4\""), "step 4: scheme", "divides `halves`");
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
    assert_eq!(step.rate(0), 0.1);
    assert!((step.rate(150) - 0.05).abs() < 1e-6);
    assert!(step.rate(299) > 0.0 && step.rate(299) < 1e-5);
}
