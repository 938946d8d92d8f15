//! Consent, and the commands that install missing programs.

use supernano_facts::{THUMBV6M, THUMBV7M};

use super::*;

fn typed(missing: &[Need], programs: &[&str]) -> Result<Vec<String>> {
    let missing: Vec<&Need> = missing.iter().collect();
    let commands = commands(&missing, |program| programs.contains(&program))?;
    let line = |words: &Vec<String>| words.join(" ").trim_start_matches("sudo ").replace("-n ", "");
    Ok(commands.iter().map(line).collect())
}

#[test]
fn only_an_option_or_a_person_consents() {
    assert_eq!(Consent::of(true, false), Consent::Given);
    assert_eq!(Consent::of(true, true), Consent::Given);
    assert_eq!(Consent::of(false, true), Consent::Ask);
    assert_eq!(Consent::of(false, false), Consent::Withheld);
}

#[test]
fn one_command_adds_all_targets_and_one_refresh_serves_all_packages() {
    let missing = [
        Need::Target(THUMBV6M),
        Need::Tool(&QEMU),
        Need::Component(&CLIPPY),
        Need::Target(THUMBV7M),
        Need::Target(THUMBV6M),
        Need::Tool(&COMPILER),
    ];
    assert_eq!(
        typed(&missing, &["rustup", "apt-get"]).unwrap(),
        [
            "rustup target add thumbv6m-none-eabi thumbv7m-none-eabi",
            "rustup component add clippy",
            "apt-get update",
            "apt-get install -y --no-install-recommends --no-remove qemu-system-arm",
            "apt-get install -y --no-install-recommends --no-remove gcc-arm-none-eabi",
        ]
    );
}

#[test]
fn apt_get_never_removes_a_package() {
    let apt = typed(&[Need::Tool(&VULKAN)], &["apt-get"]).unwrap();
    assert!(apt.iter().filter(|line| line.contains("install")).all(|l| l.contains("--no-remove")));
}

#[test]
fn without_a_package_manager_the_message_names_a_page() {
    let failure = typed(&[Need::Tool(&QEMU)], &[]).unwrap_err();
    assert!(failure.0.contains("https://www.qemu.org"), "{failure}");
    let failure = typed(&[Need::Target(THUMBV7M)], &["apt-get"]).unwrap_err();
    assert!(failure.0.contains("rustup target add thumbv7m-none-eabi"), "{failure}");
}

/// A need that nothing satisfies.
static NOTHING: Tool = Tool {
    name: "nothing",
    present: || false,
    packages: &[("apt-get", "no-such-package"), ("brew", "no-such-package")],
    page: "no such page",
};

#[test]
fn without_consent_nothing_runs_and_the_message_has_the_commands() {
    let failure = ensure(&[Need::Tool(&NOTHING)], Consent::Withheld).unwrap_err();
    let with_commands = failure.0.contains("--yes") && failure.0.contains("no-such");
    assert!(with_commands || failure.0.contains("no such page"), "{failure}");
    assert!(ensure(&[], Consent::Withheld).is_ok());
}
