//! Rule 1: one folder, one guarded batch; a trim takes only what everybody has read.

use super::meddler::Meddler;
use super::{COMPACTED, HIGHEST, LOG_ROWS, WAITING, append, fold_all, integer, organization, points, sample, tenant};
use db::{Batch, Mode, Step, args};
use intentvision::auth::Tenant;
use intentvision::clock::{Clock, DAY, MINUTE};
use intentvision::store::codec::batch::Entry;
use intentvision::store::{self, Folded};
use tests::on_both;
use tests::product::{Backend, Product};

on_both! {
    rule_1_a_fold_that_was_overtaken_discards_and_starts_over => async |product: Product| {
        let org = product.organization("acme", intentvision::keys::Environment::Live).await;
        let direct = tenant(&product.app, &org);
        let meddler = Meddler::new(product.open());
        let slow = tenant(&product.on(meddler.clone(), Clock::system()), &org);
        append(&direct, &[(1, 60_000, 1.0), (2, 60_000, 2.0)]).await;
        let lease = store::fold::lease(&direct, &product.app.entropy).await.unwrap().unwrap();

        let gate = meddler.hold(Mode::Write, 0);
        let folding = tokio::spawn({ let lease = lease.clone(); async move { store::fold(&slow, &lease).await } });
        meddler.somebody_waits().await;
        // meanwhile another fold under the same lease takes these batches, and a newer value comes
        assert_eq!(store::fold(&direct, &lease).await.unwrap(), Folded::Some { batches: 1, more: false });
        append(&direct, &[(1, 60_000, 5.0)]).await;
        gate.send(()).unwrap();

        assert_eq!(folding.await.unwrap().unwrap(), Folded::Some { batches: 1, more: false });
        assert_eq!(integer(&direct, COMPACTED).await, 2);
        assert_eq!(points(&direct, 1).await, [(60_000, 5.0)]);
        assert_eq!(points(&direct, 2).await, [(60_000, 2.0)]);
    };

    rule_1_a_folder_that_lost_its_lease_writes_nothing => async |product: Product| {
        let org = product.organization("acme", intentvision::keys::Environment::Live).await;
        let first = tenant(&product.app, &org);
        append(&first, &[(1, 60_000, 1.0)]).await;
        let lease = store::fold::lease(&first, &product.app.entropy).await.unwrap().unwrap();
        assert_eq!(store::fold::lease(&first, &product.app.entropy).await.unwrap(), None, "one folder at a time");

        let later = product.again(Clock::system().with_wall_offset(3 * MINUTE)).await;
        let second = tenant(&later, &org);
        let taken = store::fold::lease(&second, &later.entropy).await.unwrap().unwrap();
        assert_eq!(store::fold(&first, &lease).await.unwrap(), Folded::Fenced);
        assert_eq!(integer(&first, COMPACTED).await, 0);
        assert_eq!(store::fold(&second, &taken).await.unwrap(), Folded::Some { batches: 1, more: false });
        // giving back what was lost takes nothing from the new holder
        lease.release(&first).await.unwrap();
        assert_eq!(store::fold::lease(&second, &later.entropy).await.unwrap(), None);
    };

    rule_1_numbers_go_on_and_time_does_not_fall_back_after_a_trim => async |product: Product| {
        let clock = Clock::at(1_000_000);
        let app = product.again(clock.clone()).await;
        let org = product.organization("acme", intentvision::keys::Environment::Live).await;
        let tenant = tenant(&app, &org);
        append(&tenant, &[(1, 60_000, 1.0)]).await;
        append(&tenant, &[(1, 120_000, 2.0)]).await;
        assert_eq!(store::trim(&tenant).await.unwrap(), 0, "nothing is folded yet");
        fold_all(&app, &tenant).await;
        assert_eq!(integer(&tenant, LOG_ROWS).await, 2, "a fold leaves the rows");
        assert_eq!(store::trim(&tenant).await.unwrap(), 2);
        assert_eq!(integer(&tenant, LOG_ROWS).await, 0);
        clock.set(500_000);
        append(&tenant, &[(1, 180_000, 3.0)]).await;
        assert_eq!(integer(&tenant, HIGHEST).await, 3);
        let slice = store::log_since(&tenant, 2, i64::MAX).await.unwrap();
        assert_eq!((slice.batches[0].seq, slice.batches[0].received_at), (3, 1_000_000));
        assert_eq!(points(&tenant, 1).await, [(60_000, 1.0), (120_000, 2.0), (180_000, 3.0)]);
    };

    rule_1_a_trim_waits_for_active_lanes => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        for at in 0..5 {
            append(&tenant, &[(1, at * 60_000, 1.0)]).await;
        }
        fold_all(&product.app, &tenant).await;
        lane(&tenant, 1, true, 2).await;
        lane(&tenant, 2, true, 4).await;
        lane(&tenant, 3, false, 0).await;
        assert_eq!(store::trim(&tenant).await.unwrap(), 2);
        let slice = store::log_since(&tenant, 2, i64::MAX).await.unwrap();
        assert_eq!(slice.batches.iter().map(|batch| batch.seq).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(slice.batches[0].entry, Entry::Points(vec![sample(1, 120_000, 1.0)]));
    };

    rule_1_a_lane_a_day_behind_is_skipped_and_the_gap_is_shown => async |product: Product| {
        let clock = Clock::at(100 * DAY);
        let app = product.again(clock.clone()).await;
        let org = product.organization("acme", intentvision::keys::Environment::Live).await;
        let tenant = tenant(&app, &org);
        append(&tenant, &[(1, 60_000, 1.0)]).await;
        append(&tenant, &[(1, 120_000, 1.0)]).await;
        fold_all(&app, &tenant).await;
        append(&tenant, &[(1, 180_000, 1.0)]).await;
        lane(&tenant, 1, true, 1).await;
        clock.set(101 * DAY);
        assert_eq!(store::trim(&tenant).await.unwrap(), 1, "a day behind is not more than a day");
        clock.set(101 * DAY + 1);
        assert_eq!(store::trim(&tenant).await.unwrap(), 1);
        assert_eq!(integer(&tenant, "SELECT watermark FROM lanes WHERE org_id = (SELECT org_id FROM authority)").await, 2);
        assert_eq!(integer(&tenant, "SELECT version FROM lanes WHERE org_id = (SELECT org_id FROM authority)").await, 1);
        assert_eq!(integer(&tenant, "SELECT skipped ->> 'to_seq' FROM lanes WHERE org_id = (SELECT org_id FROM authority)").await, 2);
        assert_eq!(integer(&tenant, LOG_ROWS).await, 1);
    };
}

async fn lane(tenant: &Tenant, lane: i64, active: bool, watermark: i64) {
    let step = Step::tenant(
        "INSERT INTO lanes (org_id, lane_id, first_series, last_series, active, watermark, minute)
         SELECT org_id, ?2, 0, 9223372036854775807, ?3, ?4, 0 FROM authority",
        args![lane, active, watermark],
    );
    tenant.run(Batch::write_one(step)).await.unwrap();
}

#[tokio::test]
async fn rule_1_folds_run_when_more_than_128_batches_wait() {
    let product = Product::start(Backend::Embedded).await;
    let tenant = organization(&product, "acme").await;
    // the daily pass folds whatever waits, and is over for today
    maintain::run(&product.app).await.unwrap();
    for at in 0..128 {
        append(&tenant, &[(1, at * 60_000, 1.0)]).await;
    }
    assert_eq!(maintain::run(&product.app).await.unwrap().folded, 0);
    append(&tenant, &[(1, 128 * 60_000, 1.0)]).await;
    let summary = maintain::run(&product.app).await.unwrap();
    assert_eq!((summary.folded, summary.trimmed, summary.failed), (129, 129, 0));
    assert_eq!(integer(&tenant, WAITING).await, 0);
    assert_eq!(points(&tenant, 1).await.len(), 129);
}

#[tokio::test]
async fn rule_1_folds_run_when_more_than_512_kib_wait() {
    let product = Product::start(Backend::Embedded).await;
    let tenant = organization(&product, "acme").await;
    // doubles that do not pack
    let batch = |number: i64| {
        (0..10_000)
            .map(|at| (number, at * 977, (at as f64).sqrt()))
            .collect::<Vec<_>>()
    };
    // the daily pass folds whatever waits, and is over for today
    maintain::run(&product.app).await.unwrap();
    let (mut sent, mut folded, mut bytes) = (0, 0, 0);
    while folded == 0 {
        append(&tenant, &batch(sent)).await;
        sent += 1;
        bytes = integer(
            &tenant,
            "SELECT sum(length(blob)) FROM metric_batches WHERE org_id = (SELECT org_id FROM authority)",
        )
        .await;
        folded = maintain::run(&product.app).await.unwrap().folded;
    }
    assert!(
        bytes > 512 * 1024 && bytes < 700 * 1024,
        "{sent} batches of {bytes} bytes"
    );
    assert_eq!(folded, usize::try_from(sent).unwrap());
    assert_eq!(points(&tenant, 0).await.len(), 10_000);
}
