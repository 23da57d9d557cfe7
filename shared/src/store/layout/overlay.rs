use crate::series::Point;

/// Points with others that win over them, both ascending.
pub(in super::super) fn overlaid(points: Vec<Point>, over: &[Point]) -> Vec<Point> {
    let Some(first) = over.first() else { return points };
    let untouched = points.partition_point(|point| point.timestamp < first.timestamp);
    if untouched == points.len() {
        let mut all = points;
        all.extend_from_slice(over);
        return all;
    }
    let mut all = Vec::with_capacity(points.len() + over.len());
    let mut under = points.into_iter().peekable();
    for point in over {
        while let Some(older) = under.next_if(|older| older.timestamp < point.timestamp) {
            all.push(older);
        }
        under.next_if(|older| older.timestamp == point.timestamp);
        all.push(*point);
    }
    all.extend(under);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn points(map: &BTreeMap<i64, f64>) -> Vec<Point> {
        let point = |(timestamp, value): (&i64, &f64)| Point {
            timestamp: *timestamp,
            value: *value,
        };
        map.iter().map(point).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_map_that_takes_another(
            under in prop::collection::btree_map(-20i64..20, -9.0f64..9.0, 0..20),
            over in prop::collection::btree_map(-20i64..20, -9.0f64..9.0, 0..20),
        ) {
            let mut both = under.clone();
            both.extend(&over);
            prop_assert_eq!(overlaid(points(&under), &points(&over)), points(&both));
        }
    }
}
