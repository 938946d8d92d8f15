use supernano_base::progress::Silent;

use super::*;

fn pictures(n: u32, side: u32) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for i in 0..n {
        let folder = root.path().join(["left \u{e9}", "right"][i as usize % 2]);
        std::fs::create_dir_all(&folder).unwrap();
        let header = format!("P{i}");
        // A BMP of one colour, 24 bits.
        let row = (3 * side as usize).next_multiple_of(4);
        let size = row * side as usize;
        let mut bmp = b"BM".to_vec();
        for value in
            [54 + size as u32, 0, 54, 40, side, side, 0x0018_0001, 0, size as u32, 0, 0, 0, 0]
        {
            bmp.extend(value.to_le_bytes());
        }
        bmp.resize(54 + size, (7 * i) as u8);
        std::fs::write(folder.join(format!("{header}.bmp")), bmp).unwrap();
    }
    root
}

#[test]
fn a_proposal_is_a_configuration_that_loads() {
    for (n, side, expected) in [(80, 20, 32), (40, 70, 64), (40, 300, 64)] {
        let root = pictures(n, side);
        let request = ProjectRequest {
            budget: BudgetSpec { flash: Some("64KiB".into()), ..BudgetSpec::default() },
            ..ProjectRequest::default_for(root.path())
        };
        let proposal = propose("my project", &request, &Silent).unwrap();
        assert_eq!(proposal.input, [expected, expected, 3]);
        let config = RunConfig::parse(&proposal.config, "t").unwrap();
        let dataset = supernano_data::of_config(&config, None).unwrap();
        assert_eq!(dataset.classes, ["left \u{e9}", "right"]);
        assert_eq!(config.budget.unwrap().flash.as_deref(), Some("64KiB"));
        assert_eq!(config.steps.len(), 3);
    }
}

#[test]
fn wishes_are_kept_and_bad_ones_refused() {
    let root = pictures(40, 40);
    let wishes = ProjectRequest {
        resolution: Some(24),
        grey: true,
        ..ProjectRequest::default_for(root.path())
    };
    assert_eq!(propose("t", &wishes, &Silent).unwrap().input, [24, 24, 1]);
    let says = |request: ProjectRequest<'_>, part: &str| {
        let error = propose("t", &request, &Silent).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    };
    says(ProjectRequest { resolution: Some(7), ..wishes.clone() }, "8 to 224");
    let chip = BudgetSpec { chip: Some("STM99".into()), ..BudgetSpec::default() };
    says(ProjectRequest { budget: chip, ..wishes.clone() }, "STM99");
    says(ProjectRequest { kind: Some(DataSource::Idx), ..wishes.clone() }, "IDX");
    says(ProjectRequest { data: Path::new("nowhere"), ..wishes }, "nowhere");
}

#[test]
fn an_existing_configuration_is_kept() {
    let root = pictures(40, 40);
    let path = root.path().join("t.toml");
    std::fs::write(&path, "mine").unwrap();
    let proposal = propose("t", &ProjectRequest::default_for(root.path()), &Silent).unwrap();
    assert_eq!(write(&path, &proposal).unwrap_err().exit_code(), 2);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
}
