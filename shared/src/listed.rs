//! Rows as arguments of a statement, which reads them with `json_each`.

use crate::Error;
use serde::Serialize;

/// Bytes of one list, unless it has one row. A server takes no text of more than 5,000,000.
const BYTES: usize = 1024 * 1024;

/// These rows as JSON arrays, in order; none if there are no rows. Rows are best arrays themselves: the database reads those
/// quicker than objects.
///
/// # Errors
/// 503 if a row cannot be written as JSON.
pub(crate) fn listed(rows: impl IntoIterator<Item = impl Serialize>) -> Result<Vec<String>, Error> {
    let mut lists: Vec<String> = Vec::new();
    for row in rows {
        let row = serde_json::to_string(&row).map_err(|error| Error::unavailable(error.to_string()))?;
        match lists.last_mut() {
            Some(list) if list.len() + row.len() < BYTES => {
                list.push(',');
                list.push_str(&row);
            }
            _ => lists.push(format!("[{row}")),
        }
    }
    for list in &mut lists {
        list.push(']');
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_rows_are_no_list() {
        assert_eq!(listed([0; 0]).unwrap(), Vec::<String>::new());
        assert_eq!(listed([(1, "a"), (2, "]")]).unwrap(), [r#"[[1,"a"],[2,"]"]]"#]);
    }

    proptest! {
        #[test]
        fn lists_hold_all_rows_in_order_and_are_no_longer_than_they_may_be(lengths in proptest::collection::vec(0..2 * BYTES, 0..8)) {
            let rows: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let lists = listed(&rows).unwrap();
            let read: Vec<Vec<String>> = lists.iter().map(|list| serde_json::from_str(list).unwrap()).collect();
            for (list, rows) in lists.iter().zip(&read) {
                prop_assert!(list.len() <= BYTES + 1 || rows.len() == 1);
            }
            // no two neighbours fit into one
            for pair in lists.windows(2) {
                prop_assert!(pair[0].len() + pair[1].len() > BYTES);
            }
            prop_assert_eq!(read.concat(), rows);
        }
    }
}
