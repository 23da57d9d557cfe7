use crate::room::{Room, stderr, stdout};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;

/// Twelve steps a season, rising slowly.
fn wide(ids: &[&str]) -> String {
    let mut text = String::new();
    for id in ids {
        text.push_str(id);
        for t in 0..72 {
            write!(text, ",{}", 100 + t % 12 * 10 + t / 12).unwrap();
        }
        text.push('\n');
    }
    text
}

fn rows(csv: &str) -> Vec<Vec<String>> {
    csv.lines()
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn a_wide_file_gives_the_columns_of_the_contract() {
    let room = Room::new();
    room.write("in.csv", &wide(&["b", "a"]));
    let output = room.run(&[
        "forecast",
        "--input",
        "in.csv",
        "--format",
        "wide",
        "--horizon",
        "6",
        "--season",
        "12",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let rows = rows(&stdout(&output));
    assert_eq!(
        rows[0].join(","),
        "series_id,step,mean,lower_80,upper_80,lower_95,upper_95"
    );
    assert_eq!(rows.len(), 1 + 2 * 6);
    assert_eq!(rows[1][0], "b");
    for (index, row) in rows[1..].iter().enumerate() {
        assert_eq!(row[1], (index % 6 + 1).to_string());
        let numbers: Vec<f64> = row[2..].iter().map(|cell| cell.parse().unwrap()).collect();
        let [mean, lower_80, upper_80, lower_95, upper_95] = numbers[..] else {
            panic!("{row:?}")
        };
        assert!(
            lower_95 <= lower_80 && lower_80 <= mean && mean <= upper_80 && upper_80 <= upper_95,
            "{row:?}"
        );
        let actual = 106.0 + f64::from(u32::try_from(index % 6).unwrap()) * 10.0;
        assert!((mean - actual).abs() < 3.0, "{row:?}: {actual}");
    }
}

#[test]
fn the_long_format_tells_its_step_and_gives_the_same() {
    let room = Room::new();
    room.write("wide.csv", &wide(&["a"]));
    let mut long = String::from("series_id,timestamp,value\n");
    for t in 0..72_i64 {
        writeln!(long, "a,{},{}", t * 3_600, 100 + t % 12 * 10 + t / 12).unwrap();
    }
    room.write("long.csv", &long);
    let arguments = [
        "forecast",
        "--horizon",
        "6",
        "--season",
        "12",
        "--levels",
        "50",
        "--backend",
        "seasonal-naive",
    ];
    let wide = room.run(&[&arguments[..], &["--input", "wide.csv", "--frequency", "1h"]].concat());
    let long = room.run(&[&arguments[..], &["--input", "long.csv", "--format", "long"]].concat());
    assert!(
        wide.status.success() && long.status.success(),
        "{}{}",
        stderr(&wide),
        stderr(&long)
    );
    assert_eq!(stdout(&wide), stdout(&long));
    assert!(
        stdout(&wide).starts_with("series_id,step,mean,lower_50,upper_50\na,1,105,"),
        "{}",
        stdout(&wide)
    );
}

#[test]
fn a_folder_is_mirrored() {
    let room = Room::new();
    room.write("in/one.csv", &wide(&["a"]));
    room.write("in/deep/two.csv", &wide(&["b", "c"]));
    let arguments = ["forecast", "--input", "in", "--horizon", "2", "--season", "12"];
    room.fails(&arguments, 3, "--output");
    let output = room.run(&[&arguments[..], &["--output", "out"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name: &str| std::fs::read_to_string(room.path(name)).unwrap();
    assert_eq!(rows(&read("out/one.csv")).len(), 3);
    assert_eq!(rows(&read("out/deep/two.csv")).len(), 5);
    assert_eq!(crate::room::names(&room.path("out")), ["deep", "one.csv"]);
}

#[test]
fn one_wrong_file_of_a_folder_is_named_and_the_others_are_done() {
    let room = Room::new();
    room.write("in/good.csv", &wide(&["a"]));
    room.write("in/bad.csv", "a,1,2,x\n");
    room.fails(
        &["forecast", "--input", "in", "--output", "out", "--horizon", "2"],
        3,
        "bad.csv: line 1",
    );
    assert_eq!(crate::room::names(&room.path("out")), ["good.csv"]);
}

#[test]
fn zipped_files_are_read_and_written() {
    let room = Room::new();
    room.write("in.csv", &wide(&["a"]));
    let plain = ["forecast", "--input", "in.csv", "--horizon", "3", "--season", "12"];
    let zipped = ["--output", "out.csv.gz"];
    assert!(room.run(&[&plain[..], &zipped].concat()).status.success());
    let bytes = std::fs::read(room.path("out.csv.gz")).unwrap();
    assert_eq!(bytes[..2], [0x1f, 0x8b]);
    // what one forecast wrote, zipped, is read as one long file by the next
    let output = room.run(&[
        "forecast",
        "--input",
        "out.csv.gz",
        "--format",
        "long",
        "--horizon",
        "1",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn json_holds_the_same_numbers() {
    let room = Room::new();
    room.write("in.csv", &wide(&["a"]));
    let arguments = ["forecast", "--input", "in.csv", "--horizon", "2", "--season", "12"];
    let json = room.json(&arguments);
    let rows = rows(&stdout(&room.run(&arguments)));
    let column: HashMap<&str, usize> = rows[0]
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), index))
        .collect();
    for (step, row) in json["predictions"].as_array().unwrap().iter().zip(&rows[1..]) {
        // reading JSON may lose the last bit
        let same = |number: &Value, column: usize| {
            let (number, text) = (number.as_f64().unwrap(), row[column].parse::<f64>().unwrap());
            assert!((number - text).abs() <= 1e-12 * text.abs(), "{number} {text}");
        };
        same(&step["mean"], column["mean"]);
        same(&step["intervals"]["95"]["lower"], column["lower_95"]);
    }
}

#[test]
fn wrong_input_is_told() {
    let room = Room::new();
    room.write("gaps.csv", "a,,NaN,\n");
    room.write("empty.csv", "");
    room.fails(&["forecast", "--input", "gaps.csv", "--horizon", "2"], 3, "series a");
    room.fails(&["forecast", "--input", "empty.csv", "--horizon", "2"], 3, "no series");
    room.fails(
        &["forecast", "--input", "nowhere.csv", "--horizon", "2"],
        3,
        "nowhere.csv",
    );
    for wrong in [
        ["--horizon", "0"],
        ["--levels", "100"],
        ["--backend", "magic"],
        ["--frequency", "often"],
    ] {
        let arguments = [&["forecast", "--input", "gaps.csv"][..], &wrong].concat();
        assert_eq!(room.run(&arguments).status.code(), Some(2), "{wrong:?}");
    }
}
