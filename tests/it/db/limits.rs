//! What a server takes and gives at most: what the store's pages and lists are made for (docs/decisions/0020).

use super::fixture::Fixture;
use db::{Batch, DbError, Reply, Step, args};

/// Texts of this length, as an argument, and back in the reply if `back`.
async fn send(fixture: &Fixture, lengths: &[usize], back: bool) -> Result<Reply, DbError> {
    let mut batch = Batch::read();
    for length in lengths {
        let sql = if back { "SELECT ?1" } else { "SELECT length(?1)" };
        batch.push(Step::global(sql, args!["x".repeat(*length)]));
    }
    fixture.run(batch).await
}

#[tokio::test]
async fn a_text_has_at_most_5_000_000_bytes() {
    let server = Fixture::remote();
    assert!(send(&server, &[5_000_000], false).await.is_ok());
    let refused = send(&server, &[5_000_001], false).await;
    assert!(
        matches!(&refused, Err(DbError::Other(said)) if said.contains("too big")),
        "{refused:?}"
    );
    // several together may be longer
    assert!(send(&server, &[4_000_000; 5], false).await.is_ok());
    let file = Fixture::embedded();
    assert!(send(&file, &[5_000_001], false).await.is_ok());
}

#[tokio::test]
async fn a_reply_has_at_most_10_mb() {
    let server = Fixture::remote();
    assert!(send(&server, &[4_500_000; 2], true).await.is_ok());
    let refused = send(&server, &[4_500_000; 3], true).await;
    assert!(matches!(refused, Err(DbError::TooLarge)), "{refused:?}");
    let file = Fixture::embedded();
    assert!(send(&file, &[4_500_000; 3], true).await.is_ok());
}
