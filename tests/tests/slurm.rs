//! Runs `docs/rank.sbatch` and `docs/standalone.sbatch` on a Slurm cluster of one node, which the test
//! starts. The test runs only if SUPERNANO_TEST_SLURM is 1. It needs root, and slurmctld, slurmd, slurm-client and munge from Debian.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use supernano_tests::command::{Ended, binary, root, supernano};
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
fn job_arrays_with_a_killed_shard_give_the_whole() {
    if std::env::var("SUPERNANO_TEST_SLURM").is_ok_and(|v| v == "1") {
        let folder = TempDir::new().unwrap();
        let _daemons = cluster(folder.path());
        let cluster = Cluster { folder: folder.path() };
        cluster.wait();
        rank(&cluster);
        standalone(&cluster);
    } else {
        eprintln!("SKIPPED: SUPERNANO_TEST_SLURM is not 1");
    }
}

/// A cluster that runs.
struct Cluster<'a> {
    folder: &'a Path,
}

impl Cluster<'_> {
    fn at(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", binary().parent().unwrap().display());
        let mut command = Command::new(program);
        command.current_dir(self.folder).env("PATH", path);
        command.env("SLURM_CONF", self.at("slurm.conf"));
        command
    }

    /// Waits for an idle node.
    fn wait(&self) {
        let started = Instant::now();
        let mut asks = self.command("sinfo");
        asks.args(["--noheader", "--format=%t"]);
        while !asks.output().is_ok_and(|o| String::from_utf8_lossy(&o.stdout).trim() == "idle") {
            assert!(started.elapsed() < Duration::from_secs(60), "no idle node");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Submits a script of the documentation and waits for its end.
    fn submit(&self, script: &str, array: &str, variables: &[(&str, &str)]) {
        let script = root().join("docs").join(script).display().to_string();
        let mut command = self.command("sbatch");
        command.args(["--wait", "--mem=0", "--cpus-per-task=1", array, &script]);
        text(command.envs(variables.iter().copied()));
    }

    /// Merges the files of four shards that exist in a folder.
    fn merge(&self, shards: &str, to: &str) -> Ended {
        let shard = |i| format!("{shards}/{i}-of-4.json");
        let shards: Vec<String> = (1..=4).map(shard).filter(|s| Path::new(s).exists()).collect();
        let mut arguments = vec!["merge".to_owned()];
        arguments.extend(shards);
        arguments.extend(["-o".to_owned(), self.at(to)]);
        supernano(&arguments)
    }

    fn same(&self, a: &str, b: &str) {
        assert_eq!(fs::read(self.at(a)).unwrap(), fs::read(self.at(b)).unwrap());
    }
}

fn rank(cluster: &Cluster<'_>) {
    let (run, codes) = (grey().name(), cluster.at("codes.txt"));
    let ends = [(4, 4), (4, 16), (8, 4), (12, 16)];
    let list: Vec<String> =
        ends.iter().flat_map(|(a, c)| [4, 8].map(|b| format!("{a}-{b}-{b}-{c}"))).collect();
    fs::write(&codes, list.join("\n")).unwrap();
    let variables =
        [("RUN", &*run), ("CODES", &codes), ("OPTIONS", "--images 20"), ("SHARDS", "4")];
    let shards = format!("{run}/shards");
    // Shard 3 does not run, as if it had been killed.
    cluster.submit("rank.sbatch", "--array=1,2,4", &variables);
    cluster.merge(&shards, "merged.json").fails(2, &["shard 3/4", "run it again"]);
    assert!(!Path::new(&cluster.at("merged.json")).exists());
    cluster.submit("rank.sbatch", "--array=1-4", &variables);
    cluster.merge(&shards, "merged.json").succeeds();
    let whole = ["rank", &run, &codes, "--images", "20", "-o", &cluster.at("whole.json")];
    supernano(&whole).succeeds();
    cluster.same("merged.json", "whole.json");
}

/// The same for truths, from scratch and from the weights of the run.
fn standalone(cluster: &Cluster<'_>) {
    let (run, codes) = (grey().name(), cluster.at("five.txt"));
    fs::write(&codes, "4-4-4-4\n8-8-8-8\n12-12-16-16\n4-8-8-4\n8-4-4-16\n").unwrap();
    let from = format!("--from {run} --as effective --epochs 1");
    for (config, options) in [(&*run, "--as nominal --epochs 1"), ("", &*from)] {
        let name = if config.is_empty() { "tuned" } else { "truths" };
        let folder = cluster.at(name);
        let variables = [
            ("CONFIG", config),
            ("CODES", &codes),
            ("OPTIONS", options),
            ("TRUTHS", &folder),
            ("SHARDS", "4"),
        ];
        let (merged, whole) = (format!("{name}.csv"), format!("{name}-whole.csv"));
        cluster.submit("standalone.sbatch", "--array=1,2,4", &variables);
        cluster.merge(&folder, &merged).fails(2, &["shard 3/4", "run it again"]);
        cluster.submit("standalone.sbatch", "--array=1-4", &variables);
        cluster.merge(&folder, &merged).succeeds();
        let output = cluster.at(&whole);
        let mut arguments = vec!["standalone"];
        arguments.extend([config, &*codes].into_iter().filter(|a| !a.is_empty()));
        arguments.extend(options.split(' '));
        arguments.extend(["-o", &output]);
        supernano(&arguments).succeeds();
        cluster.same(&merged, &whole);
    }
}
