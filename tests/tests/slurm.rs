//! Runs `docs/rank.sbatch` on a Slurm cluster of one node, which the test starts. The test runs only if
//! SUPERNANO_TEST_SLURM is 1. It needs root, and slurmctld, slurmd, slurm-client and munge from Debian.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use supernano_tests::command::{binary, root, supernano};
use supernano_tests::small::grey;
use tempfile::TempDir;

/// A process that ends when this value is dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn start(folder: &Path, program: &str, arguments: &[&str]) -> Daemon {
    let log = fs::File::create(folder.join(program).with_extension("out")).unwrap();
    let mut command = Command::new(format!("/usr/sbin/{program}"));
    command.args(arguments).stderr(log.try_clone().unwrap()).stdout(log);
    Daemon(command.spawn().unwrap_or_else(|e| panic!("{program}: {e}")))
}

/// Starts a cluster of this machine alone, with its files below `folder`.
fn cluster(folder: &Path) -> Vec<Daemon> {
    let at = |name: &str| folder.join(name).display().to_string();
    for name in ["state", "spool"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    fs::write(folder.join("munge.key"), [7u8; 1024]).unwrap();
    text(Command::new("chmod").args(["400", &at("munge.key")]));
    let host = text(Command::new("hostname").arg("-s"));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let conf = format!(
        "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmdUser=root\n\
         AuthType=auth/munge\nAuthInfo=socket={}\n\
         ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nReturnToService=2\n\
         StateSaveLocation={}\nSlurmdSpoolDir={}\nSlurmctldPidFile={}\nSlurmdPidFile={}\n\
         SlurmctldPort=26817\nSlurmdPort=26818\n\
         NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN\n\
         PartitionName=all Nodes={host} Default=YES State=UP\n",
        at("munge.socket"),
        at("state"),
        at("spool"),
        at("slurmctld.pid"),
        at("slurmd.pid"),
    );
    fs::write(folder.join("slurm.conf"), conf).unwrap();
    let (socket, key, seed) = (at("munge.socket"), at("munge.key"), at("munge.seed"));
    let munge = [
        "--foreground",
        "--force",
        "--socket",
        &socket,
        "--key-file",
        &key,
        "--seed-file",
        &seed,
        "--pid-file",
        &at("munge.pid"),
        "--log-file",
        &at("munge.log"),
    ];
    let mut daemons = vec![start(folder, "munged", &munge)];
    std::thread::sleep(Duration::from_secs(1));
    let conf = at("slurm.conf");
    daemons.push(start(folder, "slurmctld", &["-D", "-f", &conf]));
    daemons.push(start(folder, "slurmd", &["-D", "-f", &conf, "-N", &host]));
    daemons
}

#[test]
fn a_job_array_with_a_killed_shard_gives_the_whole() {
    if std::env::var("SUPERNANO_TEST_SLURM").is_ok_and(|v| v == "1") {
        job_array();
    } else {
        eprintln!("SKIPPED: SUPERNANO_TEST_SLURM is not 1");
    }
}

fn job_array() {
    let folder = TempDir::new().unwrap();
    let _daemons = cluster(folder.path());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (run, codes) = (grey().name(), at("codes.txt"));
    let ends = [(4, 4), (4, 16), (8, 4), (12, 16)];
    let list: Vec<String> =
        ends.iter().flat_map(|(a, c)| [4, 8].map(|b| format!("{a}-{b}-{b}-{c}"))).collect();
    fs::write(&codes, list.join("\n")).unwrap();
    let path = format!(
        "{}:{}",
        binary().parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let slurm = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path());
        command.env("SLURM_CONF", at("slurm.conf")).env("PATH", &path);
        command.env("RUN", &run).env("CODES", &codes).env("OPTIONS", "--images 20");
        command.env("SHARDS", "4");
        command
    };
    let started = Instant::now();
    while !slurm("sinfo", &["--noheader", "--format=%t"])
        .output()
        .is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "idle")
    {
        assert!(started.elapsed() < Duration::from_secs(60), "no idle node");
        std::thread::sleep(Duration::from_millis(500));
    }
    let script = root().join("docs/rank.sbatch").display().to_string();
    let submit = |array: &str| {
        let arguments = ["--wait", "--mem=0", "--cpus-per-task=1", array, &script];
        text(&mut slurm("sbatch", &arguments));
    };
    let merge = || {
        let shard = |i| format!("{run}/shards/{i}-of-4.json");
        let shards: Vec<String> = (1..=4).map(shard).filter(|s| Path::new(s).exists()).collect();
        let mut arguments = vec!["merge".to_owned()];
        arguments.extend(shards);
        arguments.extend(["-o".to_owned(), at("merged.json")]);
        supernano(&arguments)
    };
    // Shard 3 does not run, as if it had been killed.
    submit("--array=1,2,4");
    merge().fails(2, &["shard 3/4", "run it again"]);
    assert!(!Path::new(&at("merged.json")).exists());
    submit("--array=1-4");
    merge().succeeds();
    let whole = ["rank", &run, &codes, "--images", "20", "-o", &at("whole.json")];
    supernano(&whole).succeeds();
    assert_eq!(fs::read(at("merged.json")).unwrap(), fs::read(at("whole.json")).unwrap());
}
