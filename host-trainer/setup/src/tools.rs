//! Programs of the system, and the package managers that install them.

use std::process::Command;

use crate::{Lacking, Result, in_path, succeeds};

/// A component of the Rust toolchain, and the Cargo subcommand that shows its presence.
#[derive(Debug)]
pub struct Component {
    /// Name in rustup.
    pub name: &'static str,
    /// Cargo subcommand that it provides.
    pub subcommand: &'static str,
}

/// The formatter.
pub const RUSTFMT: Component = Component { name: "rustfmt", subcommand: "fmt" };
/// The linter.
pub const CLIPPY: Component = Component { name: "clippy", subcommand: "clippy" };

/// A program or a driver of the system.
#[derive(Debug)]
pub struct Tool {
    /// Name in messages.
    pub name: &'static str,
    /// True if the machine has it.
    pub present: fn() -> bool,
    /// Pairs of a package manager and the name of its package.
    pub packages: &'static [(&'static str, &'static str)],
    /// Page to download it from without a package manager.
    pub page: &'static str,
}

/// The emulator.
pub const QEMU: Tool = Tool {
    name: "qemu-system-arm",
    present: || crate::qemu().is_some(),
    packages: &[
        ("apt-get", "qemu-system-arm"),
        ("dnf", "qemu-system-arm"),
        ("pacman", "qemu-system-arm"),
        ("apk", "qemu-system-arm"),
        ("zypper", "qemu-arm"),
        ("brew", "qemu"),
        ("winget", "SoftwareFreedomConservancy.QEMU"),
    ],
    page: "https://www.qemu.org/download/",
};

/// File name of the compiler of the C example.
pub const GCC: &str = "arm-none-eabi-gcc";

/// The compiler of the C example. Only the tests need it.
pub const COMPILER: Tool = Tool {
    name: GCC,
    present: || in_path(GCC).is_some(),
    packages: &[
        ("apt-get", "gcc-arm-none-eabi"),
        ("dnf", "arm-none-eabi-gcc-cs"),
        ("pacman", "arm-none-eabi-gcc"),
        ("apk", "gcc-arm-none-eabi"),
        ("brew", "arm-none-eabi-gcc"),
        ("winget", "Arm.GnuArmEmbeddedToolchain"),
    ],
    page: "https://developer.arm.com/downloads/-/arm-gnu-toolchain-downloads",
};

/// A Vulkan driver. Mesa's software driver is sufficient. Only the tests need it.
pub const VULKAN: Tool = Tool {
    name: "a Vulkan driver",
    present: has_vulkan,
    packages: &[
        ("apt-get", "mesa-vulkan-drivers"),
        ("dnf", "mesa-vulkan-drivers"),
        ("pacman", "vulkan-swrast"),
        ("apk", "mesa-vulkan-swrast"),
        ("zypper", "libvulkan_lvp"),
    ],
    page: "https://docs.mesa3d.org/install.html",
};

/// True if a folder of the Vulkan loader has the description of a driver.
fn has_vulkan() -> bool {
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let files = folders.iter().filter_map(|f| std::fs::read_dir(f).ok()).flatten().flatten();
    files.map(|f| f.path()).any(|p| p.extension().is_some_and(|e| e == "json"))
}

/// A package manager of the system.
struct Manager {
    /// Name of its program.
    program: &'static str,
    /// It needs the rights of root.
    root: bool,
    /// Refreshes its lists of packages, if it does not do so itself.
    refresh: Option<&'static [&'static str]>,
    /// Installs the package whose name follows.
    install: &'static [&'static str],
}

const fn manager(program: &'static str, root: bool, install: &'static [&'static str]) -> Manager {
    Manager { program, root, refresh: None, install }
}

/// The known package managers. None of these commands removes a package.
const MANAGERS: [Manager; 7] = [
    Manager {
        refresh: Some(&["update"]),
        ..manager("apt-get", true, &["install", "-y", "--no-install-recommends", "--no-remove"])
    },
    manager("dnf", true, &["install", "-y"]),
    manager("pacman", true, &["-Sy", "--noconfirm"]),
    manager("apk", true, &["add"]),
    manager("zypper", true, &["install", "-y"]),
    manager("brew", false, &["install"]),
    manager("winget", false, &["install", "-e", "--id"]),
];

/// The commands that install a tool with the first package manager that has it. `in_path` tells
/// whether a program exists.
///
/// # Errors
/// No known package manager has the tool.
pub(crate) fn commands(tool: &Tool, in_path: impl Fn(&str) -> bool) -> Result<Vec<Vec<String>>> {
    let package = |m: &Manager| tool.packages.iter().find(|(p, _)| *p == m.program).map(|p| p.1);
    let mut present = MANAGERS.iter().filter(|m| in_path(m.program));
    let Some((manager, package)) = present.find_map(|m| Some((m, package(m)?))) else {
        return Err(Lacking(format!(
            "{}: not found, and no known package manager has it; install it from {}",
            tool.name, tool.page
        )));
    };
    let prefix: &[&str] = match manager.root && !is_root() {
        false => &[],
        true if succeeds(Command::new("sudo").args(["-n", "true"])) => &["sudo", "-n"],
        true => &["sudo"],
    };
    let call = |words: &[&str], package: Option<&str>| -> Vec<String> {
        let words = prefix.iter().chain([&manager.program]).chain(words).copied();
        words.chain(package).map(str::to_owned).collect()
    };
    let refresh = manager.refresh.map(|words| call(words, None));
    Ok(refresh.into_iter().chain([call(manager.install, Some(package))]).collect())
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "0")
}
