use supernano_base::rng::Purpose;

use super::*;

pub(super) fn small(seed: u64) -> DataSpec {
    DataSpec {
        train: Some(60),
        validation: Some(30),
        test: Some(20),
        seed,
        ..DataSpec::new(DataSource::Glyphs)
    }
}

#[test]
fn streams_depend_on_every_part_of_the_key() {
    use rand::RngCore as _;
    let key = Key { seed: 1, epoch: 2, step: 3 };
    let keys = [key, Key { seed: 2, ..key }, Key { epoch: 3, ..key }, Key { step: 4, ..key }];
    let mut seen: Vec<u64> = keys.iter().map(|k| k.rng(Purpose::Init, 5).next_u64()).collect();
    seen.push(key.rng(Purpose::Init, 6).next_u64());
    seen.push(key.rng(Purpose::Sample, 5).next_u64());
    let repeated = key.rng(Purpose::Init, 5).next_u64();
    assert_eq!(repeated, seen[0]);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[test]
fn a_permutation_holds_each_index_once() {
    let mut order = Key::new(3).permutation(Purpose::Shuffle, 100);
    assert_ne!(order, (0..100).collect::<Vec<u32>>());
    order.sort_unstable();
    assert_eq!(order, (0..100).collect::<Vec<u32>>());
}

#[test]
fn batches_are_normalised_planes() {
    let shape = Shape { height: 1, width: 2, channels: 3 };
    let images = Images::new(shape, vec![255, 0, 0, 0, 0, 51], vec![0]);
    let data = Dataset {
        objective: Objective::Classes,
        name: "two pixels".into(),
        shape,
        classes: vec!["only".into()],
        train: images.clone(),
        validation: Images::empty(shape),
        test: Images::empty(shape),
        mean: vec![0.5, 0.0, 0.0],
        std: vec![0.5, 1.0, 0.1],
        front_end: None,
        window: None,
        notes: Vec::new(),
    };
    let expected = [1.0, -1.0, 0.0, 0.0, 0.0, 2.0];
    assert_eq!(data.batch(&images, &[0]), expected);
    assert_eq!(data.augmented(&[0], &Augmentation::NONE, Key::new(0)), expected);
}

#[test]
fn augmentation_of_an_image_does_not_depend_on_its_batch() {
    let data = load(&small(1)).unwrap();
    let (how, key) = (Augmentation::default(), Key { seed: 9, epoch: 1, step: 2 });
    let together = data.augmented(&[3, 4], &how, key);
    let alone = data.augmented(&[4], &how, key);
    assert_eq!(together[data.shape.len()..], alone);
    assert_ne!(data.augmented(&[4], &how, Key { epoch: 2, ..key }), alone);
}

#[test]
fn unknown_fields_and_fields_of_another_set_are_refused() {
    let unknown = toml::from_str::<DataSpec>("name = \"glyphs\"\ntrian = 3").unwrap_err();
    assert!(unknown.to_string().contains("trian"), "{unknown}");
    let spec = DataSpec { classes: Some(3), ..DataSpec::new(DataSource::Cifar100) };
    let refused = load(&spec).unwrap_err();
    assert_eq!(refused.exit_code(), 2);
    assert!(refused.to_string().contains("classes"), "{refused}");
}

#[test]
fn data_fit_one_shape_and_one_number_of_classes() {
    let set = load(&small(1)).unwrap();
    let shape = set.shape;
    set.check_fit(shape, 10).unwrap();
    let refused = |shape, classes, part: &str| {
        let error = set.check_fit(shape, classes).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(shape, 100, "data set glyphs: classes: expected 100");
    refused(Shape { channels: 1, ..shape }, 10, "expected 32x32x1, the network's input");
}
