//! Disks that are full, and power that goes.

use tests::chaos::full_disk;
use tests::powerloss::{Trial, trial};

#[tokio::test]
async fn a_full_disk_is_a_503_and_the_same_process_goes_on_when_there_is_room() {
    let wrong = full_disk(&[0, 1, 5_000, 40_000]).await;
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_power_cut_at_any_sync_loses_no_acknowledged_point() {
    let survey = trial(Trial { seed: 5, writes: 25 }).await;
    assert!(
        survey.findings.is_empty(),
        "{} findings, the first: {:?}",
        survey.findings.len(),
        survey.findings[0]
    );
    assert!(survey.acknowledged > 1_000, "{}", survey.acknowledged);
    assert!(survey.commits > 10 && survey.checkpoints > 0, "{survey:?}");
}
