use crate::room::{Room, stderr, stdout};
use serde_json::Value;
use std::fmt::Write;

const COLUMNS: &str = "timestamp,value,score,expected,lower,upper,alert,severity,kind,reason";
const STEP: i64 = 300;
/// 2026-11-01, at midnight
const START: i64 = 1_793_491_200;
const DAYS: i64 = 14;

/// Every five minutes a value near 1,000, with a little noise that is always the same.
fn value(step: i64) -> f64 {
    let mut state = u64::try_from(step).unwrap().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let noise = f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX);
    1_000.0 + 20.0 * (noise - 0.5)
}

/// A day before the end it falls to a fifth for an hour.
fn table(time: impl Fn(i64) -> String) -> String {
    let steps = DAYS * 86_400 / STEP;
    let mut text = String::from("timestamp,value,label\n");
    for step in 0..steps {
        let fallen = (steps - 288..steps - 276).contains(&step);
        let value = value(step) * if fallen { 0.2 } else { 1.0 };
        writeln!(text, "{},{value},{}", time(START + step * STEP), u8::from(fallen)).unwrap();
    }
    text
}

fn epoch(seconds: i64) -> String {
    seconds.to_string()
}

fn rows(csv: &str) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

fn alerts(rows: &[Vec<String>]) -> Vec<usize> {
    (0..rows.len()).filter(|at| rows[*at][6] == "1").collect()
}

#[test]
fn a_drop_is_found_once_and_explained() {
    let room = Room::new();
    room.write("requests.csv", &table(epoch));
    let output = room.run(&["detect", "--input", "requests.csv"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.lines().next(), Some(COLUMNS));
    let rows = rows(&text);
    assert_eq!(rows.len(), 14 * 288);
    let [at] = alerts(&rows)[..] else {
        panic!("{:?}", alerts(&rows))
    };
    let fell = rows.len() - 288;
    assert!((fell..fell + 6).contains(&at), "{at}");
    let row = &rows[at];
    let [value, score, expected, lower, upper] = [1, 2, 3, 4, 5].map(|column| row[column].parse::<f64>().unwrap());
    assert!(
        value < lower && lower <= expected && expected <= upper && score > 0.0,
        "{row:?}"
    );
    assert!(["low", "medium", "high", "critical"].contains(&row[7].as_str()) && !row[8].is_empty());
    assert!(
        row[9].starts_with(&format!("requests {value:.0}, expected ")) && row[9].contains("(80% below)"),
        "{}",
        row[9]
    );
    for row in rows.iter().filter(|row| row[6] == "0" && row[7].is_empty()) {
        assert!(row[8].is_empty() && row[9].is_empty(), "{row:?}");
    }
}

#[test]
fn each_row_is_judged_by_those_before_it_alone() {
    let room = Room::new();
    let whole = table(epoch);
    let part: String = whole.lines().take(3_900).map(|line| format!("{line}\n")).collect();
    room.write("m.csv", &whole);
    room.write("part/m.csv", &part);
    let [whole, part] = ["m.csv", "part/m.csv"].map(|file| stdout(&room.run(&["detect", "--input", file])));
    assert_eq!(part.lines().count(), 3_900);
    assert!(whole.starts_with(&part));
}

#[test]
fn times_are_written_as_they_were_read() {
    let room = Room::new();
    let civil = |seconds: i64| {
        let time = jiff::Timestamp::from_second(seconds).unwrap();
        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    room.write("epoch/m.csv", &table(epoch));
    room.write("civil/m.csv", &table(civil));
    room.write("rfc/m.csv", &table(|seconds| civil(seconds).replace(' ', "T") + "Z"));
    let told = ["epoch", "civil", "rfc"].map(|folder| {
        let output = room.run(&["detect", "--input", &format!("{folder}/m.csv")]);
        assert!(output.status.success(), "{}", stderr(&output));
        rows(&stdout(&output))
    });
    for (time, rows) in [
        ("1793491200", &told[0]),
        ("2026-11-01 00:00:00", &told[1]),
        ("2026-11-01T00:00:00Z", &told[2]),
    ] {
        assert_eq!(rows[0][0], time);
        let same = rows.iter().zip(&told[0]).all(|(row, first)| row[1..] == first[1..]);
        assert!(same, "{time}");
    }
}

#[test]
fn rows_that_tell_nothing_get_a_row_and_change_nothing() {
    let room = Room::new();
    let plain = table(epoch);
    let mut disturbed = String::new();
    for (number, line) in plain.lines().enumerate() {
        writeln!(disturbed, "{line}").unwrap();
        if number % 100 == 50 {
            let time = line.split(',').next().unwrap();
            let before = time.parse::<i64>().unwrap() - 7_000;
            writeln!(disturbed, "{time},0,1\n{before},99999,1\n{time},,").unwrap();
        }
    }
    room.write("a/m.csv", &plain);
    room.write("b/m.csv", &disturbed);
    let [plain, disturbed] = ["a/m.csv", "b/m.csv"].map(|file| stdout(&room.run(&["detect", "--input", file])));
    let (plain, disturbed) = (rows(&plain), rows(&disturbed));
    assert_eq!(disturbed.len(), plain.len() + 3 * (plain.len() / 100));
    let (mut kept, mut added) = (Vec::new(), Vec::new());
    let mut latest = 0;
    for row in disturbed {
        let time: i64 = row[0].parse().unwrap();
        if time > latest { &mut kept } else { &mut added }.push(row);
        latest = latest.max(time);
    }
    assert!(kept == plain);
    for row in added {
        assert_eq!((row[2].parse::<f64>().unwrap(), row[6].as_str()), (0.0, "0"), "{row:?}");
    }
}

#[test]
fn a_folder_is_mirrored_but_for_what_is_no_table() {
    let room = Room::new();
    room.write("in/one.csv", &table(epoch));
    room.write("in/deep/two.csv", &table(epoch));
    room.write("in/LICENSE.txt", "do what you like");
    room.write("in/labels.json", "{}");
    room.fails(&["detect", "--input", "in"], 3, "--output");
    let output = room.run(&["detect", "--input", "in", "--output", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(crate::room::names(&room.path("out")), ["deep", "one.csv"]);
    for (file, metric) in [("out/one.csv", "one"), ("out/deep/two.csv", "two")] {
        let rows = rows(&std::fs::read_to_string(room.path(file)).unwrap());
        assert!(rows[alerts(&rows)[0]][9].starts_with(&format!("{metric} ")));
    }
    room.write("none/LICENSE.txt", "do what you like");
    room.fails(&["detect", "--input", "none", "--output", "out"], 3, "no .csv");
}

#[test]
fn options_say_what_counts_and_how_it_is_told() {
    let room = Room::new();
    room.write("m.csv", &table(epoch));
    let found = |arguments: &[&str]| {
        let output = room.run(&[&["detect", "--input", "m.csv"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let rows = rows(&stdout(&output));
        let fell = rows.len() - 288;
        let alert = alerts(&rows).into_iter().find(|at| (fell..fell + 12).contains(at));
        alert.map(|at| rows[at][9].clone())
    };
    let named = found(&["--metric", "orders", "--unit", "/h", "--sensitivity", "0.5"]).unwrap();
    assert!(
        named.starts_with("orders ") && named.contains("/h, expected "),
        "{named}"
    );
    for (arguments, is_found) in [
        (&["--direction", "down"][..], true),
        (&["--direction", "up"], false),
        (&["--min-effect", "700"], true),
        (&["--min-effect", "900"], false),
        (&["--min-effect-percent", "70"], true),
        (&["--min-effect-percent", "90"], false),
        (&["--sensitivity", "low"], true),
    ] {
        assert_eq!(found(arguments).is_some(), is_found, "{arguments:?}");
    }
    for wrong in [["--sensitivity", "0"], ["--direction", "left"], ["--min-effect", "-1"]] {
        let output = room.run(&["detect", "--input", "m.csv", wrong[0], wrong[1]]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(stderr(&output).contains(wrong[0]), "{}", stderr(&output));
    }
}

#[test]
fn json_is_an_object_a_row_and_wrong_files_are_told_with_their_line() {
    let room = Room::new();
    room.write("m.csv", &table(epoch));
    let text = stdout(&room.run(&["detect", "--input", "m.csv", "--json"]));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 14 * 288);
    let alert = rows.iter().find(|row| row["alert"] == 1).unwrap();
    assert!(alert["value"].as_f64() < alert["lower"].as_f64());
    assert_eq!(rows[0]["expected"], Value::Null);
    room.write("bad.csv", "timestamp,value\n0,1\nthen,2\n");
    room.fails(&["detect", "--input", "bad.csv"], 3, "bad.csv: line 3");
    room.fails(&["detect", "--input", "none.csv"], 3, "none.csv");
}
