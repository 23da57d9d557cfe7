//! `/v1/deliveries`.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use intentvision::Error;
use intentvision::auth::Scope;
use intentvision::http::page::PageReply;
use intentvision::http::query::Query;
use intentvision::http::{Caller, Routes};
use intentvision::id::{AlertId, ChannelId, MessageId};
use intentvision::notify::history::{self, DeliveryItem, Filter, State};
use intentvision::notify::replay::{self, Replayed};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/v1/deliveries", Scope::AlertsRead, list)
        .post("/v1/deliveries/{id}/replay", Scope::AlertsWrite, replay_one)
        .post("/v1/notification-channels/{id}/replay", Scope::AlertsWrite, replay_all)
}

async fn list(caller: Caller, mut query: Query) -> Result<PageReply, Error> {
    let filter = Filter {
        message_id: query.take_parsed("message_id", "the id of a message", MessageId::parse)?,
        channel_id: query.take_parsed("channel_id", "the id of a channel", ChannelId::parse)?,
        alert_id: query.take_parsed("alert_id", "the id of an alert", AlertId::parse)?,
        state: query.take_parsed(
            "state",
            "pending, delivered, superseded, recorded or dead",
            State::parse,
        )?,
    };
    let asked = query.take_page()?;
    query.finish()?;
    asked
        .page(|limit, cursor| history::list(&caller, &filter, limit, cursor))
        .await
}

async fn replay_one(caller: Caller, Path(id): Path<String>) -> Result<(StatusCode, Json<DeliveryItem>), Error> {
    let id = MessageId::parse(&id).ok_or(Error::NotFound("the message"))?;
    Ok((StatusCode::ACCEPTED, Json(replay::one(&caller, &id).await?)))
}

async fn replay_all(caller: Caller, Path(id): Path<String>) -> Result<(StatusCode, Json<Replayed>), Error> {
    let id = ChannelId::parse(&id).ok_or(Error::NotFound("the channel"))?;
    Ok((StatusCode::ACCEPTED, Json(replay::all(&caller, &id).await?)))
}
