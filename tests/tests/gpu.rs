//! `supernano dev gpu` without a GPU. `cargo xtask test` runs it on Vulkan's software driver.

use supernano_tests::command::supernano;

const CONFIG: &str = "host-trainer/gpu/agreement.toml";

#[test]
fn a_missing_device_is_reported_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gpu");
    let output_text = output.to_str().unwrap();
    let arguments = ["dev", "gpu", "--device", "cuda", "--config", CONFIG, "-o", output_text];
    supernano(&arguments).fails(3, &["--device cuda", "--features cuda"]);
    assert!(!output.exists());
}

#[test]
fn the_cpu_is_not_a_gpu() {
    supernano(&["dev", "gpu", "--device", "cpu", "--config", CONFIG])
        .fails(2, &["--device", "a GPU"]);
}
