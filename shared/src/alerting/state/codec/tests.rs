use super::*;
use crate::alerting::condition::{Keep, Need, Recent, Summary};
use crate::clock::Millis;
use prediction::detect::{Detector, Settings, Stream};
use proptest::prelude::*;

fn some_instance() -> impl Strategy<Value = Instance> {
    let minute = -1_000_000..1_000_000_000_i64;
    let state = || (0..6_usize).prop_map(|index| State::ALL[index]);
    (
        state(),
        minute.clone(),
        proptest::option::of(minute.clone()),
        any::<bool>(),
        proptest::option::of((state(), minute)),
    )
        .prop_map(|(state, since, alert, held, before)| Instance {
            state,
            since: since * MINUTE,
            alert: alert.map(|minute| minute * MINUTE),
            held,
            before: before.map(|(state, minute)| (state, minute * MINUTE)),
        })
}

fn some_observed() -> impl Strategy<Value = Observed> {
    let last = (any::<i64>(), -1e300..1e300_f64, any::<i64>()).prop_map(|(timestamp, value, minute)| Last {
        point: Point { timestamp, value },
        minute,
    });
    (
        proptest::option::of(any::<i64>()),
        any::<i64>(),
        proptest::option::of(last),
    )
        .prop_map(|(newest, interval, last)| Observed { newest, interval, last })
}

const TOLD: Told = Told {
    since: 60_000,
    silence: false,
};

/// As a detector leaves it after some points.
fn some_detection() -> impl Strategy<Value = Box<Detection>> {
    let points = proptest::collection::vec(-1e3..1e3_f64, 0..40);
    (proptest::option::of(points), proptest::option::of(any::<(i64, bool)>())).prop_map(|(points, told)| {
        let detector = Detector::new(Settings::default());
        let mut detection = Detection {
            told: told.map(|(since, silence)| Told { since, silence }),
            ..Detection::default()
        };
        detection.hot = points.map(|points| {
            let mut stream = Stream::default();
            for (time, value) in (0..).step_by(300_000).zip(points) {
                let verdict = stream.push(&detector, time, Some(value), None);
                detection.watch.note(Some(value), &verdict);
            }
            stream.hot
        });
        Box::new(detection)
    })
}

/// As points leave them, some with a delay.
fn some_recents() -> impl Strategy<Value = Recents> {
    let need = (0..3_i64, 0..8_usize).prop_map(|(delay, keep)| Need {
        delay: delay * 5 * MINUTE,
        keep: [
            Keep::Points(3),
            Keep::Points(9),
            Keep::Window(Summary::Count, 10 * MINUTE),
            Keep::Window(Summary::Sum, 180 * MINUTE),
            Keep::Window(Summary::Min, 10 * MINUTE),
            Keep::Window(Summary::Max, 10 * MINUTE),
            Keep::Window(Summary::Value, 10 * MINUTE),
            Keep::Age(10 * MINUTE),
        ][keep],
    });
    let points = proptest::collection::vec((1..200_000_i64, -1e3..1e3_f64), 0..20);
    proptest::collection::btree_map(need, points, 0..4).prop_map(|needs| {
        let mut recents = Recents::default();
        for (need, points) in needs {
            let mut time = 0;
            let next = |(step, value): (i64, f64)| {
                time += step;
                Point { timestamp: time, value }
            };
            let points: Vec<Point> = points.into_iter().map(next).collect();
            recents.insert(need, Recent::of_history(need, time, &points));
        }
        recents
    })
}

fn some_page() -> impl Strategy<Value = Vec<Tracked>> {
    let instances = proptest::collection::btree_map((0..4_u128, 0..3_u64), some_instance(), 0..4);
    let series = (
        some_observed(),
        some_recents(),
        instances,
        proptest::option::of(some_detection()),
    );
    proptest::collection::btree_map(0..i64::MAX, series, 0..6).prop_map(|series| {
        series
            .into_iter()
            .map(|(raw, (observed, recents, instances, detection))| Tracked {
                series_id: SeriesId::from_raw(raw).unwrap(),
                observed,
                recents,
                instances: instances
                    .into_iter()
                    .map(|((rule, print), instance)| {
                        (
                            Revision {
                                rule: RuleKey(rule),
                                print,
                            },
                            instance,
                        )
                    })
                    .collect(),
                detection,
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_page_reads_back(page in some_page()) {
        let blob = encode_page(&page);
        prop_assert_eq!(decode_page(&blob).unwrap(), page);
        for cut in 0..blob.len() {
            prop_assert!(decode_page(&blob[..cut]).is_err());
        }
    }

    #[test]
    fn a_composite_reads_back(print in any::<u64>(), instance in some_instance()) {
        let blob = encode_composite(print, &instance);
        prop_assert_eq!(decode_composite(&blob).unwrap(), (print, instance));
        for cut in 0..blob.len() {
            prop_assert!(decode_composite(&blob[..cut]).is_err());
        }
    }

    #[test]
    fn no_blob_makes_it_panic_or_take_memory(mut blob in proptest::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
        if known && blob.len() > 2 {
            blob[..2].copy_from_slice(&[PAGE_KIND, VERSION]);
        }
        if let Ok(page) = decode_page(&blob) {
            prop_assert!(page.len() <= blob.len());
        }
        let _ = decode_header(&blob);
    }
}

fn golden_page(detection: Option<Box<Detection>>) -> Vec<Tracked> {
    vec![Tracked {
        series_id: SeriesId::from_raw(258).unwrap(),
        observed: Observed {
            newest: Some(120_000),
            interval: 60_000,
            last: Some(Last {
                point: Point {
                    timestamp: 120_000,
                    value: 1.5,
                },
                minute: 120_000,
            }),
        },
        recents: Recents::default(),
        instances: vec![(
            Revision {
                rule: RuleKey(7),
                print: 9,
            },
            Instance {
                state: State::NoData,
                since: 120_000,
                alert: Some(60_000),
                held: false,
                before: Some((State::Firing, 60_000)),
            },
        )],
        detection,
    }]
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// Version 1, for as long as there is a database that has it.
#[test]
fn version_1_is_read() {
    let golden = "4c0101\
                  000000000000000000000000000000070000000000000009\
                  01000000000000010203\
                  80d30ec0a907003ff800000000000080d30e\
                  01005404020202";
    assert_eq!(decode_page(&bytes(golden)).unwrap(), golden_page(None));
    let header = "480101000000000000000000000000000000070000000000000009";
    let header = decode_header(&bytes(header)).unwrap();
    assert_eq!((header.met.len(), header.cold_bits), (1, 0));
}

/// Version 2, as well.
#[test]
fn version_2_is_read() {
    let golden = "4c0201\
                  000000000000000000000000000000070000000000000009\
                  01000000000000010207\
                  80d30ec0a907003ff800000000000080d30e\
                  01005404020202\
                  01c0a907000000";
    let detection = Detection {
        told: Some(TOLD),
        ..Detection::default()
    };
    let page = golden_page(Some(Box::new(detection)));
    assert_eq!(decode_page(&bytes(golden)).unwrap(), page);
    let mut unknown = bytes(golden);
    // a flag of version 3
    unknown[36] = 0x0f;
    assert!(decode_page(&unknown).is_err());
    let header = "480201000000000000000000000000000000070000000000000009".to_owned() + "05";
    assert_eq!(decode_header(&bytes(&header)).unwrap().cold_bits, 5);
}

#[test]
fn golden_version_3() {
    let golden = "4c0301\
                  000000000000000000000000000000070000000000000009\
                  0100000000000001020f\
                  80d30ec0a907003ff800000000000080d30e\
                  01005404020202\
                  01c0a907000000\
                  02\
                  0001c0cf240378020001bff00000000000007802400000000000000000\
                  e0a7120502010002783ff0000000000000784000000000000000";
    let detection = Detection {
        told: Some(TOLD),
        ..Detection::default()
    };
    let mut page = golden_page(Some(Box::new(detection)));
    let at = |seconds: Millis, value| Point {
        timestamp: seconds * 1_000,
        value,
    };
    for (need, points) in [
        (
            Need {
                delay: 0,
                keep: Keep::Window(Summary::Sum, 10 * MINUTE),
            },
            vec![at(60, -1.0), at(90, 1.5), at(120, 0.5)],
        ),
        (
            Need {
                delay: 5 * MINUTE,
                keep: Keep::Points(2),
            },
            vec![at(60, 1.0), at(120, 2.0)],
        ),
    ] {
        page[0].recents.insert(need, Recent::of_history(need, 120_000, &points));
    }
    let hex: String = encode_page(&page).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden);
    assert_eq!(decode_page(&bytes(golden)).unwrap(), page);
    let header = Header {
        met: vec![Revision {
            rule: RuleKey(7),
            print: 9,
        }],
        cold_bits: 5,
    };
    let packed = encode_header(&header);
    assert_eq!((&packed[..3], packed.last()), (&[b'H', 3, 1][..], Some(&5)));
    assert_eq!(decode_header(&packed).unwrap(), header);
}

/// State of a detector that is of another time: the series is watched, and learns anew.
#[test]
fn what_the_detector_cannot_read_is_dropped() {
    let detection = Detection {
        hot: Some(Hot::default()),
        told: Some(TOLD),
        ..Detection::default()
    };
    let page = golden_page(Some(Box::new(detection)));
    let mut blob = encode_page(&page);
    let mut hot = Vec::new();
    Hot::default().encode(&mut hot);
    let at = blob.windows(hot.len()).position(|window| window == hot).unwrap();
    blob[at] = 0xff;
    let read = decode_page(&blob).unwrap();
    let detection = read[0].detection.as_ref().unwrap();
    assert_eq!((detection.hot.is_none(), detection.told), (true, Some(TOLD)));
}

/// The figure of the design: state read and written for a point that comes to a page of its own neighbours.
#[test]
fn a_series_with_three_rules_takes_few_bytes() {
    let time = 1_795_428_000_000;
    let series: Vec<Tracked> = (0..64)
        .map(|index| Tracked {
            series_id: SeriesId::from_raw(index << 56).unwrap(),
            observed: Observed {
                newest: Some(time),
                interval: 300_000,
                last: Some(Last {
                    point: Point {
                        timestamp: time,
                        value: 0.1,
                    },
                    minute: time,
                }),
            },
            recents: Recents::default(),
            instances: (0..3)
                .map(|rule| {
                    (
                        Revision {
                            rule: RuleKey(rule),
                            print: 1,
                        },
                        Instance {
                            state: State::Normal,
                            ..Instance::new(time)
                        },
                    )
                })
                .collect(),
            detection: None,
        })
        .collect();
    let bytes = encode_page(&series).len();
    assert!(bytes / 64 <= 64, "{bytes}");
}
