use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::error::Error;
use crate::files::{claim, create, probe, refuse_existing, write};

/// Variable with the file that [`child`] writes.
const TARGET: &str = "SUPERNANO_TEST_WRITES";

/// Runs [`child`] in a shell, after `setup`, with its output in a file.
fn in_shell(setup: &str, target: &Path) -> Output {
    let run = "exec \"$0\" --exact files::tests::write::child --nocapture --test-threads 1";
    Command::new("sh")
        .args(["-c", &format!("{setup}\n{run}")])
        .arg(std::env::current_exe().unwrap())
        .env(TARGET, target)
        .output()
        .unwrap()
}

/// Not a test of its own: writes what its environment says and reports the exit code.
#[test]
fn child() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    crate::interrupt::handle().unwrap();
    let code = write(Path::new(&target), &[b'x'; 4096]).map_or_else(
        |e| {
            eprintln!("{e}");
            e.exit_code()
        },
        |()| 0,
    );
    std::process::exit(code.into());
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: fs::DirEntry| e.file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|e| name(e.unwrap())).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_keeps_its_mode_and_a_link_its_target() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/er/file");
    write(&file, b"one").unwrap();
    for bits in [0o600, 0o640, 0o755, 0o444] {
        fs::set_permissions(&file, fs::Permissions::from_mode(bits)).unwrap();
        write(&file, b"two").unwrap();
        assert_eq!(mode(&file), bits);
    }
    let (link, chain, dangling) =
        (folder.path().join("link"), folder.path().join("chain"), folder.path().join("dangling"));
    symlink("deep/er/file", &link).unwrap();
    symlink(&link, &chain).unwrap();
    symlink("deep/new", &dangling).unwrap();
    for (path, target) in [(&chain, &file), (&dangling, &folder.path().join("deep/new"))] {
        write(path, b"three").unwrap();
        assert!(path.is_symlink() && !target.is_symlink());
        assert_eq!(fs::read(target).unwrap(), b"three");
    }
    assert!(link.is_symlink());
    let circle = folder.path().join("circle");
    symlink("circle", &circle).unwrap();
    assert_eq!(write(&circle, b"").unwrap_err().exit_code(), 3);
    assert_eq!(names(&folder.path().join("deep/er")), ["file"]);
}

#[test]
fn a_new_file_has_the_mode_of_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    for (umask, bits) in [("022", 0o644), ("027", 0o640), ("002", 0o664)] {
        let file = folder.path().join(umask);
        let output = in_shell(&format!("umask {umask}"), &file);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(mode(&file), bits);
    }
}

#[test]
fn pipes_and_devices_are_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read(pipe).unwrap()
    });
    write(&pipe, b"through").unwrap();
    assert_eq!(reader.join().unwrap(), b"through");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    probe(&pipe).unwrap();
    refuse_existing(&pipe, "").unwrap();

    let device = folder.path().join("null");
    let made = Command::new("mknod").arg(&device).args(["c", "1", "3"]).output().unwrap();
    if made.status.success() && fs::OpenOptions::new().write(true).open(&device).is_ok() {
        write(&device, b"gone").unwrap();
        assert!(fs::metadata(&device).unwrap().file_type().is_char_device());
    }
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(write(&socket, b"").unwrap_err().exit_code(), 3);
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(names(folder.path()).iter().filter(|n| n.starts_with('.')).count(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn open_files_of_the_process_are_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    let link = folder.path().join("link");
    symlink("/dev/stdout", &link).unwrap();
    let to = file.display();
    for (setup, target) in [
        (format!("echo first >{to}; exec >>{to}"), Path::new("/dev/stdout")),
        (format!("exec >{to}; echo first"), Path::new("/proc/self/fd/1")),
        (format!("exec >{to}; echo first"), &link),
        (format!("exec 2>{to}; echo first >&2"), Path::new("/dev/stderr")),
        (format!("echo first >{to}; exec 7>>{to}"), Path::new("/dev/fd/7")),
    ] {
        let output = in_shell(&setup, target);
        assert!(output.status.success(), "{setup}: {output:?}");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("first\n") && text.contains(&"x".repeat(4096)), "{setup}: {text}");
    }
    assert_eq!(names(folder.path()), ["link", "out"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let error = write(Path::new("/dev/full"), b"lost").unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "old").unwrap();
    // The shell counts in blocks of 512 or 1,024 bytes; both are below 4,096.
    let output = in_shell("ulimit -f 2", &file);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn leftovers_of_dead_processes_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let leftover = folder.path().join(".scores.json.supernano-12345.tmp");
    let held = folder.path().join(".scores.json.supernano-12346.tmp");
    let other = folder.path().join(".scores.json.tmp");
    for path in [&leftover, &held, &other] {
        fs::write(path, "half").unwrap();
    }
    let writer = fs::File::open(&held).unwrap();
    writer.lock().unwrap();
    write(&folder.path().join("scores.json"), b"whole").unwrap();
    assert_eq!((leftover.exists(), held.exists(), other.exists()), (false, true, true));
    // Another process of the same number may hold the first name.
    let taken = folder.path().join(format!(".new.supernano-{}.tmp", std::process::id()));
    fs::write(&taken, "").unwrap();
    let lock = fs::File::open(&taken).unwrap();
    lock.lock().unwrap();
    write(&folder.path().join("new"), b"whole").unwrap();
    assert!(taken.exists() && folder.path().join("new").exists());
}

#[test]
fn long_names_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ä".repeat(127));
    write(&file, b"").unwrap();
    assert!(file.exists());
}

#[test]
fn outputs_are_probed_and_nothing_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (file, deep) = (folder.path().join("file"), folder.path().join("a/b/c"));
    probe(&file).unwrap();
    probe(&deep).unwrap();
    assert_eq!(names(folder.path()), [""; 0]);
    refuse_existing(&file, "--overwrite").unwrap();
    fs::write(&file, "old").unwrap();
    probe(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"old");
    let error = refuse_existing(&file, "--overwrite").unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("--overwrite"), "{error}");
    for check in [probe, |path: &Path| write(path, b"")] {
        let error = check(folder.path()).unwrap_err();
        assert!(error.to_string().contains("a directory"), "{error}");
        assert!(matches!(check(&file.join("below")).unwrap_err(), Error::Io { .. }));
        #[cfg(target_os = "linux")]
        assert!(matches!(check(Path::new("/proc/none")).unwrap_err(), Error::Io { .. }));
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn a_claimed_file_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    claim(&at("a"), false).unwrap();
    fs::write(at("a"), "theirs").unwrap();
    let error = write(&at("a"), b"mine").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("made meanwhile (this result is in "), "{error}");
    assert_eq!(fs::read(at("a")).unwrap(), b"theirs");
    assert_eq!(fs::read(at("a.1")).unwrap(), b"mine");
    // later writes of the same command replace its own file, and --overwrite any
    claim(&at("b"), false).unwrap();
    write(&at("b"), b"one").unwrap();
    write(&at("b"), b"two").unwrap();
    claim(&at("a"), true).unwrap();
    write(&at("a"), b"mine").unwrap();
    assert_eq!(fs::read(at("a")).unwrap(), b"mine");
    assert!(create(&at("c"), b"new").unwrap());
    assert!(!create(&at("c"), b"newer").unwrap());
    assert_eq!(fs::read(at("c")).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["a", "a.1", "b", "c"]);
}

#[test]
fn a_name_of_a_directory_is_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let new = format!("{}/new/", folder.path().display());
    let error = probe(Path::new(&new)).unwrap_err();
    assert!(error.to_string().contains("found the name of a directory"), "{error}");
    symlink("nowhere", folder.path().join("link")).unwrap();
    assert_eq!(probe(&folder.path().join("link/file")).unwrap_err().exit_code(), 3);
    assert_eq!(names(folder.path()), ["link"]);
}
