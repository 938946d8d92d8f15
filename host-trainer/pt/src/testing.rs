//! Small checkpoints for tests, as bytes.

use std::io::Write as _;

use flate2::write::DeflateEncoder;

/// An object that a pickle is written of.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// None.
    None,
    /// Truth value.
    Bool(bool),
    /// Number.
    Int(i64),
    /// Number.
    Float(f64),
    /// Text.
    Text(String),
    /// Tuple.
    Tuple(Vec<Object>),
    /// List.
    List(Vec<Object>),
    /// Dictionary.
    Dict(Vec<(Object, Object)>),
    /// Ordered dictionary, with attributes as a state dict has them.
    Ordered(Vec<(Object, Object)>),
    /// Module and name of a class or function.
    Global(&'static str, &'static str),
    /// A call with a tuple of arguments.
    Call(Box<Object>, Vec<Object>),
    /// An object with a state that is set afterwards.
    State(Box<Object>, Box<Object>),
    /// An object stored beside the pickle.
    Persistent(Vec<Object>),
    /// Bytes of a pickle as they are.
    Raw(Vec<u8>),
}

/// A text.
pub fn text(text: impl Into<String>) -> Object {
    Object::Text(text.into())
}

/// A dictionary with texts as keys.
pub fn dict<K: Into<String>>(items: impl IntoIterator<Item = (K, Object)>) -> Object {
    Object::Dict(items.into_iter().map(|(key, value)| (text(key), value)).collect())
}

/// A call of a function `module.name`.
pub fn call(module: &'static str, name: &'static str, arguments: Vec<Object>) -> Object {
    Object::Call(Box::new(Object::Global(module, name)), arguments)
}

/// Numbers as a tuple.
pub fn numbers(numbers: &[i64]) -> Object {
    Object::Tuple(numbers.iter().map(|&n| Object::Int(n)).collect())
}

impl Object {
    /// Writes the opcodes of protocol 2, without a memo.
    fn write(&self, out: &mut Vec<u8>) {
        let all = |items: &[Object], out: &mut Vec<u8>| {
            out.push(b'(');
            items.iter().for_each(|item| item.write(out));
        };
        let pairs = |items: &[(Object, Object)], out: &mut Vec<u8>| {
            out.push(b'(');
            for (key, value) in items {
                key.write(out);
                value.write(out);
            }
            out.push(b'u');
        };
        match self {
            Self::None => out.push(b'N'),
            Self::Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
            Self::Int(n) => {
                out.extend([0x8a, 8]);
                out.extend(n.to_le_bytes());
            }
            Self::Float(value) => {
                out.push(b'G');
                out.extend(value.to_be_bytes());
            }
            Self::Text(text) => {
                out.push(b'X');
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
            Self::Tuple(items) => {
                all(items, out);
                out.push(b't');
            }
            Self::List(items) => {
                out.push(b']');
                all(items, out);
                out.push(b'e');
            }
            Self::Dict(items) => {
                out.push(b'}');
                pairs(items, out);
            }
            Self::Ordered(items) => {
                call("collections", "OrderedDict", vec![]).write(out);
                pairs(items, out);
                dict([("_metadata", call("collections", "OrderedDict", vec![]))]).write(out);
                out.push(b'b');
            }
            Self::Global(module, name) => out.extend(format!("c{module}\n{name}\n").as_bytes()),
            Self::Call(function, arguments) => {
                function.write(out);
                all(arguments, out);
                out.extend(b"tR");
            }
            Self::State(object, state) => {
                object.write(out);
                state.write(out);
                out.push(b'b');
            }
            Self::Persistent(items) => {
                all(items, out);
                out.extend(b"tQ");
            }
            Self::Raw(bytes) => out.extend(bytes),
        }
    }

    /// A whole pickle of protocol 2.
    pub fn pickle(&self) -> Vec<u8> {
        let mut out = vec![0x80, 2];
        self.write(&mut out);
        out.push(b'.');
        out
    }
}

/// A storage.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Key.
    pub key: String,
    /// Class in the module `torch`.
    pub class: &'static str,
    /// Count that the pickle says.
    pub count: i64,
    /// Bytes.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// A storage of f32.
    pub fn floats(key: impl Into<String>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { key: key.into(), class: "FloatStorage", count: values.len() as i64, bytes }
    }

    /// What the pickle says of the storage.
    pub fn object(&self, legacy: bool) -> Object {
        let mut items = vec![
            text("storage"),
            Object::Global("torch", self.class),
            text(&self.key),
            text("cpu"),
            Object::Int(self.count),
        ];
        if legacy {
            items.push(Object::None);
        }
        Object::Persistent(items)
    }

    /// A tensor that is a view of the storage.
    pub fn view(&self, legacy: bool, offset: i64, sizes: &[i64], strides: &[i64]) -> Object {
        let arguments = vec![
            self.object(legacy),
            Object::Int(offset),
            numbers(sizes),
            numbers(strides),
            Object::Bool(false),
            call("collections", "OrderedDict", vec![]),
        ];
        call("torch._utils", "_rebuild_tensor_v2", arguments)
    }

    /// The whole storage as a tensor of this shape, row by row.
    pub fn tensor(&self, legacy: bool, sizes: &[i64]) -> Object {
        self.view(legacy, 0, sizes, &contiguous(sizes))
    }
}

/// Strides of a tensor that is stored row by row.
pub fn contiguous(sizes: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; sizes.len()];
    for d in (1..sizes.len()).rev() {
        strides[d - 1] = strides[d] * sizes[d].max(1);
    }
    strides
}

/// A file of the format before PyTorch 1.6.
pub fn legacy(root: &Object, storages: &[Stored]) -> Vec<u8> {
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    let machine = dict([
        ("protocol_version", Object::Int(1001)),
        ("little_endian", Object::Bool(true)),
        ("type_sizes", dict([("short", Object::Int(2))])),
    ]);
    let keys = Object::List(storages.iter().map(|s| text(&s.key)).collect());
    let mut out = Object::Raw(magic.to_vec()).pickle();
    for object in [&Object::Int(1001), &machine, root, &keys] {
        out.extend(object.pickle());
    }
    for storage in storages {
        out.extend(storage.count.to_le_bytes());
        out.extend(&storage.bytes);
    }
    out
}

/// A file of the zip format.
pub fn zipped(root: &Object, storages: &[Stored], deflated: bool) -> Vec<u8> {
    let mut entries = vec![("net/data.pkl".to_owned(), root.pickle())];
    entries.push(("net/byteorder".into(), b"little".to_vec()));
    entries.extend(storages.iter().map(|s| (format!("net/data/{}", s.key), s.bytes.clone())));
    entries.push(("net/version".into(), b"3\n".to_vec()));
    archive(&entries, deflated)
}

/// A zip archive.
///
/// # Panics
/// Where an entry does not fit 32 bits.
pub fn archive(entries: &[(String, Vec<u8>)], deflated: bool) -> Vec<u8> {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in entries {
        let mut packed = contents.clone();
        if deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            packed = encoder.write_all(contents).and_then(|()| encoder.finish()).unwrap();
        }
        let mut fields = vec![20, 0, 0, 0, if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        fields.extend(crc.checksum(contents).to_le_bytes());
        fields.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
        fields.extend(u32::try_from(contents.len()).unwrap().to_le_bytes());
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        let place = u32::try_from(out.len()).unwrap();
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(fields);
        out.extend(name.as_bytes());
        out.extend(packed);
    }
    let (start, count) = (out.len() as u32, entries.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}
