use supernano_base::config::DataSource;
use supernano_base::progress::Silent;

use super::super::items::Loaded;
use super::super::splits::hash;
use super::*;

const SHAPE: Shape = Shape { height: 1, width: 1, channels: 1 };

fn item(i: u8, label: u16) -> Loaded {
    let key = Key { label, split: None, content: hash(&[i]), group: None };
    Loaded { place: format!("item {i}"), key, pixels: vec![i], targets: Vec::new() }
}

fn found(n: u8, classes: u16) -> Assembled {
    let mut items = Items::new(&std::env::temp_dir()).unwrap();
    (0..n).for_each(|i| items.push(item(i, u16::from(i) % classes)).unwrap());
    let classes = (0..classes).map(|c| format!("class {c}")).collect();
    Assembled { classes, items, skipped: Vec::new() }
}

fn spec() -> DataSpec {
    DataSpec::new(DataSource::Pictures)
}

#[test]
fn every_item_is_in_one_split() {
    let data = assemble(&spec(), SHAPE, "t", found(100, 2)).unwrap();
    let mut pixels =
        [&data.train, &data.validation, &data.test].map(|s| s.pixels.to_vec()).concat();
    assert_eq!(pixels.len(), 100);
    assert_ne!(pixels[..50], (0..50).collect::<Vec<u8>>());
    for split in [&data.train, &data.validation, &data.test] {
        assert!(split.pixels.iter().zip(&split.labels).all(|(&p, &l)| u16::from(p) % 2 == l));
    }
    pixels.sort_unstable();
    assert_eq!(pixels, (0..100).collect::<Vec<u8>>());
    assert_eq!((data.name.as_str(), data.notes.len()), ("pictures", 0));
    assert_eq!((data.mean.clone(), data.std.clone()), channel_statistics(&data.train));
}

#[test]
fn sizes_shorten_the_splits_and_too_large_ones_are_refused() {
    let sizes = |train, validation, test| DataSpec { train, validation, test, ..spec() };
    let data = assemble(&sizes(Some(20), Some(6), Some(4)), SHAPE, "t", found(100, 2)).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (20, 6, 4));
    let error = assemble(&sizes(None, Some(90), None), SHAPE, "t", found(100, 2)).unwrap_err();
    assert!(error.to_string().starts_with("data: validation: expected at most"), "{error}");
    let error = assemble(&spec(), SHAPE, "t", found(2, 1)).unwrap_err().to_string();
    assert!(error.contains("split: expected at least"), "{error}");
    let mut none = found(100, 2);
    none.classes.push("class 2".into());
    let error = assemble(&spec(), SHAPE, "t", none).unwrap_err().to_string();
    assert!(error.contains("class `class 2`: expected at least 1 item"), "{error}");
}

#[test]
fn equal_items_with_two_labels_or_in_two_splits_are_noted() {
    let mut twice = found(50, 2);
    twice.items.push(Loaded { place: "copy".into(), ..item(0, 1) }).unwrap();
    twice.skipped.push("bad.png: broken".into());
    let data = assemble(&spec(), SHAPE, "t", twice).unwrap();
    let expected =
        ["left out: bad.png: broken", "equal content with different labels: item 0 and copy"];
    assert_eq!(data.notes, expected);
    let mut given = found(50, 2);
    for (i, item) in given.items.list.iter_mut().enumerate() {
        item.key.split = Some(if i < 40 { Split::Train } else { Split::Test });
    }
    given.items.push(item(0, 0)).unwrap();
    given.items.list[50].key.split = Some(Split::Test);
    let notes = assemble(&spec(), SHAPE, "t", given).unwrap().notes;
    assert_eq!(notes, ["equal content in different splits: item 0 and item 0"]);
}

#[test]
fn bad_items_are_counted_or_left_out() {
    let read = |&i: &u8| match i {
        7 | 9 => Err(Error::invalid(format!("{i}.png"), "picture", "a whole file", "half of it")),
        _ => Ok(item(i, 0)),
    };
    let items: Vec<u8> = (0..10).collect();
    let load = |items: &[u8], skip| {
        let mut kept = Vec::new();
        let keep = |item: Loaded| {
            kept.push(item.place);
            Ok(())
        };
        let skipped = read_all("photos", items, skip, &Silent, read, keep)?;
        Ok::<_, Error>((kept, skipped))
    };
    let error = load(&items, false).unwrap_err().to_string();
    assert!(
        error.starts_with("photos: files: expected files that can be read (--skip-bad"),
        "{error}"
    );
    assert!(error.contains("2 of 10 cannot: 7.png: ") && error.contains("; 9.png: "), "{error}");
    let one = load(&items[..8], false).unwrap_err().to_string();
    assert_eq!(one, "7.png: picture: expected a whole file, found half of it");
    let good = load(&items, true).unwrap();
    assert_eq!((good.0.len(), good.1.len()), (8, 2));
}

#[test]
fn balanced_classes_have_as_many_items_as_the_largest() {
    let labels = [0, 0, 0, 0, 0, 2, 9];
    let chosen = balance(&[0, 1, 2, 3, 4, 5], |i| labels[i], 3);
    assert_eq!(chosen, [0, 1, 2, 3, 4, 5, 5, 5, 5, 5]);
    assert_eq!(balance(&chosen, |i| labels[i], 3), chosen);
}
