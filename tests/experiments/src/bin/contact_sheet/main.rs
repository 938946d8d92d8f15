//! Writes the first images of the generated training set to a PPM file, with one row for each
//! class:
//! `cargo run --release -p supernano-experiments --bin contact_sheet -- sheet.ppm [seed]`.

use supernano_base::config::{DataSource, DataSpec};
use supernano_data::load;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "sheet.ppm".into());
    let mut spec = DataSpec::new(DataSource::Glyphs);
    spec.seed = args.next().map_or(Ok(0), |s| s.parse())?;
    let data = load(&spec)?;
    let (columns, zoom) = (16, 3);
    let (h, w) = (usize::from(data.shape.height), usize::from(data.shape.width));
    let (height, width) = (data.classes.len() * h * zoom, columns * w * zoom);
    let mut ppm = format!("P6 {width} {height} 255\n").into_bytes();
    let mut rows = Vec::new();
    for class in 0..data.classes.len() {
        let of_class = |&i: &usize| usize::from(data.train.labels[i]) == class;
        rows.push((0..data.train.len()).filter(of_class).take(columns).collect::<Vec<_>>());
    }
    for y in 0..height {
        for x in 0..width {
            let image = data.train.image(rows[y / zoom / h][x / zoom / w]);
            let at = ((y / zoom % h) * w + x / zoom % w) * 3;
            ppm.extend_from_slice(&image[at..at + 3]);
        }
    }
    std::fs::write(path, ppm)?;
    Ok(())
}
