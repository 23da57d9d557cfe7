use crate::Error;
use crate::auth::Tenant;
use db::{Batch, Step};

/// Bytes of the pages in use by the whole database, of which a file may have more.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn footprint(operator: &Tenant) -> Result<i64, Error> {
    let step = Step::global(
        "SELECT (all_pages.page_count - free.freelist_count) * size.page_size
         FROM pragma_page_count() AS all_pages, pragma_freelist_count() AS free, pragma_page_size() AS size",
        vec![],
    );
    let reply = operator.run(Batch::read_one(step)).await?;
    Ok(reply.step(0)?.one()?.integer(0)?)
}
