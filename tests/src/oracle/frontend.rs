//! Front ends, written from `core/docs/frontend.md` alone: recursive, in i128, with tables from
//! floating point.

use std::f64::consts::PI;

use super::read::Reader;

/// A description.
pub enum FrontEnd {
    /// Multiplier, shift and offset of each axis, and the number of rows.
    Sensor(usize, Vec<[i128; 3]>),
    /// Features of sound.
    Sound(Sound),
}

/// The numbers of features of sound.
pub struct Sound {
    /// Samples of a frame.
    pub window: usize,
    /// Samples between the starts of two frames.
    pub hop: usize,
    /// Points of the Fourier transform.
    pub points: usize,
    /// Frames of the input.
    pub frames: usize,
    /// Features of a frame.
    pub features: usize,
    matrix: bool,
    truncate: bool,
    shift: u32,
    /// True if the largest sample of a recording is its scale.
    pub of_recording: bool,
    /// The fixed largest sample.
    pub peak: i128,
    floor: i128,
    offsets: Vec<i128>,
    coefficients: Vec<i128>,
    edges: Vec<i128>,
    weights: Vec<i128>,
    table: Vec<i128>,
}

/// A complex integer.
type Complex = (i128, i128);

impl FrontEnd {
    /// Parses a description of version 1.
    ///
    /// # Errors
    /// A description of the first violation of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes);
        if reader.take(4)? != [0x53, 0x4e, 0x46, 0x00] {
            return Err("wrong magic".into());
        }
        let (version, kind, zero) = (reader.u16()?, reader.u8()?, reader.u8()?);
        if (version, zero) != (1, 0) {
            return Err(format!("version {version}, reserved byte {zero}"));
        }
        let length = reader.u32()? as usize;
        let rest = bytes.get(12..length).ok_or("shorter than its length")?;
        let mut reader = Reader::new(rest);
        let parsed = match kind {
            1 => Self::Sound(Sound::parse(&mut reader)?),
            2 => {
                let (rows, axes) = (reader.u16()?.into(), reader.u16()?);
                let axes = (0..axes).map(|_| axis(&mut reader)).collect::<Result<_, _>>()?;
                Self::Sensor(rows, axes)
            }
            other => return Err(format!("kind {other}")),
        };
        if reader.take(1).is_ok() {
            return Err("longer than its parts".into());
        }
        Ok(parsed)
    }
}

fn axis(reader: &mut Reader<'_>) -> Result<[i128; 3], String> {
    let multiplier = i128::from(reader.u32()? as i32);
    let shift = i128::from(reader.u32()?);
    let (low, high) = (reader.u32()?, reader.u32()? as i32);
    if shift > 62 {
        return Err(format!("shift {shift}"));
    }
    Ok([multiplier, shift, i128::from(high) * (1 << 32) + i128::from(low)])
}

/// The byte of a sample of an axis.
pub fn scaled([multiplier, shift, offset]: [i128; 3], sample: i128) -> u8 {
    floor_half(sample * multiplier + offset, shift as u32).clamp(0, 255) as u8
}

/// The floor of x / 2^n.
fn floor_half(x: i128, n: u32) -> i128 {
    x.div_euclid(2i128.pow(n))
}

impl Sound {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, String> {
        let _rate = reader.u32()?;
        let mut size = || reader.u16().map(usize::from);
        let (window, hop, points) = (size()?, size()?, size()?);
        let (frames, bands, features) = (size()?, size()?, size()?);
        let matrix = reader.u8()? == 1;
        let truncate = reader.u8()? == 1;
        let shift = reader.u8()?.into();
        let of_recording = reader.u8()? == 1;
        let peak = reader.u16()?.into();
        if reader.u16()? != 0 {
            return Err("reserved bytes".into());
        }
        let floor = reader.u32()?.into();
        let mut offsets = Vec::new();
        for _ in 0..features {
            offsets.push(i128::from(reader.u32()? as i32));
        }
        let coefficients = table(reader, window)?;
        let edges = table(reader, bands + 2)?;
        let bins = edges[bands + 1] - edges[0];
        let weights = table(reader, usize::try_from(bins).map_err(|e| e.to_string())?)?;
        let count = if matrix { features * bands } else { bands };
        let table = table(reader, count)?.into_iter();
        let table = table.map(|v| if v < 1 << 15 { v } else { v - (1 << 16) }).collect();
        Ok(Self {
            window,
            hop,
            points,
            frames,
            features,
            matrix,
            truncate,
            shift,
            of_recording,
            peak,
            floor,
            offsets,
            coefficients,
            edges,
            weights,
            table,
        })
    }

    /// The bytes `[frames][features]` of a whole recording.
    pub fn recording(&self, samples: &[i16]) -> Vec<u8> {
        let largest = samples.iter().copied().max().map_or(1, i128::from).max(1);
        let peak = if self.of_recording { largest } else { self.peak };
        let frame = |f: usize| self.frame(&samples[f * self.hop..][..self.window], peak);
        (0..self.frames).flat_map(frame).collect()
    }

    /// The bytes `[features]` of a frame.
    pub fn frame(&self, samples: &[i16], peak: i128) -> Vec<u8> {
        let mut values = vec![0; self.points];
        for (n, sample) in samples.iter().enumerate() {
            values[n] = i128::from(*sample) * self.coefficients[n];
        }
        let packed: Vec<Complex> = values.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let mut transform = dft(&packed);
        transform.push(transform[0]);
        let logarithms = self.logarithms(&transform, peak);
        (0..self.features).map(|f| self.feature(f, &logarithms)).collect()
    }

    fn logarithms(&self, transform: &[Complex], peak: i128) -> Vec<i128> {
        let bands = self.edges.len() - 2;
        let mut sums = vec![0; bands + 2];
        for segment in 0..=bands {
            for k in self.edges[segment]..self.edges[segment + 1] {
                let weight = self.weights[(k - self.edges[0]) as usize];
                let magnitude = magnitude(self.bin(transform, k as usize));
                // Band b is at b + 1, so that the falling half of segment 0 has a place.
                sums[segment + 1] += magnitude * weight;
                sums[segment] += magnitude * (65536 - weight);
            }
        }
        let unit = 31 - i128::from(self.points.ilog2());
        let logarithm = |b: usize| {
            log2(sums[b + 1] + floor_half(peak * self.floor, 8)) - log2(peak) - unit * 65536
        };
        (0..bands).map(logarithm).collect()
    }

    fn bin(&self, transform: &[Complex], k: usize) -> Complex {
        let (z, y) = (transform[k], transform[self.points / 2 - k]);
        let part = floor_half;
        let e = (part(z.0, 2) + part(y.0, 2), part(z.1, 2) - part(y.1, 2));
        let o = (part(z.1, 1) + part(y.1, 1), part(y.0, 1) - part(z.0, 1));
        let quarter = self.points / 4;
        let index = |k: usize| 1024 * k / self.points;
        let t = match k / quarter {
            0 => turn(o, index(k)),
            1 => right(turn(o, index(k - quarter))),
            _ => turn((-o.0, -o.1), 0),
        };
        (e.0 + t.0, e.1 + t.1)
    }

    fn feature(&self, f: usize, logarithms: &[i128]) -> u8 {
        let sum: i128 = if self.matrix {
            let row = self.table[f * logarithms.len()..].iter();
            row.zip(logarithms).map(|(m, l)| m * l).sum()
        } else {
            self.table[f] * logarithms[f]
        };
        let sum = sum + self.offsets[f] * 2i128.pow(self.shift - 16);
        let steps =
            if self.truncate { sum / 2i128.pow(self.shift) } else { floor_half(sum, self.shift) };
        (steps.clamp(-128, 127) + 128) as u8
    }
}

/// A table of 16-bit numbers with its padding.
fn table(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i128>, String> {
    let mut table = Vec::new();
    for _ in 0..count {
        table.push(reader.u16()?.into());
    }
    if count % 2 == 1 && reader.u16()? != 0 {
        return Err("padding".into());
    }
    Ok(table)
}

/// The transform of values, divided by their number: from those of the even and the odd ones.
fn dft(values: &[Complex]) -> Vec<Complex> {
    if values.len() == 1 {
        return values.to_vec();
    }
    let of = |start: usize| -> Vec<Complex> {
        dft(&values.iter().copied().skip(start).step_by(2).collect::<Vec<_>>())
    };
    let (even, odd) = (of(0), of(1));
    let h = even.len();
    let mut result = vec![(0, 0); 2 * h];
    for k in 0..h {
        let e = turn(even[k], 0);
        let t = if k < h.div_ceil(2) {
            turn(odd[k], 512 * k / h)
        } else {
            right(turn(odd[k], 512 * (k - h / 2) / h))
        };
        result[k] = (e.0 + t.0, e.1 + t.1);
        result[k + h] = (e.0 - t.0, e.1 - t.1);
    }
    result
}

/// The product with -j.
fn right((re, im): Complex) -> Complex {
    (im, -re)
}

/// Half of the product with the twiddle at `i`.
fn turn((re, im): Complex, i: usize) -> Complex {
    if i == 0 {
        return (floor_half(re, 1), floor_half(im, 1));
    }
    let cosine = |i: usize| {
        let exact = 32768.0 * (2.0 * PI * i as f64 / 1024.0).cos();
        (exact.round() as i128).min(32767)
    };
    let (c, s) = (cosine(i), cosine(256 - i));
    let product = |a: i128, b: i128| floor_half(a * b, 16);
    (product(re, c) + product(im, s), product(im, c) - product(re, s))
}

fn magnitude((re, im): Complex) -> i128 {
    let (mut a, mut b, mut unit) = (re.abs(), im.abs(), 1);
    while a >= 1 << 15 || b >= 1 << 15 {
        (a, b, unit) = (a / 2, b / 2, unit * 2);
    }
    let square = a * a + b * b;
    // The estimate of floating point, corrected.
    let mut root = (square as f64).sqrt() as i128;
    while root * root > square {
        root -= 1;
    }
    while (root + 1) * (root + 1) <= square {
        root += 1;
    }
    root * unit
}

fn log2(v: i128) -> i128 {
    let v = v.max(1);
    let n = v.ilog2();
    let behind = v - 2i128.pow(n);
    let fraction = if n < 16 { behind * 2i128.pow(16 - n) } else { floor_half(behind, n - 16) };
    let (i, r) = (fraction / 1024, fraction % 1024);
    let entry = |i: i128| (65536.0 * (1.0 + i as f64 / 64.0).log2()).round() as i128;
    i128::from(n) * 65536 + entry(i) + floor_half((entry(i + 1) - entry(i)) * r + 512, 10)
}
