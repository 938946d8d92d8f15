//! Whether this user may open the debug probes and the serial ports of this computer.

use std::path::{Path, PathBuf};

/// Something that a user opens: a probe on the USB bus, or a serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Name, and `VENDOR:PRODUCT` of a USB device.
    pub name: String,
    /// Its device file.
    pub path: PathBuf,
    /// Whether this user may read and write it.
    pub allowed: bool,
}

/// Vendors of debug probes, by USB identifier.
const VENDORS: [(&str, &str); 4] = [
    ("0483", "ST-LINK"),
    ("1366", "J-Link"),
    ("0d28", "DAPLink"),
    ("2e8a", "Raspberry Pi Debug Probe"),
];

/// Beginnings of the product identifiers of ST that are debuggers; the others are boards with USB.
const ST_PRODUCTS: [&str; 2] = ["374", "375"];

/// The file that [`udev_rules`] are for.
pub const RULES_FILE: &str = "/etc/udev/rules.d/69-supernano-probes.rules";

/// Directories of udev's rules.
const RULES: [&str; 4] =
    ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"];

/// Rules that let the user at the screen, and the group `plugdev`, open debug probes.
pub fn udev_rules() -> String {
    let rule = |matched: String| {
        format!(
            "ACTION!=\"remove\", SUBSYSTEM==\"usb\", {matched}, MODE=\"660\", TAG+=\"uaccess\"\n"
        )
    };
    let vendors = VENDORS.iter().map(|(vendor, _)| match *vendor {
        "0483" => {
            let products = ST_PRODUCTS.map(|p| format!("{p}?")).join("|");
            rule(format!("ATTRS{{idVendor}}==\"{vendor}\", ATTRS{{idProduct}}==\"{products}\""))
        }
        _ => rule(format!("ATTRS{{idVendor}}==\"{vendor}\"")),
    });
    vendors.chain([rule("ATTRS{product}==\"*CMSIS-DAP*\"".into())]).collect()
}

/// True if udev has rules for debug probes: those of probe-rs or those of [`udev_rules`].
pub fn has_rules() -> bool {
    let files = RULES.iter().filter_map(|d| std::fs::read_dir(d).ok()).flatten().flatten();
    files.map(|f| f.file_name().to_string_lossy().into_owned()).any(|name| {
        name.ends_with(".rules") && (name.contains("probe-rs") || name.contains("supernano"))
    })
}

/// The debug probes on the USB bus. Empty on systems without sysfs, where a user may open all of them.
pub fn probes() -> Vec<Access> {
    probes_below(Path::new("/sys/bus/usb/devices"), Path::new("/dev/bus/usb"))
}

fn probes_below(devices: &Path, nodes: &Path) -> Vec<Access> {
    let entries = std::fs::read_dir(devices).into_iter().flatten().flatten();
    let mut found: Vec<Access> = entries.filter_map(|e| probe(&e.path(), nodes)).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The probe that a directory of sysfs describes.
fn probe(device: &Path, nodes: &Path) -> Option<Access> {
    let attribute = |name: &str| {
        std::fs::read_to_string(device.join(name)).ok().map(|text| text.trim().to_owned())
    };
    let (vendor, product) = (attribute("idVendor")?, attribute("idProduct")?);
    let named = attribute("product").unwrap_or_default();
    let known = VENDORS.iter().find(|(id, _)| *id == vendor).filter(|(id, _)| {
        *id != "0483" || ST_PRODUCTS.iter().any(|start| product.starts_with(start))
    });
    let name = match known {
        Some((_, name)) => name,
        None if named.contains("CMSIS-DAP") => named.as_str(),
        None => return None,
    };
    let number = |name: &str| attribute(name)?.parse::<u32>().ok();
    let path = nodes.join(format!("{:03}/{:03}", number("busnum")?, number("devnum")?));
    let allowed = may_open(&path);
    Some(Access { name: format!("{name} {vendor}:{product}"), path, allowed })
}

/// The serial ports of USB devices.
pub fn serial_ports() -> Vec<Access> {
    let ports = serialport::available_ports().unwrap_or_default();
    let usb = ports.into_iter().filter_map(|port| match port.port_type {
        serialport::SerialPortType::UsbPort(usb) => Some((port.port_name, usb)),
        _ => None,
    });
    usb.map(|(port, usb)| {
        let path = PathBuf::from(port);
        let name = usb.product.unwrap_or_else(|| "USB".into());
        let allowed = may_open(&path);
        Access { name: format!("{name} {:04x}:{:04x}", usb.vid, usb.pid), path, allowed }
    })
    .collect()
}

/// True if this user may read and write the file. The file is not opened: that would reset some
/// boards.
#[cfg(unix)]
fn may_open(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(path, Access::READ_OK | Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn may_open(_path: &Path) -> bool {
    true
}

/// Bytes that this user may still write in the file system of `path`; `None` if it is unknown.
pub fn free_bytes(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(path).ok().map(|s| s.f_bavail.saturating_mul(s.f_frsize));
    #[cfg(not(unix))]
    return path.to_str().and(None);
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    fn device(root: &Path, name: &str, attributes: &[(&str, &str)]) {
        fs::create_dir_all(root.join(name)).unwrap();
        for (attribute, value) in attributes {
            fs::write(root.join(name).join(attribute), format!("{value}\n")).unwrap();
        }
    }

    #[test]
    fn probes_are_found_and_their_device_files_are_tried() {
        let root = tempfile::TempDir::new().unwrap();
        let (devices, nodes) = (root.path().join("devices"), root.path().join("nodes"));
        let at = |number| [("busnum", "1"), ("devnum", number)];
        let of = |vendor, product, number| {
            [vec![("idVendor", vendor), ("idProduct", product)], at(number).to_vec()].concat()
        };
        device(&devices, "1-1", &of("0483", "374b", "2"));
        device(&devices, "1-2", &of("0483", "5740", "3"));
        device(
            &devices,
            "1-3",
            &[of("1209", "3443", "4"), vec![("product", "A CMSIS-DAP v2")]].concat(),
        );
        device(&devices, "1-4", &of("046d", "c31c", "5"));
        device(&devices, "usb1", &[("idVendor", "1d6b")]);
        fs::create_dir_all(nodes.join("001")).unwrap();
        fs::write(nodes.join("001/002"), "").unwrap();
        let found = probes_below(&devices, &nodes);
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["ST-LINK 0483:374b", "A CMSIS-DAP v2 1209:3443"]);
        assert_eq!(found.iter().map(|f| f.allowed).collect::<Vec<_>>(), [true, false]);
        assert_eq!(found[0].path, nodes.join("001/002"));
    }

    #[test]
    fn every_vendor_has_a_rule() {
        let rules = udev_rules();
        assert_eq!(rules.lines().count(), VENDORS.len() + 1);
        for (vendor, _) in VENDORS {
            assert!(rules.contains(&format!("==\"{vendor}\"")), "{rules}");
        }
        assert!(rules.lines().all(|rule| rule.ends_with("TAG+=\"uaccess\"")), "{rules}");
    }
}
