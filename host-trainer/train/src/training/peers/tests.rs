use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use rand::Rng as _;
use supernano_base::error::Error;
use supernano_base::progress::Silent;
use supernano_base::rng::{Key, Purpose};

use super::line::Line;
use super::share::owners;
use super::sums::Sums;
use super::wire::Kind;
use super::*;
use crate::training::{Begin, Losses, SlicedAccelerator, TrainReport, TrainRequest, train_for};

const CONFIG: &str = r#"
seed = 5
panel = 2
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }

[space]
name = "peers"
input = { height = 8, width = 8, channels = 1 }
classes = 3
layers = [{ widths = [4, 8] }, { widths = [4, 8], stride = 2 }, { widths = [4, 8] }]
blocks = ["conv", "projection"]

[data]
name = "glyphs"
train = 70
validation = 16
test = 16

[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 2
lr = 0.02
batch = 16
k = 4
clip = 1.0
optimizer_state = "carried"

[[step]]
kind = "supernet"
teacher = "fixed"
scheme = "reference-4"
epochs = 1
lr = 0.02
batch = 16
k = 2
alpha = 0.7
temperature = 2.0
"#;

fn config() -> RunConfig {
    RunConfig::parse(CONFIG, "test").unwrap()
}

fn request<'a>(config: &'a RunConfig, run: &'a Path, begin: Begin) -> TrainRequest<'a> {
    let accelerator = &SlicedAccelerator;
    TrainRequest { config, run, begin, accelerator, minutes: None, deadline: None }
}

/// An address of this machine that nobody listens on.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn meeting(address: &str, index: usize, of: usize) -> Meeting<'_> {
    let [patience, silence] = [60, 30].map(Duration::from_secs);
    Meeting { peer: ShardNumber { index, of }, address, patience, silence }
}

fn follows<'a>(config: &'a RunConfig, meeting: Meeting<'a>) -> FollowRequest<'a> {
    FollowRequest { config, meeting, accelerator: &SlicedAccelerator }
}

/// Trains with several peers, threads of this process.
fn together(run: &Path, begin: Begin, of: usize) -> (TrainReport, Vec<FollowReport>) {
    let (config, address) = (config(), free());
    thread::scope(|scope| {
        let other =
            |index| follow(&follows(&config, meeting(&address, index, of)), &Silent).unwrap();
        let others: Vec<_> = (2..=of).map(|index| scope.spawn(move || other(index))).collect();
        let leads = lead(&request(&config, run, begin), &meeting(&address, 1, of), &Silent);
        (leads.unwrap(), others.into_iter().map(|other| other.join().unwrap()).collect())
    })
}

/// What a run has computed: the weights after each step, and the losses and scores of each epoch.
fn computed(run: &Path) -> (Vec<Vec<u8>>, Vec<String>) {
    let weights = (1..=3)
        .map(|step| std::fs::read(crate::run::checkpoint::finished_path(run, step)).unwrap());
    let epochs = crate::training::metrics(run).unwrap();
    let line = |e: &crate::training::Epoch| {
        format!("{} {} {} {} {:?}", e.step, e.epoch, e.loss_largest, e.loss_students, e.panel)
    };
    (weights.collect(), epochs.iter().map(line).collect())
}

#[test]
fn several_peers_compute_what_one_does_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one");
    let config = config();
    train_for(&request(&config, &one, Begin::New), &Silent).unwrap();
    for of in [1, 2, 3, 7] {
        let run = folder.path().join(of.to_string());
        let (report, others) = together(&run, Begin::New, of);
        assert!(report.finished);
        assert_eq!(computed(&run), computed(&one), "{of} peers");
        // 5 updates of an epoch, of which there are 4
        assert!(others.iter().all(|o| o.updates == 20 && o.sent > 0), "{others:?}");
    }
}

#[test]
fn a_run_continues_on_another_number_of_peers() {
    let folder = tempfile::tempdir().unwrap();
    let [one, run] = ["one", "run"].map(|name| folder.path().join(name));
    let config = config();
    train_for(&request(&config, &one, Begin::New), &Silent).unwrap();
    // no update, then an epoch at a time
    let late = TrainRequest { deadline: Some(0.0), ..request(&config, &run, Begin::New) };
    assert!(!train_for(&late, &Silent).unwrap().finished);
    let epoch = TrainRequest { minutes: Some(0.0), ..request(&config, &run, Begin::Resume) };
    train_for(&epoch, &Silent).unwrap();
    let address = free();
    thread::scope(|scope| {
        let (config, address) = (&config, &*address);
        let other = scope.spawn(move || follow(&follows(config, meeting(address, 2, 2)), &Silent));
        lead(&epoch, &meeting(address, 1, 2), &Silent).unwrap();
        assert_eq!(other.join().unwrap().unwrap().updates, 5);
    });
    together(&run, Begin::Resume, 3);
    assert_eq!(computed(&run), computed(&one));
}

#[test]
fn paths_are_divided_by_their_costs() {
    assert_eq!(owners(&[3, 1, 1, 1], 2), [0, 1, 1, 1]);
    assert_eq!(owners(&[30, 10, 10, 10, 10, 10, 10], 3), [0, 1, 1, 1, 2, 2, 2]);
    assert_eq!(owners(&[5], 4), [0]);
    assert_eq!(owners(&[0, 0], 2), [0, 0]);
    assert_eq!(owners(&[u64::MAX; 4], 2), [0, 0, 1, 1]);
    let costs: Vec<u64> = (0..40u64).map(|i| i * 7919 % 101).collect();
    for peers in 1..50 {
        let found = owners(&costs, peers);
        assert!(found.is_sorted() && found[0] == 0 && found[39] < peers, "{found:?}");
    }
}

const LIMITS: Limits =
    Limits { patience: Duration::from_secs(5), silence: Duration::from_secs(5), longest: 4000 };

/// Two ends of a connection.
fn pair() -> (TcpStream, Line) {
    pair_with(LIMITS)
}

fn pair_with(limits: Limits) -> (TcpStream, Line) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, from): (TcpStream, SocketAddr) = listener.accept().unwrap();
    (there, Line::new(here, from, limits).unwrap())
}

/// The error for bytes that a peer sends before it ends.
fn answer<T>(bytes: &[u8], receive: impl FnOnce(&mut Line) -> Result<T>) -> Result<T> {
    let (mut there, mut line) = pair();
    line.known(ShardNumber { index: 2, of: 3 });
    there.write_all(bytes).unwrap();
    drop(there);
    receive(&mut line)
}

fn message(kind: u8, length: u32, contents: &[u8]) -> Vec<u8> {
    [&[kind][..], &length.to_le_bytes(), contents].concat()
}

#[test]
fn bytes_of_strangers_are_typed_errors() {
    let refused = |bytes: &[u8], text: &str| {
        let found = answer(bytes, |line| Sums::receive(line, &[2, 3]));
        let error = found.unwrap_err();
        assert!(matches!(error, Error::Tool { .. }) && error.exit_code() == 3, "{error}");
        let said = error.to_string();
        assert!(said.starts_with("peer 2/3 (127.0.0.1:") && said.contains(text), "{said}");
    };
    refused(b"", "it has ended");
    refused(&[6, 0], "it has ended");
    refused(b"GET / HTTP/1.1\r\n\r\n", "expected Sums, found kind 71");
    refused(&message(6, u32::MAX, &[]), "at most 38 bytes, found 4294967295");
    refused(&message(6, 18, &[0; 17]), "it has ended");
    refused(&message(6, 17, &[0; 17]), "malformed");
    refused(&message(6, 19, &[0; 19]), "malformed");
    refused(&message(6, 18, &[2; 18]), "malformed");
    refused(&message(8, 4, b"no\x1b\n"), "it has ended: no");
    let sums = Sums::new(Losses { largest: 1.0, students: 0.5 }, vec![None, Some(vec![1.0; 3])]);
    let (there, mut line) = pair();
    let mut there = Line::new(there, "127.0.0.1:1".parse().unwrap(), LIMITS).unwrap();
    sums.send(&mut there).unwrap();
    assert_eq!(Sums::receive(&mut line, &[2, 3]).unwrap(), sums);
    assert_eq!(there.sent, line.received);
    let mut rng = Key::new(1).rng(Purpose::Sample, 0);
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..rng.random_range(0..60)).map(|_| rng.random()).collect();
        if rng.random() && bytes.len() > 5 {
            // a message that comes whole
            let length = bytes.len() as u32 - 5;
            bytes[0] = [1, 6][rng.random_range(0..2)];
            bytes[1..5].copy_from_slice(&length.to_le_bytes());
        }
        let kinds = [(Kind::Hello, Hello::LENGTH), (Kind::Sums, 40)];
        if let Ok((_, contents)) = answer(&bytes, |line| line.receive(&kinds)) {
            let _ = Hello::parse(&contents);
        }
    }
}

#[test]
fn a_silent_peer_is_lost_and_a_slow_one_is_not() {
    let silence = Duration::from_millis(400);
    let limits = Limits { silence, ..LIMITS };
    let (there, mut line) = pair_with(limits);
    line.begin().unwrap();
    let error = line.receive(&[(Kind::Welcome, 0)]).unwrap_err();
    let said = error.to_string();
    assert!(error.exit_code() == 3 && said.contains("no sign of life for 0.4 s"), "{said}");
    drop(there);

    let (there, mut line) = pair_with(limits);
    let mut there = Line::new(there, "127.0.0.1:1".parse().unwrap(), limits).unwrap();
    line.begin().unwrap();
    there.begin().unwrap();
    // It computes for longer than it may be silent, and answers with a message of many pieces.
    let contents = vec![7; 3000];
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(3 * silence);
            there.send(Kind::Logits, &contents).unwrap();
        });
        assert_eq!(
            line.receive(&[(Kind::Logits, 3000)]).unwrap(),
            (Kind::Logits, contents.clone())
        );
    });
    assert_eq!((there.sent, line.received), (3005, 3005));
}

#[test]
fn a_hello_is_read_back_and_another_version_is_named() {
    let peer = ShardNumber { index: 2, of: 3 };
    let hello = Hello { peer, configuration: "0123456789abcdef".into(), data: "d".into() };
    let bytes = hello.bytes();
    assert_eq!(bytes.len(), Hello::LENGTH);
    assert_eq!(Hello::parse(&bytes), Ok(hello));
    for end in 0..bytes.len() {
        assert_eq!(Hello::parse(&bytes[..end]), Err(None));
    }
    let mut other = bytes;
    other[4] = 9;
    assert_eq!(Hello::parse(&other), Err(Some(9)));
}

#[test]
fn peers_that_do_not_fit_are_named_on_both_sides() {
    let (config, address) = (config(), free());
    let other = RunConfig { seed: 6, ..config.clone() };
    let folder = tempfile::tempdir().unwrap();
    let [leads, other] = thread::scope(|scope| {
        let other =
            scope.spawn(|| follow(&follows(&other, meeting(&address, 2, 2)), &Silent).unwrap_err());
        let request = request(&config, folder.path(), Begin::New);
        let leads = lead(&request, &meeting(&address, 1, 2), &Silent).unwrap_err();
        [leads, other.join().unwrap()]
    });
    assert_eq!((leads.exit_code(), other.exit_code()), (2, 3));
    assert!(leads.to_string().contains("configuration"), "{leads}");
    let other = other.to_string();
    assert!(other.contains("peer 1/2") && other.contains("configuration"), "{other}");

    // Nobody comes but a stranger.
    let address = free();
    let patience = Duration::from_secs(1);
    let folder = tempfile::tempdir().unwrap();
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            while TcpStream::connect(&address).and_then(|mut s| s.write_all(b"hello?")).is_err() {
                thread::sleep(Duration::from_millis(10));
            }
        });
        let request = request(&config, folder.path(), Begin::New);
        let meeting = Meeting { patience, ..meeting(&address, 1, 3) };
        lead(&request, &meeting, &Silent).unwrap_err()
    });
    let said = error.to_string();
    let texts = ["peer 2/3", "did not come within 1 s", "was refused", "expected Hello"];
    assert!(error.exit_code() == 3 && texts.iter().all(|t| said.contains(t)), "{said}");
    let request = follows(&config, Meeting { patience, ..meeting(&address, 2, 3) });
    let said = follow(&request, &Silent).unwrap_err().to_string();
    assert!(said.contains(&address) && said.contains("peer 1 is not there"), "{said}");
}
