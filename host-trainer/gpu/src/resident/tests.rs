use supernano_base::config::{DataSource, DataSpec};
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::RESNET8;
use supernano_data::load;
use supernano_train::backend::Cpu;

use super::*;

#[test]
fn images_are_augmented_as_on_the_host() {
    let spec = DataSpec { train: Some(60), ..DataSpec::new(DataSource::Glyphs) };
    let dataset = load(&spec).unwrap();
    let key = Key { seed: 3, epoch: 5, step: 2 };
    let order = key.permutation(Purpose::Shuffle, dataset.train.len());
    let plan = resolve(&RESNET8, &Arch::largest(&RESNET8), Enhancement::OE, BranchScheme::Shared);
    for augmentation in [Augmentation::default(), Augmentation::CROP_FLIP, Augmentation::NONE] {
        let resident = Resident::<Cpu>::new(&dataset, augmentation);
        let epoch = resident.epoch(&order, key, vec![vec![plan.clone()]]);
        let (images, labels) = resident.batch(&epoch, 10..50);
        let expected = dataset.augmented(&order[10..50], &augmentation, key);
        let found: Vec<f32> = images.into_data().iter::<f32>().collect();
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{augmentation:?}: {worst}");
        let plain = dataset.batch(&dataset.train, &order[10..50]);
        assert_eq!(expected != plain, augmentation != Augmentation::NONE);
        let labels: Vec<f32> = labels.into_data().iter::<f32>().collect();
        for (row, &i) in labels.chunks_exact(dataset.classes.len()).zip(&order[10..50]) {
            let class = usize::from(dataset.train.labels[i as usize]);
            assert!(row.iter().enumerate().all(|(c, &v)| v == f32::from(u8::from(c == class))));
        }
    }
}
