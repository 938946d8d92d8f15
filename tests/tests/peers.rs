//! Training on several processes: what is left if one of them is killed.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use supernano_tests::command::{Ended, binary, run, supernano};
use supernano_tests::small::GREY;
use tempfile::TempDir;

/// A peer that is killed when this value is dropped.
struct Peer(Option<Child>);

impl Peer {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).args(["--peer-timeout", "120", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().unwrap()))
    }

    fn id(&self) -> String {
        self.0.as_ref().unwrap().id().to_string()
    }

    fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn end(mut self) -> Ended {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A folder with a configuration of many epochs, and an address that is free.
struct Fixture {
    folder: TempDir,
    address: String,
}

impl Fixture {
    fn new(epochs: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let config = GREY.replace("height = 28, width = 28", "height = 8, width = 8");
        let (before, last) = config.rsplit_once("epochs = 1").unwrap();
        let config = format!("{before}epochs = {epochs}{last}");
        fs::write(folder.path().join("config.toml"), config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { folder, address: listener.local_addr().unwrap().to_string() }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn first(&self, of: usize, more: &[&str]) -> Peer {
        let (config, run) = (self.at("config.toml"), self.at("run"));
        let peer = format!("1/{of}");
        let own = ["train", &config, "-o", &run, "--peer", &peer, "--address", &self.address];
        Peer::start(&[&own[..], more].concat())
    }

    fn other(&self, index: usize, of: usize) -> Peer {
        let (config, peer) = (self.at("config.toml"), format!("{index}/{of}"));
        Peer::start(&["train", &config, "--peer", &peer, "--address", &self.address])
    }

    /// Waits until the supernet's first epoch has a checkpoint.
    fn wait(&self) {
        let started = Instant::now();
        let run = self.folder.path().join("run");
        let supernet = || {
            fs::read_to_string(run.join("metrics.jsonl")).is_ok_and(|m| m.contains("\"step\":2"))
        };
        while !supernet() || !run.join("checkpoints/current.snw").exists() {
            assert!(started.elapsed() < Duration::from_secs(300), "no checkpoint");
            sleep(Duration::from_millis(5));
        }
    }
}

fn weights(run: &str) -> Vec<u8> {
    fs::read(Path::new(run).join("checkpoints/step-2.snw")).unwrap()
}

#[test]
fn a_killed_peer_ends_the_others_and_the_run_resumes() {
    const EPOCHS: usize = 400;
    let here = Fixture::new(EPOCHS);
    let (first, second, third) = (here.first(3, &[]), here.other(2, 3), here.other(3, 3));
    here.wait();
    second.kill();
    first.end().fails(3, &["peer 2/3 (127.0.0.1:", "it has ended"]);
    third.end().fails(3, &["peer 1/3 (127.0.0.1:", "it has ended: peer 2/3"]);
    let run = here.at("run");
    assert!(!Path::new(&run).join("checkpoints/step-2.snw").exists());

    // The first peer is killed as well, on the way on with fewer peers.
    let (first, second) = (here.first(2, &["--resume"]), here.other(2, 2));
    sleep(Duration::from_millis(500));
    first.kill();
    second.end().fails(3, &["peer 1/2 (127.0.0.1:", "it has ended"]);

    let report: Value = supernano(&["train", "--resume", "-o", &run, "--json"]).json();
    assert_eq!(report["finished"].as_bool(), Some(true));
    let one = here.at("one");
    supernano(&["train", &here.at("config.toml"), "-o", &one]).succeeds();
    assert!(weights(&run) == weights(&one), "other weights than those of one process");
}

/// A stopped process keeps its connections, so only its silence tells.
#[cfg(unix)]
#[test]
fn a_silent_peer_ends_the_others_and_the_run_resumes() {
    let here = Fixture::new(400);
    let silence = ["--peer-silence", "8"];
    let (first, second) = (here.first(3, &silence), here.other(2, 3));
    let third = here.other(3, 3);
    here.wait();
    let stopped = second.id();
    assert!(Command::new("kill").args(["-STOP", &stopped]).status().unwrap().success());
    first.end().fails(3, &["peer 2/3 (127.0.0.1:", "no sign of life for 8 s (--peer-silence)"]);
    third.end().fails(3, &["peer 1/3 (127.0.0.1:", "it has ended: peer 2/3", "no sign of life"]);
    second.kill();
    let run = here.at("run");
    let resumed = ["train", "--resume", "-o", &run, "--minutes", "0", "--json"];
    let report: Value = supernano(&resumed).json();
    assert_eq!(report["epochs"].as_array().map(Vec::len), Some(1), "{report}");
}

#[test]
fn strangers_are_refused_and_peers_train() {
    let here = Fixture::new(2);
    let first = here.first(2, &[]);
    let started = Instant::now();
    while TcpStream::connect(&here.address)
        .and_then(|mut s| s.write_all(b"GET / HTTP/1.1\r\n\r\n"))
        .is_err()
    {
        assert!(started.elapsed() < Duration::from_secs(60), "nobody listens");
        sleep(Duration::from_millis(10));
    }
    let followed = here.other(2, 2).end().json();
    assert!(followed["updates"].as_u64().unwrap() > 0, "{followed}");
    let report = first.end().json();
    assert_eq!(report["finished"].as_bool(), Some(true));
    let one = here.at("one");
    supernano(&["train", &here.at("config.toml"), "-o", &one]).succeeds();
    assert!(weights(&here.at("run")) == weights(&one), "other weights than those of one process");

    // A server that is no peer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let config = here.at("config.toml");
    let other = ["train", &config, "--peer", "2/2", "--address", &address];
    Peer::start(&other).end().fails(3, &["peer 1/2", "expected Welcome, found kind 72"]);
    server.join().unwrap();
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let here = Fixture::new(1);
    let config = here.at("config.toml");
    let refused = |more: &[&str], texts: &[&str]| {
        let own = ["train", &config, "--address", &here.address];
        run(Command::new(binary()).args(own).args(more)).fails(2, texts);
    };
    refused(&[], &["--peer"]);
    refused(&["--peer", "3/2"], &["I from 1 to N"]);
    refused(&["--peer", "2/2", "--resume"], &["--resume", "the first peer has the run directory"]);
}
