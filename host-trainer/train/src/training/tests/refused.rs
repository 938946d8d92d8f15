//! Checkpoints and configurations with which no run goes on.

use super::*;

#[test]
fn a_damaged_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SPACE);
    trained(&config, folder.path(), Begin::New);
    let path = checkpoint::finished_path(folder.path(), 3);
    let mut file = bytes(folder.path(), 3);
    let middle = file.len() / 2;
    file[middle] ^= 1;
    std::fs::write(&path, &file).unwrap();
    let error = Run::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("CRC"), "{error}");
    file.truncate(10);
    std::fs::write(&path, &file).unwrap();
    assert!(Run::open(folder.path()).is_err());
}

#[test]
fn a_configuration_that_was_changed_inside_the_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path();
    let config = config(SPACE);
    interrupted(&config, run);
    let refused = |change: &dyn Fn(&mut RunConfig), says: &str| {
        let mut changed = config.clone();
        change(&mut changed);
        supernano_base::files::write(
            &run.join("config.toml"),
            changed.to_toml().unwrap().as_bytes(),
        )
        .unwrap();
        let dataset = of_config(&changed, None).unwrap();
        let error = train(&changed, &dataset, run, Begin::Resume, &SlicedAccelerator, &Silent)
            .unwrap_err()
            .to_string();
        assert!(error.contains("current.snw") && error.contains(says), "{error}");
    };
    refused(&|c| c.steps[1].lr = 0.02, "configuration");
    refused(&|c| c.augmentation.flip = false, "configuration");
    // What comes later may still change.
    let mut longer = config.clone();
    longer.steps[2].epochs = 2;
    supernano_base::files::write(&run.join("config.toml"), longer.to_toml().unwrap().as_bytes())
        .unwrap();
    assert_eq!(trained(&longer, run, Begin::Resume).len(), 3);
}

#[test]
fn checkpoints_of_another_step_or_with_trailing_bytes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path();
    let config = config(SPACE);
    trained(&config, run, Begin::New);
    let path = checkpoint::finished_path(run, 2);
    let whole = std::fs::read(&path).unwrap();
    let refused = |says: &str| {
        let error = Run::open_step(run, 2).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(says), "{error}");
    };
    std::fs::copy(checkpoint::finished_path(run, 1), &path).unwrap();
    refused("step");
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    for more in [1, 4] {
        let mut bytes = whole[..whole.len() - 4].to_vec();
        bytes.extend(vec![0; more]);
        let sum = crc.checksum(&bytes);
        bytes.extend(sum.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        refused(if more == 1 { "32-bit" } else { "statistics" });
    }
    std::fs::write(&path, whole).unwrap();
    assert!(Run::open_step(run, 2).is_ok());
}
