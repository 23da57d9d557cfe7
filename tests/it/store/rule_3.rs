//! Rule 3: a read is one snapshot, in pages below 8 MB.

use super::meddler::Meddler;
use super::{append, fold_all, id, organization, points, tenant};
use db::{Batch, Mode, Step, args};
use intentvision::clock::Clock;
use intentvision::keys::Environment;
use intentvision::store;
use tests::on_both;
use tests::product::Product;

const MANY_CHUNKS: &str = "INSERT INTO metrics (org_id, series_id, start_ts, end_ts, points, blob)
    SELECT a.org_id, ?2, 1000000 + n.value * 1000, 1000999 + n.value * 1000, 1, x'00'
    FROM authority AS a, (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c LIMIT 120000) SELECT value FROM c) AS n";

/// Values that do not pack.
fn wild(at: i64) -> f64 {
    (at as f64).sqrt()
}

on_both! {
    rule_3_a_large_log_is_read_in_pages_below_8_mb_that_are_one_snapshot => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        // 30 batches of 10,000 points: about 3.3 MB of blobs
        for part in 0..30 {
            let samples: Vec<_> = (0..10_000).map(|at| (1, (part * 10_000 + at) * 997, wild(at))).collect();
            append(&direct, &samples).await;
        }
        let meddler = Meddler::new(product.open());
        let reader = tenant(&product.on(meddler.clone(), Clock::system()), &org);
        assert_eq!(points(&reader, 1).await.len(), 300_000);
        assert!(meddler.requests() > 1);

        // everything is folded between two pages: the read starts over and misses nothing
        let gate = meddler.hold(Mode::Read, 1);
        let reading = tokio::spawn({ let reader = reader.clone(); async move { points(&reader, 1).await } });
        meddler.somebody_waits().await;
        append(&direct, &[(1, 0, -1.0)]).await;
        fold_all(&product.app, &direct).await;
        store::trim(&direct).await.unwrap();
        gate.send(()).unwrap();
        let read = reading.await.unwrap();
        assert_eq!(read.len(), 300_000);
        assert_eq!(read[0], (0, -1.0));

        // now from chunks, in pages, too
        let before = meddler.requests();
        assert_eq!(points(&reader, 1).await, read);
        assert!(meddler.requests() > before + 1);
        let excerpt = store::excerpt(&reader, id(1), Some(997 * 5_000), None, 10).await.unwrap();
        let first: Vec<_> = excerpt.points.iter().take(10).map(|point| point.timestamp).collect();
        assert_eq!(first, read[5_000..5_010].iter().map(|(t, _)| *t).collect::<Vec<_>>());
        assert!(excerpt.points.len() < 300_000, "a page of points does not read all");
        assert!(meddler.largest_reply() < 8_000_000, "{}", meddler.largest_reply());
    };

    rule_3_a_fold_reads_in_pages_below_8_mb => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        append(&direct, &(0..256).map(|at| (1, at * 1_000, 1.0)).collect::<Vec<_>>()).await;
        fold_all(&product.app, &direct).await;
        // chunks as a long history leaves them
        direct.run(Batch::write_one(Step::tenant(MANY_CHUNKS, args![id(1)]))).await.unwrap();
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        let folder = tenant(&app, &org);
        // what is older than all of them makes the fold look at each
        append(&folder, &[(1, -500, 7.0)]).await;
        fold_all(&app, &folder).await;
        let found = store::points(&direct, id(1), None, Some(1_000)).await.unwrap();
        assert_eq!(found.iter().map(|p| (p.timestamp, p.value)).collect::<Vec<_>>(), [(-500, 7.0), (0, 1.0)]);
        assert!(meddler.largest_reply() < 8_000_000, "{}", meddler.largest_reply());
    };

    a_read_takes_no_more_points_than_it_may => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        append(&tenant, &(0..3_000).map(|at| (1, at * 1_000, 1.0)).collect::<Vec<_>>()).await;
        fold_all(&product.app, &tenant).await;
        append(&tenant, &[(1, 3_000_000, 1.0)]).await;
        let newest = store::newest(&tenant, id(1), 600).await.unwrap();
        assert_eq!((newest.len(), newest[0].timestamp, newest[599].timestamp), (600, 2_401_000, 3_000_000));
        assert_eq!(store::newest(&tenant, id(1), 1_000_000).await.unwrap().len(), 3_001);
        assert_eq!(store::whole(&tenant, id(1), None, None, 3_001).await.unwrap().points.len(), 3_001);
        assert_eq!(store::whole(&tenant, id(1), None, None, 3_000).await.unwrap_err().status(), 400);
    };

    rule_3_the_log_is_read_in_pages_below_8_mb => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        for part in 0..60 {
            let samples: Vec<_> = (0..10_000).map(|at| (1, (part * 10_000 + at) * 997, wild(at))).collect();
            append(&direct, &samples).await;
        }
        let meddler = Meddler::new(product.open());
        let reader = tenant(&product.on(meddler.clone(), Clock::system()), &org);
        let mut seqs = Vec::new();
        loop {
            let slice = store::log_since(&reader, seqs.last().copied().unwrap_or(0), i64::MAX).await.unwrap();
            seqs.extend(slice.batches.iter().map(|batch| batch.seq));
            if !slice.more {
                break;
            }
        }
        assert_eq!(seqs, (1..=60).collect::<Vec<_>>());
        assert!(meddler.requests() > 1 && meddler.largest_reply() < 8_000_000);
    };

    rule_3_a_month_of_points_is_one_request => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        let samples: Vec<_> = (0..8_640).map(|at| (1, at * 300_000, (at % 288) as f64 / 100.0)).collect();
        append(&direct, &samples).await;
        fold_all(&product.app, &direct).await;
        let meddler = Meddler::new(product.open());
        let reader = tenant(&product.on(meddler.clone(), Clock::system()), &org);
        assert_eq!(points(&reader, 1).await.len(), 8_640);
        assert_eq!(meddler.requests(), 1);
    };

    the_log_ends_where_the_minute_ends => async |product: Product| {
        let clock = Clock::at(1_000);
        let app = product.again(clock.clone()).await;
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&app, &org);
        for at in [1_000, 2_000, 3_000] {
            clock.set(at);
            append(&tenant, &[(1, at, 1.0)]).await;
        }
        let slice = store::log_since(&tenant, 0, 2_000).await.unwrap();
        assert_eq!(slice.batches.iter().map(|b| (b.seq, b.received_at)).collect::<Vec<_>>(), [(1, 1_000), (2, 2_000)]);
        assert!(!slice.more);
        assert!(store::log_since(&tenant, 3, i64::MAX).await.unwrap().batches.is_empty());
    };

    another_organization_sees_nothing => async |product: Product| {
        let acme = organization(&product, "acme").await;
        let other = organization(&product, "other").await;
        append(&acme, &[(1, 60_000, 1.0)]).await;
        assert!(points(&other, 1).await.is_empty());
        fold_all(&product.app, &acme).await;
        assert!(points(&other, 1).await.is_empty());
        assert!(store::latest(&other, &[id(1)]).await.unwrap().is_empty());
        assert!(store::log_since(&other, 0, i64::MAX).await.unwrap().batches.is_empty());
    };
}
