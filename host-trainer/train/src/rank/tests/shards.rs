use supernano_base::codes::{Coded, random_codes};

use super::super::shard::*;
use super::super::*;
use super::ranker::{REQUEST, family, untrained};
use crate::shard::ShardNumber;

#[test]
fn parts_are_a_partition() {
    for text in ["0/3", "4/3", "3", "a/b", "1/"] {
        assert!(text.parse::<ShardNumber>().is_err(), "{text}");
    }
    let codes = random_codes(&supernano_core::space::RESNET8, 50, 3);
    for of in [1, 3, 7, 60] {
        let mut all: Vec<usize> =
            (1..=of).flat_map(|index| positions(ShardNumber { index, of }, &codes)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
    }
}

#[test]
fn merged_parts_are_the_whole_and_nothing_else_is_merged() {
    let folder = tempfile::tempdir().unwrap();
    let space = "space = \"resnet8\"";
    let run = untrained(&folder.path().join("a"), space, "shared", 3);
    let data = run.dataset(None).unwrap();
    let effort = Effort { share: true, memory: 1 << 30 };
    let codes: Vec<Coded> = (0..)
        .zip(family(&run.space(), 7))
        .map(|(i, arch)| {
            let written = arch.display(&run.space()).to_string();
            Coded { id: format!("c{i}"), written, arch }
        })
        .collect();
    let part = |run, request, index, of| {
        let ranker = Ranker::new(run, &data, request, effort).unwrap();
        let part = ShardNumber { index, of };
        let positions = positions(part, &codes);
        let archs: Vec<_> = positions.iter().map(|&i| &codes[i].arch).collect();
        let (found, _) = ranker.evaluate(&archs, &|_| {}).unwrap();
        let scores = positions.iter().zip(found).map(|(&position, found)| {
            let Coded { id, written, .. } = &codes[position];
            PlacedScore { position, id: id.clone(), score: found.score(written) }
        });
        let ranking = Identity::of(run, &ranker, &codes);
        let shard = Shard { shard: part, ranking, scores: scores.collect() };
        // through a file and back
        let path = folder.path().join("shard.json");
        supernano_base::files::write_json(&path, &shard).unwrap();
        assert_eq!(Shard::read(&path).unwrap(), shard);
        (format!("{index}.json"), shard)
    };
    let (whole, _) = merge(vec![part(&run, REQUEST, 1, 1)]).unwrap();
    assert_eq!(whole.iter().map(|s| &s.0).collect::<Vec<_>>(), {
        codes.iter().map(|c| &c.id).collect::<Vec<_>>()
    });
    let parts: Vec<_> = (1..=3).map(|i| part(&run, REQUEST, i, 3)).collect();
    let pick = |order: &[usize]| order.iter().map(|&i| parts[i].clone()).collect::<Vec<_>>();
    assert_eq!(merge(pick(&[0, 1, 2])).unwrap().0, whole);
    assert_eq!(merge(pick(&[2, 0, 1, 0])).unwrap().0, whole);

    let refused = |shards: Vec<(String, Shard)>, texts: &[&str]| {
        let error = merge(shards).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(texts.iter().all(|t| error.to_string().contains(t)), "{error}");
    };
    refused(Vec::new(), &["at least one"]);
    refused(pick(&[0, 2]), &["shard 2/3", "run it again"]);
    let other = |shard| [pick(&[0, 1]), vec![shard]].concat();
    let fewer = ScoreRequest { images: Some(20), ..REQUEST };
    refused(other(part(&run, fewer, 3, 3)), &["3.json", "ranking: data", "as 1.json"]);
    let fewer = ScoreRequest { bn_images: Some(20), ..REQUEST };
    refused(other(part(&run, fewer, 3, 3)), &["3.json", "ranking: settings", "bn_images"]);
    let another = untrained(&folder.path().join("b"), space, "shared", 4);
    refused(other(part(&another, REQUEST, 3, 3)), &["3.json", "ranking: run"]);
    refused(other(part(&run, REQUEST, 3, 4)), &["3.json", "shard", "one of 3", "3/4"]);
    let mut wrong = parts[0].clone();
    wrong.1.scores[0].score.acc += 0.5;
    refused(other(wrong), &["1.json", "score of c"]);
    let mut short = parts[2].clone();
    short.1.scores.pop();
    refused(other(short), &["code", "a score", "none"]);
}
