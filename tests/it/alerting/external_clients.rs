//! Alerts of a real Prometheus and of a real Alertmanager, as Debian packages them.

use intentvision::clock::{Clock, MINUTE, Millis};
use intentvision::config::Config;
use intentvision::notify::address::Reach;
use intentvision::notify::connector::SystemNetwork;
use intentvision::notify::delivery;
use intentvision::notify::sender::{Limits, Sender};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::install;
use tests::product::{Backend, Product};
use tests::receiver::{Answer, Receiver};

const METRIC: &str = "alertmanager:alerts";
/// How long a program may take to say something: a Prometheus reads its log first.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that ends with its test.
struct Program(Child);

impl Program {
    fn start(package: &str, arguments: &[String], folder: &TempDir) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(install::debian(package));
        command.args(arguments).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A product whose external alerts go to a receiver.
struct Scene {
    product: Product,
    admin: String,
    /// may write alerts, and nothing else
    key: String,
    receiver: Receiver,
    minute: Millis,
}

impl Scene {
    async fn start(backend: Backend) -> Self {
        let config = Config {
            allow_private_webhooks: true,
            ..Config::default()
        };
        let product = Product::start_with(backend, Clock::system(), config).await;
        let (org, admin) = product.acme().await;
        let key = product.key(&org, &["alerts:write"]).await;
        let receiver = Receiver::start(|_| Answer::Status(204)).await;
        let channel = json!({"name": "on call", "type": "webhook", "config": {"url": receiver.url("/hook")}});
        let channel = product.post("/v1/notification-channels", &admin, &channel).await.json();
        let rule = json!({"name": "Prometheus", "metric_key": METRIC, "severity": "warning",
            "condition": {"type": "external"}, "channels": [channel["channel_id"]]});
        let made = product.post("/v1/alert-rules", &admin, &rule).await;
        assert_eq!(made.status, 201, "{}", made.json());
        Self {
            minute: 0,
            product,
            admin,
            key,
            receiver,
        }
    }

    /// Waits until an alert holds, or does not any longer.
    async fn wait_until(&self, holds: bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = self
                .product
                .get(&format!("/v1/series?metric_key={METRIC}"), &self.admin)
                .await
                .json();
            let value = list["items"][0]["last_value"].as_f64();
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let now = (self.product.app.clock.now() / 1_000) as f64;
            if value.is_some_and(|value| (value > now) == holds) {
                return;
            }
            assert!(Instant::now() < deadline, "nothing came: {list}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The next minute, which is not over yet, and its tick, and what the channel is told then.
    async fn next_minute(&mut self) -> Vec<Value> {
        let begun = self.product.app.clock.now() / MINUTE * MINUTE;
        self.minute = self.minute.max(begun) + MINUTE;
        let app = self.product.again(Clock::at(self.minute)).await;
        let (mut all, mut forecasts) = (evaluate_alerts::Unlimited, evaluate_alerts::Unlimited);
        let summary = evaluate_alerts::run(&app, self.minute, &mut all, &mut forecasts)
            .await
            .unwrap();
        assert_eq!(summary.failed, 0);
        let before = self.receiver.messages().len();
        let sender = Sender::new(Arc::new(SystemNetwork), Reach::Private, Limits::default());
        delivery::drain(&self.product.app, &sender, 100).await.unwrap();
        self.receiver.messages()[before..]
            .iter()
            .map(|message| message.json())
            .collect()
    }

    async fn alerts(&self) -> Vec<Value> {
        let list = self.product.get("/v1/alerts", &self.admin).await.json();
        list["items"].as_array().unwrap().clone()
    }

    /// The story of one alert: it fires once, goes on, and is over.
    async fn tells_it_once(&mut self, fires: &str) {
        let told = self.next_minute().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["type"], "alert.firing");
        let alerts = self.alerts().await;
        assert_eq!(alerts.len(), 1);
        assert_eq!(
            (&alerts[0]["status"], &alerts[0]["severity"]),
            (&json!("firing"), &json!("critical"))
        );
        assert_eq!(
            (&alerts[0]["reason"], &alerts[0]["value"]),
            (&json!(fires), &Value::Null)
        );
        let summary = alerts[0]["summary"].as_str().unwrap();
        assert!(
            summary.starts_with("Prometheus: TargetDown{") && summary.ends_with(fires),
            "{summary}"
        );
        assert_eq!(self.next_minute().await, Vec::<Value>::new(), "it goes on");
    }

    async fn tells_that_it_is_over(&mut self) {
        let told = self.next_minute().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["type"], "alert.resolved");
        let alerts = self.alerts().await;
        assert_eq!((alerts.len(), &alerts[0]["status"]), (1, &json!("resolved")));
    }
}

const RULES: &str = r#"groups:
- name: it
  rules:
  - alert: TargetDown
    expr: up == 0
    labels: { severity: critical }
    annotations: { summary: "{{ $labels.job }} does not answer" }
"#;

/// A target that is down: its exporter answers 500 until it is told otherwise.
fn prometheus(target: &str, alertmanager: &str, key: &str, folder: &TempDir) -> Program {
    let config = format!(
        r#"global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [rules.yml]
scrape_configs:
- job_name: shop
  static_configs: [{{ targets: ["{target}"] }}]
alerting:
  alertmanagers:
  - authorization: {{ credentials: "{key}" }}
    static_configs: [{{ targets: ["{alertmanager}"] }}]
"#
    );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let arguments = [
        "--config.file=prometheus.yml".to_owned(),
        "--storage.tsdb.path=data".to_owned(),
        format!("--web.listen-address={}", free_address()),
    ];
    Program::start("prometheus", &arguments, folder)
}

#[tokio::test]
async fn a_prometheus_may_take_it_for_an_alertmanager() {
    let mut scene = Scene::start(Backend::Embedded).await;
    let exporter = Receiver::start(|_| Answer::Status(500)).await;
    let target = exporter.url("").replace("http://", "");
    let folder = TempDir::new().unwrap();
    let _prometheus = prometheus(&target, &scene.product.address(), &scene.key, &folder);
    scene.wait_until(true).await;
    scene.tells_it_once("shop does not answer").await;
    exporter.change(|_| Answer::Status(200));
    scene.wait_until(false).await;
    scene.tells_that_it_is_over().await;
}

#[tokio::test]
async fn an_alertmanager_may_take_it_for_a_receiver() {
    let mut scene = Scene::start(Backend::Remote).await;
    let exporter = Receiver::start(|_| Answer::Status(500)).await;
    let target = exporter.url("").replace("http://", "");
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let config = format!(
        r#"route: {{ receiver: iv, group_wait: 0s, group_interval: 1s, repeat_interval: 1h }}
receivers:
- name: iv
  webhook_configs:
  - url: "http://{}/v1/alertmanager/webhook"
    http_config: {{ authorization: {{ credentials: "{}" }} }}
"#,
        scene.product.address(),
        scene.key
    );
    std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
    let address = free_address();
    let arguments = [
        "--config.file=alertmanager.yml".to_owned(),
        "--storage.path=data".to_owned(),
        "--cluster.listen-address=".to_owned(),
        format!("--web.listen-address={address}"),
    ];
    let _alertmanager = Program::start("prometheus-alertmanager", &arguments, &folder);
    let _prometheus = prometheus(&target, &address, &scene.key, &other);
    scene.wait_until(true).await;
    scene.tells_it_once("shop does not answer").await;
    exporter.change(|_| Answer::Status(200));
    scene.wait_until(false).await;
    scene.tells_that_it_is_over().await;
}
