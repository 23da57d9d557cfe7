use crate::product::Product;
use db::{Batch, Step};

/// What the tables hold and take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    /// pages in use, in bytes
    bytes: i64,
    chunks: i64,
    segments: i64,
    /// points in chunks
    in_chunks: i64,
    /// bytes of the rows of `time_series` and its index, without what pages lose
    series: i64,
}

impl Tables {
    pub(super) async fn read(product: &Product) -> Self {
        let number = async |sql: &'static str| -> i64 {
            let operator = product.app.operator(None);
            let reply = operator
                .run(Batch::read_one(Step::global(sql, vec![])))
                .await
                .expect("a reply");
            reply.step(0).and_then(|rows| rows.one()?.integer(0)).expect("a number")
        };
        Self {
            bytes: intentvision::store::footprint(&product.app.operator(None)).await.expect("the footprint"),
            chunks: number("SELECT count(*) FROM metrics").await,
            segments: number("SELECT count(*) FROM metric_segments").await,
            in_chunks: number("SELECT coalesce(sum(points), 0) FROM metrics").await,
            series: number(
                "SELECT coalesce(sum(2 * length(org_id) + 2 * length(metric_key) + length(dimensions) + 16 + 40), 0) FROM time_series",
            )
            .await,
        }
    }

    /// With the pages of the empty database taken off.
    pub(super) fn without(mut self, empty: &Self) -> Self {
        self.bytes -= empty.bytes;
        self
    }

    /// Those of chunks and segments.
    pub(super) fn bytes_of_points(&self) -> i64 {
        self.bytes - self.series
    }

    /// Prints the row of this day.
    pub(super) fn print(&self, day: usize, points: usize, series: usize) {
        println!(
            "| {day} | {:.3} | {} of {:.0} points | {} | {} |",
            self.bytes_of_points() as f64 / points as f64,
            self.chunks,
            self.in_chunks as f64 / self.chunks.max(1) as f64,
            self.segments,
            self.series / i64::try_from(series).unwrap_or(1),
        );
    }
}
