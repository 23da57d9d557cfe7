//! The daily tidy: once a day, whatever comes, and never at the expense of a point.

use super::meddler::Meddler;
use super::{append, fold_all, id, integer, maintain_all, organization, points, tenant};
use db::Mode;
use intentvision::clock::{Clock, DAY};
use intentvision::config::Config;
use intentvision::keys::Environment;
use intentvision::series;
use intentvision::store;
use intentvision::store::tidy::{Tidied, begin, tidy};
use tests::on_both;
use tests::product::Product;

const CHUNKS: &str = "SELECT count(*) FROM metrics WHERE org_id = (SELECT org_id FROM authority)";
const SEGMENTS: &str = "SELECT count(*) FROM metric_segments WHERE org_id = (SELECT org_id FROM authority)";
const CHUNK_POINTS: &str = "SELECT coalesce(sum(points), 0) FROM metrics WHERE org_id = (SELECT org_id FROM authority)";
const SERIES: &str = "SELECT series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)";

fn stretch(number: i64, first: i64, count: i64) -> Vec<(i64, i64, f64)> {
    (first..first + count)
        .map(|at| (number, at * 60_000, (at % 97) as f64 / 4.0))
        .collect()
}

on_both! {
    late_points_are_seen_at_once_and_reach_their_chunk_once_a_day => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let first = tenant(&product.app, &org);
        append(&first, &stretch(1, 0, 256)).await;
        maintain_all(&product.app, &first).await;
        for at in 0..6 {
            append(&first, &[(1, at * 60_000 + 1, 5.0), (1, at * 60_000, 7.0)]).await;
            maintain::run(&product.app).await.unwrap();
            fold_all(&product.app, &first).await;
        }
        let seen = points(&first, 1).await;
        assert_eq!(seen.len(), 262);
        assert_eq!(seen[..3], [(0, 7.0), (1, 5.0), (60_000, 7.0)]);
        assert_eq!(integer(&first, CHUNK_POINTS).await, 256, "the chunk is as it was");

        let tomorrow = product.again(Clock::system().with_wall_offset(DAY)).await;
        let summary = maintain::run(&tomorrow).await.unwrap();
        assert_eq!((summary.tidied, summary.failed), (1, 0));
        assert_eq!(integer(&first, CHUNK_POINTS).await, 262);
        assert_eq!(integer(&first, SEGMENTS).await, 0);
        assert_eq!(points(&first, 1).await, seen);
        assert_eq!(maintain::run(&tomorrow).await.unwrap().tidied, 0, "once a day");
    };

    small_chunks_merge_and_every_read_gives_the_same => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let values = |part: i64| -> Vec<(i64, i64, f64)> {
            (part * 256..(part + 1) * 256).map(|at| (1, at * 60_000, ((at * at) % 8_191) as f64 / 100.0)).collect()
        };
        for part in 0..14 {
            append(&tenant, &values(part)).await;
            fold_all(&product.app, &tenant).await;
        }
        let before = (points(&tenant, 1).await, integer(&tenant, CHUNKS).await);
        let newest = store::newest(&tenant, id(1), 600).await.unwrap();
        let part = store::points(&tenant, id(1), Some(1_000 * 60_000), Some(1_500 * 60_000)).await.unwrap();
        maintain_all(&product.app, &tenant).await;
        assert!(integer(&tenant, CHUNKS).await * 2 < before.1);
        assert_eq!(points(&tenant, 1).await, before.0);
        let after = store::newest(&tenant, id(1), 600).await.unwrap();
        assert_eq!((newest.len(), &after), (600, &newest));
        assert_eq!(store::points(&tenant, id(1), Some(1_000 * 60_000), Some(1_500 * 60_000)).await.unwrap(), part);
        let item = series::get(&tenant, id(1)).await.unwrap();
        assert_eq!((item.point_count, item.start_time), (Some(14 * 256), Some(0)));
    };

    the_newest_points_have_no_hole_however_late_points_came => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        for part in 0..8 {
            append(&tenant, &stretch(1, part * 5_000, 5_000)).await;
            fold_all(&product.app, &tenant).await;
        }
        append(&tenant, &[(1, 30, 1.0), (1, 39_000 * 60_000 + 30, 2.0)]).await;
        for _ in 0..2 {
            let newest = store::newest(&tenant, id(1), 100).await.unwrap();
            assert_eq!(newest.len(), 100);
            let widest = newest.windows(2).map(|pair| pair[1].timestamp - pair[0].timestamp).max();
            assert_eq!(widest, Some(60_000), "{} points", newest.len());
            fold_all(&product.app, &tenant).await;
        }
    };

    a_reader_between_two_pages_never_sees_half_a_tidy => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let direct = tenant(&product.app, &org);
        // chunks that do not pack, more of them than a page has
        for part in 0..140 {
            let lot: Vec<_> = (part * 256..(part + 1) * 256).map(|at| (2, at * 1_000, (at as f64).sqrt())).collect();
            append(&direct, &lot).await;
            fold_all(&product.app, &direct).await;
        }
        let before = integer(&direct, CHUNKS).await;
        assert!(before > 128, "{before}");
        let all = points(&direct, 2).await;
        let meddler = Meddler::new(product.open());
        let slow = tenant(&product.on(meddler.clone(), Clock::system()), &org);
        let gate = meddler.hold(Mode::Read, 1);
        let reading = tokio::spawn(async move { points(&slow, 2).await });
        meddler.somebody_waits().await;
        maintain_all(&product.app, &direct).await;
        assert!(integer(&direct, CHUNKS).await < before);
        gate.send(()).unwrap();
        assert_eq!(reading.await.unwrap(), all);
    };

    a_tidy_that_lost_its_lease_writes_nothing => async |product: Product| {
        let org = product.organization("acme", Environment::Live).await;
        let first = tenant(&product.app, &org);
        append(&first, &stretch(1, 0, 256)).await;
        fold_all(&product.app, &first).await;
        append(&first, &[(1, 1, 1.0)]).await;
        fold_all(&product.app, &first).await;
        let lease = store::fold::lease(&first, &product.app.entropy).await.unwrap().unwrap();
        begin(&first).await.unwrap();
        let later = product.again(Clock::system().with_wall_offset(DAY)).await;
        let second = tenant(&later, &org);
        let taken = store::fold::lease(&second, &later.entropy).await.unwrap().unwrap();
        assert_eq!(tidy(&first, &lease).await.unwrap(), Tidied::Fenced);
        assert_eq!(integer(&first, CHUNK_POINTS).await, 256);
        assert_eq!(tidy(&second, &taken).await.unwrap(), Tidied::Some { series: 1, more: false });
        assert_eq!(integer(&first, CHUNK_POINTS).await, 257);
    };

    who_finds_somebody_else_at_it_says_so_and_does_nothing => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        append(&tenant, &stretch(1, 0, 300)).await;
        let lease = store::fold::lease(&tenant, &product.app.entropy).await.unwrap().unwrap();
        let summary = maintain::run_everything(&product.app).await.unwrap();
        assert_eq!((summary.busy, summary.folded, summary.failed), (1, 0, 0));
        lease.release(&tenant).await.unwrap();
        let summary = maintain::run_everything(&product.app).await.unwrap();
        assert_eq!((summary.busy, summary.folded, summary.tidied), (0, 1, 1));
    };

    a_pass_goes_on_where_it_was => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        append(&tenant, &(0..1_300).map(|number| (number, 60_000, 1.0)).collect::<Vec<_>>()).await;
        fold_all(&product.app, &tenant).await;
        let lease = store::fold::lease(&tenant, &product.app.entropy).await.unwrap().unwrap();
        begin(&tenant).await.unwrap();
        let mut seen = Vec::new();
        loop {
            let Tidied::Some { series, more } = tidy(&tenant, &lease).await.unwrap() else { panic!("fenced") };
            seen.push(series);
            if !more {
                break;
            }
        }
        assert_eq!(seen, [512, 512, 276]);
        assert_eq!(tidy(&tenant, &lease).await.unwrap(), Tidied::Some { series: 0, more: false });
        let unknown = "SELECT count(*) FROM time_series WHERE org_id = (SELECT org_id FROM authority) AND point_count IS NULL";
        assert_eq!(integer(&tenant, unknown).await, 0);
    };

    retention_hides_at_once_and_removes_with_the_tidy => async |product: Product| {
        let clock = Clock::at(100 * DAY);
        let mut app = product.again(clock.clone()).await;
        app.config = std::sync::Arc::new(Config { retention: Some(10 * DAY), ..Config::clone(&app.config) });
        let org = product.organization("acme", Environment::Live).await;
        let keeping = tenant(&product.app, &org);
        let hour = |day: i64, hour: i64| day * DAY + hour * 3_600_000;
        // an old series, a long one, and one that is old and of which a point still waits
        append(&keeping, &(0..300).map(|at| (1, hour(80, at / 60) + at % 60, 1.0)).collect::<Vec<_>>()).await;
        append(&keeping, &(0..720).map(|at| (2, hour(70, at), at as f64)).collect::<Vec<_>>()).await;
        append(&keeping, &[(3, hour(80, 0), 1.0)]).await;
        maintain_all(&product.app, &keeping).await;
        append(&keeping, &[(3, hour(99, 0), 2.0)]).await;
        let tenant = tenant(&app, &org);
        for _ in 0..2 {
            assert!(points(&tenant, 1).await.is_empty());
            let long = points(&tenant, 2).await;
            assert_eq!((long.len(), long[0].0), (240, 90 * DAY));
            assert_eq!(points(&tenant, 3).await, [(hour(99, 0), 2.0)]);
            maintain_all(&app, &tenant).await;
        }
        maintain_all(&app, &tenant).await;
        assert_eq!(integer(&tenant, SERIES).await, 2, "nothing is left of the first");
        let oldest = "SELECT coalesce(min(end_ts), 0) FROM metrics WHERE org_id = (SELECT org_id FROM authority)";
        assert!(integer(&tenant, oldest).await >= 90 * DAY);
        append(&tenant, &[(1, hour(99, 0), 3.0)]).await;
        assert_eq!(points(&tenant, 1).await, [(hour(99, 0), 3.0)], "it can come back");
    };
}
