//! Compares what there is, and what was told, with what must be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use intentvision::clock::MINUTE;
use serde_json::Value;

use super::receivers::Told;
use super::story::{Episode, HOSTS, Rule, START, Story};
use crate::product::Product;

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// alerts that there must be
    pub alerts: usize,
    /// alerts that are not there, or that a receiver was not told of
    pub missed: Vec<String>,
    /// alerts that there must not be, and messages about an alert that is over or was never told
    pub phantom: Vec<String>,
    /// how often an instance had two open alerts
    pub two_open: usize,
    /// messages that were told as firing and never as resolved
    pub unresolved: Vec<String>,
    /// messages that receivers took
    pub messages: usize,
    /// of them, those that they had taken before, under the same id
    pub duplicates: usize,
}

impl Verdict {
    /// Whether nothing is wrong; duplicates are not.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missed.is_empty() && self.phantom.is_empty() && self.two_open == 0 && self.unresolved.is_empty()
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        self.alerts += other.alerts;
        self.missed.extend(other.missed);
        self.phantom.extend(other.phantom);
        self.two_open += other.two_open;
        self.unresolved.extend(other.unresolved);
        self.messages += other.messages;
        self.duplicates += other.duplicates;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_cent = 100.0 * self.duplicates as f64 / self.messages.max(1) as f64;
        writeln!(
            f,
            "{} alerts: missed {}, two open {}, phantom {}, told as firing and not as resolved {}; {} messages taken, {per_cent:.1} % of them twice",
            self.alerts,
            self.missed.len(),
            self.two_open,
            self.phantom.len(),
            self.unresolved.len(),
            self.messages,
        )?;
        for (name, lines) in [
            ("missed", &self.missed),
            ("phantom", &self.phantom),
            ("unresolved", &self.unresolved),
        ] {
            lines
                .iter()
                .take(10)
                .try_for_each(|line| writeln!(f, "{name}: {line}"))?;
        }
        Ok(())
    }
}

pub(super) async fn judge(
    product: &Product,
    key: &str,
    rules: &[(Rule, String)],
    told: &[Told],
    story: &Story,
    two_open: usize,
) -> Verdict {
    let expected = story.episodes();
    let found = alerts(product, key, rules).await;
    let mut verdict = Verdict {
        alerts: expected.len(),
        two_open,
        ..Verdict::default()
    };
    let there: BTreeSet<Episode> = found.values().copied().flatten().collect();
    let missing = expected.difference(&there);
    verdict
        .missed
        .extend(missing.map(|episode| format!("no alert: {episode:?}")));
    for (id, episode) in &found {
        if !episode.is_some_and(|episode| expected.contains(&episode)) {
            verdict.phantom.push(format!("{id}: {episode:?}"));
        }
    }
    for receiver in told {
        let (duplicates, messages) = receiver.duplicates();
        verdict.messages += messages;
        verdict.duplicates += duplicates;
        hear(receiver, &found, &mut verdict);
    }
    verdict
}

/// Each alert with its id; `None` for one that has no end, or none of the story's.
async fn alerts(product: &Product, key: &str, rules: &[(Rule, String)]) -> BTreeMap<String, Option<Episode>> {
    let mut hosts = BTreeMap::new();
    let series = product.get("/v1/series?limit=1000", key).await.json();
    for item in series["items"].as_array().expect("series") {
        let host = item["dimensions"]["host"]
            .as_str()
            .and_then(|host| host.strip_prefix('h')?.parse().ok());
        let host: usize = host.filter(|host| *host < HOSTS).expect("a host of the story");
        hosts.insert(item["series_id"].as_str().expect("an id").to_owned(), host);
    }
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = product.get(&format!("/v1/alerts?limit=1000{cursor}"), key).await.json();
        for item in page["items"].as_array().expect("alerts") {
            let id = item["alert_id"].as_str().expect("an id").to_owned();
            let minute = |name: &str| Some((intentvision::time::parse(item[name].as_str()?)? - START) / MINUTE);
            let episode = || {
                Some(Episode {
                    rule: rules.iter().find(|(_, id)| item["rule_id"] == id.as_str())?.0,
                    host: *hosts.get(item["series_id"].as_str()?)?,
                    from: minute("started_at")?,
                    to: minute("resolved_at")?,
                })
            };
            found.insert(id, episode());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// What a receiver was told of each alert. One message may tell of several.
fn hear(receiver: &Told, found: &BTreeMap<String, Option<Episode>>, verdict: &mut Verdict) {
    let manner = receiver.manner;
    let mut heard: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for taken in receiver.taken() {
        for alert in told_of(&taken.body["data"]) {
            let text = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
            if !found.contains_key(&text("alert_id")) {
                verdict
                    .phantom
                    .push(format!("{manner:?} was told of no alert: {alert}"));
            }
            heard.entry(text("alert_id")).or_default().insert(text("status"));
        }
    }
    for (id, episode) in found {
        match heard.get(id) {
            None => verdict
                .missed
                .push(format!("{manner:?} was not told of {id} {episode:?}")),
            Some(statuses) if !statuses.contains("resolved") => {
                verdict
                    .unresolved
                    .push(format!("{manner:?}: {id} {episode:?} {statuses:?}"));
            }
            Some(_) => {}
        }
    }
}

/// The alerts of a message.
fn told_of(data: &Value) -> Vec<&Value> {
    match data["alerts"].as_array() {
        Some(alerts) => alerts.iter().map(|one| &one["alert"]).collect(),
        None => vec![&data["alert"]],
    }
}
