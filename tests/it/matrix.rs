//! Every operation with every kind of caller: the statuses of a table, and a route without a row
//! fails. Nothing of one organization shows in the replies to another.

use http::{Method, Request};
use intentvision::budget::Unlimited;
use intentvision::clock::{Clock, HOUR, MINUTE};
use intentvision::config::Config;
use intentvision::http::Route;
use intentvision::id::OrgId;
use intentvision::keys::{ApiKey, Environment};
use serde_json::{Value, json};
use tests::anomalies::{self, Incident};
use tests::product::{Backend, Product, Reply, all_routes};

/// Stands in acme's data, and must stand in no reply to anybody else.
const MARKER: &str = "canary_of_acme";

/// What acme has, for the paths.
struct Acme {
    admin: String,
    series: String,
    forecast: String,
    job: String,
    key: String,
    rule: String,
    alert: String,
    channel: String,
    message: String,
    anomaly: String,
    group: String,
    silence: String,
    schedule: String,
    in_an_hour: String,
}

/// What one operation asks for.
struct Call {
    path: String,
    body: Option<Value>,
    /// the status for acme itself
    own: u16,
    /// the status for another organization that names acme's things
    foreign: u16,
}

fn get(path: &str, foreign: u16) -> Call {
    Call {
        path: path.into(),
        body: None,
        own: 200,
        foreign,
    }
}

/// A call that acme itself makes with an id that nobody has, so that its things stay as they are.
fn change(path: &str, body: Option<Value>, own: u16, foreign: u16) -> Call {
    Call {
        path: path.into(),
        body,
        own,
        foreign,
    }
}

fn mute_schedule() -> Value {
    json!({"name": MARKER, "mutes": "during", "weekly": [{"days": ["mon"], "from": "00:00", "to": "01:00"}]})
}

/// The table. `path` holds acme's ids.
fn call(route: &Route, acme: &Acme) -> Call {
    let rule = json!({
        "name": MARKER, "metric_key": MARKER, "severity": "warning", "channels": [acme.channel],
        "condition": {"type": "threshold", "operator": "gt", "value": 1e9},
    });
    let channel = json!({"name": MARKER, "type": "webhook", "config": {"url": "http://127.0.0.1:9/hook"}});
    let mute_schedule = mute_schedule();
    let forecast_job = json!({"metric_key": MARKER, "horizon": 2, "schedule": "1h"});
    let points = json!({"metrics": [{"metric_key": "other", "value": 1}]});
    let Acme {
        series,
        forecast,
        job,
        key,
        rule: rule_id,
        alert,
        channel: channel_id,
        message,
        anomaly,
        group,
        silence,
        schedule,
        in_an_hour,
        ..
    } = acme;
    match (route.method.as_str(), route.path) {
        ("POST", "/v1/ingest") => change(route.path, Some(points), 200, 200),
        ("POST", "/v1/ingest/csv") => change("/v1/ingest/csv?metric_key=other", Some(json!(null)), 400, 400),
        ("GET", "/v1/metrics" | "/v1/series" | "/v1/forecasts" | "/v1/alert-rules" | "/v1/alerts") => {
            get(route.path, 200)
        }
        ("GET", "/v1/anomalies" | "/v1/anomaly-groups" | "/v1/detection") => get(route.path, 200),
        ("GET", "/v1/anomalies/{id}") => get(&format!("/v1/anomalies/{anomaly}"), 404),
        ("GET", "/v1/anomaly-groups/{id}") => get(&format!("/v1/anomaly-groups/{group}"), 404),
        ("POST", "/v1/anomalies/detect") => change(route.path, Some(json!({"metric_key": MARKER})), 200, 404),
        ("PUT", "/v1/detection") => change(route.path, Some(json!({"enabled": true})), 200, 200),
        ("GET", "/v1/series/{id}/detection") => get(&format!("/v1/series/{series}/detection"), 404),
        ("GET", "/v1/series/{id}/labels") => get(&format!("/v1/series/{series}/labels"), 404),
        ("POST", "/v1/series/{id}/labels") => change(
            &format!("/v1/series/{series}/labels"),
            Some(json!({"anomaly_id": anomaly, "label": "real"})),
            201,
            404,
        ),
        ("POST", "/v1/series/{id}/accept-level") => {
            change(&format!("/v1/series/{series}/accept-level"), None, 201, 404)
        }
        ("GET", "/v1/notification-channels" | "/v1/deliveries" | "/v1/api-keys") => get(route.path, 200),
        ("GET", "/v1/series/{id}") => get(&format!("/v1/series/{series}"), 404),
        ("GET", "/v1/series/{id}/points") => get(&format!("/v1/series/{series}/points"), 404),
        ("GET", "/v1/forecasts/{id}") => get(&format!("/v1/forecasts/{forecast}"), 404),
        ("POST", "/v1/forecasts") => change(route.path, Some(json!({"metric_key": MARKER, "horizon": 2})), 201, 404),
        ("POST", "/v1/backtests") => change(
            route.path,
            Some(json!({"metric_key": MARKER, "horizon": 2, "backends": ["theta"]})),
            200,
            404,
        ),
        ("GET", "/v1/forecast-backends/timegpt") => get(route.path, 200),
        ("PUT", "/v1/forecast-backends/timegpt") => {
            change(route.path, Some(json!({"api_key": format!("{MARKER}_key")})), 200, 200)
        }
        ("DELETE", "/v1/forecast-backends/timegpt") => change(route.path, None, 204, 204),
        ("GET", "/v1/forecast-jobs") => get(route.path, 200),
        ("POST", "/v1/forecast-jobs") => change(route.path, Some(forecast_job), 201, 201),
        ("GET", "/v1/forecast-jobs/{id}") => get(&format!("/v1/forecast-jobs/{job}"), 404),
        ("GET", "/v1/forecast-jobs/{id}/results") => get(&format!("/v1/forecast-jobs/{job}/results"), 404),
        ("GET", "/v1/forecast-jobs/{id}/runs") => get(&format!("/v1/forecast-jobs/{job}/runs"), 404),
        ("PUT", "/v1/forecast-jobs/{id}") => change(&format!("/v1/forecast-jobs/{job}"), Some(forecast_job), 200, 404),
        ("DELETE", "/v1/forecast-jobs/{id}") => change(&format!("/v1/forecast-jobs/{job}"), None, 204, 404),
        ("POST", "/v1/alert-rules") => change(route.path, Some(rule), 201, 400),
        ("POST", "/api/v2/alerts") => change(route.path, Some(json!([{"labels": {"alertname": "other"}}])), 200, 200),
        ("POST", "/v1/alertmanager/webhook") => {
            let alert = json!({"status": "resolved", "labels": {"alertname": "other"}});
            change(route.path, Some(json!({"version": "4", "alerts": [alert]})), 200, 200)
        }
        ("POST", "/v1/alert-rules/test") => change(route.path, Some(json!({"rule_id": rule_id})), 200, 404),
        ("GET", "/v1/alert-rules/{id}") => get(&format!("/v1/alert-rules/{rule_id}"), 404),
        ("GET", "/v1/alert-rules/{id}/instances") => get(&format!("/v1/alert-rules/{rule_id}/instances"), 404),
        ("PUT", "/v1/alert-rules/{id}") => {
            let mut rule = rule;
            rule["channels"] = json!([]);
            change(&format!("/v1/alert-rules/{rule_id}"), Some(rule), 200, 404)
        }
        ("DELETE", "/v1/alert-rules/{id}") => change(&format!("/v1/alert-rules/{rule_id}"), None, 204, 404),
        ("GET", "/v1/alerts/{id}") => get(&format!("/v1/alerts/{alert}"), 404),
        ("POST", "/v1/alerts/{id}/acknowledge") => change(&format!("/v1/alerts/{alert}/acknowledge"), None, 200, 404),
        ("POST", "/v1/alerts/{id}/resolve") => change(&format!("/v1/alerts/{alert}/resolve"), None, 200, 404),
        ("POST", "/v1/notification-channels") => change(route.path, Some(channel), 201, 201),
        ("GET", "/v1/notification-channels/{id}") => get(&format!("/v1/notification-channels/{channel_id}"), 404),
        ("PATCH", "/v1/notification-channels/{id}") => change(
            &format!("/v1/notification-channels/{channel_id}"),
            Some(json!({"name": MARKER})),
            200,
            404,
        ),
        ("POST", "/v1/notification-channels/{id}/rotate-secret") => change(
            &format!("/v1/notification-channels/{channel_id}/rotate-secret"),
            None,
            201,
            404,
        ),
        ("GET", "/openapi.json") => get(route.path, 200),
        (_, "/v1/pictures/{token}") => change("/v1/pictures/none", None, 404, 404),
        (_, "/v1/recipients" | "/v1/recipients/confirm" | "/v1/recipients/unsubscribe") => Call {
            path: format!("{}?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", route.path),
            body: None,
            own: 404,
            foreign: 404,
        },
        ("POST", "/v1/notification-channels/{id}/replay") => change(
            &format!("/v1/notification-channels/{channel_id}/replay"),
            None,
            202,
            404,
        ),
        // acme's only message waits to be sent
        ("POST", "/v1/deliveries/{id}/replay") => change(&format!("/v1/deliveries/{message}/replay"), None, 409, 404),
        ("POST", "/v1/notification-channels/{id}/test") => {
            change(&format!("/v1/notification-channels/{channel_id}/test"), None, 200, 404)
        }
        ("DELETE", "/v1/notification-channels/{id}") => {
            change(&format!("/v1/notification-channels/{channel_id}"), None, 204, 404)
        }
        ("POST", "/v1/api-keys") => change(
            route.path,
            Some(json!({"name": "k", "scopes": ["metrics:read"]})),
            201,
            201,
        ),
        ("POST", "/v1/api-keys/{id}/rotate") => change(&format!("/v1/api-keys/{key}/rotate"), None, 201, 404),
        ("DELETE", "/v1/api-keys/{id}") => change(&format!("/v1/api-keys/{key}"), None, 204, 404),
        ("DELETE", "/v1/series/{id}") => change(&format!("/v1/series/{series}"), None, 204, 404),
        ("GET", "/v1/silences" | "/v1/mute-schedules") => get(route.path, 200),
        ("POST", "/v1/silences") => change(
            route.path,
            Some(json!({"matchers": {"metric_key": "other"}, "reason": MARKER, "ends_at": in_an_hour})),
            201,
            201,
        ),
        ("GET", "/v1/silences/{id}") => get(&format!("/v1/silences/{silence}"), 404),
        ("DELETE", "/v1/silences/{id}") => change(&format!("/v1/silences/{silence}"), None, 204, 404),
        ("POST", "/v1/mute-schedules") => change(route.path, Some(mute_schedule), 201, 201),
        ("GET", "/v1/mute-schedules/{id}") => get(&format!("/v1/mute-schedules/{schedule}"), 404),
        ("PUT", "/v1/mute-schedules/{id}") => {
            change(&format!("/v1/mute-schedules/{schedule}"), Some(mute_schedule), 200, 404)
        }
        ("DELETE", "/v1/mute-schedules/{id}") => change(&format!("/v1/mute-schedules/{schedule}"), None, 204, 404),
        (method, path) => panic!("{method} {path} has no row in the matrix"),
    }
}

/// Reads first, then changes, deletions last: acme's things are there until the end.
fn in_order() -> Vec<Route> {
    let mut routes = all_routes().list().to_vec();
    routes.sort_by_key(|route| match route.method {
        Method::GET => 0,
        Method::DELETE => 2,
        _ => 1,
    });
    routes
}

async fn send(product: &Product, route: &Route, call: &Call, key: Option<&str>) -> Reply {
    let mut request = Request::builder().method(route.method.clone()).uri(&call.path);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    product.send(request, body).await
}

async fn acme(product: &Product) -> (OrgId, Acme) {
    let (org, admin) = product.acme().await;
    let now = product.app.clock.now();
    let metrics: Vec<Value> = (0..48_i64)
        .map(|hour| {
            let time = intentvision::time::format(now - (47 - hour) * HOUR);
            json!({"metric_key": MARKER, "value": hour, "timestamp": time, "dimensions": {"marker": MARKER}})
        })
        .collect();
    let channel = json!({"name": MARKER, "type": "webhook", "config": {"url": "http://127.0.0.1:9/hook"}});
    let channel = product.post("/v1/notification-channels", &admin, &channel).await.json();
    let channel = channel["channel_id"].as_str().unwrap().to_owned();
    let rule = json!({
        "name": MARKER, "metric_key": MARKER, "severity": "warning", "channels": [channel],
        "condition": {"type": "threshold", "operator": "gt", "value": 1},
    });
    let rule = product.post("/v1/alert-rules", &admin, &rule).await.json();
    assert_eq!(
        product
            .post("/v1/ingest", &admin, &json!({"metrics": metrics}))
            .await
            .status,
        200
    );
    let later = product.app.clock.now() / MINUTE * MINUTE + 2 * MINUTE;
    product.app.clock.set(later);
    product.tick(later).await;
    let forecast = product
        .post("/v1/forecasts", &admin, &json!({"metric_key": MARKER, "horizon": 2}))
        .await
        .json();
    let job = json!({"metric_key": MARKER, "horizon": 2, "schedule": "1h"});
    let job = product.post("/v1/forecast-jobs", &admin, &job).await.json();
    let ran = run_forecasts::run(&product.app, &mut Unlimited).await.unwrap();
    assert_eq!(ran.completed, 1, "{ran:?}");
    let first = async |path: &str, id: &str| {
        product.get(path, &admin).await.json()["items"][0][id]
            .as_str()
            .unwrap_or_else(|| panic!("{path} is empty"))
            .to_owned()
    };
    let spare = product
        .post(
            "/v1/api-keys",
            &admin,
            &json!({"name": MARKER, "scopes": ["metrics:read"]}),
        )
        .await
        .json();
    let series = first("/v1/series", "series_id").await;
    let group = anomalies::group(product, &org, later, 1, MARKER).await;
    let incident = Incident {
        reason: MARKER.into(),
        ..Incident::new(&series, now)
    };
    let anomaly = incident.in_group(&group).write(product, &org).await;
    let in_an_hour = intentvision::time::format(later + HOUR);
    let silence = json!({"matchers": {"metric_key": MARKER}, "reason": MARKER, "ends_at": in_an_hour});
    let silence = product.post("/v1/silences", &admin, &silence).await.json();
    let schedule = product
        .post("/v1/mute-schedules", &admin, &mute_schedule())
        .await
        .json();
    let acme = Acme {
        silence: silence["silence_id"].as_str().unwrap().to_owned(),
        schedule: schedule["schedule_id"].as_str().unwrap().to_owned(),
        in_an_hour,
        series,
        anomaly,
        group: group.as_str().to_owned(),
        alert: first("/v1/alerts", "alert_id").await,
        message: first("/v1/deliveries", "message_id").await,
        forecast: forecast["forecast_id"].as_str().unwrap().to_owned(),
        job: job["job_id"].as_str().unwrap().to_owned(),
        key: spare["key_id"].as_str().unwrap().to_owned(),
        rule: rule["rule_id"].as_str().unwrap().to_owned(),
        channel,
        admin,
    };
    (org, acme)
}

/// Requirements 5, 7, 27 and 31.
#[tokio::test]
async fn r27_every_operation_with_every_caller() {
    for backend in [Backend::Embedded, Backend::Remote] {
        let clock = Clock::at(Clock::system().now());
        let product = Product::start_with(
            backend,
            clock,
            Config {
                allow_private_webhooks: true,
                ..Config::default()
            },
        )
        .await;
        let (org, acme) = acme(&product).await;
        let other = product.organization("other", Environment::Live).await;
        let stranger = product.key(&other, &["admin"]).await;
        let scopes = [
            "ingest:write",
            "metrics:read",
            "forecasts:write",
            "alerts:write",
            "keys:write",
        ];
        let mut weak = Vec::new();
        for lacking in ["ingest", "metrics", "forecasts", "alerts", "keys", "admin"] {
            let held: Vec<&str> = scopes.into_iter().filter(|scope| !scope.starts_with(lacking)).collect();
            weak.push((lacking, product.key(&org, &held).await));
        }
        let revoked = product.key(&org, &["admin"]).await;
        let expired = product.key(&org, &["admin"]).await;
        for (key, column) in [(&revoked, "revoked_at"), (&expired, "expires_at")] {
            let hash = ApiKey::parse(key).unwrap().hash();
            let sql = match column {
                "revoked_at" => "UPDATE api_keys SET revoked_at = 1 WHERE key_hash = ?1",
                _ => "UPDATE api_keys SET expires_at = 1 WHERE key_hash = ?1",
            };
            let step = db::Step::global(sql, db::args![&hash[..]]);
            product
                .app
                .operator(None)
                .run(db::Batch::write_one(step))
                .await
                .unwrap();
        }
        let routes = in_order();
        for route in &routes {
            let call = call(route, &acme);
            let name = format!("{} {}", route.method, route.path);
            let Some(scope) = route.scope else {
                // no key helps who has not the right token
                for key in [None, Some(&acme.admin), Some(&stranger)] {
                    let reply = send(&product, route, &call, key.map(String::as_str)).await;
                    assert_eq!(reply.status, call.foreign, "{name}");
                }
                continue;
            };
            // a body that cannot be read is told before any database is asked
            let refused = |status: u16| if call.own == 400 { 400 } else { status };
            assert_eq!(
                send(&product, route, &call, None).await.status,
                401,
                "{name} without a key"
            );
            let other = if acme.admin.ends_with('x') { 'y' } else { 'x' };
            let wrong = format!("{}{other}", &acme.admin[..45]);
            assert_eq!(
                send(&product, route, &call, Some(&wrong)).await.status,
                401,
                "{name} with a typing error"
            );
            for (what, key) in [("a revoked", &revoked), ("an expired", &expired)] {
                let reply = send(&product, route, &call, Some(key)).await;
                assert_eq!(reply.status, refused(401), "{name} with {what} key");
            }
            let noun = scope.as_str().split(':').next().unwrap();
            let weak = &weak.iter().find(|(lacking, _)| *lacking == noun).unwrap().1;
            assert_eq!(
                send(&product, route, &call, Some(weak)).await.status,
                refused(403),
                "{name} under-scoped"
            );
            let foreign = send(&product, route, &call, Some(&stranger)).await;
            assert_eq!(
                foreign.status,
                call.foreign,
                "{name} by another organization: {}",
                foreign.json()
            );
            let text = String::from_utf8_lossy(&foreign.body).into_owned();
            let own_words = call.body.as_ref().is_some_and(|body| body.to_string().contains(MARKER));
            assert!(own_words || !text.contains(MARKER), "{name} leaks: {text}");
        }
        // and nothing of that did any harm: acme's own calls still work
        for route in &routes {
            let call = call(route, &acme);
            let own = send(&product, route, &call, Some(&acme.admin)).await;
            assert_eq!(own.status, call.own, "{} {}: {}", route.method, route.path, own.json());
        }
    }
}
