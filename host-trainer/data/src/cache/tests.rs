use std::fs;
use std::sync::Mutex;

use image::{Rgb, RgbImage};
use supernano_base::progress::{Progress, Silent, Task};

use super::*;

const SHAPE: Shape = Shape { height: 8, width: 8, channels: 3 };

/// Keeps the remarks.
#[derive(Default)]
struct Remarks(Mutex<Vec<String>>);

impl Remarks {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Progress for Remarks {
    fn task(&self, _steps: u64, _what: &str) -> Box<dyn Task> {
        Box::new(Silent)
    }

    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// A folder of 30 pictures in two classes, a configuration for it, and the path of a file of inputs.
struct Photos {
    folder: tempfile::TempDir,
    spec: DataSpec,
    cache: PathBuf,
    remarks: Remarks,
}

impl Photos {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        for i in 0..30u8 {
            let class = photos.join(["a", "b"][usize::from(i % 2)]);
            fs::create_dir_all(&class).unwrap();
            let pixel = |x: u32, y: u32| Rgb([i, 3 * i + x as u8, y as u8]);
            RgbImage::from_fn(10, 12, pixel).save(class.join(format!("{i}.png"))).unwrap();
        }
        let spec = DataSpec { path: Some(photos), ..DataSpec::new(DataSource::Pictures) };
        let cache = folder.path().join("run").join("data.cache");
        Self { folder, spec, cache, remarks: Remarks::default() }
    }

    /// The set, whether it was read from the file, and the remarks.
    fn load(&self) -> (Dataset, bool, Vec<String>) {
        let (dataset, fresh) = load(&self.spec, SHAPE, &self.cache, &self.remarks).unwrap();
        let from_file = fresh.is_none();
        if let Some(fresh) = fresh {
            fresh.keep(&dataset, &self.remarks);
        }
        (dataset, from_file, self.remarks.take())
    }
}

#[test]
fn a_set_is_read_from_its_file_until_files_or_settings_change() {
    let mut photos = Photos::new();
    let expected = sources::load(&photos.spec, SHAPE).unwrap();
    assert_eq!(photos.load(), (expected.clone(), false, vec![]));
    assert_eq!(photos.load(), (expected.clone(), true, vec![]));
    // A run writes the names of the classes into its configuration.
    photos.spec = expected.with_facts(&photos.spec);
    assert_eq!(photos.load(), (expected.clone(), true, vec![]));

    photos.spec.seed = 5;
    let (other, from_file, remarks) = photos.load();
    assert!(other != expected && !from_file);
    assert!(
        remarks.len() == 1 && remarks[0].contains("settings have changed since"),
        "{remarks:?}"
    );
    assert_eq!(photos.load(), (other.clone(), true, vec![]));

    let first = photos.folder.path().join("photos/a/0.png");
    let old = fs::metadata(&first).unwrap();
    let second = fs::read(photos.folder.path().join("photos/a/2.png")).unwrap();
    fs::write(&first, second).unwrap();
    fs::File::options()
        .append(true)
        .open(&first)
        .unwrap()
        .set_modified(old.modified().unwrap())
        .unwrap();
    let (changed, from_file, remarks) = photos.load();
    assert!(changed != other && !from_file && remarks.len() == 1, "{remarks:?}");
    fs::rename(&first, first.with_file_name("00.png")).unwrap();
    assert!(!photos.load().1);
    assert!(photos.load().1);
}

#[test]
fn damage_is_found_wherever_it_is() {
    let photos = Photos::new();
    let (expected, ..) = photos.load();
    let whole = fs::read(&photos.cache).unwrap();
    let mut damaged = Vec::new();
    for i in (0..whole.len()).step_by(97).chain(whole.len() - 100..whole.len()) {
        let mut bytes = whole.clone();
        bytes[i] ^= 1 << (i % 8);
        damaged.push(bytes);
    }
    let cuts = [0, 1, 60, whole.len() / 2, whole.len() - 1];
    damaged.extend(cuts.map(|length| whole[..length].to_vec()));
    damaged.push([&whole[..], &[0]].concat());
    for bytes in damaged {
        fs::write(&photos.cache, bytes).unwrap();
        let (found, from_file, remarks) = photos.load();
        assert_eq!((found == expected, from_file), (true, false));
        assert!(
            remarks.len() == 1 && remarks[0].contains("all files are read again"),
            "{remarks:?}"
        );
        assert_eq!(fs::read(&photos.cache).unwrap(), whole);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_a_remark() {
    let photos = Photos::new();
    fs::write(photos.folder.path().join("run"), "a file, not a folder").unwrap();
    let (found, from_file, remarks) = photos.load();
    assert!(!from_file && found.train.len() > 10);
    assert!(remarks.len() == 1 && remarks[0].contains("not kept"), "{remarks:?}");
}

/// Read by a process of its own, because the limit is in its environment.
#[test]
fn a_set_beyond_the_limit_is_mapped_and_the_same() {
    const CHILD: &str = "SUPERNANO_TEST_MAPPED";
    if std::env::var_os(CHILD).is_none() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cache::tests::a_set_beyond_the_limit_is_mapped_and_the_same"])
            .env(CHILD, "1")
            .env("SUPERNANO_MEMORY_MIB", "0")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let mut photos = Photos::new();
    photos.spec.balance = true;
    let (first, from_file, _) = photos.load();
    assert!(!from_file && first.train.is_mapped() && first.test.is_mapped());
    let (second, from_file, _) = photos.load();
    assert!(from_file && second.train.is_mapped());
    assert_eq!(first, second);
    let held = |images: &supernano_base::images::Images| {
        images.select(&(0..images.len() as u32).collect::<Vec<_>>())
    };
    let small = Shape { height: 3, width: 5, channels: 3 };
    let resized = second.at(small).unwrap();
    for (mapped, small_one) in [(&second.train, &resized.train), (&second.test, &resized.test)] {
        let held = held(mapped);
        assert!(!held.is_mapped() && mapped.first(3).is_mapped() && small_one.is_mapped());
        assert_eq!(held, *mapped);
        assert_eq!(held.first(3), mapped.first(3));
        assert_eq!(held.resized(small).unwrap(), *small_one);
    }
}
