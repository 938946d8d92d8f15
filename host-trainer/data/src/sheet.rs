//! A contact sheet: a picture with a row of items for each class.

use std::io::Cursor;
use std::path::Path;

use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::objective::Objective;

use crate::Dataset;
use crate::show::picture;
use crate::sources::{decode, list_pictures};

/// Items of a class that are shown.
pub const ITEMS: usize = 12;
/// Most classes that are shown.
pub const CLASSES: usize = 200;
/// Side of an item, pixels.
const SIDE: u32 = 96;
/// Pixels between items.
const GAP: u32 = 4;
/// Colour between items.
const GROUND: Rgb<u8> = Rgb([255; 3]);
/// Colours of the axes of sensors.
const COLOURS: [[u8; 3]; 6] =
    [[31, 119, 180], [214, 39, 40], [44, 160, 44], [148, 103, 189], [255, 127, 14], [90, 90, 90]];
/// Colour beside an item that is no square.
const BESIDE: Rgb<u8> = Rgb([128; 3]);

/// The sheet of the pictures at `path` as PNG: for each class, in the order of `classes`, a row of
/// items that are equally far from each other in the order of their paths. Files that cannot be read
/// leave a gap.
///
/// # Errors
/// The errors of [`list_pictures`].
pub fn of_pictures(spec: &DataSpec, path: &Path, classes: &[String]) -> Result<Vec<u8>> {
    let listing = list_pictures(spec, path)?;
    let rows = classes.iter().take(CLASSES).map(|class| {
        let files: Vec<&Path> =
            listing.items.iter().filter(|i| i.class == *class).map(|i| i.path.as_path()).collect();
        chosen(files.len()).map(|i| decode::open(files[i], tile).ok()).collect()
    });
    png(&rows.collect::<Vec<Vec<Option<RgbImage>>>>())
}

/// The sheet of the training items of a data set as PNG, a row for each class or label. A row of a
/// target goes from low to high values.
///
/// # Errors
/// [`Error::Invalid`] for a picture that PNG cannot hold.
pub fn of_dataset(dataset: &Dataset) -> Result<Vec<u8>> {
    let rows = (0..dataset.classes.len().min(CLASSES)).map(|class| {
        let of = members(dataset, class);
        let image = |i: usize| match &dataset.window {
            Some(window) => Some(curves(dataset.train.image(of[i]), window.samples)),
            None => picture(dataset.train.image(of[i]), dataset.shape).map(tile),
        };
        chosen(of.len()).map(image).collect()
    });
    png(&rows.collect::<Vec<Vec<Option<RgbImage>>>>())
}

/// The training items of a row.
fn members(dataset: &Dataset, row: usize) -> Vec<usize> {
    let train = &dataset.train;
    let target = |i: usize| train.target(i)[row];
    let mut of: Vec<usize> = (0..train.len()).collect();
    match dataset.objective {
        Objective::Labels => of.retain(|&i| target(i) > 0.5),
        Objective::Values(_) => of.sort_by(|&a, &b| target(a).total_cmp(&target(b))),
        _ => of.retain(|&i| usize::from(train.labels[i]) == row),
    }
    of
}

/// Indices of the shown ones of `count` items.
fn chosen(count: usize) -> impl Iterator<Item = usize> {
    let shown = count.min(ITEMS);
    (0..shown).map(move |i| i * count / shown)
}

/// A picture as an item of the sheet.
fn tile(picture: DynamicImage) -> RgbImage {
    let small = picture.width().max(picture.height()) <= SIDE / 2;
    // Single pixels of a small picture stay sharp.
    let filter = if small { FilterType::Nearest } else { FilterType::Triangle };
    let scaled = picture.resize(SIDE, SIDE, filter).into_rgb8();
    let mut whole = RgbImage::from_pixel(SIDE, SIDE, BESIDE);
    let (x, y) = ((SIDE - scaled.width()) / 2, (SIDE - scaled.height()) / 2);
    imageops::replace(&mut whole, &scaled, x.into(), y.into());
    whole
}

/// The axes of a window `[samples, axes]` of sensors as curves, time from left to right.
fn curves(window: &[u8], samples: usize) -> RgbImage {
    let axes = (window.len() / samples.max(1)).max(1);
    let mut tile = RgbImage::from_pixel(SIDE, SIDE, GROUND);
    let height = |value: u8| (SIDE - 1) - u32::from(value) * (SIDE - 1) / 255;
    for (axis, colour) in (0..axes).zip(COLOURS.into_iter().cycle()) {
        let mut before = None;
        for x in 0..SIDE {
            let sample = x as usize * samples / SIDE as usize;
            let y = height(window[sample * axes + axis]);
            let from = before.unwrap_or(y);
            (y.min(from)..=y.max(from)).for_each(|y| tile.put_pixel(x, y, Rgb(colour)));
            before = Some(y);
        }
    }
    tile
}

fn png(rows: &[Vec<Option<RgbImage>>]) -> Result<Vec<u8>> {
    let size = |items: usize| (SIDE + GAP) * items as u32 + GAP;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut sheet = RgbImage::from_pixel(size(columns), size(rows.len()), GROUND);
    for (y, row) in rows.iter().enumerate() {
        for (x, tile) in row.iter().enumerate() {
            let at = |i: usize| i64::from(size(i));
            if let Some(tile) = tile {
                imageops::replace(&mut sheet, tile, at(x), at(y));
            }
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    let failed = |e| Error::invalid("contact sheet", "PNG", "a picture that PNG can hold", e);
    sheet.write_to(&mut bytes, ImageFormat::Png).map_err(failed)?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use supernano_base::config::DataSource;

    use super::*;

    #[test]
    fn a_sheet_has_a_row_for_each_class() {
        let folder = tempfile::tempdir().unwrap();
        let colours = [Rgb([200, 0, 0]), Rgb([0, 0, 200])];
        for (class, colour) in ["a", "b"].iter().zip(colours) {
            std::fs::create_dir(folder.path().join(class)).unwrap();
            for i in 0..5 {
                let picture = RgbImage::from_pixel(30, 10, colour);
                picture.save(folder.path().join(class).join(format!("{i}.png"))).unwrap();
            }
        }
        let spec = DataSpec::new(DataSource::Pictures);
        let classes = ["a", "b"].map(String::from);
        let sheet = of_pictures(&spec, folder.path(), &classes).unwrap();
        let sheet = image::load_from_memory(&sheet).unwrap().into_rgb8();
        assert_eq!((sheet.width(), sheet.height()), (5 * 100 + 4, 2 * 100 + 4));
        for row in 0..2 {
            let y = 100 * row + 52;
            assert_eq!(*sheet.get_pixel(452, y), colours[row as usize]);
            assert_eq!(*sheet.get_pixel(2, y), GROUND);
            assert_eq!(*sheet.get_pixel(52, y - 40), BESIDE);
        }
        let ramp = curves(&(0..=255).flat_map(|i| [i, 128]).collect::<Vec<u8>>(), 256);
        assert_eq!(ramp.get_pixel(90, 6).0, COLOURS[0]);
        assert_eq!((ramp.get_pixel(90, 48).0, ramp.get_pixel(90, 90)), (COLOURS[1], &GROUND));
        assert_eq!(chosen(30).collect::<Vec<_>>()[..3], [0, 2, 5]);
    }
}
