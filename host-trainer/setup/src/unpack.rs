//! QEMU from Debian's packages in a folder of the user, for a system on which `apt-get` would have to
//! remove other packages to install it.
//!
//! The folder holds the packages' files below `root` and a script that starts the emulator with the
//! libraries beside it. Nothing outside of the folder changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::QEMU;
use crate::{Lacking, Result, run, succeeds};

/// Folder of the unpacked emulator.
fn folder() -> Option<PathBuf> {
    dirs::data_local_dir().map(|data| data.join("supernano/qemu"))
}

/// The script that starts the unpacked emulator, if there is one.
pub(crate) fn emulator() -> Option<PathBuf> {
    folder().map(|folder| folder.join(QEMU.name)).filter(|script| script.is_file())
}

/// What `apt-get install --simulate` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Packages that it would install.
    install: Vec<String>,
    /// Packages that it would remove.
    pub(crate) remove: Vec<String>,
}

impl Plan {
    /// Lines such as `Inst libfdt1 (1.6.1 Debian:12 [amd64])` and `Remv qemu-utils [1:10.0]`.
    fn read(said: &str) -> Self {
        let named = |mark: &str| {
            let rest = said.lines().filter_map(|line| line.strip_prefix(mark));
            rest.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
        };
        Self { install: named("Inst "), remove: named("Remv ") }
    }

    /// What `apt-get` would do to install a package. Empty without `apt-get`.
    pub(crate) fn of(package: &str) -> Self {
        let mut command = Command::new("apt-get");
        command.args(["install", "--simulate", "--no-install-recommends", package]);
        command.env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null());
        let said = command.output().map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        Self::read(&said.unwrap_or_default())
    }
}

/// Downloads the packages of `plan` and unpacks them into the user's folder. An earlier folder is
/// replaced when the new one is complete.
///
/// # Errors
/// A system without such a folder, a package that cannot be downloaded or unpacked, and an emulator
/// that does not start.
pub(crate) fn install(plan: &Plan) -> Result<()> {
    let folder = folder().ok_or_else(|| Lacking("no folder for data of this user".into()))?;
    let failed = |e: io::Error| Lacking(format!("{}: {e}", folder.display()));
    let parent = folder.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).map_err(failed)?;
    let made = tempfile::Builder::new().prefix(".qemu-").tempdir_in(parent).map_err(failed)?;
    let (packages, root) = (made.path().join("packages"), made.path().join("root"));
    fs::create_dir(&packages).map_err(failed)?;
    let mut download = vec!["apt-get".to_owned(), "download".to_owned()];
    download.extend(plan.install.iter().cloned());
    run(&download, Some(&packages))?;
    for package in fs::read_dir(&packages).map_err(failed)? {
        let package = package.map_err(failed)?.path();
        let mut extract = Command::new("dpkg-deb");
        if !succeeds(extract.arg("--extract").arg(&package).arg(&root)) {
            return Err(Lacking(format!("{}: dpkg-deb cannot unpack it", package.display())));
        }
    }
    fs::remove_dir_all(&packages).map_err(failed)?;
    let script = made.path().join(QEMU.name);
    fs::write(&script, starter(&libraries(&root))).map_err(failed)?;
    executable(&script).map_err(failed)?;
    if !succeeds(Command::new(&script).arg("--version")) {
        return Err(Lacking(format!("{} from unpacked packages does not start", QEMU.name)));
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(failed)?;
    }
    fs::rename(made.keep(), &folder).map_err(failed)
}

/// The folders of libraries below `root`, relative to it.
fn libraries(root: &Path) -> Vec<String> {
    let of = |folder: &str| {
        let names = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let names = names.filter(|name| name.contains("-linux-gnu"));
        names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let mut found = [of("usr/lib"), of("lib")].concat();
    found.sort();
    found
}

/// The script that starts the emulator from the folder in which it lies.
fn starter(libraries: &[String]) -> String {
    let paths: Vec<String> = libraries.iter().map(|l| format!("$root/{l}")).collect();
    let paths = paths.join(":");
    let name = QEMU.name;
    format!(
        "#!/bin/sh\nroot=${{0%/*}}/root\n\
         export LD_LIBRARY_PATH=\"{paths}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         exec \"$root/usr/bin/{name}\" -L \"$root/usr/share/qemu\" \"$@\"\n"
    )
}

#[cfg(unix)]
fn executable(script: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_what_is_installed_and_what_is_removed() {
        let said = "Reading package lists...\nRemv qemu-utils [1:10.0.2+ds-2]\n\
                    Inst libfdt1 (1.6.1-4+b1 Debian:12.15/oldstable [amd64])\n\
                    Inst zlib1g [1:1.2] (1:1.3 Debian:12.15/oldstable [amd64])\n\
                    Conf libfdt1 (1.6.1-4+b1 Debian:12.15/oldstable [amd64])\n";
        let plan = Plan::read(said);
        assert_eq!(plan.install, ["libfdt1", "zlib1g"]);
        assert_eq!(plan.remove, ["qemu-utils"]);
        assert_eq!(Plan::read("E: Unable to locate package\n"), Plan::default());
    }

    #[test]
    fn the_script_finds_the_libraries_beside_it() {
        let here = tempfile::tempdir().unwrap();
        for folder in ["usr/lib/x86_64-linux-gnu", "usr/lib/python3", "lib/x86_64-linux-gnu"] {
            fs::create_dir_all(here.path().join(folder)).unwrap();
        }
        let found = libraries(here.path());
        assert_eq!(found, ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"]);
        let script = starter(&found);
        let line = "export LD_LIBRARY_PATH=\"$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu\
                    ${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}\"";
        assert!(script.contains(line), "{script}");
    }
}
