//! Rule 4: a new series is inserted with the batch that first carries it, or nothing is.

use super::{HIGHEST, delete, id, integer, organization, points, sample, series};
use db::{Batch, DbError};
use intentvision::auth::Tenant;
use intentvision::series::{Dimensions, MetricKey, SeriesRef};
use intentvision::store::Sample;
use intentvision::store::append::{Append, Refusal};
use tests::on_both;
use tests::product::Product;

const SERIES: &str = "SELECT count(*) FROM time_series WHERE org_id = (SELECT org_id FROM authority)";
const COUNTED: &str = "SELECT series_count FROM org_state WHERE org_id = (SELECT org_id FROM authority)";

async fn place(
    tenant: &Tenant,
    samples: &[Sample],
    names: &[SeriesRef],
    epoch: Option<i64>,
    max_series: Option<u64>,
) -> Result<i64, Option<Refusal>> {
    let names: Vec<&SeriesRef> = names.iter().collect();
    let append = Append {
        samples,
        series: &names,
        epoch,
        max_series,
        backfill: false,
        provenance: None,
    };
    let mut batch = Batch::write();
    let placed = append.place(&mut batch, tenant).unwrap();
    match tenant.run(batch).await {
        Ok(reply) => Ok(placed.epoch(&reply).unwrap()),
        Err(error @ DbError::Raised { .. }) => Err(placed.refusal(&error)),
        Err(other) => panic!("{other}"),
    }
}

on_both! {
    rule_4_a_new_series_comes_with_its_first_batch_and_known_ones_need_not_be_sent => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let epoch = place(&tenant, &[sample(1, 1, 1.0)], &[series(1)], None, Some(1)).await.unwrap();
        assert_eq!((integer(&tenant, SERIES).await, integer(&tenant, COUNTED).await), (1, 1));
        place(&tenant, &[sample(1, 2, 1.0)], &[], Some(epoch), Some(1)).await.unwrap();
        place(&tenant, &[sample(1, 3, 1.0)], &[series(1)], Some(epoch), Some(1)).await.unwrap();
        assert_eq!((integer(&tenant, SERIES).await, integer(&tenant, COUNTED).await), (1, 1));
        assert_eq!(points(&tenant, 1).await.len(), 3);
    };

    /// A server takes no text of more than 5,000,000 bytes: they go in several lists, and the cap holds over all of them.
    rule_4_new_series_of_long_names_come_in_one_batch => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let named = |number: usize| {
            let value = |key: usize| (format!("k{key:02}"), "\"".repeat(1_024));
            let dimensions = (0..29).map(value).chain([("host".to_owned(), number.to_string())]);
            SeriesRef::new(MetricKey::parse("long").unwrap(), Dimensions::new(dimensions).unwrap())
        };
        let names: Vec<SeriesRef> = (0..60).map(named).collect();
        let samples: Vec<Sample> = names
            .iter()
            .map(|name| Sample { series_id: name.series_id, timestamp: 1, value: 1.0 })
            .collect();
        let refused = place(&tenant, &samples, &names, None, Some(59)).await;
        assert_eq!(refused, Err(Some(Refusal::SeriesLimit)));
        assert_eq!((integer(&tenant, SERIES).await, integer(&tenant, COUNTED).await), (0, 0));
        place(&tenant, &samples, &names, None, Some(60)).await.unwrap();
        assert_eq!((integer(&tenant, SERIES).await, integer(&tenant, COUNTED).await), (60, 60));
    };

    rule_4_the_cap_a_collision_and_a_stale_epoch_write_nothing => async |product: Product| {
        let tenant = organization(&product, "acme").await;
        let epoch = place(&tenant, &[sample(1, 1, 1.0)], &[series(1)], None, Some(2)).await.unwrap();
        let two = [sample(2, 1, 1.0), sample(3, 1, 1.0)];
        let refused = place(&tenant, &two, &[series(2), series(3)], Some(epoch), Some(2)).await;
        assert_eq!(refused, Err(Some(Refusal::SeriesLimit)));

        // another name with the same identity
        let mut impostor = series(1);
        impostor.metric_key = MetricKey::parse("other").unwrap();
        let refused = place(&tenant, &[sample(1, 9, 9.0)], &[impostor], None, None).await;
        assert_eq!(refused, Err(Some(Refusal::Collision)));

        delete(&tenant, 1).await;
        let refused = place(&tenant, &[sample(1, 9, 9.0)], &[], Some(epoch), None).await;
        assert_eq!(refused, Err(Some(Refusal::StaleEpoch)));

        assert_eq!(integer(&tenant, HIGHEST).await, 2, "the first batch and the deletion");
        assert_eq!((integer(&tenant, SERIES).await, integer(&tenant, COUNTED).await), (1, 1));
        assert_eq!(id(1), series(1).series_id);
    };
}
