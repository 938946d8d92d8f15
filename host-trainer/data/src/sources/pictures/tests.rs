use image::{Rgb, RgbImage};
use supernano_base::config::{DataSource, Resize, RunConfig};
use supernano_base::testing::shared;

use super::*;

const SHAPE: Shape = Shape { height: 4, width: 4, channels: 3 };

fn photos(n: u8) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for i in 0..n {
        let folder = root.path().join(["left", "right"][usize::from(i % 2)]);
        std::fs::create_dir_all(&folder).unwrap();
        let picture = RgbImage::from_pixel(6, 4, Rgb([i, 0, 255 * (i % 2)]));
        picture.save(folder.join(format!("{i}.png"))).unwrap();
    }
    root
}

fn spec(path: &Path) -> DataSpec {
    DataSpec { path: Some(path.into()), ..DataSpec::new(DataSource::Pictures) }
}

#[test]
fn a_folder_of_pictures_is_a_data_set() {
    let root = photos(40);
    let data = super::super::load(&spec(root.path()), SHAPE).unwrap();
    assert_eq!(data.classes, ["left", "right"]);
    assert_eq!(data.train.len() + data.validation.len() + data.test.len(), 40);
    for (i, &label) in data.train.labels.iter().enumerate() {
        let pixel = &data.train.image(i)[..3];
        assert_eq!(u16::from(pixel[0]) % 2, label);
    }
    // The labels of a configuration decide the order.
    let labels = Some(vec!["right".to_owned(), "left".to_owned()]);
    let turned = super::super::load(&DataSpec { labels, ..spec(root.path()) }, SHAPE).unwrap();
    assert!(turned.train.labels.iter().zip(&data.train.labels).all(|(a, b)| a + b == 1));
}

#[test]
fn bad_sources_are_refused() {
    let root = photos(40);
    let refused = |spec: DataSpec, shape, parts: &[&str]| {
        let error = super::super::load(&spec, shape).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    };
    let of = |path: &Path| spec(path);
    refused(of(Path::new("nowhere")), SHAPE, &["nowhere", "not found"]);
    refused(DataSpec { path: None, ..of(root.path()) }, SHAPE, &["path", "--data"]);
    let two = Shape { channels: 2, ..SHAPE };
    refused(of(root.path()), two, &["input.channels", "found 2"]);
    let labels = Some(vec!["left".to_owned(), "up".to_owned()]);
    refused(DataSpec { labels, ..of(root.path()) }, SHAPE, &["`labels` left, up", "right"]);
    let archive = root.path().join("photos.zip");
    std::fs::write(&archive, "PK").unwrap();
    refused(of(&archive), SHAPE, &["a folder for each class, or a .csv file"]);
    std::fs::write(root.path().join("left/0.png"), "cut").unwrap();
    refused(of(root.path()), SHAPE, &["0.png", "a whole JPEG, PNG"]);
    let skipping = DataSpec { skip_bad: true, ..of(root.path()) };
    let notes = super::super::load(&skipping, SHAPE).unwrap().notes;
    assert!(notes.len() == 1 && notes[0].starts_with("left out: "), "{notes:?}");
}

#[test]
fn the_classes_of_the_configuration_are_those_of_the_data() {
    let root = photos(60);
    let config = |classes: u16| {
        let text = format!(
            "preset = \"quick\"\nclasses = {classes}\nrecalibration = {{ images = 32, batch = 8 }}\n\
             [data]\nname = \"pictures\"\npath = {:?}\n[space]\nname = \"t\"\nclasses = 9\n\
             blocks = [\"conv\"]\ninput = {{ height = 8, width = 8, channels = 3 }}\n\
             layers = [{{ widths = [4, 8] }}]\n",
            root.path()
        );
        RunConfig::parse(&text, "t").unwrap()
    };
    assert_eq!(crate::of_config(&config(2), None).unwrap().shape.height, 8);
    let error = crate::of_config(&config(5), None).unwrap_err().to_string();
    assert!(
        error.contains("classes: expected 5, those of the network, found 2 (left, right)"),
        "{error}"
    );
}

#[test]
fn real_photographs_are_read() {
    let Some(path) = shared("data/person") else { return };
    let shape = Shape { height: 32, width: 32, channels: 1 };
    let listing = list(&spec(&path), &path).unwrap();
    assert_eq!(listing.items.len(), 53);
    let labels = Some(vec!["not_person".to_owned(), "person".to_owned(), "ambiguous".to_owned()]);
    let spec = DataSpec { labels, resize: Resize::Letterbox, ..spec(&path) };
    let data = super::super::load(&spec, shape);
    // Few pictures may leave a class without one for training; nothing else may fail.
    if let Err(e) = data {
        assert!(e.to_string().contains("expected at least 1 item"), "{e}");
    }
}
