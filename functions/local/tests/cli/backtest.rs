use crate::room::{Room, stderr, stdout};
use serde_json::{Value, json};
use std::fmt::Write;

/// Between 0 and 1, and not to be foreseen: the finalizer of `MurmurHash3` (A. Appleby).
fn noise(t: u64) -> f64 {
    let mut hash = (t + 1).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) as f64 / u64::MAX as f64
}

/// Days of hours with noise; series differ in size.
fn wide(sizes: &[(&str, f64)], hours: u64) -> String {
    let mut text = String::new();
    for (id, size) in sizes {
        text.push_str(id);
        for t in 0..hours {
            write!(text, ",{}", size * (10.0 + (t % 24) as f64 + 4.0 * noise(t))).unwrap();
        }
        text.push('\n');
    }
    text
}

const ARGUMENTS: [&str; 9] = [
    "backtest",
    "--frequency",
    "1h",
    "--season",
    "24",
    "--horizon",
    "24",
    "--windows",
    "3",
];

fn of<'a>(result: &'a Value, backend: &str) -> &'a Value {
    let rows = result["backends"].as_array().unwrap();
    rows.iter().find(|row| row["backend"] == backend).unwrap()
}

#[test]
fn every_backend_has_a_line_against_seasonal_naive() {
    let room = Room::new();
    room.write("in.csv", &wide(&[("a", 1.0)], 240));
    let result = room.json(&[&ARGUMENTS[..], &["--input", "in.csv"]].concat());
    assert_eq!((&result["series"], &result["windows"]), (&json!(1), &json!(3)));
    let names: Vec<&str> = result["backends"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["backend"].as_str().unwrap())
        .collect();
    for backend in prediction::Backend::ALL {
        assert!(names.contains(&backend.name()), "{backend}");
    }
    assert_eq!(result["best"], json!(names[0]));
    let naive = of(&result, "seasonal-naive");
    assert_eq!(naive["skill"], json!(0.0));
    // of two values with the same noise naive errs by more than the mean does by one
    assert!(of(&result, "seasonal-mean")["skill"].as_f64().unwrap() > 0.1);
    let skill = 1.0 - of(&result, "auto")["mae"].as_f64().unwrap() / naive["mae"].as_f64().unwrap();
    assert!((of(&result, "auto")["skill"].as_f64().unwrap() - skill).abs() < 1e-9);

    let output = room.run(&[&ARGUMENTS[..], &["--input", "in.csv", "--backends", "theta"]].concat());
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let head = [
        "backend", "MAE", "RMSE", "sMAPE", "MASE", "pinball", "in", "80%", "in", "95%", "skill",
    ];
    assert_eq!(cells(lines[0]), head, "{text}");
    let mut tested = [cells(lines[1])[0].clone(), cells(lines[2])[0].clone()];
    tested.sort();
    assert_eq!(tested, ["seasonal-naive", "theta"]);
    assert!(lines[3].starts_with("1 series, 3 windows of 24 steps each"), "{text}");
}

/// Series of any size count the same, those that are too short are left out and counted, and the number of threads
/// changes nothing.
#[test]
fn series_are_averaged() {
    let room = Room::new();
    let both = wide(&[("small", 1.0), ("large", 1000.0)], 240) + &wide(&[("short", 1.0)], 79);
    room.write("all/both.csv", &both);
    room.write("small.csv", &wide(&[("small", 1.0)], 240));
    let some = ["--backends", "seasonal-mean"];
    let all = room.json(&[&ARGUMENTS[..], &some, &["--input", "all"]].concat());
    let small = room.json(&[&ARGUMENTS[..], &some, &["--input", "small.csv"]].concat());
    assert_eq!((&all["series"], &all["left_out"]), (&json!(2), &json!(1)));
    for measure in ["smape", "mase", "skill"] {
        let [all, small] = [&all, &small].map(|result| of(result, "seasonal-mean")[measure].as_f64().unwrap());
        assert!((all - small).abs() < 1e-6, "{measure}: {all} {small}");
    }
    let text = stdout(&room.run(&[&ARGUMENTS[..], &some, &["--input", "all"]].concat()));
    assert!(text.starts_with("1 of 3 series are too short and left out\n"), "{text}");
}

#[test]
fn wrong_input_is_told() {
    let room = Room::new();
    room.write("short.csv", &wide(&[("a", 1.0)], 79));
    let arguments = [&ARGUMENTS[..], &["--input", "short.csv"]].concat();
    room.fails(
        &arguments,
        3,
        "series a: the history has 79 steps, the backtest needs at least 80",
    );
    room.fails(&[&ARGUMENTS[..], &["--input", "none.csv"]].concat(), 3, "none.csv");
    for wrong in [
        ["--windows", "0"],
        ["--stride", "0"],
        ["--backends", "magic"],
        ["--levels", "0"],
    ] {
        let output = room.run(&[&["backtest", "--input", "short.csv", "--horizon", "3"][..], &wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
    }
}
