//! Rules 2, 5 and 9, by example.

use super::{append, delete, fold_all, id, integer, organization, points, tenant};
use db::{Batch, Step};
use intentvision::clock::DAY;
use intentvision::series::{self, Dimensions, Filter, MetricKey};
use intentvision::store;
use tests::on_both;
use tests::product::{Backend, Product};

const FOLDED: &str = "SELECT (SELECT count(*) FROM metrics WHERE org_id = a.org_id)
    + (SELECT count(*) FROM metric_segments WHERE org_id = a.org_id) FROM authority AS a";

on_both! {
    rule_2_a_corrected_value_wins_if_it_is_acknowledged_later => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let day: Vec<_> = (0..300).map(|at| (1, at * 60_000, 1.0)).collect();
        append(&tenant, &day).await;
        append(&tenant, &[(1, 60_000, 2.0), (1, 299 * 60_000, 2.0)]).await;
        assert_eq!(points(&tenant, 1).await[1], (60_000, 2.0));
        fold_all(&product.app, &tenant).await;
        // one in a closed chunk, one in a segment
        append(&tenant, &[(1, 60_000, 3.0), (1, 299 * 60_000, 3.0)]).await;
        for _ in 0..2 {
            let found = points(&tenant, 1).await;
            assert_eq!((found.len(), found[1], found[299]), (300, (60_000, 3.0), (299 * 60_000, 3.0)));
            fold_all(&product.app, &tenant).await;
        }
    };

    rule_2_equal_duplicates_converge_in_any_order => async |product: Product| {
        let batches: [&[(i64, i64, f64)]; 3] =
            [&[(1, 60_000, 1.5), (1, 120_000, 2.5)], &[(1, 120_000, 2.5), (1, 180_000, 3.5)], &[(1, 60_000, 1.5)]];
        let orders = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 1, 0], [0, 2, 1]];
        let mut seen = Vec::new();
        for (at, order) in orders.into_iter().enumerate() {
            let tenant = organization(&product, &format!("order {at}")).await;
            for which in order {
                append(&tenant, batches[which]).await;
                if at % 2 == 0 {
                    fold_all(&product.app, &tenant).await;
                }
            }
            seen.push(points(&tenant, 1).await);
        }
        assert!(seen.iter().all(|points| *points == [(60_000, 1.5), (120_000, 2.5), (180_000, 3.5)]), "{seen:?}");
    };

    rule_5_a_deletion_counts_before_and_after_the_fold_that_passes_it => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let many: Vec<_> = (0..300).flat_map(|at| [(1, at * 60_000, 1.0), (2, at * 60_000, 2.0)]).collect();
        append(&tenant, &many).await;
        fold_all(&product.app, &tenant).await;
        append(&tenant, &[(1, 300 * 60_000, 1.0)]).await;
        delete(&tenant, 1).await;
        assert!(points(&tenant, 1).await.is_empty(), "folded data and older batches are skipped");
        assert!(store::latest(&tenant, &[id(1)]).await.unwrap().is_empty());
        assert!(matches!(series::get(&tenant, id(1)).await, Err(intentvision::Error::NotFound(_))));
        // later points revive it
        append(&tenant, &[(1, 5 * 60_000, 7.0)]).await;
        for _ in 0..2 {
            assert_eq!(points(&tenant, 1).await, [(5 * 60_000, 7.0)]);
            assert_eq!(points(&tenant, 2).await.len(), 300);
            assert_eq!(series::get(&tenant, id(1)).await.unwrap().last_value, Some(7.0));
            fold_all(&product.app, &tenant).await;
        }
        delete(&tenant, 1).await;
        delete(&tenant, 2).await;
        fold_all(&product.app, &tenant).await;
        assert_eq!(integer(&tenant, FOLDED).await, 0, "a fold removes what was deleted");
        assert_eq!(integer(&tenant, "SELECT series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)").await, 0);
        assert_eq!(integer(&tenant, "SELECT count(*) FROM time_series WHERE org_id = (SELECT org_id FROM authority)").await, 0);
    };

    maintenance_of_a_series_is_at_most_daily => async |product: Product| {
        let org = product.organization("acme", intentvision::keys::Environment::Live).await;
        let today = tenant(&product.app, &org);
        append(&today, &(0..300).map(|at| (1, at * 60_000, 1.0)).collect::<Vec<_>>()).await;
        assert_eq!(series::get(&today, id(1)).await.unwrap().point_count, None);
        fold_all(&product.app, &today).await;
        let item = series::get(&today, id(1)).await.unwrap();
        assert_eq!((item.point_count, item.frequency.as_deref(), item.start_time), (Some(300), Some("1m"), Some(0)));
        append(&today, &[(1, 300 * 60_000, 9.0)]).await;
        fold_all(&product.app, &today).await;
        let item = series::get(&today, id(1)).await.unwrap();
        assert_eq!((item.point_count, item.end_time, item.last_value), (Some(300), Some(300 * 60_000), Some(9.0)));
        let later = product.again(intentvision::clock::Clock::system().with_wall_offset(DAY)).await;
        let tomorrow = tenant(&later, &org);
        append(&tomorrow, &[(1, 301 * 60_000, 9.0)]).await;
        maintain::run(&later).await.unwrap();
        assert_eq!(series::get(&tomorrow, id(1)).await.unwrap().point_count, Some(302));
    };
}

#[tokio::test]
async fn rule_9_keys_put_first_what_a_read_asks_for_and_series_are_integers() {
    let product = Product::start(Backend::Embedded).await;
    let operator = product.app.operator(None);
    let column = async |sql: &'static str| {
        let reply = operator.run(Batch::read_one(Step::global(sql, vec![]))).await.unwrap();
        let rows = &reply.step(0).unwrap().rows;
        rows.iter()
            .map(|row| row.text(0).unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (sql, expected) in [
        (
            "SELECT name FROM pragma_table_info('metric_segments') WHERE pk > 0 ORDER BY pk",
            "org_id, bucket, start_ts",
        ),
        (
            "SELECT name FROM pragma_table_info('metrics') WHERE pk > 0 ORDER BY pk",
            "org_id, series_id, start_ts",
        ),
        (
            "SELECT name FROM pragma_table_info('metric_batches') WHERE pk > 0 ORDER BY pk",
            "org_id, seq",
        ),
        (
            "SELECT DISTINCT c.type FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND c.name = 'series_id'",
            "INTEGER",
        ),
    ] {
        assert_eq!(column(sql).await, expected);
    }
}

#[tokio::test]
async fn rule_9_a_read_of_one_series_reads_few_rows() {
    let product = Product::start(Backend::Remote).await;
    let org = product
        .organization("acme", intentvision::keys::Environment::Live)
        .await;
    let writer = tenant(&product.app, &org);
    for part in 0..6 {
        let samples: Vec<_> = (0..50)
            .flat_map(|at| (0..200).map(move |number| (number, (part * 50 + at) * 300_000, (number + at) as f64)))
            .collect();
        append(&writer, &samples).await;
        fold_all(&product.app, &writer).await;
    }
    let meter = crate::store::meddler::Meddler::new(product.open());
    let reader = tenant(&product.on(meter.clone(), intentvision::clock::Clock::system()), &org);
    assert_eq!(points(&reader, 3).await.len(), 300);
    assert!(meter.rows_read() <= 60, "{} rows read", meter.rows_read());
}

/// What a request is about is looked up, and not looked for among all series.
#[tokio::test]
async fn rule_9_few_series_among_many_cost_few_rows() {
    let product = Product::start(Backend::Remote).await;
    let org = product
        .organization("acme", intentvision::keys::Environment::Live)
        .await;
    let writer = tenant(&product.app, &org);
    append(&writer, &(0..3_000).map(|n| (n, 60_000, 1.0)).collect::<Vec<_>>()).await;
    fold_all(&product.app, &writer).await;
    let meter = crate::store::meddler::Meddler::new(product.open());
    // two days later, so that the daily summary is due
    let clock = intentvision::clock::Clock::system().with_wall_offset(2 * DAY);
    let app = product.on(meter.clone(), clock);
    let later = tenant(&app, &org);
    let mut last = 0;
    let mut read = |what: &str, most: u64| {
        let rows = meter.rows_read() - last;
        last += rows;
        assert!(rows <= most, "{what}: {rows} rows read");
    };
    append(&later, &(0..5).map(|n| (n, 120_000, 2.0)).collect::<Vec<_>>()).await;
    read("a request of a process that knows no series", 100);
    assert_eq!(fold_all(&app, &later).await, 1);
    read("a fold with five summaries", 300);
    let (m, other) = (MetricKey::parse("m").unwrap(), MetricKey::parse("other").unwrap());
    let name = Dimensions::new([("id".to_owned(), "7".to_owned())]).unwrap();
    series::resolve_one(&later, &m, Some(&name)).await.unwrap();
    read("one series by its name", 10);
    assert!(
        series::matching(&later, &[other.clone().into()])
            .await
            .unwrap()
            .is_empty()
    );
    read("the series of a metric", 10);
    let filter = Filter {
        metric_key: Some(other),
        ..Filter::default()
    };
    assert!(series::list(&later, &filter, 10, None).await.unwrap().items.is_empty());
    read("the list of a metric", 10);
}
