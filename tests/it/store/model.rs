//! Rule 2 of the store: a map that applies what was acknowledged in its order, against the store
//! with folds, trims, deletions and folds that die in between.

use super::meddler::{Fault, Meddler};
use super::{OVERLAPPING, append, delete, fold_all, id, import, integer, maintain_all, points, tenant};
use intentvision::App;
use intentvision::clock::{Clock, MINUTE};
use intentvision::keys::Environment;
use intentvision::store::{self, Latest};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;
use std::sync::Arc;
use tests::product::{Backend, Product};

const SERIES: i64 = 4;

#[derive(Debug, Clone)]
enum Act {
    Ingest(Vec<(i64, i64, f64)>),
    Delete(i64),
    Fold,
    FoldDies(Fault),
    Tidy,
    TidyDies(Fault),
    Trim,
    Import(Vec<(i64, i64, f64)>),
    /// in its first, second, ... write: those of the lease, of a fold, its own
    ImportDies(u32, Fault, Vec<(i64, i64, f64)>),
    Look(i64, i64),
}

/// Regular points of some series.
fn lines() -> impl Strategy<Value = Vec<(i64, i64, f64)>> {
    let stretch = (0..SERIES, 0i64..1_500, 1i64..300, 1i64..4, -900i64..900);
    prop::collection::vec(stretch, 1..3).prop_map(|stretches| {
        let points = |(number, first, count, step, base)| {
            (0..count).map(move |at| (number, (first + at * step) * 60_000, (base + at % 13) as f64 / 8.0))
        };
        stretches.into_iter().flat_map(points).collect()
    })
}

/// A few points anywhere.
fn dots() -> impl Strategy<Value = Vec<(i64, i64, f64)>> {
    prop::collection::vec((0..SERIES, 0i64..2_000, -3.0f64..3.0), 1..6)
        .prop_map(|points| points.into_iter().map(|(n, t, v)| (n, t * 60_000, v)).collect())
}

fn act() -> impl Strategy<Value = Act> {
    let fault = prop_oneof![Just(Fault::Before), Just(Fault::After)];
    prop_oneof![
        6 => lines().prop_map(Act::Ingest),
        6 => dots().prop_map(Act::Ingest),
        3 => prop_oneof![lines(), dots()].prop_map(Act::Import),
        2 => (0u32..4, fault, prop_oneof![lines(), dots()])
            .prop_map(|(skip, fault, points)| Act::ImportDies(skip, fault, points)),
        1 => (0..SERIES).prop_map(Act::Delete),
        3 => Just(Act::Fold),
        1 => Just(Act::FoldDies(Fault::Before)),
        1 => Just(Act::FoldDies(Fault::After)),
        2 => Just(Act::Tidy),
        1 => Just(Act::TidyDies(Fault::Before)),
        1 => Just(Act::TidyDies(Fault::After)),
        2 => Just(Act::Trim),
        4 => (0i64..2_000, 0i64..2_000).prop_map(|(a, b)| Act::Look(a * 60_000, b * 60_000)),
    ]
}

type Model = BTreeMap<i64, BTreeMap<i64, f64>>;

/// Cases with a fixed seed, so that a failure shows again.
async fn compare(backend: Backend, cases: u32) {
    let product = Product::start(backend).await;
    let meddler = Meddler::new(product.open());
    let app = product.on(meddler.clone(), Clock::system());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]));
    let acts = prop::collection::vec(act(), 5..40);
    for case in 0..cases {
        let acts = acts.new_tree(&mut runner).unwrap().current();
        run_case(&product, &app, &meddler, case, acts).await;
    }
}

async fn run_case(product: &Product, app: &App, meddler: &Arc<Meddler>, case: u32, acts: Vec<Act>) {
    // an organization for each case: whatever leaks from one into another is found, too
    let org = product.organization(&format!("case {case}"), Environment::Live).await;
    let tenant = tenant(app, &org);
    let mut model = Model::new();
    for (step, act) in acts.iter().enumerate() {
        let at = format!("case {case}, step {step}: {act:?}");
        match act {
            Act::Ingest(samples) => {
                append(&tenant, samples).await;
                apply(&mut model, samples);
            }
            Act::Delete(number) => {
                delete(&tenant, *number).await;
                model.remove(number);
            }
            Act::Fold => {
                fold_all(app, &tenant).await;
            }
            Act::FoldDies(fault) => {
                let lease = store::fold::lease(&tenant, &app.entropy).await.unwrap().unwrap();
                meddler.fail_next_write(*fault);
                // it dies in its write, or has nothing to write
                let _ = store::fold(&tenant, &lease).await;
                meddler.forgive();
                lease.release(&tenant).await.unwrap();
            }
            Act::Tidy => maintain_all(app, &tenant).await,
            Act::TidyDies(fault) => {
                fold_all(app, &tenant).await;
                let lease = store::fold::lease(&tenant, &app.entropy).await.unwrap().unwrap();
                store::tidy::begin(&tenant).await.unwrap();
                meddler.fail_next_write(*fault);
                let _ = store::tidy::tidy(&tenant, &lease).await;
                meddler.forgive();
                lease.release(&tenant).await.unwrap();
            }
            Act::Import(samples) => {
                import(app, &tenant, samples).await.unwrap();
                apply(&mut model, samples);
            }
            Act::ImportDies(skip, fault, samples) => {
                meddler.fail_write(*skip, *fault);
                let died = import(app, &tenant, samples).await.is_err();
                meddler.forgive();
                // so few points are one group: all of them are there or none is
                let before = model.clone();
                apply(&mut model, samples);
                if died {
                    let mut found = Model::new();
                    for number in 0..SERIES {
                        found.insert(number, points(&tenant, number).await.into_iter().collect());
                    }
                    found.retain(|_, points| !points.is_empty());
                    assert!(found == before || found == model, "{at}: half of it");
                    // whoever died left the lease behind: it runs out
                    let later = product.on(product.open(), Clock::system().with_wall_offset(MINUTE));
                    import(&later, &super::tenant(&later, &org), samples).await.unwrap();
                }
            }
            Act::Trim => {
                store::trim(&tenant).await.unwrap();
            }
            Act::Look(a, b) => look(&tenant, &model, *a.min(b), *a.max(b), &at).await,
        }
    }
    look(&tenant, &model, i64::MIN, i64::MAX, &format!("case {case}, end")).await;
    fold_all(app, &tenant).await;
    store::trim(&tenant).await.unwrap();
    look(&tenant, &model, i64::MIN, i64::MAX, &format!("case {case}, all folded")).await;
    maintain_all(app, &tenant).await;
    look(&tenant, &model, i64::MIN, i64::MAX, &format!("case {case}, all tidied")).await;
}

fn apply(model: &mut Model, samples: &[(i64, i64, f64)]) {
    for (number, timestamp, value) in samples {
        model.entry(*number).or_default().insert(*timestamp, *value);
    }
}

async fn look(tenant: &intentvision::auth::Tenant, model: &Model, from: i64, to: i64, at: &str) {
    assert_eq!(integer(tenant, OVERLAPPING).await, 0, "{at}");
    let ids: Vec<_> = (0..SERIES).map(id).collect();
    let latest = store::latest(tenant, &ids).await.unwrap();
    for number in 0..SERIES {
        let expected = model.get(&number).cloned().unwrap_or_default();
        let all: Vec<(i64, f64)> = expected.iter().map(|(t, v)| (*t, *v)).collect();
        assert_eq!(points(tenant, number).await, all, "{at}, series {number}");
        let within: Vec<(i64, f64)> = expected.range(from..to).map(|(t, v)| (*t, *v)).collect();
        let found = store::points(tenant, id(number), Some(from), Some(to)).await.unwrap();
        let found: Vec<(i64, f64)> = found.into_iter().map(|point| (point.timestamp, point.value)).collect();
        assert_eq!(found, within, "{at}, series {number} from {from} to {to}");
        let newest = latest
            .get(&id(number))
            .map(|Latest { point, previous }| (point.timestamp, point.value, *previous));
        let previous = all.len().checked_sub(2).map(|before| all[before].0);
        assert_eq!(
            newest,
            all.last().map(|(t, v)| (*t, *v, previous)),
            "{at}, latest of series {number}"
        );
    }
}

#[tokio::test]
async fn rule_2_the_store_is_a_map_in_order_of_acknowledgement_embedded() {
    compare(Backend::Embedded, 24).await;
}

#[tokio::test]
async fn rule_2_the_store_is_a_map_in_order_of_acknowledgement_remote() {
    compare(Backend::Remote, 12).await;
}
