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

/// A table of two classes, one below the other, whose rows are what `value` gives for each.
fn table(rows: usize, mut value: impl FnMut(usize) -> f64) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let mut text = String::from("length,width,kind\n");
    for (class, shift) in [("small", 0.0), ("large", 5.0)] {
        for row in 0..rows {
            text += &format!("{},{},{class}\n", shift + value(2 * row), value(2 * row + 1));
        }
    }
    std::fs::write(root.path().join("table.csv"), text).unwrap();
    root
}

#[test]
fn rows_without_an_order_are_items_and_rows_of_time_are_windows() {
    // The fractional parts of multiples of the golden ratio squared, shuffled by a product.
    let noise = |i: usize| (i as f64 * 7919.0 * 0.618_033_988_75).fract();
    let unordered = |i: usize| (noise(i) * 1000.0 + noise(i * i + 3) * 7.0).fract();
    let propose = |root: &tempfile::TempDir| {
        let file = root.path().join("table.csv");
        let proposal = propose("t", &ProjectRequest::default_for(&file), &Silent).unwrap();
        let config = RunConfig::parse(&proposal.config, "t").unwrap();
        let data = supernano_data::of_config(&config, None).unwrap();
        (
            proposal,
            [&data.train, &data.validation, &data.test].map(|s| s.len()).iter().sum::<usize>(),
        )
    };
    let (rows, items) = propose(&table(200, unordered));
    assert_eq!(rows.input, [1, 2, 1]);
    assert_eq!(items, 400 + 7 * rows.survey.items[0]);
    assert!(rows.config.contains("dense = {"), "{}", rows.config);
    assert!(rows.survey.notes.iter().any(|n| n.contains("no more like the next one")));
    let (waves, _) = propose(&table(400, |i| (i as f64 / 20.0).sin()));
    assert!(waves.input[0] >= 16, "{:?}", waves.input);
    // A file for each recording: windows, although there are few.
    let files = tempfile::tempdir().unwrap();
    for class in ["slow", "fast"] {
        let folder = files.path().join(class);
        std::fs::create_dir(&folder).unwrap();
        for n in 0..5 {
            let row = |i: usize| format!("{},{}\n", (i as f64 / 9.0).sin(), i * (n + 1) % 7);
            let rows: String = (0..40).map(row).collect();
            std::fs::write(folder.join(format!("{n}.csv")), format!("x,y\n{rows}")).unwrap();
        }
    }
    let proposal =
        super::propose("t", &ProjectRequest::default_for(files.path()), &Silent).unwrap();
    assert_eq!(proposal.input, [40, 2, 1]);
    // An array of windows says how long they are, whatever its values are.
    let arrays = tempfile::tempdir().unwrap();
    let values: Vec<u8> =
        (0..60 * 20 * 2).flat_map(|i| (unordered(i) as f32).to_le_bytes()).collect();
    let labels: Vec<u8> = (0..60).map(|i| i % 2).collect();
    let array = |name: &str, kind: &str, shape: &str, values: &[u8]| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = (header.len() as u16).to_le_bytes();
        let file = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), values].concat();
        std::fs::write(arrays.path().join(name), file).unwrap();
    };
    array("x.npy", "<f4", "(60, 20, 2)", &values);
    array("y.npy", "|u1", "(60,)", &labels);
    let request = ProjectRequest {
        kind: Some(DataSource::Sensors),
        ..ProjectRequest::default_for(arrays.path())
    };
    assert_eq!(super::propose("t", &request, &Silent).unwrap().input, [20, 2, 1]);
    // Too few for windows: every row is an item, although the rows have an order.
    let (few, _) = propose(&table(30, |i| (i as f64 / 20.0).sin()));
    assert_eq!(few.input, [1, 2, 1]);
}
