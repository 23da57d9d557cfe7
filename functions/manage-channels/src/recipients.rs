//! `/v1/recipients`: what the links in mails lead to. Looking does nothing, for programs follow links
//! before people do.

use axum::extract::State;
use axum::response::Html;
use http::Method;
use intentvision::http::Routes;
use intentvision::http::query::Query;
use intentvision::notify::recipients::{self, Standing, Token};
use intentvision::{App, Error};

/// No key is asked for: the token of the link says whom they act for.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .without_key(Method::GET, "/v1/recipients", look)
        .without_key(Method::POST, "/v1/recipients/confirm", confirm)
        .without_key(Method::GET, "/v1/recipients/unsubscribe", look_at_the_end)
        .without_key(Method::POST, "/v1/recipients/unsubscribe", unsubscribe)
}

async fn look(State(app): State<App>, query: Query) -> Result<Html<String>, Error> {
    let (text, token) = token(query)?;
    let standing = recipients::standing(&app, &token).await?;
    let confirm = button("recipients/confirm", &text, "Yes, send me alerts");
    let unsubscribe = button("recipients/unsubscribe", &text, "Send me no mail");
    Ok(match standing {
        Standing::Pending => page("Somebody wants alerts to be mailed to you.", &[confirm, unsubscribe]),
        Standing::Confirmed => page("Alerts are mailed to you.", &[unsubscribe]),
        Standing::Unsubscribed => page("You get no mail from us.", &[confirm]),
    })
}

/// What the link below a mail leads to.
async fn look_at_the_end(State(app): State<App>, query: Query) -> Result<Html<String>, Error> {
    let (text, token) = token(query)?;
    Ok(match recipients::standing(&app, &token).await? {
        Standing::Unsubscribed => page("You get no mail from us.", &[]),
        Standing::Pending | Standing::Confirmed => page(
            "One more click, and no more of these mails are sent to you.",
            &[button("unsubscribe", &text, "Send me no mail")],
        ),
    })
}

async fn confirm(State(app): State<App>, query: Query) -> Result<Html<String>, Error> {
    let (_, token) = token(query)?;
    recipients::decide(&app, &token, true).await?;
    Ok(page("Confirmed: alerts are mailed to you.", &[]))
}

/// Also what RFC 8058 has mail programs do, with a body that says nothing more.
async fn unsubscribe(State(app): State<App>, query: Query) -> Result<Html<String>, Error> {
    let (_, token) = token(query)?;
    recipients::decide(&app, &token, false).await?;
    Ok(page("You will get no more mail from us.", &[]))
}

/// The token with its text, which is plain: only its own letters pass.
fn token(mut query: Query) -> Result<(String, Token), Error> {
    let given = query.take_parsed("token", "the token of a link", |text| {
        Token::parse(text).map(|token| (text.to_owned(), token))
    })?;
    query.finish()?;
    given.ok_or(Error::NotFound("the recipient"))
}

/// The action is relative to the page: the installation's address may have a path.
fn button(action: &str, token: &str, label: &str) -> String {
    format!("<form method=\"post\" action=\"{action}?token={token}\"><button>{label}</button></form>\n")
}

fn page(text: &str, buttons: &[String]) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>IntentVision</title>\n<p>{text}</p>\n{}</html>\n",
        buttons.concat()
    ))
}
