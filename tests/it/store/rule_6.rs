//! Rule 6: history goes past the log into chunks, compared and set.

use super::meddler::{Fault, Meddler};
use super::{
    LOG_ROWS, OVERLAPPING, WAITING, append, delete, fold_all, id, import, integer, points, sample, series, tenant,
};
use db::{Batch, DbError, Mode, Step, args};
use intentvision::clock::{Clock, MINUTE};
use intentvision::keys::Environment;
use intentvision::series::Point;
use intentvision::store::import::{Importer, Progress};
use intentvision::store::{self, codec};
use tests::on_both;
use tests::product::Product;

const SERIES_COUNT: &str = "SELECT series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)";
const BACKFILL_ROWS: &str =
    "SELECT count(*) FROM metric_batches WHERE org_id = (SELECT org_id FROM authority) AND backfill = 1";

fn line(number: i64, first: i64, count: i64) -> Vec<(i64, i64, f64)> {
    (first..first + count)
        .map(|at| (number, at * MINUTE, at as f64 / 8.0))
        .collect()
}

fn values(line: &[(i64, i64, f64)]) -> Vec<(i64, f64)> {
    line.iter().map(|(_, at, value)| (*at, *value)).collect()
}

on_both! {
    rule_6_an_import_wins_over_what_came_before_and_gives_way_to_what_comes_after => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        // in a chunk, in a segment, and in the log
        append(&tenant, &line(1, 0, 300)).await;
        fold_all(&product.app, &tenant).await;
        append(&tenant, &line(1, 300, 20)).await;
        fold_all(&product.app, &tenant).await;
        append(&tenant, &line(1, 320, 10)).await;
        let mut expected = values(&line(1, 0, 330));
        let imported = [(1, 5 * MINUTE, -1.0), (1, 305 * MINUTE, -2.0), (1, 325 * MINUTE, -3.0), (1, 400 * MINUTE, -4.0)];
        assert_eq!(import(&product.app, &tenant, &imported).await.unwrap().points, 4);
        expected[5].1 = -1.0;
        expected[305].1 = -2.0;
        expected[325].1 = -3.0;
        expected.push((400 * MINUTE, -4.0));
        assert_eq!(points(&tenant, 1).await, expected);

        append(&tenant, &[(1, 5 * MINUTE, 7.0), (1, 305 * MINUTE, 8.0), (1, 400 * MINUTE, 9.0)]).await;
        expected[5].1 = 7.0;
        expected[305].1 = 8.0;
        expected[330].1 = 9.0;
        assert_eq!(points(&tenant, 1).await, expected);
        fold_all(&product.app, &tenant).await;
        assert_eq!(points(&tenant, 1).await, expected);
        assert_eq!(integer(&tenant, OVERLAPPING).await, 0);
    };

    rule_6_history_is_read_at_once_and_the_log_tells_nothing_of_it => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        let history = line(1, 0, 5_000);
        import(&product.app, &tenant, &history).await.unwrap();
        assert_eq!(integer(&tenant, LOG_ROWS).await, 0);
        assert_eq!(points(&tenant, 1).await, values(&history));
        let latest = store::latest(&tenant, &[id(1)]).await.unwrap();
        assert_eq!(latest[&id(1)].point.timestamp, 4_999 * MINUTE);
        assert_eq!(integer(&tenant, SERIES_COUNT).await, 1);
    };

    rule_6_what_is_ingested_between_fold_and_write_is_not_lost => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        append(&direct, &[(1, MINUTE, 1.0)]).await;
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        // after the lease, the fold of what waits is held, and then the import's own write
        let gate = meddler.hold(Mode::Write, 2);
        let importing = tokio::spawn({
            let slow = tenant(&app, &org);
            async move { import(&app, &slow, &[(1, MINUTE, 2.0), (1, 2 * MINUTE, 2.0), (1, 3 * MINUTE, 2.0)]).await }
        });
        meddler.wait_for_arrivals(1).await;
        append(&direct, &[(1, 2 * MINUTE, 5.0), (1, 4 * MINUTE, 5.0)]).await;
        gate.send(()).unwrap();
        assert_eq!(importing.await.unwrap().unwrap().points, 3);
        // the import was acknowledged after both
        let expected = [(MINUTE, 2.0), (2 * MINUTE, 2.0), (3 * MINUTE, 2.0), (4 * MINUTE, 5.0)];
        assert_eq!(points(&direct, 1).await, expected);
        assert_eq!(integer(&direct, WAITING).await, 0, "it folded and started over");
        assert_eq!(integer(&direct, OVERLAPPING).await, 0);
    };

    rule_6_who_is_outrun_again_and_again_goes_through_the_log => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        // between two tries of its own write there is that of a fold
        let mut gate = meddler.hold(Mode::Write, 1);
        let importing = tokio::spawn({
            let slow = tenant(&app, &org);
            async move { import(&app, &slow, &[(1, MINUTE, 2.0), (1, 2 * MINUTE, 2.0)]).await }
        });
        for attempt in 1..=3 {
            meddler.wait_for_arrivals(attempt).await;
            append(&direct, &[(1, MINUTE, 5.0), (1, (attempt as i64 + 2) * MINUTE, 5.0)]).await;
            let next = meddler.hold(Mode::Write, 1);
            gate.send(()).unwrap();
            gate = next;
        }
        drop(gate);
        assert_eq!(importing.await.unwrap().unwrap().points, 2);
        assert_eq!(integer(&direct, BACKFILL_ROWS).await, 1, "as history, which no lane alerts on");
        let expected = [(1, 2.0), (2, 2.0), (3, 5.0), (4, 5.0), (5, 5.0)].map(|(at, value)| (at * MINUTE, value));
        assert_eq!(points(&direct, 1).await, expected);
    };

    rule_6_a_write_that_arrives_late_or_twice_is_refused => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        let tenant = tenant(&app, &org);
        meddler.keep_write(1);
        import(&app, &tenant, &line(1, 0, 300)).await.unwrap();
        let zombie = meddler.kept();
        assert!(matches!(zombie.send(&meddler).await, Err(DbError::Raised { .. })), "sent twice");
        // the same chunk grows, and one of its values is corrected
        import(&app, &tenant, &line(1, 300, 300)).await.unwrap();
        import(&app, &tenant, &[(1, 3 * MINUTE, 77.0)]).await.unwrap();
        let mut expected = values(&line(1, 0, 600));
        expected[3].1 = 77.0;
        assert_eq!(points(&tenant, 1).await, expected);
        assert!(matches!(zombie.send(&meddler).await, Err(DbError::Raised { .. })), "sent late");
        assert_eq!(points(&tenant, 1).await, expected);
    };

    rule_6_an_import_that_lost_its_lease_takes_it_again => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        let gate = meddler.hold(Mode::Write, 1);
        let importing = tokio::spawn({
            let slow = tenant(&app, &org);
            async move { import(&app, &slow, &[(1, MINUTE, 2.0)]).await }
        });
        meddler.wait_for_arrivals(1).await;
        // by a clock that is ahead the lease has run out; whoever takes it then gives it back
        let later = product.again(Clock::system().with_wall_offset(3 * MINUTE)).await;
        let other = tenant(&later, &org);
        let taken = store::fold::lease(&other, &later.entropy).await.unwrap().expect("the lease has run out");
        taken.release(&other).await.unwrap();
        gate.send(()).unwrap();
        assert_eq!(importing.await.unwrap().unwrap().points, 1);
        assert_eq!(points(&direct, 1).await, [(MINUTE, 2.0)]);
    };

    rule_6_a_deleted_series_comes_back_with_what_is_imported_alone => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        append(&tenant, &line(1, 0, 300)).await;
        fold_all(&product.app, &tenant).await;
        append(&tenant, &line(1, 300, 5)).await;
        delete(&tenant, 1).await;
        import(&product.app, &tenant, &[(1, 7 * MINUTE, 1.0)]).await.unwrap();
        assert_eq!(points(&tenant, 1).await, [(7 * MINUTE, 1.0)]);
        assert_eq!(integer(&tenant, SERIES_COUNT).await, 1);
        fold_all(&product.app, &tenant).await;
        assert_eq!(points(&tenant, 1).await, [(7 * MINUTE, 1.0)]);
    };

    rule_6_series_over_the_cap_are_refused_by_name_and_the_others_stored => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        append(&tenant, &[(1, MINUTE, 1.0)]).await;
        let samples: Vec<_> = (1..=4).map(|number| sample(number, 2 * MINUTE, 2.0)).collect();
        let names: Vec<_> = (1..=4).map(series).collect();
        let mut importer = Importer::new(&tenant, &product.app.entropy, Some(3));
        let imported = importer.write(samples, names.iter(), None).await.unwrap();
        assert_eq!((imported.points, imported.refused.len()), (3, 1));
        assert_eq!(integer(&tenant, SERIES_COUNT).await, 3);
        for number in 1..=4 {
            let stored = points(&tenant, number).await.iter().any(|(at, _)| *at == 2 * MINUTE);
            assert_eq!(stored, !imported.refused.contains(&id(number)), "series {number}");
        }
        assert!(!imported.refused.contains(&id(1)), "one that is there already fits");
    };

    rule_6_progress_is_stored_with_the_last_points_or_not_at_all => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        let tenant = tenant(&app, &org);
        let progress = Progress { import_id: "file".into(), byte: 100, line: 10, points: 9, refused: 1 };
        for (fault, done) in [(Fault::Before, false), (Fault::After, true)] {
            meddler.fail_write(1, fault);
            let mut importer = Importer::new(&tenant, &app.entropy, None);
            let names = [series(1)];
            let died = importer.write(vec![sample(1, MINUTE, 2.0)], names.iter(), Some(&progress)).await;
            assert!(died.is_err());
            assert_eq!(store::import::progress(&tenant, "file").await.unwrap().is_some(), done);
            assert_eq!(points(&tenant, 1).await.len(), usize::from(done));
        }
        assert_eq!(store::import::progress(&tenant, "file").await.unwrap(), Some(progress));
        store::import::forget(&tenant, "file").await.unwrap();
        assert_eq!(store::import::progress(&tenant, "file").await.unwrap(), None);
    };

    rule_6_history_that_is_known_already_writes_no_chunk => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        import(&product.app, &tenant, &line(1, 0, 2_000)).await.unwrap();
        let version = "SELECT layout_version FROM org_state WHERE org_id = (SELECT org_id FROM authority)";
        let before = integer(&tenant, version).await;
        import(&product.app, &tenant, &line(1, 500, 1_000)).await.unwrap();
        assert_eq!(integer(&tenant, version).await, before);
        assert_eq!(points(&tenant, 1).await, values(&line(1, 0, 2_000)));
    };

    rule_6_a_sparse_series_costs_no_row_a_point => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        let few: Vec<_> = (0..60).flat_map(|number| line(number, number, 12)).collect();
        import(&product.app, &tenant, &few).await.unwrap();
        assert_eq!(integer(&tenant, "SELECT count(*) FROM metrics WHERE org_id = (SELECT org_id FROM authority)").await, 0);
        assert_eq!(integer(&tenant, "SELECT count(*) FROM metric_segments WHERE org_id = (SELECT org_id FROM authority)").await, 1);
        // more comes, until it is enough for a chunk
        for slice in 1..25 {
            import(&product.app, &tenant, &line(7, 7 + slice * 12, 12)).await.unwrap();
        }
        assert_eq!(points(&tenant, 7).await, values(&line(7, 7, 300)));
        assert_eq!(integer(&tenant, "SELECT count(*) FROM metrics WHERE org_id = (SELECT org_id FROM authority)").await, 1);
        assert_eq!(points(&tenant, 8).await, values(&line(8, 8, 12)));
    };

    the_point_before_the_newest_is_found_where_the_newest_chunk_has_one => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let tenant = tenant(&product.app, &org);
        import(&product.app, &tenant, &line(1, 0, 300)).await.unwrap();
        // as it is left where what came before fills its pages
        let last = codec::chunk::encode(&[Point { timestamp: 400 * MINUTE, value: 1.0 }]);
        tenant.run(Batch::write_one(Step::tenant(
            "INSERT INTO metrics SELECT org_id, ?2, ?3, ?3, 1, ?4 FROM authority",
            args![id(1), 400 * MINUTE, last],
        ))).await.unwrap();
        let latest = store::latest(&tenant, &[id(1)]).await.unwrap()[&id(1)];
        assert_eq!((latest.point.timestamp, latest.previous), (400 * MINUTE, Some(299 * MINUTE)));
    };

    rule_6_more_than_a_batch_may_hold_goes_in_several => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let meddler = Meddler::new(product.open());
        let app = product.on(meddler.clone(), Clock::system());
        let tenant = tenant(&app, &org);
        // doubles that do not pack, of one series
        let history: Vec<_> = (0..150_000).map(|at| (1, at * 977, (at as f64).sqrt())).collect();
        import(&app, &tenant, &history).await.unwrap();
        assert!(meddler.largest_write() < 2_000_000, "{} bytes", meddler.largest_write());
        assert_eq!(points(&tenant, 1).await, values(&history));
        assert_eq!(integer(&tenant, OVERLAPPING).await, 0);
    };
}
