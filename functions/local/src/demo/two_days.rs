//! The last two days, lived through minute by minute.

use super::data::Flights;
use super::fault::{self, Fault};
use super::receiver::Notification;
use super::rules::{AHEAD, Kind, RUSH};
use super::story::{Story, check, clock_time, thousands};
use super::world::World;
use super::{Figures, feed};
use crate::Failure;
use intentvision::clock::{HOUR, MINUTE, Millis};
use intentvision::time;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

/// The connection to this airport is cut for a while, and what was missed comes late.
const CUT: &str = "LAX";
/// When it is cut, after the beginning, and when it is back.
const CUT_FROM: Millis = 20 * HOUR;
const CUT_TO: Millis = 23 * HOUR;

/// A rule as it was made.
pub(super) struct Rule {
    kind: Kind,
    id: String,
}

/// A notification, and the minute in which it came.
pub(super) struct Received {
    at: Millis,
    notification: Notification,
}

/// Makes the channel and the rules.
pub(super) async fn prepare(story: &Story, world: &World) -> Result<Vec<Rule>, Failure> {
    // two days pass in seconds: what is a message now and then would be a flood
    let channel = json!({"name": "receiver", "type": "webhook", "rate_limit": 1_000, "config": {"url": world.hook}});
    let channel = world.api.create("/v1/notification-channels", &channel).await?;
    let secret = text(&channel, "secret")?;
    check(secret.starts_with("whsec_"), || {
        "the channel came without a secret".into()
    })?;
    world.receiver.trust(secret);
    story.say(&format!(
        "webhook to {}, signed with a secret that was shown once",
        world.hook
    ))?;
    let channel = text(&channel, "channel_id")?;
    let mut rules = Vec::new();
    for kind in Kind::ALL {
        let rule = world.api.create("/v1/alert-rules", &kind.body(channel)).await?;
        story.say(kind.title())?;
        rules.push(Rule {
            kind,
            id: text(&rule, "rule_id")?.to_owned(),
        });
    }
    Ok(rules)
}

/// Feeds and ticks through the two `days`; each notification is told as it arrives.
pub(super) async fn live(
    story: &Story,
    world: &World,
    flights: &Flights,
    fault: Fault,
    days: Range<Millis>,
    figures: &mut Figures,
) -> Result<Vec<Received>, Failure> {
    let begin = days.start;
    let started = Instant::now();
    let mut log: Vec<Received> = Vec::new();
    let mut late = Vec::new();
    let mut minute = world.now();
    let mut fed = begin;
    story.say(&format!(
        "{CUT} is cut off from {} to {}, and sends what it missed afterwards",
        clock_time(begin + CUT_FROM),
        clock_time(begin + CUT_TO)
    ))?;
    story.say(&format!(
        "the agent in {} counts each departure ten times from {} to {}, a fault that we made up",
        fault::AIRPORT,
        clock_time(fault.from),
        clock_time(fault.to)
    ))?;
    while minute < days.end {
        let before = fed;
        minute += MINUTE;
        fed = minute;
        world.set(minute);
        let rush = flights
            .find("flights.departures", "ATL")
            .and_then(|atlanta| atlanta.rises_above(RUSH, before));
        let cut = (begin + CUT_FROM..begin + CUT_TO).contains(&minute);
        let (missed, mut due): (Vec<_>, Vec<_>) = flights
            .between(before, minute)
            .into_iter()
            .map(|(metric, airport, at, value)| (metric, airport, at, fault.counted(metric, airport, at, value)))
            .partition(|(_, airport, _, _)| cut && *airport == CUT);
        late.extend(missed);
        if !cut {
            due.append(&mut late);
        }
        if let Some((_, value)) = rush.filter(|(at, _)| *at == minute) {
            story.say(&format!(
                "{}  (the value passes {RUSH}: {value} departures in Atlanta)",
                clock_time(minute)
            ))?;
        }
        if !due.is_empty() {
            feed::send(&world.api, &due, &format!("live-{minute}")).await?;
            figures.points += due.len();
        }
        world.tick().await?;
        if minute % HOUR == 0 {
            world.maintain().await?;
        }
        figures.ticks += 1;
        for notification in world.receiver.notifications().into_iter().skip(log.len()) {
            story.say(&told(minute, &notification))?;
            log.push(Received {
                at: minute,
                notification,
            });
        }
    }
    story.say(&format!(
        "{} ticks, each followed by its deliveries, in {:.1} s",
        thousands(figures.ticks),
        started.elapsed().as_secs_f64()
    ))?;
    Ok(log)
}

/// One notification in one line.
fn told(at: Millis, notification: &Notification) -> String {
    let data = &notification.body["data"];
    let reason = data["alert"]["reason"].as_str().unwrap_or_default();
    let kind = notification.kind().trim_start_matches("alert.");
    let rule = data["rule"]["name"].as_str().unwrap_or_default();
    let airport = data["series"]["dimensions"]["airport"].as_str().unwrap_or_default();
    format!("{}  {kind:8}  {rule:10}  {airport:3}  {reason}", clock_time(at))
}

/// That each rule fired, was told with a good signature, and that its end was told too.
pub(super) async fn verify(
    story: &Story,
    world: &World,
    flights: &Flights,
    rules: &[Rule],
    log: &[Received],
    now: Millis,
    figures: &mut Figures,
) -> Result<(), Failure> {
    for received in log {
        let Notification { id, refused, .. } = &received.notification;
        check(refused.is_none(), || {
            format!(
                "the signature of {id} is wrong: {}",
                refused.as_deref().unwrap_or_default()
            )
        })?;
    }
    for rule in rules {
        let fired = of(log, rule, "alert.firing").next();
        let fired = fired.ok_or_else(|| Failure::Failed(format!("{:?} never fired", rule.kind.name())))?;
        let alert = alert_id(fired);
        let resolved = of(log, rule, "alert.resolved").any(|received| alert_id(received) == alert);
        check(resolved, || {
            format!("{:?} fired and its end was never told", rule.kind.name())
        })?;
    }
    story.say(&lead(flights, rules, log, now, figures)?)?;

    figures.notifications = log.len();
    let deliveries = world.api.get("/v1/deliveries?limit=10000").await?;
    let deliveries = deliveries["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let delivered = deliveries.iter().filter(|message| message["state"] == "delivered");
    let delivered: BTreeSet<&str> = delivered.filter_map(|message| message["message_id"].as_str()).collect();
    let arrived: BTreeSet<&str> = log.iter().map(|received| received.notification.id.as_str()).collect();
    check(delivered == arrived && deliveries.len() == arrived.len(), || {
        format!(
            "{} of {} messages are recorded as delivered, {} arrived",
            delivered.len(),
            deliveries.len(),
            arrived.len()
        )
    })?;
    let resolved = log
        .iter()
        .filter(|received| received.notification.kind() == "alert.resolved")
        .count();
    story.say(&format!(
        "{} signed notifications sent, received and verified, {resolved} of them the end of an alert",
        log.len()
    ))?;
    let alerts = world.api.get("/v1/alerts?limit=10000").await?;
    let alerts = alerts["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let open = alerts.iter().filter(|alert| alert["status"] != "resolved").count();
    story.say(&format!("{} alerts in all, {open} open now", alerts.len()))
}

/// How long before the rush the forecast rule said so: the best case of the two days.
fn lead(
    flights: &Flights,
    rules: &[Rule],
    log: &[Received],
    now: Millis,
    figures: &mut Figures,
) -> Result<String, Failure> {
    let rule = rules.iter().find(|rule| rule.kind == Kind::Forecast);
    let atlanta = flights.find("flights.departures", "ATL");
    let (rule, atlanta) = rule
        .zip(atlanta)
        .ok_or_else(|| Failure::Failed("the forecast rule is gone".into()))?;
    let foreseen = of(log, rule, "alert.firing").filter_map(|fired| {
        let (crossed, value) = atlanta.rises_above(RUSH, fired.at)?;
        let resolved = of(log, rule, "alert.resolved")
            .find(|received| alert_id(received) == alert_id(fired))
            .map_or(now, |received| received.at);
        // a warning that was taken back before the rush was a false one
        (crossed <= now && resolved >= crossed).then_some((fired.at, crossed, value))
    });
    let best = foreseen.max_by_key(|(fired, crossed, _)| crossed - fired);
    let (fired, crossed, value) =
        best.ok_or_else(|| Failure::Failed("the forecast rule never fired before the value crossed".into()))?;
    check(crossed - fired >= HOUR, || {
        format!("it fired only {} before", time::span(crossed - fired))
    })?;
    figures.lead_minutes = (crossed - fired) / MINUTE;
    Ok(format!(
        "the forecast alert (horizon {AHEAD}) fired {} before the value crossed: at {}; at {} there were {value} departures",
        time::span(crossed - fired),
        clock_time(fired),
        clock_time(crossed)
    ))
}

fn of<'a>(log: &'a [Received], rule: &'a Rule, kind: &'a str) -> impl Iterator<Item = &'a Received> {
    log.iter().filter(move |received| {
        let body = &received.notification.body;
        received.notification.kind() == kind && body["data"]["rule"]["rule_id"] == rule.id.as_str()
    })
}

fn alert_id(received: &Received) -> &Value {
    &received.notification.body["data"]["alert"]["alert_id"]
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Failure> {
    value[name]
        .as_str()
        .ok_or_else(|| Failure::Failed(format!("the reply has no {name}")))
}
