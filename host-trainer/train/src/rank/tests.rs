mod ranker;
mod reference;
mod shards;
